"""The bytes between board and console give the same result however they are cut into pieces."""

import pytest
from gridecho_board.console import Lines, Newlines, RawStart, ReplMode, Request, Requests
from hypothesis import given
from hypothesis import strategies as st

STREAM = b"boot\n\x1b_gridecho:ready\x1b\\\x1b[31mred\x1b[0m\n\x1b_gridecho:wdt 5312\x1b\\end\x1b_gridecho:repl\x1b\\"
PIECES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"\x1b", b"\x1b_gridecho:", b"\x1b_gridecho:soft\x1b\\", b"\x04>"])
)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    return [*parts, data]


def joined(parts: list[bytes | Request]) -> list[bytes | Request]:
    """Neighbouring console bytes as one."""
    out: list[bytes | Request] = []
    for part in parts:
        if isinstance(part, bytes) and out and isinstance(out[-1], bytes):
            out[-1] += part
        else:
            out.append(part)
    return out


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_requests_are_taken_out_of_the_stream(size: int) -> None:
    requests = Requests()
    found = [part for i in range(0, len(STREAM), size) for part in requests.feed(STREAM[i : i + size])]
    assert joined(found) == [
        b"boot\n",
        Request("ready"),
        b"\x1b[31mred\x1b[0m\n",
        Request("wdt", 5312),
        b"end",
        Request("repl"),
    ]


def test_what_only_looks_like_a_request_comes_out_at_last() -> None:
    requests = Requests()
    data = b"\x1b_gridecho:" + b"x" * 200
    assert b"".join(part for part in requests.feed(data) if isinstance(part, bytes)) == data


@given(PIECES, st.lists(st.integers(0, 9)))
def test_cutting_changes_nothing(pieces: list[bytes], sizes: list[int]) -> None:
    data = b"".join(pieces) + b"." * 70  # the dots drive out what is held back
    whole, parted = Requests(), Requests()
    assert joined([part for piece in cut(data, sizes) for part in parted.feed(piece)]) == joined(whole.feed(data))
    newlines = Newlines()
    assert b"".join(newlines.feed(piece) for piece in cut(data, sizes)) == Newlines().feed(data)


@given(PIECES)
def test_every_line_end_becomes_cr_lf(pieces: list[bytes]) -> None:
    given_, sent = b"".join(pieces), Newlines().feed(b"".join(pieces))
    assert sent.count(b"\n") == sent.count(b"\r\n") == given_.count(b"\n")
    assert sent.replace(b"\r\n", b"\n") == given_.replace(b"\r\n", b"\n")


def test_lines_are_bounded_and_may_hold_any_bytes() -> None:
    lines = Lines()
    assert lines.feed(b"a\r\nb\xff") == ["a"]
    assert lines.feed(b"\nc" * 2) == ["b\ufffd", "c"]
    assert [len(line) for line in Lines().feed(b"x" * 10_000)] == [4096]


def test_repl_mode_follows_the_last_banner() -> None:
    mode = ReplMode()
    for byte in b'>>> raw REPL; CTRL-B to exit\r\n>OK\r\nType "help()" for more':
        mode.feed(bytes([byte]))
    assert mode.raw
    mode.feed(b" information.\r\n>>> ")
    assert not mode.raw


def test_a_start_in_the_raw_repl_hides_the_other_greeting() -> None:
    start = RawStart()
    assert start.feed(b"MicroPython\r\n>>> raw REPL; CT") == b""
    assert start.feed(b"RL-B to exit\r\n>") == b"raw REPL; CTRL-B to exit\r\n>"
    assert start.feed(b"OK") == b"OK"

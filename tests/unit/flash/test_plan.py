"""What is decided about a board, without one: which files, which key, which id, whether it fits."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from gridecho_flash.errors import FlashingError, SetupError
from gridecho_flash.fleet import choose_ports, give_ids
from gridecho_flash.link import Seen
from gridecho_flash.plan import FINISH, KEEP, NEW, changes, check_interpreter, check_space, key_step
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store.database import create_archive
from gridecho_remote.use.enrolment import import_file, take_entry
from gridecho_remote.use.enrolment_files import (
    Entry,
    key_check,
    public_key,
    read_entries,
    seal,
    unseal,
    write_entry,
)
from gridecho_remote.use.site import site_of


def seen(files: dict[str, bytes] | None = None, **more: object) -> Seen:
    about = {path: (len(content), sha256(content).hexdigest()) for path, content in (files or {}).items()}
    blank = Seen("micropython", (1, 24, 0), 6, "board", "00", 4096, 1 << 20, 1 << 19, None, None, None, None, about)
    return replace(blank, **more)  # type: ignore[arg-type]


def test_only_what_differs_is_written_and_only_gridechos_own_is_removed() -> None:
    there = seen({
        "main.py": b"m", "lib/gridecho/a.mpy": b"old", "lib/gridecho/a.py": b"", "lib/gridecho_node/x.mpy.new": b"half",
        "lib/umqtt.py": b"", "notes.txt": b"", "boot.py.new": b"", "slot": b"lib_b", "trial": b"", "route": b"1", "key.new": b"",
        "key.trial": b"",
    })  # fmt: skip
    todo = changes(there, {"lib/gridecho/a.mpy": b"new", "boot.py": b"b", "main.py": b"m"})
    assert todo.write == {"lib/gridecho/a.mpy": b"new", "boot.py": b"b"}
    assert sorted(todo.remove) == [
        "boot.py.new", "key.trial", "lib/gridecho/a.py", "lib/gridecho_node/x.mpy.new", "slot", "trial",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("board", "waiting", "remote", "rekey", "step"),
    [
        (None, None, None, False, NEW),
        (None, "n", None, False, NEW),  # cut off before the remote knew
        (None, "n", "n", False, FINISH),  # and after
        ("o", "n", "o", False, KEEP),
        ("o", "n", "n", False, FINISH),
        ("o", "n", "n", True, FINISH),
        ("o", None, "o", False, KEEP),
        ("o", None, "o", True, NEW),
        ("o", "n", "o", True, NEW),
        (None, None, "o", True, NEW),
        (None, None, "o", False, None),
        (None, "n", "o", False, None),
        ("o", None, None, False, None),
        ("o", None, "p", False, None),
    ],
)
def test_the_key_is_kept_finished_or_made_anew(
    board: str | None, waiting: str | None, remote: str | None, rekey: bool, step: str | None
) -> None:
    there = seen(key=board, waiting=waiting)
    if step is None:
        with pytest.raises(FlashingError, match="gridecho flash rekey"):
            key_step("p", 7, there, remote, True, rekey)
    else:
        assert key_step("p", 7, there, remote, True, rekey) == step


def test_an_enrolment_file_need_not_know_a_board_that_has_a_key() -> None:
    assert key_step("p", 7, seen(key="o"), None, False, False) == KEEP


def test_interpreters_that_are_too_old_or_another() -> None:
    check_interpreter("p", seen())
    for wrong in (seen(version=(1, 23, 0)), seen(interpreter="circuitpython"), seen(mpy=5)):
        with pytest.raises(SetupError, match="p: "):
            check_interpreter("p", wrong)


def test_space_counts_blocks_what_goes_and_the_file_beside() -> None:
    wanted = {"lib/gridecho/a.mpy": b"x" * 5000}
    check_space("p", seen(free_bytes=8 * 4096), changes(seen(), wanted))
    with pytest.raises(FlashingError, match="32,768 bytes of flash are needed"):
        check_space("p", seen(free_bytes=8 * 4096 - 1), changes(seen(), wanted))
    there = seen({"lib/gridecho/old.mpy": b"y" * 8192}, free_bytes=6 * 4096)
    check_space("p", there, changes(there, wanted))


def test_ids_stay_and_new_ones_are_free() -> None:
    class Taken:
        def taken(self) -> set[int]:
            return {5, 6}

    place = Taken()
    assert give_ids({"a": None, "b": 7, "c": None}, 5, place) == {"a": 8, "b": 7, "c": 9}  # type: ignore[arg-type]
    assert give_ids({"a": None}, 5, place) == {"a": 5}  # type: ignore[arg-type]
    assert give_ids({"a": None, "b": None}, None, None) == {"a": None, "b": None}
    with pytest.raises(SetupError, match="both sensor 7"):
        give_ids({"a": 7, "b": 7}, None, None)
    with pytest.raises(SetupError, match="this board is sensor 7"):
        give_ids({"a": 7}, 8, None)


def test_ports_are_chosen_or_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_ports(["a", "b", "a"], False) == ["a", "b"]
    with pytest.raises(SetupError, match="give one of them"):
        choose_ports(["a"], True)
    for usb, everyone, expected in (
        (["x"], False, ["x"]),
        (["x", "y"], True, ["x", "y"]),
        (["x", "y"], False, "choose with --port"),
        ([], True, "no board is connected"),
    ):
        monkeypatch.setattr("gridecho_flash.fleet.usb_ports", lambda usb=usb: usb)
        if isinstance(expected, list):
            assert choose_ports([], everyone) == expected
        else:
            with pytest.raises(SetupError, match=expected):
                choose_ports([], everyone)


def test_enrolment_files_open_at_their_remote_only_and_unchanged(tmp_path: Path) -> None:
    ours = create_archive(tmp_path / "ours.sqlite", bytes(range(32)))
    other = create_archive(tmp_path / "other.sqlite", bytes(32))
    root, new = b"r" * 32, b"n" * 32
    entry = seal(Entry(7, "Seven", "north", "residential", 1, key_check(root)), root, public_key(ours))
    assert unseal(entry, ours.vault.enrolment_key) == root
    for wrong in (
        replace(entry, region="south"),
        replace(entry, sensor_id=8),
        replace(entry, sealed=f"{entry.sealed[:-2]}{int(entry.sealed[-2:], 16) ^ 1:02x}"),
    ):
        with pytest.raises(RemoteError, match="entry-not-ours"):
            unseal(wrong, ours.vault.enrolment_key)
    with pytest.raises(RemoteError):
        take_entry(site_of(RemoteSettings(), other), OPERATOR, entry)
    file = tmp_path / "site.enrol"
    write_entry(file, entry)
    site = site_of(RemoteSettings(), ours)
    assert import_file(site, OPERATOR, file, frozenset()).done == {7: "enrolled"}
    assert import_file(site, OPERATOR, file, frozenset()).done == {7: "known"}
    stranger = seal(replace(entry, check=key_check(new)), new, public_key(ours))
    with pytest.raises(RemoteError, match="sensor-other-key"):
        take_entry(site, OPERATOR, stranger)
    successor = seal(replace(stranger, replaces=(entry.check,)), new, public_key(ours))
    write_entry(file, successor)
    assert import_file(site, OPERATOR, file, frozenset()).done == {7: "new key"}
    assert take_entry(site, OPERATOR, entry, replaces=True) == "new key"
    file.write_text("{}")
    with pytest.raises(RemoteError, match="file-no-enrolment"):
        read_entries(file)
    ours.close()
    other.close()

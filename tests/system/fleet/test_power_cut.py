"""A board without relays whose power goes in the middle: what was on flash by then arrives, once, after the next start."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import decode
from gridecho_board import Board
from gridecho_flash.image import build_image, change_image, firmware_files, read_image

from tests.rigs.town import DELAYS_MS, Town, reading, series
from tests.rigs.town_runs import town_of
from tests.rigs.vm import needs_vm
from tests.rigs.waiting import HANG_S, wait_for

BOARD = 9_001
PERIOD_MS = 100
_SECOND_BOOT = 1000  # its series begins with this reading, so that one and the same is not measured twice
_RECORD_HEAD = 11  # of gridecho_node.spool: u16 length, u8 flags, u32 number, u32 time


def _on_flash(image: Path) -> list[int]:
    """The energy of every whole reading in the ring, read without the firmware's code."""
    energies = []
    for path, content in sorted(read_image(image).items()):
        if not path.startswith("spool/") or path.endswith(".c"):
            continue
        at = 8
        while at + 2 <= len(content):
            end = at + 2 + int.from_bytes(content[at : at + 2], "big")
            if end + 4 > len(content):
                break  # torn
            (one,) = decode(content[at + _RECORD_HEAD : end], 1, 0)
            energies.append(one.values.get(ENERGY_IMPORT, -1))
            at = end + 4
    return energies


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with town_of(tmp_path, [BOARD]) as made:
        yield made


@needs_vm
def test_what_was_on_flash_arrives_once(town: Town) -> None:
    wires = town.wires(DELAYS_MS)
    image = town.folder / "board.img"
    files = town.flash(BOARD, wires, PERIOD_MS, queue_readings=16)
    build_image(image, {**firmware_files(), **files, "meter.csv": series(BOARD, 0, 900)})
    with Board(image) as board:
        board.wait_line("acked", HANG_S)
        for relay_id in DELAYS_MS:
            town.kill(relay_id)
        wait_for(lambda: _spooled(board) >= 60, lambda: board.lines()[-3:])
    first = [line for line in board.lines() if line.startswith("reading")]
    kept = _on_flash(image)
    assert len(kept) >= 60

    change_image(image, {"meter.csv": series(BOARD, _SECOND_BOOT, 100)})
    with Board(image) as board:
        board.wait_line("meter ended", HANG_S)
        for relay_id in DELAYS_MS:
            town.restart(relay_id)
        board.type(b"probe\r")  # else the next round comes within a minute of the one before
        wait_for(lambda: _all_gone(board), lambda: board.lines()[-5:], every_s=0.5)
        second = [line for line in board.lines() if line.startswith("reading")]
    assert not [path for path in read_image(image) if path.startswith("spool/")]

    town.empty_relays()
    got = [one.values for one in town.arrived(BOARD)]
    count = Counter(values[ENERGY_IMPORT] for values in got)
    assert max(count.values()) == 1, "a reading twice"
    for values in got:
        assert values == reading(BOARD, values[ENERGY_IMPORT] - BOARD * 100_000)
    assert not [energy for energy in kept if energy not in count], "on flash, and lost"
    later = [BOARD * 100_000 + _SECOND_BOOT + i for i in range(len(second))]
    assert len(second) == 100
    assert not [energy for energy in later if energy not in count], "of the second boot, and lost"
    lost = len(first) - (len(got) - len(second))
    assert 0 <= lost <= 16, "more than the queue in RAM"
    assert town.quarantined() == 0
    print(
        f"{len(kept)} readings on flash, all once at the remote, with {len(second)} of the second boot; "
        f"{lost} were only in RAM"
    )


def _status(board: Board, name: str) -> int:
    """A figure of the board's last status line."""
    line = next((line for line in reversed(board.lines()) if line.startswith("status")), "")
    return int(dict(part.split("=") for part in line.split()[1:]).get(name, 0))


def _all_gone(board: Board) -> bool:
    """Asks, for after the last reading the board says no status by itself."""
    said = board.line_count
    board.type(b"status\r")
    board.wait_line("status up_s", HANG_S, said)
    return not _status(board, "waiting") + _spooled(board)


def _spooled(board: Board) -> int:
    return _status(board, "spooled")

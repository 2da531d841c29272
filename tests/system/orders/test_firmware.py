"""Firmware the whole way: pushed by the command, kept by a real remote, handed out by a real relay, run by a virtual board."""

from pathlib import Path

from click.testing import CliRunner
from gridecho.fileset import pack_set
from gridecho.quantities import FIRMWARE_VERSION, ORDER_FAILED
from gridecho_flash.command import flash as flash_command
from gridecho_flash.image import compile_mpy, read_file
from gridecho_flash.manifest import firmware_root

from tests.rigs.orders_site import Site, firmware, off
from tests.rigs.waiting import wait_for

APP = "lib/gridecho_node/app.mpy"


def changed_app(old: str, new: str) -> bytes:
    """A firmware set whose app module is changed so."""
    source = (firmware_root() / "lib/gridecho_node/app.py").read_text()
    assert old in source
    app = compile_mpy(source.replace(old, new, 1).encode(), "lib/gridecho_node/app.py")
    files = {path: content for path, content in firmware().items() if path.startswith("lib/")}
    return pack_set(files | {APP: app})


def test_firmware_runs_from_the_other_slot(site: Site) -> None:
    board = site.board(13)
    version = site.push_firmware(13, changed_app("boot sensor=", "boot second sensor="))
    board.wait_line("boot second sensor=13")
    wait_for(lambda: site.order_state(13, version) == "taken")
    assert site.state(13)[FIRMWARE_VERSION] == version
    # And once more, into the first slot again.
    third = site.push_firmware(13, changed_app("boot sensor=", "boot third sensor="))
    board.wait_line("boot third sensor=13")
    wait_for(lambda: site.order_state(13, third) == "taken")
    seen = board.line_count
    board.reset()
    board.wait_line("boot third sensor=13", after=seen)
    board.wait_line("acked", after=seen)
    off(board)
    assert (read_file(board.image, "slot") or b"").strip() == b"lib"
    assert read_file(board.image, "trial") is None


def test_firmware_that_does_not_start_gives_way_to_the_old(site: Site) -> None:
    board = site.board(14)
    version = site.push_firmware(14, changed_app("import random", "import random\nimport nowhere_at_all"))
    # It would start anew by itself, 10 s after each failure; somebody presses the button twice, and lets it be the last time.
    after = 0
    for _ in range(2):
        board.wait_line("nowhere_at_all", after=after)
        after = board.line_count
        board.reset()
    wait_for(lambda: site.order_state(14, version) == "failed")
    assert site.state(14)[ORDER_FAILED] == version
    assert site.state(14)[FIRMWARE_VERSION] == 0
    before = site.readings(14)
    wait_for(lambda: site.readings(14) > before)
    # The board is as good as new: the next one is taken.
    newer = site.push_firmware(14, changed_app("boot sensor=", "boot mended sensor="))
    board.wait_line("boot mended sensor=14")
    wait_for(lambda: site.order_state(14, newer) == "taken")
    off(board)


def test_a_set_that_gridecho_flash_packs_is_taken(site: Site, tmp_path: Path) -> None:
    board = site.board(17)
    done = CliRunner().invoke(flash_command, ["package", "-o", str(tmp_path / "firmware.set")])
    assert done.exit_code == 0, done.output
    version = site.push_firmware(17, (tmp_path / "firmware.set").read_bytes())
    wait_for(lambda: site.order_state(17, version) == "taken")
    off(board)
    assert (read_file(board.image, "slot") or b"").strip() == b"lib_b"

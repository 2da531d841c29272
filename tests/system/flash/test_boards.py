"""`gridecho flash` against virtual boards, a real relay and a real remote."""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from gridecho_board import Board
from gridecho_flash import image
from gridecho_flash.errors import BrokenLinkError
from gridecho_flash.image import change_image, firmware_files, read_image
from gridecho_flash.job import LAST_EPOCH
from gridecho_flash.link import Link
from gridecho_remote.use import enrolment_files as enrolment

from tests.rigs.flash_site import GRIDECHO, REGION, Site, flash, flash_process, power_off
from tests.rigs.waiting import HANG_S, wait_for

YEAR_S = 365 * 86_400
NewBoard = Callable[..., Board]


def keeps_its_route(board: Board) -> None:
    """Waits until the route is in flash: the status is told at a quiet moment, after it was written."""
    wait_for(lambda: any(line.startswith("status") and " relay=1 " in line for line in board.lines()), "a status")


def test_four_boards_side_by_side_enrolled_and_sending_and_a_second_run_copies_nothing(
    site: Site, new_board: NewBoard, ids: Iterator[int], tmp_path: Path, meter: Path
) -> None:
    boards = [new_board() for _ in range(4)]
    first = next(ids)
    ports = [word for board in boards for word in ("--port", board.port)]
    config = site.write_config(tmp_path / "config.json")
    words = [*ports, "--config", config, "--file", f"meter.csv={meter}", "--sensor-id", first, "--json"]
    words += ["--enrol", site.remote, "--region", REGION]
    done = flash_process("board", *words)
    assert [(one["sensor_id"], one["key"], one["problem"]) for one in done] == [
        (first + n, "new", None) for n in range(4)
    ]
    assert all(len(one["copied"]) == len(firmware_files()) + 2 and "relay 1" in one["route"] for one in done)
    for n in range(4):
        wait_for(lambda n=n: site.readings(first + n) > 20)
    again = flash_process("board", *words)
    assert [(one["sensor_id"], one["key"], one["copied"], one["removed"]) for one in again] == [
        (first + n, "kept", [], []) for n in range(4)
    ]
    print("seconds a board, first and second run:", *(one["seconds"] for one in done + again))
    for n, board in enumerate(boards):
        files = read_image(power_off(board))
        assert enrolment.key_check(files["key"]) == site.check(first + n)
        begun_s = int(files["epoch"]) - 2  # two starts
        assert time.time() - 1000 < begun_s <= time.time()
        assert json.loads(files["config.json"])["sensor_id"] == first + n
        firmware = firmware_files()
        assert {path for path in files if path.startswith("lib/")} == {
            path for path in firmware if path.startswith("lib/")
        }
        assert all(files[path] == content for path, content in firmware.items())


def test_dry_run_changes_nothing(site: Site, begun) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    before = board.image.read_bytes()
    (done,) = flash(*words, "--dry-run")
    assert done["key"] == "new"
    assert len(done["copied"]) == len(firmware_files()) + 2
    assert site.check(sensor_id) is None
    board.stop()
    assert board.image.read_bytes() == before


def test_verify_sees_what_differs_and_board_mends_it(site: Site, begun) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    assert "boot.py is missing" in flash("verify", "--port", board.port, code=1)
    flash(*words)
    verify = ["verify", "--port", board.port, "--enrol", site.remote]
    assert "as it should be" in flash(*verify)
    keeps_its_route(board)
    image = power_off(board)
    changed = bytearray(read_image(image)["lib/gridecho/siv.mpy"])
    changed[100] ^= 1
    change_image(
        image, {"lib/gridecho/siv.mpy": bytes(changed), "lib/gridecho/old.py": b"x", "slot": b"lib_b", "route": None}
    )
    board.start()
    said = flash("verify", "--port", board.port, "--enrol", site.remote, code=1)
    for part in ("siv.mpy differs", "lib/gridecho/old.py does not belong there", "slot does not belong there"):
        assert part in said
    words[words.index("--port") + 1] = board.port
    (done,) = flash(*words)
    # main.py is away while files are copied, so that half a firmware does not start.
    assert set(done["copied"]) == {"lib/gridecho/siv.mpy", "main.py"}
    assert set(done["removed"]) == {"lib/gridecho/old.py", "slot"}
    assert done["key"] == "kept"
    assert site.check(sensor_id) == enrolment.key_check(read_image(power_off(board))["key"])


def test_upgrade_keeps_key_epoch_route_config_and_unsent_readings(site: Site, begun) -> None:  # type: ignore[no-untyped-def]
    board, _, words = begun(settings={"spool": {"kb": 64}})
    flash(*words)
    keeps_its_route(board)
    image = power_off(board)
    own = {"spool/mine": b"unsent", "lib/gridecho/frames.mpy": b"older", "notes.txt": b"a technician's"}
    change_image(image, own)
    before = read_image(image)
    board.start()
    (done,) = flash("upgrade", "--port", board.port, "--json")
    assert done["copied"] == ["lib/gridecho/frames.mpy", "main.py"]
    after = read_image(power_off(board))
    for name in ("key", "config.json", "meter.csv", "notes.txt"):
        assert after[name] == before[name], name
    assert after["spool/mine"] == b"unsent"
    assert after["route"].split()[0] == before["route"].split()[0] == b"1"
    assert int(before["epoch"]) < int(after["epoch"]) <= int(before["epoch"]) + 4


def test_rekey_changes_the_key_at_both_ends_and_nothing_that_was_sent_is_lost(site: Site, begun) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    flash(*words)
    old = site.check(sensor_id)
    (done,) = flash("rekey", "--port", board.port, "--enrol", site.remote, "--json")
    assert done["key"] == "new"
    assert site.check(sensor_id) not in (None, old)
    before = site.readings(sensor_id)
    wait_for(lambda: site.readings(sensor_id) > before + 5)
    archive = site.archive()
    (lost,) = (
        archive.connection().execute("SELECT COUNT(*) FROM quarantine WHERE sensor_id = ?", (sensor_id,)).fetchone()
    )
    archive.close()
    assert lost == 0
    epoch = int(read_image(power_off(board))["epoch"])
    assert time.time() - 1000 < epoch < time.time() + 10


def test_a_new_board_for_an_enrolled_sensor_needs_rekey_and_no_data_id_comes_twice(
    site: Site, begun, new_board
) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    flash(*words)
    flash("erase", "--port", board.port, "--yes")
    said = flash(*[word for word in words if word != "--json"], code=1)
    assert f"sensor {sensor_id} is enrolled with a key that this board does not have" in said
    (done,) = flash("rekey", "--port", board.port, "--enrol", site.remote, "--json")
    assert done["key"] == "new"
    files = read_image(power_off(board))
    assert int(files["epoch"]) > time.time() - 1000
    assert enrolment.key_check(files["key"]) == site.check(sensor_id)


def state_epochs(site: Site, sensor_id: int) -> set[int]:
    """The epochs of what the remote shows as the sensor's state."""
    archive = site.archive()
    try:
        rows = archive.connection().execute("SELECT DISTINCT epoch FROM state WHERE sensor_id = ?", (sensor_id,))
        return {epoch for (epoch,) in rows}
    finally:
        archive.close()


def ahead(monkeypatch: pytest.MonkeyPatch, by_s: int) -> int:
    """From now on this PC's clock is ahead: the epoch that a board begins with."""
    epoch = int(time.time()) + by_s
    monkeypatch.setattr(image, "time", SimpleNamespace(time=lambda: epoch))
    return epoch


def test_rekey_begins_above_every_known_epoch_so_that_route_and_state_are_the_new_boards(
    site: Site, begun, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    with monkeypatch.context() as patch:
        epoch = ahead(patch, 2 * YEAR_S)
        flash(*words)
    wait_for(lambda: state_epochs(site, sensor_id))
    (old,) = state_epochs(site, sensor_id)
    assert epoch < old < epoch + 10
    flash("erase", "--port", board.port, "--yes")
    flash(*words, code=1)
    (done,) = flash("rekey", "--port", board.port, "--enrol", site.remote, "--json")
    assert (done["key"], done["problem"]) == ("new", None)
    wait_for(lambda: min(state_epochs(site, sensor_id)) > old)


def test_an_epoch_that_is_used_up_is_a_sentence(site: Site, begun, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    with monkeypatch.context() as patch:
        ahead(patch, LAST_EPOCH - 1 - int(time.time()))
        flash(*words)
    said = flash("rekey", "--port", board.port, "--enrol", site.remote, code=1)
    assert f"sensor {sensor_id} has used the last of its epochs" in said
    assert "gridecho flash board --sensor-id NUMBER" in said


def test_a_run_that_breaks_off_says_what_it_had_copied(site: Site, begun, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    _, _, words = begun()
    put = Link.put
    count = iter(range(100))

    def breaks_off(*a: object, **more: object) -> None:
        if next(count) == 11:
            raise BrokenLinkError("the connection broke off")
        put(*a, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Link, "put", breaks_off)
        (done,) = flash(*words, code=1)
    assert (len(done["copied"]), done["problem"]) == (11, "the connection broke off")
    (done,) = flash(*words)
    assert len(done["copied"]) == len(firmware_files()) + 2 - 11


def test_it_gives_a_sign_of_life_after_each_step_of_its_file_system(new_board: NewBoard) -> None:
    with Link(new_board().port) as link:
        link.run("for n in range(30): open('f%d' % n, 'w').close()")
        link.call("")
        for code, least in ("look([])", 30), ("look(['f%d' % n for n in range(30)])", 30), ("erase()", 256):
            said, error = link._transport.exec_raw(code, timeout=HANG_S)
            assert (said.count(b"\x06") >= least, error) == (True, b"")
        assert link.look([]).files == {}


def test_an_enrolment_file_takes_a_key_to_the_remote_sealed(site: Site, begun, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    shown = subprocess.run(
        [*GRIDECHO, "remote", "enrol", "key", "--config", site.remote / "remote.toml"], capture_output=True, check=True
    ).stdout
    (tmp_path / "site.pub").write_bytes(shown)
    file = tmp_path / "site.enrol"
    at = words.index("--enrol")
    words[at : at + 2] = ["--enrol-file", file, "--to", tmp_path / "site.pub"]
    flash(*words, "--wait", 0)
    assert flash(*words, "--wait", 0)[0]["key"] == "kept"
    assert "enrolment file is not imported" in flash(*words[:1], *words[2:], "--wait", 1, code=1)
    take_in = [*GRIDECHO, "remote", "enrol", "import", file, "--config", site.remote / "remote.toml", "--json"]
    for what in ("enrolled", "known"):
        done = subprocess.run(take_in, capture_output=True, check=True)
        assert json.loads(done.stdout) == [{"sensor": sensor_id, "done": what}]
    assert "relay 1" in flash(*words)[0]["route"]
    flash("rekey", "--port", board.port, "--enrol-file", file, "--to", shown.decode().strip(), "--wait", 0)
    done = subprocess.run(take_in, capture_output=True, check=True)
    assert json.loads(done.stdout) == [{"sensor": sensor_id, "done": "new key"}]
    key = read_image(power_off(board))["key"]
    assert enrolment.key_check(key) == site.check(sensor_id)
    assert key.hex() not in file.read_text()


def test_no_key_lies_in_the_clear_on_the_pc(site: Site, begun, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    words.remove("--json")
    home = tmp_path / "home"
    home.mkdir()
    env = {"HOME": str(home), "TMPDIR": str(home), "COLUMNS": "200"}
    said = [
        flash_process(*words, env=env),
        flash_process(*words, env=env),
        flash_process("verify", "--port", board.port, env=env),
    ]
    first = read_image(power_off(board))["key"]
    board.start()
    said.append(flash_process("rekey", "--port", board.port, "--enrol", site.remote, env=env))
    said += ["\n".join(board.lines())]
    second = read_image(power_off(board))["key"]
    assert first != second
    images = set(tmp_path.glob("*.img"))
    for key in (first, second):
        forms = (key, key.hex().encode(), repr(key).encode(), base64.b64encode(key))
        for path in [*site.folder.rglob("*"), *tmp_path.rglob("*")]:
            if path.is_file() and path not in images:
                content = path.read_bytes()
                assert not any(form in content for form in forms), path
        assert not any(form.decode("latin-1") in text for form in forms for text in said)
    assert site.check(sensor_id) == enrolment.key_check(second)

"""`gridecho flash` is killed: at random moments, and at the two that matter most. The next run finishes what it began."""

import random
import subprocess
import time

import pytest
from gridecho_flash.image import read_image
from gridecho_flash.link import Link
from gridecho_remote.use import enrolment_files as enrolment

from tests.rigs.flash_site import GRIDECHO, REGION, Site, flash, power_off
from tests.rigs.waiting import wait_for

KILLED = """
import os, sys, threading
from gridecho_flash.link import Link
from gridecho_cli import main
left, after_s = int(sys.argv.pop(1)), float(sys.argv.pop(1))
was = Link.run
def run(*args, **more):
    global left
    left -= 1
    if not left:
        threading.Timer(after_s, os.kill, (os.getpid(), 9)).start()
    return was(*args, **more)
Link.run = run
main()
"""


def test_killed_at_ten_random_moments_the_next_run_completes_it(site: Site, begun) -> None:  # type: ignore[no-untyped-def]
    """SIGKILL within 20 ms of a random exchange with the board: in a first run, and in one that copies and gives a new key."""
    draw = random.Random(20261123)
    board, sensor_id, words = begun()
    killed = 0
    for moment in range(10):
        first = moment < 5
        if not first:
            flash(*words)
            with Link(board.port) as link:  # some firmware is to be copied again
                link.run("import os\nos.remove('/lib/gridecho/siv.mpy')\nos.remove('/boot.py')")
        action = words if first else ["rekey", "--port", board.port, "--enrol", site.remote, "--region", REGION]
        exchange = draw.randrange(1, 100 if first else 16)
        command = [GRIDECHO[0], "-c", KILLED, exchange, draw.uniform(0, 0.02), "flash", *action]
        killed += subprocess.run([str(word) for word in command], capture_output=True, check=False).returncode == -9
        if moment in (1, 3):
            continue  # killed twice in a row
        (done,) = flash(*words)
        assert done["problem"] is None
        assert "relay 1" in done["route"]
        assert flash("verify", "--port", board.port, "--enrol", site.remote, "--json")[0]["problem"] is None
        if first:
            flash("erase", "--port", board.port, "--yes")
            words[words.index("--sensor-id") + 1] = sensor_id = sensor_id + 1
    assert killed == 10
    before = site.readings(sensor_id)
    wait_for(lambda: site.readings(sensor_id) > before)
    files = read_image(power_off(board))
    assert enrolment.key_check(files["key"]) == site.check(sensor_id)
    assert not [path for path in files if path.endswith(".new")]


@pytest.mark.parametrize("cut", ["before the remote knows", "after the remote knows"])
@pytest.mark.parametrize("rekey", [False, True])
def test_cut_off_between_board_and_remote(
    site: Site,
    begun,
    monkeypatch: pytest.MonkeyPatch,
    cut: str,
    rekey: bool,  # type: ignore[no-untyped-def]
) -> None:
    """The two moments that matter most, hit exactly: the process ends there as by SIGKILL."""
    board, sensor_id, words = begun()
    if rekey:
        flash(*words)
    old = site.check(sensor_id)
    place = "host" if cut.startswith("before") else "after"
    code = (
        "import os, sys\nfrom gridecho_flash import places\nfrom gridecho_cli import main\n"
        "was = places.AtRemote.enrol\n"
        f"def enrol(*a):\n    {'pass' if place == 'host' else 'was(*a)'}\n    os.kill(os.getpid(), 9)\n"
        "places.AtRemote.enrol = enrol\nmain(sys.argv[1:])\n"
    )
    action = ["rekey", "--port", board.port, "--enrol", site.remote] if rekey else words
    done = subprocess.run([GRIDECHO[0], "-c", code, "flash", *map(str, action)], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert (site.check(sensor_id) == old) == (place == "host")
    (outcome,) = flash(*words)
    expected = "finished" if place == "after" else "kept" if rekey else "new"
    assert (outcome["key"], outcome["problem"]) == (expected, None)
    files = read_image(power_off(board))
    assert enrolment.key_check(files["key"]) == site.check(sensor_id)
    assert "key.new" not in files
    assert time.time() - 1000 < int(files["epoch"]) < time.time() + 10

"""The power goes in each change of flash while an order is taken over, or back: it ends with what was, or with what shall be."""

from gridecho_flash.image import read_image

from tests.rigs.power.rig import CONFIG, NEW, NEW_CONFIG, OLD, History, digest, files_at_first
from tests.rigs.power.sweep import Scenario

_STARTS = 8  # that a sensor may need until an order is settled: three on trial, and one for each step that was cut off
OLD_CONFIG = files_at_first(CONFIG)["config.json"]


def settled(history: History, run: str) -> None:
    """Starts the board until the order is in force, or was taken back; what it ran meanwhile was whole all the time."""
    for _ in range(_STARTS):
        history.start(run)
        files = read_image(history.image)
        if "trial" not in files and (("versions" in files) or ("failed" in files)):
            break
    history.start("drain")
    files = read_image(history.image)
    kind = run.partition("_")[2]
    taken = not run.startswith("failing")
    assert "trial" not in files
    assert files.get("versions", b"0 0") == ((b"1 0" if kind == "config" else b"0 1") if taken else b"0 0")
    assert ("failed" in files) is not taken
    assert files["config.json"] == (NEW_CONFIG if taken and kind == "config" else OLD_CONFIG)
    in_force = files.get("slot", b"lib").decode()
    assert in_force == ("lib_b" if taken and kind == "firmware" else "lib")
    for slot, found in history.words("slot"):
        assert found == digest(OLD if slot == "lib" else NEW), f"{slot} was not whole"


TAKEN = ("order_config", "order_firmware")
TAKEN_BACK = ("failing_config", "failing_firmware")
SCENARIOS = [Scenario(run, run, files=OLD, again=run, settle=settled) for run in (*TAKEN, *TAKEN_BACK)] + [
    Scenario(f"{run}, on trial", run, (run,), files=OLD, again=run, settle=settled) for run in (*TAKEN, *TAKEN_BACK)
]

"""Boards whose power can be cut at any change of their flash, started by the hundred, and what must hold whenever that happens."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

import gridecho_board
from gridecho import frames, intake
from gridecho.crypto import Siv
from gridecho.fileset import pack_set
from gridecho.keys import siv_key
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import decode
from gridecho_flash.image import compile_mpy, firmware_files, read_image

from tests.rigs.places import REPOSITORY
from tests.rigs.simnet import KEY_ID, ROOT, SENSOR
from tests.rigs.waiting import HANG_S

SHIMS = Path(gridecho_board.__file__).parent / "shims"
IMAGE_BYTES = 48 * 4096
CONFIG = {
    "sensor_id": SENSOR,
    "key_id": KEY_ID,
    "period_ms": 10_000,
    "relays": [{"id": 1, "host": "127.0.0.1"}, {"id": 2, "host": "127.0.0.1"}],
    "meter": {"type": "replay", "file": "none"},  # world.py puts its own meter in its place
    "spool": {"kb": 64},
}
_HUNG_S = 3 * HANG_S  # a start takes a second; more than zygote.py waits
_HEAP = "2m"  # relays, net and shims are in it too; what the sensor itself takes is tests/vm/test_heap.py's matter


OLD = {"lib/gridecho/__init__.mpy": b"old", "lib/gridecho/siv.mpy": b"old" * 300, "lib/gridecho_node/app.mpy": b"old"}
NEW = {"lib/gridecho/__init__.mpy": b"", "lib/gridecho/siv.mpy": b"new" * 700, "lib/gridecho_node/app.mpy": b"new"}
NEW_CONFIG = json.dumps(CONFIG | {"period_ms": 20_000}).encode() + b" " * 1200  # two pieces


def digest(files: dict[str, bytes]) -> str:
    """Of the files of a slot, as on_vm/ordering.py makes it; which slot they are in makes no difference."""
    parts = [path[path.index("/") :].encode() + sha256(content).digest() for path, content in files.items()]
    return sha256(b"".join(sorted(parts))).hexdigest()


def files_at_first(config: dict[str, object] | None = None) -> dict[str, bytes]:
    """What flashing writes beside the firmware."""
    boot = {"boot.py": (REPOSITORY / "firmware/boot.py").read_bytes()}
    return boot | {"config.json": json.dumps(config or CONFIG).encode(), "key": ROOT, "epoch": b"0"}


def library(folder: Path) -> Path:
    """Firmware, simulated relays and scenarios as bytecode in a folder, so that a start takes milliseconds."""
    files = {path.removeprefix("lib/"): data for path, data in firmware_files().items() if path.startswith("lib/")}
    sources = {"tests/rigs/simnet.py": REPOSITORY / "tests/rigs/simnet.py"}
    sources["gridecho/intake.py"] = REPOSITORY / "firmware/lib/gridecho/intake.py"  # what relays do with frames
    sources |= {path.name: path for path in (REPOSITORY / "tests/rigs/power/on_vm").glob("*.py")}
    for name, path in sources.items():
        files[name.removesuffix(".py") + ".mpy"] = compile_mpy(path.read_bytes(), name)
    files["wanted.py"] = f"CONFIG = {NEW_CONFIG!r}\nFIRMWARE = {pack_set(NEW)!r}\n".encode()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@dataclass
class Run:
    """From power-on to power-off: what was printed, and whether the power was cut in the middle of a change."""

    lines: list[str]
    cut: bool

    def words(self, first: str) -> list[list[str]]:
        """The lines that begin with this word, each split, without it."""
        return [line.split()[1:] for line in self.lines if line.split(" ", 1)[0] == first]

    def changes(self) -> int:
        """How many changes of flash the whole run made."""
        return int(self.words("changes")[0][0])


class Rig:
    """Starts boards on image files; one start at a time."""

    def __init__(self, lib: Path) -> None:
        spec = find_spec("micropython_run")
        assert spec is not None
        assert spec.origin is not None
        command = [
            sys.executable,
            "-I",
            "-S",
            str(Path(__file__).with_name("zygote.py")),
            str(Path(spec.origin).parent),
        ]
        self._lib = lib
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, image: Path, scenario: str, number: int, cut_at: int = 0, seed: int = 0) -> Run:
        """Power on, `scenario`, and off: at its end, or in the middle of change `cut_at`. AssertionError if the firmware fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        arguments = [
            "-X",
            f"heapsize={_HEAP}",
            str(REPOSITORY / "tests/rigs/power/on_vm/start.py"),
            str(image),
            str(cut_at),
        ]
        arguments += [str(seed), scenario, str(number), str(SHIMS), str(self._lib)]
        hung = Timer(_HUNG_S, self._process.kill)
        hung.start()
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        hung.cancel()
        assert line, f"{scenario}: the sensor hung for {_HUNG_S:.0f} s"
        answer = json.loads(line)
        assert answer["code"] == 0, answer["said"][-2000:]
        return Run(answer["said"].splitlines(), answer["asked"] == "reset 1")

    def close(self) -> None:
        """Ends the process behind it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(HANG_S)
        self._process.stdout.close()


@dataclass
class History:
    """All runs of one board, in order, and what must be true of them together."""

    rig: Rig
    image: Path
    runs: list[Run] = field(default_factory=list)

    def start(self, scenario: str, cut_at: int = 0, seed: int = 0) -> Run:
        """The next run."""
        run = self.rig.start(self.image, scenario, len(self.runs) + 1, cut_at, seed)
        self.runs.append(run)
        return run

    def copy(self, image: Path) -> "History":
        """The same board once more, to go another way from here on."""
        shutil.copyfile(self.image, image)
        return History(self.rig, image, list(self.runs))

    def words(self, first: str) -> list[list[str]]:
        """The lines of all runs that begin with this word."""
        return [words for run in self.runs for words in run.words(first)]

    def check(self, most_lost: int = 0) -> int:
        """Epochs grow; no data id has two contents, no reading two data ids; what flash had is delivered; the key is there.

        Where the ring was full the oldest of what flash had, at most so many, may be missing. Gives how many are.
        """
        epochs = [int(words[0]) for words in self.words("up")]
        assert epochs == sorted(set(epochs)), f"an epoch twice: {epochs}"
        sent = self._contents("sent", tagged=True)
        held = self._contents("held")
        readings: dict[int, tuple[int, int]] = {}
        for data_id, content in sent.items():
            for value in _values(content):
                assert readings.setdefault(value, data_id) == data_id, f"reading {value} left under two data ids"
        delivered = {value for content in held.values() for value in _values(content)}
        kept = [int(value) for words in self.words("kept") for value in words]
        lost = [value for value in kept if value not in delivered]
        assert lost == kept[: len(lost)], f"lost although on flash: {lost[-20:]}"
        assert len(lost) <= most_lost, f"lost although on flash: {len(lost)}, up to {lost[-1]}"
        files = read_image(self.image)
        assert files["key"] == ROOT
        assert int(files["epoch"]) == max(epochs)
        return len(lost)

    def _contents(self, word: str, *, tagged: bool = False) -> dict[tuple[int, int], tuple[object, ...]]:
        siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
        contents: dict[tuple[int, int], tuple[object, ...]] = {}
        for _, text in self.words(word):
            frame = bytes.fromhex(text)[: -frames.TAG_BYTES if tagged else None]
            header, data = intake.unseal(frame, siv)
            content = tuple(
                (r.time_s, tuple(sorted(r.values.items()))) for r in decode(data, header.count, header.time_s)
            )
            data_id = header.epoch, header.seq
            assert contents.setdefault(data_id, content) == content, f"data id {data_id} with two contents"
        return contents


def _values(content: tuple[object, ...]) -> list[int]:
    return [value for _, values in content for code, value in values if code == ENERGY_IMPORT]  # type: ignore[attr-defined, misc]

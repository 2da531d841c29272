"""Writing interpreters, with a stand-in for esptool where no chip is; and firmware sets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gridecho.fileset import SetReader
from gridecho_flash import interpreter
from gridecho_flash.image import firmware_files

from tests.rigs.flash_site import flash


def image(path: Path, chip: int) -> Path:
    path.write_bytes(b"\xe9\x03\x02\x20" + bytes(8) + chip.to_bytes(2, "little") + bytes(100))
    return path


@pytest.fixture
def esptool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Takes esptool's place, writes its arguments down, and fails if a file `fail` is there."""
    script = tmp_path / "esptool.py"
    script.write_text(
        "import json, pathlib, sys\nhere = pathlib.Path(__file__).parent\n"
        "with (here / 'calls').open('a') as f:\n    f.write(json.dumps(sys.argv[1:]) + '\\n')\n"
        "sys.exit((here / 'fail').exists())\n"
    )
    monkeypatch.setattr(interpreter, "ESPTOOL", [sys.executable, str(script)])
    return tmp_path / "calls"


@pytest.mark.parametrize(
    ("chip", "name", "at"),
    [
        # esptool's sources: IMAGE_CHIP_ID and BOOTLOADER_FLASH_OFFSET in esptool/targets/ (github.com/espressif/esptool, 5.6.0)
        (0, "esp32", "0x1000"),
        (2, "esp32s2", "0x1000"),
        (5, "esp32c3", "0x0"),
        (9, "esp32s3", "0x0"),
        (12, "esp32c2", "0x0"),
        (13, "esp32c6", "0x0"),
        (16, "esp32h2", "0x0"),
        (18, "esp32p4", "0x2000"),
        (20, "esp32c61", "0x0"),
        (23, "esp32c5", "0x2000"),
        (25, "esp32h21", "0x0"),
        (28, "esp32h4", "0x2000"),
        (31, "esp32e22", "0x0"),
        (32, "esp32s31", "0x2000"),
    ],
)
def test_the_image_says_which_chip_and_where(tmp_path: Path, esptool: Path, chip: int, name: str, at: str) -> None:
    file = image(tmp_path / "mpy.bin", chip)
    assert "go on with: gridecho flash board" in flash("interpreter", "--port", "/dev/x", "--image", file)
    common = ["--chip", name, "--port", "/dev/x", "--baud", "460800"]
    calls = [json.loads(line) for line in esptool.read_text().splitlines()]
    assert calls == [[*common, "erase-flash"], [*common, "write-flash", at, str(file)]]
    flash("interpreter", "--port", "/dev/x", "--image", file, "--keep-files")
    assert len(esptool.read_text().splitlines()) == 3


def test_esptool_itself_takes_these_words(tmp_path: Path) -> None:
    """As far as it goes without a chip: to the port, which is not there."""
    words = ["--chip", "esp32", "--port", str(tmp_path / "no-port"), "--baud", "460800"]
    for step in (["erase-flash"], ["write-flash", "0x1000", str(image(tmp_path / "m.bin", 0))]):
        done = subprocess.run([*interpreter.ESPTOOL, *words, *step], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "Could not open" in done.stdout + done.stderr


def test_what_cannot_be_written(tmp_path: Path, esptool: Path) -> None:
    for content in (b"", b"PK\x03\x04" + bytes(40), b"\xe9" + b"\xff" * 40):
        (tmp_path / "bad.bin").write_bytes(content)
        assert "is not a .bin image for an ESP32" in flash(
            "interpreter", "--port", "x", "--image", tmp_path / "bad.bin", code=2
        )
    assert "cannot be read" in flash("interpreter", "--port", "x", "--image", tmp_path / "none.bin", code=2)
    assert not esptool.exists()
    (tmp_path / "fail").touch()
    assert "BOOT button" in flash("interpreter", "--port", "x", "--image", image(tmp_path / "m.bin", 0), code=1)
    assert len(esptool.read_text().splitlines()) == 1  # nothing is written where erasing failed


class Sink:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def begin(self, path: str, length: int) -> None:
        self.path, self.files[path] = path, b""

    def write(self, data: bytes) -> None:
        self.files[self.path] += data

    def end(self, digest: bytes) -> None:
        pass


def test_a_package_holds_the_firmwares_lib(tmp_path: Path) -> None:
    flash("package", "-o", tmp_path / "firmware.set")
    sink = Sink()
    reader = SetReader(sink)
    reader.feed((tmp_path / "firmware.set").read_bytes())
    assert reader.done()
    assert sink.files == {path: content for path, content in firmware_files().items() if path.startswith("lib/")}
    assert "cannot be written" in flash("package", "-o", tmp_path / "none" / "firmware.set", code=2)

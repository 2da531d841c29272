"""Writing a MicroPython image to an ESP32's chip, by esptool."""

import subprocess
import sys
from pathlib import Path

from .errors import FlashingError, SetupError

ESPTOOL = [sys.executable, "-m", "esptool"]
# Byte 12 of an image's header names the chip (esp_image_header_t); where its second-stage loader is looked for is the chip's.
_MAGIC = 0xE9
_CHIPS = {
    0: ("esp32", 0x1000),
    2: ("esp32s2", 0x1000),
    5: ("esp32c3", 0),
    9: ("esp32s3", 0),
    12: ("esp32c2", 0),
    13: ("esp32c6", 0),
    16: ("esp32h2", 0),
    18: ("esp32p4", 0x2000),
    23: ("esp32c5", 0x2000),
}


def image_chip(image: Path) -> tuple[str, int]:
    """(chip's name for esptool, where the image goes in its flash) of a .bin as micropython.org gives it. Raises SetupError."""
    try:
        with image.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise SetupError(f"{image}: cannot be read ({error.strerror})") from None
    chip = _CHIPS.get(int.from_bytes(head[12:14], "little")) if len(head) == 24 and head[0] == _MAGIC else None
    if chip is None:
        raise SetupError(f"{image}: is not a .bin image for an ESP32; get one from https://micropython.org/download")
    return chip


def write_interpreter(port: str, image: Path, baud: int, *, erase: bool) -> None:
    """Writes `image` to the chip at `port`; with `erase` the whole chip is blank before. esptool shows its progress itself.

    Raises SetupError, or FlashingError if esptool does not succeed.
    """
    chip, at = image_chip(image)
    command = [*ESPTOOL, "--chip", chip, "--port", port, "--baud", str(baud)]
    steps = [["erase-flash"]] if erase else []
    for step in [*steps, ["write-flash", hex(at), str(image)]]:
        if subprocess.run([*command, *step], check=False).returncode:
            raise FlashingError(
                f"{port}: esptool could not do it (its words are above); hold the board's BOOT button while it connects"
            )

"""Writing a MicroPython image to an ESP32's chip, by esptool."""

import subprocess
import sys
from pathlib import Path

from .errors import FlashingError, SetupError
from .link import check_permission

ESPTOOL = [sys.executable, "-m", "esptool"]
_MAGIC = 0xE9


def image_chip(image: Path) -> tuple[str, int]:
    """(chip's name for esptool, where the image goes in its flash) of a .bin as micropython.org gives it. Raises SetupError."""
    try:
        with image.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise SetupError(f"{image}: cannot be read ({error.strerror})") from None
    number = int.from_bytes(head[12:14], "little")  # of the chip, in the image's header (esp_image_header_t)
    chip = _chips().get(number) if len(head) == 24 and head[0] == _MAGIC else None
    if chip is None:
        raise SetupError(
            f"{image}: is not a .bin image for an ESP32 that this esptool knows; get one from https://micropython.org/download"
        )
    return chip


def _chips() -> dict[int, tuple[str, int]]:
    """(name, where its loader goes) by the chip's number: esptool's own table, so that a newer esptool knows newer chips."""
    from esptool.targets import CHIP_DEFS  # type: ignore[import-untyped]  # it takes a while

    return {
        rom.IMAGE_CHIP_ID: (name, rom.BOOTLOADER_FLASH_OFFSET)
        for name, rom in CHIP_DEFS.items()
        if getattr(rom, "IMAGE_CHIP_ID", None) is not None
    }


def write_interpreter(port: str, image: Path, baud: int, *, erase: bool) -> None:
    """Writes `image` to the chip at `port`; with `erase` the whole chip is blank before. esptool shows its progress itself.

    Raises SetupError, or FlashingError if esptool does not succeed.
    """
    chip, at = image_chip(image)
    check_permission(port, port)
    command = [*ESPTOOL, "--chip", chip, "--port", port, "--baud", str(baud)]
    steps = [["erase-flash"]] if erase else []
    for step in [*steps, ["write-flash", hex(at), str(image)]]:
        if subprocess.run([*command, *step], check=False).returncode:
            raise FlashingError(
                f"{port}: esptool could not do it (its words are above); hold the board's BOOT button while it connects"
            )

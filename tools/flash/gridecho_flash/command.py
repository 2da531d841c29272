"""The command `gridecho flash`."""

import sys
from pathlib import Path

import click
from gridecho.config import read_config
from gridecho.errors import ConfigError
from gridecho_common.board_json import board_text
from gridecho_common.secrets import read_secret

from .board_commands import COMMANDS
from .image import BLOCK_BYTES, ImageError, build_image, firmware_files, first_epoch, locked
from .manifest import ManifestError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def flash() -> None:
    """Make sensors of boards: over a port, side by side, as often as you like; or as flash images.

    Example: gridecho flash board --port /dev/ttyUSB0 --config config.json --sensor-id 7 --enrol remote --region north/city-a
    """


for _command in COMMANDS:
    flash.add_command(_command)


@flash.command()
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The image to write."
)
@click.option("--config", type=_FILE, help="Becomes config.json; it is checked as the board would.")
@click.option("--key", type=_FILE, help="The sensor's root key: a secret file of 64 hex digits with mode 0600.")
@click.option(
    "--file",
    "extra",
    multiple=True,
    metavar="PATH=FILE",
    help="Put FILE at PATH on the board, such as series.csv=house1.csv. May be given several times.",
)
@click.option("--source", is_flag=True, help="Leave lib/ as .py instead of bytecode; CPython needs that.")
@click.option(
    "--blocks", type=click.IntRange(8, 4096), default=512, show_default=True, help="Size in blocks of 4,096 bytes."
)
@click.option("--replace", is_flag=True, help="Replace an image that is there, with the epoch and route in it.")
def image(
    output: Path,
    config: Path | None,
    key: Path | None,
    extra: tuple[str, ...],
    source: bool,
    blocks: int,
    replace: bool,
) -> None:
    """Write a littlefs2 image of the firmware, its settings and its key.

    It is what an ESP32's vfs partition holds, and the flash of a virtual board. It holds secrets: only you may read it.

    \b
    Example:
      gridecho flash image -o board.img --config config.json --key sensor.key
    """
    try:
        files = firmware_files(bytecode=not source)
        if config is not None:
            files["config.json"] = _checked(config)
        if key is not None:
            files["key"] = read_secret(key)
            files["epoch"] = first_epoch()
        for item in extra:
            files.update(_extra(item))
        if output.exists() and not replace:
            # A sensor that starts again at epoch 1 with the key it had sends data ids that were sent before.
            raise ImageError(f"{output}: is there already and may hold a board's epoch; --replace gives it up")
        with locked(output):
            build_image(output, files, blocks * BLOCK_BYTES)
    except (ImageError, ManifestError) as error:
        click.echo(f"gridecho flash: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"gridecho flash: {error.filename or output}: {error.strerror}", err=True)
        sys.exit(2)
    used = sum(map(len, files.values()))
    click.echo(f"{output}: {len(files)} files, {used:,} bytes of {blocks * BLOCK_BYTES:,}")


def _checked(config: Path) -> bytes:
    try:
        text = config.read_bytes().decode()
        read_config(text)
        return board_text(text)
    except UnicodeError:
        raise ImageError(f"{config}: expected UTF-8 text, without halves of surrogate pairs") from None
    except ConfigError as error:
        raise ImageError(f"{config}: {error.key}: expected {error.expected}") from None


def _extra(item: str) -> dict[str, bytes]:
    board_path, equals, host_path = item.partition("=")
    board_path = board_path.strip("/")
    if not equals or not board_path:
        raise ImageError(f'--file: PATH=FILE was expected, not "{item}"')
    return {board_path: Path(host_path).read_bytes()}

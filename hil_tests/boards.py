"""What boards.toml says of a board."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path(__file__).with_name("boards.toml")


@dataclass(frozen=True)
class Uart:
    """A UART whose two pins are joined by a wire."""

    id: int
    tx: int
    rx: int


@dataclass(frozen=True)
class Limits:
    """A kind of board; sizes in bytes."""

    platform: str
    least_heap: int
    least_flash: int
    least_free_flash: int
    uart: Uart | None = None


def read_limits() -> dict[str, Limits]:
    """Every board of boards.toml by name."""
    with _TABLE.open("rb") as file:
        table = tomllib.load(file)
    return {
        name: Limits(**{**row, "uart": Uart(**row["uart"]) if "uart" in row else None}) for name, row in table.items()
    }

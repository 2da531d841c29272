"""The settings of a UART. Apart from its driver: they are checked once, and then need not stay in a board's heap."""

from gridecho.compat import const

from ..checks import choice, flag, integer, number, section
from ..faults import ConfigError
from .values import ratio

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_KEYS = ("uart", "rx", "tx", "baud", "bits", "parity", "stop", "invert")
_PARITIES = ("none", "even", "odd")
_MULTIPLIED = ("voltage", "current", "power", "energy")


def line_settings(
    values: "dict[str, object]", baud: int, parity: str, more: "tuple[str, ...]" = (), invert: bool = False
) -> "dict[str, Any]":
    """The keys of a line, with the meter's usual ones as defaults; `more` are the keys that its module checks itself."""
    section("meter", values, _KEYS + ("multiplier",) + more)
    table = {
        "uart": number(1, 2, 2),
        "rx": number(0, 48, 16),
        "tx": number(0, 48, 17),
        "baud": number(300, 921_600, baud),
        "bits": number(7, 8, 8),
        "stop": number(1, 2, 1),
    }
    settings: dict[str, Any] = {key: integer("meter.", values, key, table) for key in table}
    settings["parity"] = _PARITIES.index(choice("meter.parity", values.get("parity", parity), _PARITIES)) or None
    settings["invert"] = flag("meter.invert", values.get("invert", invert))
    settings["multiplier"] = section("meter.multiplier", values.get("multiplier", {}), _MULTIPLIED)
    for name, factor in settings["multiplier"].items():
        if ratio(factor) is None:
            raise ConfigError("meter.multiplier." + name, "a number from 0.0001 to 100000 with at most 4 decimals")
    if settings["rx"] == settings["tx"]:
        raise ConfigError("meter.tx", "another pin than meter.rx")
    return settings

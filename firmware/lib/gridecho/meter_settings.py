"""config.json's "meter" section, by type of meter. Apart from the drivers: checked once, it need not stay in a board's heap."""

from .checks import choice, flag, integer, number, ratio, section, text
from .compat import const
from .errors import ConfigError

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_KEYS = ("uart", "rx", "tx", "baud", "bits", "parity", "stop", "invert")
_PARITIES = ("none", "even", "odd")
_MULTIPLIED = ("voltage", "current", "power", "energy")
_ANY_DLT645 = "AAAAAAAAAAAA"  # in place of an address: the only one there
_ANY_PZEM = const(0xF8)

# type: baud, parity, whether it is inverted, keys beside the line's
_LINES = {
    "dlt645": (2_400, "even", False, ("address", "phases")),
    "dsmr": (115_200, "none", True, ()),  # as from DSMR 4 on
    "han": (2_400, "even", False, ()),  # behind an M-Bus slave chip
    "pzem": (9_600, "none", False, ("address",)),
    "sml": (9_600, "none", False, ()),  # as through an optical head
}
TYPES = ("dlt645", "dsmr", "han", "pzem", "replay", "s0", "sml")


def checked(name: str, values: "dict[str, object]") -> "dict[str, Any]":
    """What the driver of one of TYPES takes, from the "meter" section without its "type". Raises ConfigError."""
    if name == "replay":
        return _replay(values)
    if name == "s0":
        return _s0(values)
    settings = _line(values, *_LINES[name])
    if name == "dlt645":
        settings["address"], settings["phases"] = _dlt645(values)
    elif name == "pzem":
        settings["address"] = integer("meter.", values, "address", {"address": number(1, _ANY_PZEM, _ANY_PZEM)})
    return settings


def _dlt645(values: "dict[str, object]") -> "tuple[str, int]":
    """address: 12 digits as on the meter, by default that of the only one there; phases: 1 or 3."""
    address = text("meter.address", values.get("address", _ANY_DLT645)).upper()
    if address != _ANY_DLT645 and (len(address) != 12 or not address.isdigit()):
        raise ConfigError("meter.address", "a text of 12 digits, or of 12 A for the only meter there")
    phases = integer("meter.", values, "phases", {"phases": number(1, 3, 1)})
    if phases == 2:
        raise ConfigError("meter.phases", "1 or 3")
    return address, phases


def _replay(values: "dict[str, object]") -> "dict[str, Any]":
    """file: the series' name on flash; loop: whether it starts again at its end, true unless told otherwise."""
    section("meter", values, ("file", "loop"))
    return {"file": text("meter.file", values.get("file"), 1), "loop": flag("meter.loop", values.get("loop", True))}


def _s0(values: "dict[str, object]") -> "dict[str, Any]":
    """pin, pulses_per_kwh; pull_up: whether the pin pulls up and a pulse pulls it down, or the other way round.

    start_wh: the register when the count was 0; min_gap_ms: an edge sooner after a pulse is a bounce; save_s, save_pulses: how
    often flash is written.
    """
    table = {
        "pin": number(0, 48),
        "pulses_per_kwh": number(1, 100_000),
        "start_wh": number(0, 10**12, 0),
        "min_gap_ms": number(1, 1000, 20),
        "save_s": number(10, 86_400, 900),
        "save_pulses": number(1, 10**6, 1000),
    }
    section("meter", values, tuple(table) + ("pull_up",))
    settings: dict[str, Any] = {key: integer("meter.", values, key, table) for key in table}
    settings["pull_up"] = flag("meter.pull_up", values.get("pull_up", True))
    return settings


def _line(
    values: "dict[str, object]", baud: int, parity: str, invert: bool, more: "tuple[str, ...]"
) -> "dict[str, Any]":
    """The keys of a line, with the meter's usual ones as defaults; `more` are the keys that are looked at elsewhere."""
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

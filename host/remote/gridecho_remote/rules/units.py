"""Quantities as people read them: labels, and integers in fixed units shown in a unit of a sensible size."""

from gridecho.registers import QUANTITIES
from gridecho.states import STATES, is_state

from .language import ENGLISH, Language

_ROWS = QUANTITIES | STATES

LABELS = {
    "1-0:1.8.0": "Energy imported",
    "1-0:2.8.0": "Energy exported",
    "1-0:1.7.0": "Power drawn",
    "1-0:2.7.0": "Power fed in",
    "1-0:32.7.0": "Voltage L1",
    "1-0:52.7.0": "Voltage L2",
    "1-0:72.7.0": "Voltage L3",
    "1-0:31.7.0": "Current L1",
    "1-0:51.7.0": "Current L2",
    "1-0:71.7.0": "Current L3",
    "1-0:13.7.0": "Power factor",
    "1-0:14.7.0": "Frequency",
}

TOLD = {
    "state.config": "Settings, version",
    "state.firmware": "Firmware, version",
    "state.order_failed": "Last order taken back, version",
    "state.reset_cause": "Last reset, cause",
    "state.spooled": "Readings waiting in its flash",
    "state.lost": "Readings given up since it started",
    "state.meter_bad": "Frames of the meter refused",
    "state.heap_free": "Free memory, bytes",
    "state.rejoins": "Wi-Fi joined anew, times",
    "state.refused": "Datagrams refused",
}

# wire unit: (least value it applies to, divisor, unit that is shown, decimals), the first that fits
_SHOWN = {
    "Wh": ((1_000, 1_000, "kWh", 2), (0, 1, "Wh", 0)),
    "W": ((1_000_000, 1_000_000, "MW", 2), (1_000, 1_000, "kW", 2), (0, 1, "W", 0)),
    "mV": ((1_000_000, 1_000_000, "kV", 2), (0, 1_000, "V", 1)),
    "mA": ((0, 1_000, "A", 2),),
    "mHz": ((0, 1_000, "Hz", 2),),
    "1/1000": ((0, 1_000, "", 3),),
    "us": ((1_000_000, 1_000_000, "s", 1), (1_000, 1_000, "ms", 1), (0, 1, "µs", 0)),
}


def obis(code: int) -> str:
    """The OBIS name of a quantity code; a name of ours for one that this version does not know."""
    return _ROWS[code][0] if code in _ROWS else f"code.{code}"


def unit(code: int) -> str:
    """The unit of a quantity's integers; empty where it is not known."""
    return _ROWS[code][1] if code in _ROWS else ""


def label(code: int, language: Language = ENGLISH) -> str:
    """What a person calls the quantity."""
    name = obis(code)
    return language.say(LABELS[name]) if name in LABELS else name


def shown(value: int, wire_unit: str) -> str:
    """An integer of a fixed unit for people: 1234 W is "1.23 kW"."""
    for least, divisor, name, decimals in _SHOWN.get(wire_unit, ((0, 1, wire_unit, 0),)):
        if abs(value) >= least:
            return f"{value / divisor:.{decimals}f} {name}".rstrip()
    raise AssertionError("the last row of a unit fits every value")


def shown_power(net_w: int, language: Language = ENGLISH) -> str:
    """A power with a sign: "350 W", or "1.25 kW fed in" where it is negative."""
    return shown(net_w, "W") if net_w >= 0 else language.say("{power} fed in", power=shown(-net_w, "W"))


def codes_of(mask: int) -> list[int]:
    """The quantity codes in a mask that a meter measures."""
    return [code for code in range(mask.bit_length()) if mask >> code & 1 and not is_state(code)]


def told(state: dict[int, int], language: Language = ENGLISH) -> list[tuple[str, str]]:
    """What a sensor told of itself beside its route, for people: (what, how much)."""
    named = [(obis(code), value) for code, value in sorted(state.items())]
    return [(language.say(TOLD[name]), language.number(value)) for name, value in named if name in TOLD]


def scales() -> dict[str, list[tuple[int, int, str, int]]]:
    """The table of shown units, for the chart's script."""
    return {name: list(rows) for name, rows in _SHOWN.items()}


def ago(age_s: float, language: Language = ENGLISH) -> str:
    """How long ago, in the largest unit that fits."""
    if age_s >= 86_400:
        return language.say("{count} d ago", count=int(age_s // 86_400))
    if age_s >= 3_600:
        return language.say("{count} h ago", count=int(age_s // 3_600))
    if age_s >= 60:
        return language.say("{count} min ago", count=int(age_s // 60))
    return language.say("{count} s ago", count=max(0, int(age_s)))

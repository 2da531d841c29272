"""The sensor's settings, `config.json` on its flash: checked whole, with the same code on the board and before it is sent there."""

from .checks import choice, flag, integer, number, parsed, section, text
from .compat import const
from .errors import ConfigError
from .meter_settings import TYPES, checked

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_U32 = const((1 << 32) - 1)

# key: (least, most, default); a default of None means that the key must be there.
_TOP = {
    "sensor_id": number(1, _U32),
    "key_id": number(0, 255, 1),
    "period_ms": number(10, 86_400_000, 60_000),
    "rtt_limit_ms": number(1, 60_000, 250),
    "queue_readings": number(4, 10_000, 64),
    "readings_per_datagram": number(1, 255, 32),
    "watchdog_s": number(0, 3600, 0),
    "trial_s": number(1, 3600, 180),
}
_RELAY = {"id": number(1, _U32), "port": number(1, 65535, 4690)}
_RULES = {
    "over_w": number(0, 10**9, 0),
    "change_w": number(0, 10**9, 0),
    "over_ma": number(0, 10**9, 0),
    "over_mv": number(0, 10**9, 0),
    "under_mv": number(0, 10**9, 0),
}
_SPOOL = {"kb": number(64, 65536, 256)}
MAX_RELAYS = 16


class Config:
    """The checked settings. Wh, W, mV, mA, ms as the names say; a rule of 0 is off."""

    def __init__(self, values: object) -> None:
        top = section("the file", values, tuple(_TOP) + ("wifi", "relays", "meter", "rules", "spool"))
        self.sensor_id = integer("", top, "sensor_id", _TOP)
        self.key_id = integer("", top, "key_id", _TOP)
        self.period_us = integer("", top, "period_ms", _TOP) * 1000
        self.rtt_limit_us = integer("", top, "rtt_limit_ms", _TOP) * 1000
        self.queue_readings = integer("", top, "queue_readings", _TOP)
        self.readings_per_datagram = integer("", top, "readings_per_datagram", _TOP)
        self.watchdog_s = integer("", top, "watchdog_s", _TOP)
        self.trial_us = integer("", top, "trial_s", _TOP) * 1_000_000
        self.relays = _relays(top.get("relays"))
        self.named = [relay_id for relay_id, host, _ in self.relays if not host.replace(".", "").isdigit()]
        rules = section("rules", top.get("rules", {}), tuple(_RULES))
        self.rules = {name: integer("rules.", rules, name, _RULES) for name in _RULES}
        spool = section("spool", top.get("spool", {}), ("kb", "keep", "newest_first"))
        self.spool_bytes = 0 if spool.get("kb") == 0 else integer("spool.", spool, "kb", _SPOOL) * 1024
        self.spool_keep_oldest = choice("spool.keep", spool.get("keep", "newest"), ("newest", "oldest")) == "oldest"
        self.spool_newest_first = flag("spool.newest_first", spool.get("newest_first", False))
        wifi = section("wifi", top.get("wifi", {}), ("ssid", "password"))
        self.wifi_ssid = text("wifi.ssid", wifi.get("ssid", ""))
        self.wifi_password = text("wifi.password", wifi.get("password", ""))
        self.meter_type, self.meter = _meter(top.get("meter"))


def read_config(content: str) -> Config:
    """The settings in a config.json's text. Raises ConfigError for the first thing that is wrong."""
    try:
        values = parsed(content)
    except ValueError:
        raise ConfigError("the file", "JSON") from None
    return Config(values)


def _meter(value: object) -> "tuple[str, dict[str, Any]]":
    if not isinstance(value, dict):
        raise ConfigError("meter", "an object with type and what that type of meter takes")
    name = choice("meter.type", value.get("type"), TYPES)
    return name, checked(name, {key: value[key] for key in value if key != "type"})


def _relays(value: object) -> "list[tuple[int, str, int]]":
    if not isinstance(value, list) or not 0 < len(value) <= MAX_RELAYS:
        raise ConfigError("relays", "a list of 1 to %d relays" % MAX_RELAYS)
    relays: list[tuple[int, str, int]] = []
    for i, entry in enumerate(value):
        where = "relays[%d]" % i
        relay = section(where, entry, ("id", "host", "port"))
        relay_id = integer(where + ".", relay, "id", _RELAY)
        if any(relay_id == other for other, _, _ in relays):
            raise ConfigError(where + ".id", "an id that no other relay of the list has")
        host = text(where + ".host", relay.get("host"), 1)
        if ":" in host:  # an ESP32's MicroPython has IPv4 sockets only
            raise ConfigError(where + ".host", "a name or an IPv4 address, without port: a board speaks no IPv6")
        relays.append((relay_id, host, integer(where + ".", relay, "port", _RELAY)))
    return relays

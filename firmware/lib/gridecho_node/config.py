"""The sensor's settings, `config.json` on its flash: read once, checked whole, with the same code on the board and on the host."""

import json


class ConfigError(Exception):
    """The settings cannot be used; `key` says where and `expected` what should stand there."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__("config.json: " + key + ": expected " + expected)
        self.key = key
        self.expected = expected


def _number(least: int, most: int, default: "int | None" = None):  # type: ignore[no-untyped-def]
    return (int, least, most, default)


_U32 = (1 << 32) - 1

# key: (type, least, most, default); a default of None means that the key must be there.
_TOP = {
    "sensor_id": _number(1, _U32),
    "key_id": _number(0, 255, 1),
    "period_ms": _number(10, 86_400_000, 60_000),
    "rtt_limit_ms": _number(1, 60_000, 250),
    "queue_readings": _number(4, 10_000, 64),
    "readings_per_datagram": _number(1, 255, 32),
    "watchdog_s": _number(0, 3600, 0),
}
_RELAY = {"id": _number(1, _U32), "port": _number(1, 65535, 4690)}
_RULES = {
    "over_w": _number(0, 10**9, 0),
    "change_w": _number(0, 10**9, 0),
    "over_mv": _number(0, 10**9, 0),
    "under_mv": _number(0, 10**9, 0),
}
MAX_RELAYS = 16


class Config:
    """The checked settings. Wh, W, mV, mA, ms as the names say; a rule of 0 is off."""

    def __init__(self, values: object) -> None:
        top = _object("the file", values, tuple(_TOP) + ("wifi", "relays", "meter", "rules"))
        self.sensor_id = _integer("", top, "sensor_id", _TOP)
        self.key_id = _integer("", top, "key_id", _TOP)
        self.period_us = _integer("", top, "period_ms", _TOP) * 1000
        self.rtt_limit_us = _integer("", top, "rtt_limit_ms", _TOP) * 1000
        self.queue_readings = _integer("", top, "queue_readings", _TOP)
        self.readings_per_datagram = _integer("", top, "readings_per_datagram", _TOP)
        self.watchdog_s = _integer("", top, "watchdog_s", _TOP)
        self.relays = _relays(top.get("relays"))
        rules = _object("rules", top.get("rules", {}), tuple(_RULES))
        self.rules = {name: _integer("rules.", rules, name, _RULES) for name in _RULES}
        wifi = _object("wifi", top.get("wifi", {}), ("ssid", "password"))
        self.wifi_ssid = _text("wifi.ssid", wifi.get("ssid", ""))
        self.wifi_password = _text("wifi.password", wifi.get("password", ""))
        meter = _object("meter", top.get("meter"), ("type", "file", "loop"))
        if meter.get("type") != "replay":
            raise ConfigError("meter.type", '"replay"')
        self.meter_file = _text("meter.file", meter.get("file"), 1)
        self.meter_loop = _flag("meter.loop", meter.get("loop", True))


def read_config(text: str) -> Config:
    """The settings in a config.json's text. Raises ConfigError for the first thing that is wrong."""
    try:
        values = json.loads(text)
    except ValueError:
        raise ConfigError("the file", "JSON") from None
    return Config(values)


def _object(key: str, value: object, known: "tuple[str, ...]") -> "dict[str, object]":
    if not isinstance(value, dict):
        raise ConfigError(key, "an object with " + ", ".join(known))
    for name in value:
        if name not in known:
            raise ConfigError('unknown key "' + str(name) + '"', "one of " + ", ".join(known))
    return value


def _integer(prefix: str, values: "dict[str, object]", name: str, table) -> int:  # type: ignore[no-untyped-def]
    _, least, most, default = table[name]
    value = values.get(name, default)
    if not isinstance(value, int) or value is True or value is False or not least <= value <= most:
        raise ConfigError(prefix + name, "a whole number from %d to %d" % (least, most))
    return value


def _text(key: str, value: object, least: int = 0) -> str:
    if not isinstance(value, str) or len(value) < least:
        raise ConfigError(key, "a text that is not empty" if least else "a text")
    return value


def _flag(key: str, value: object) -> bool:
    if value is True or value is False:
        return bool(value)
    raise ConfigError(key, "true or false")


def _relays(value: object) -> "list[tuple[int, str, int]]":
    if not isinstance(value, list) or not 0 < len(value) <= MAX_RELAYS:
        raise ConfigError("relays", "a list of 1 to %d relays" % MAX_RELAYS)
    relays: list[tuple[int, str, int]] = []
    for i, entry in enumerate(value):
        where = "relays[%d]" % i
        relay = _object(where, entry, ("id", "host", "port"))
        relay_id = _integer(where + ".", relay, "id", _RELAY)
        if any(relay_id == other for other, _, _ in relays):
            raise ConfigError(where + ".id", "an id that no other relay of the list has")
        host = _text(where + ".host", relay.get("host"), 1)
        relays.append((relay_id, host, _integer(where + ".", relay, "port", _RELAY)))
    return relays

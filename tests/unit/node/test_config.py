"""config.json: what is right is taken, what is wrong is refused with the key and what was expected."""

import json
import unittest

from gridecho.config import MAX_RELAYS, read_config
from gridecho.errors import ConfigError

RIGHT = {
    "sensor_id": 7,
    "key_id": 2,
    "period_ms": 1500,
    "rtt_limit_ms": 30,
    "queue_readings": 100,
    "readings_per_datagram": 10,
    "watchdog_s": 8,
    "relays": [{"id": 1, "host": "10.0.0.1", "port": 4000}, {"id": 2, "host": "relay.lan"}],
    "meter": {"type": "replay", "file": "series.csv", "loop": False},
    "rules": {"over_w": 5000, "change_w": 300, "over_ma": 63000, "over_mv": 253000, "under_mv": 207000},
    "spool": {"kb": 512, "keep": "oldest", "newest_first": True},
    "wifi": {"ssid": "home", "password": "secret"},
}
ABSENT = object()

# (where, value): the key named in the error. A list index is a part of `where`.
WRONG = (
    (("sensor_id",), ABSENT, "sensor_id"),
    (("sensor_id",), 0, "sensor_id"),
    (("sensor_id",), 2**32, "sensor_id"),
    (("sensor_id",), -1, "sensor_id"),
    (("sensor_id",), True, "sensor_id"),
    (("sensor_id",), "7", "sensor_id"),
    (("sensor_id",), 7.0, "sensor_id"),
    (("sensor_id",), None, "sensor_id"),
    (("sensor_id",), [7], "sensor_id"),
    (("key_id",), 256, "key_id"),
    (("key_id",), False, "key_id"),
    (("period_ms",), 9, "period_ms"),
    (("period_ms",), 86_400_001, "period_ms"),
    (("period_ms",), True, "period_ms"),
    (("rtt_limit_ms",), 0, "rtt_limit_ms"),
    (("rtt_limit_ms",), 60_001, "rtt_limit_ms"),
    (("queue_readings",), 3, "queue_readings"),
    (("queue_readings",), 10_001, "queue_readings"),
    (("readings_per_datagram",), 0, "readings_per_datagram"),
    (("readings_per_datagram",), 256, "readings_per_datagram"),
    (("watchdog_s",), -1, "watchdog_s"),
    (("watchdog_s",), 3601, "watchdog_s"),
    (("sensor",), 7, "sensor"),
    (("relays",), ABSENT, "relays"),
    (("relays",), [], "relays"),
    (("relays",), {"id": 1}, "relays"),
    (("relays",), [{"id": i + 1, "host": "h"} for i in range(MAX_RELAYS + 1)], "relays"),
    (("relays", 1), 5, "relays[1]"),
    (("relays", 1), [1, "h", 2], "relays[1]"),
    (("relays", 1, "name"), "x", "name"),
    (("relays", 1, "id"), ABSENT, "relays[1].id"),
    (("relays", 1, "id"), 1, "relays[1].id"),
    (("relays", 1, "id"), 0, "relays[1].id"),
    (("relays", 1, "id"), True, "relays[1].id"),
    (("relays", 0, "host"), ABSENT, "relays[0].host"),
    (("relays", 0, "host"), 5, "relays[0].host"),
    (("relays", 0, "host"), "", "relays[0].host"),
    (("relays", 0, "host"), "::1", "relays[0].host"),
    (("relays", 0, "host"), "fe80::1%eth0", "relays[0].host"),
    (("relays", 0, "host"), "[2001:db8::1]", "relays[0].host"),
    (("relays", 0, "host"), "10.0.0.1:4690", "relays[0].host"),
    (("relays", 0, "port"), 0, "relays[0].port"),
    (("relays", 0, "port"), 65_536, "relays[0].port"),
    (("relays", 0, "port"), "4000", "relays[0].port"),
    (("rules",), [], "rules"),
    (("rules",), None, "rules"),
    (("rules", "over_a"), 1, "over_a"),
    (("rules", "over_w"), -1, "rules.over_w"),
    (("rules", "over_w"), True, "rules.over_w"),
    (("rules", "change_w"), 10**9 + 1, "rules.change_w"),
    (("rules", "over_mv"), 230.5, "rules.over_mv"),
    (("spool", "kb"), 63, "spool.kb"),
    (("spool", "keep"), "both", "spool.keep"),
    (("spool", "newest_first"), 1, "spool.newest_first"),
    (("rules", "under_mv"), "207000", "rules.under_mv"),
    (("wifi",), "home", "wifi"),
    (("wifi", "key"), "x", "key"),
    (("wifi", "ssid"), 5, "wifi.ssid"),
    (("wifi", "password"), None, "wifi.password"),
    (("meter",), ABSENT, "meter"),
    (("meter",), "series.csv", "meter"),
    (("meter", "speed"), 5, "speed"),
    (("meter", "type"), ABSENT, "meter.type"),
    (("meter", "type"), "gas", "meter.type"),
    (("meter", "file"), ABSENT, "meter.file"),
    (("meter", "file"), 5, "meter.file"),
    (("meter", "file"), "", "meter.file"),
    (("meter", "loop"), 1, "meter.loop"),
    (("meter", "loop"), "yes", "meter.loop"),
)


def changed(where, value):
    """RIGHT with one thing changed, as JSON."""
    config = json.loads(json.dumps(RIGHT))
    inner = config
    for step in where[:-1]:
        inner = inner[step]
    if value is ABSENT:
        del inner[where[-1]]
    else:
        inner[where[-1]] = value
    return json.dumps(config)


class Right(unittest.TestCase):
    def test_all_given(self):
        config = read_config(json.dumps(RIGHT))
        self.assertEqual((config.sensor_id, config.key_id, config.watchdog_s), (7, 2, 8))
        self.assertEqual((config.period_us, config.rtt_limit_us), (1_500_000, 30_000))
        self.assertEqual((config.queue_readings, config.readings_per_datagram), (100, 10))
        self.assertEqual(config.relays, [(1, "10.0.0.1", 4000), (2, "relay.lan", 4690)])
        self.assertEqual(config.named, [2])
        self.assertEqual(config.rules, RIGHT["rules"])
        self.assertEqual(config.spool_bytes, 512 * 1024)
        self.assertEqual((config.spool_keep_oldest, config.spool_newest_first), (True, True))
        self.assertEqual((config.wifi_ssid, config.wifi_password), ("home", "secret"))
        self.assertEqual((config.meter_type, config.meter), ("replay", {"file": "series.csv", "loop": False}))

    def test_defaults(self):
        config = read_config(
            '{"sensor_id": 7, "relays": [{"id": 9, "host": "h"}], "meter": {"type": "replay", "file": "f"}}'
        )
        self.assertEqual((config.key_id, config.period_us, config.rtt_limit_us), (1, 60_000_000, 250_000))
        self.assertEqual((config.queue_readings, config.readings_per_datagram, config.watchdog_s), (64, 32, 0))
        self.assertEqual(config.relays, [(9, "h", 4690)])
        self.assertEqual(sorted(config.rules), sorted(RIGHT["rules"]))
        self.assertFalse(any(config.rules.values()))
        self.assertEqual(config.spool_bytes, 256 * 1024)
        self.assertEqual((config.spool_keep_oldest, config.spool_newest_first), (False, False))
        self.assertEqual((config.wifi_ssid, config.wifi_password, config.meter["loop"]), ("", "", True))

    def test_limits_are_right(self):
        for where, value in (
            (("sensor_id",), 2**32 - 1),
            (("key_id",), 0),
            (("period_ms",), 10),
            (("queue_readings",), 4),
            (("readings_per_datagram",), 255),
            (("relays", 0, "port"), 65_535),
            (("relays",), [{"id": i + 1, "host": "h"} for i in range(MAX_RELAYS)]),
        ):
            with self.subTest(where=where):
                read_config(changed(where, value))


class Wrong(unittest.TestCase):
    def test_each_names_its_key_and_what_was_expected(self):
        for where, value, key in WRONG:
            with self.subTest(where=where, value=str(value)):
                with self.assertRaises(ConfigError) as raised:
                    read_config(changed(where, value))
                error = raised.exception
                named = 'unknown key "' + key + '"' if error.key.startswith("unknown") else key
                self.assertEqual(error.key, named)
                self.assertTrue(error.expected)
                self.assertIn(error.expected, str(error))
                self.assertTrue(str(error).startswith("config.json: " + named))

    def test_what_is_no_json_object(self):
        for text in ("", "{", "sensor_id = 7", "[1]", "7", "null", '"x"', "\x00"):
            with self.subTest(text=text), self.assertRaises(ConfigError) as raised:
                read_config(text)
            self.assertEqual(raised.exception.key, "the file")

    def test_a_text_that_is_cut_off_anywhere(self):
        whole = json.dumps(RIGHT)
        for end in range(len(whole)):
            with self.assertRaises(ConfigError) as raised:
                read_config(whole[:end])
            self.assertEqual(raised.exception.key, "the file")
        for text in ('{"sensor_id": 7]', '{"relays": [1}', '{"a": {"b": 1}', '{"a": "\\\\"'):
            with self.subTest(text=text), self.assertRaises(ConfigError) as raised:
                read_config(text)
            self.assertEqual(raised.exception.key, "the file")


if __name__ == "__main__":
    unittest.main()

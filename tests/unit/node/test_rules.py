"""Which readings are SENT, in a table."""

import unittest

from gridecho.frames import SEND, STORE
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_node.rules import Tagger

OFF = {"over_w": 0, "change_w": 0, "over_ma": 0, "over_mv": 0, "under_mv": 0}


def power(import_w, export_w=None):
    values = {ENERGY_IMPORT: 5, POWER_IMPORT: import_w}
    if export_w is not None:
        values[POWER_EXPORT] = export_w
    return values


def volts(*mv):
    return {VOLTAGE_L1 + i: value for i, value in enumerate(mv) if value is not None}


# (what, rules that are on, readings in turn, S(END) or . for each)
CASES = (
    ("no rule, no SEND", {}, [power(10**9), power(0), volts(0, 10**9)], "..."),
    (
        "above the limit, not at it",
        {"over_w": 5000},
        [power(5000), power(5001), power(4999), power(4999), power(9000)],
        ".SS.S",
    ),
    ("the first one within the limits again", {"under_mv": 200_000}, [volts(0), volts(230_000), volts(230_000)], "SS."),
    (
        "over current on any phase",
        {"over_ma": 16_000},
        [{CURRENT_L1: 16_000}, {CURRENT_L1 + 2: 16_001}, {CURRENT_L1 + 2: 16_000}, {CURRENT_L1 + 2: 16_000}],
        ".SS.",
    ),
    ("each one above the limit", {"over_w": 5000}, [power(6000), power(6000), power(6000)], "SSS"),
    ("export counts against import", {"over_w": 5000}, [power(6000, 2000), power(0, 9000)], ".."),
    ("the first is the reference", {"change_w": 100}, [power(9999), power(9999)], ".."),
    ("a change of so much, up and down", {"change_w": 100}, [power(500), power(599), power(600), power(500)], "..SS"),
    ("a slow climb is a change too", {"change_w": 100}, [power(w) for w in range(0, 250, 40)], "...S..S"),
    ("from import to export", {"change_w": 100}, [power(60, 0), power(0, 39), power(0, 40)], "..S"),
    ("export alone", {"change_w": 100}, [{POWER_EXPORT: 500}, {POWER_EXPORT: 400}], ".S"),
    (
        "what was SENT for its height is the new reference",
        {"over_w": 1000, "change_w": 300},
        [power(100), power(1100), power(900), power(650), power(600)],
        ".SS.S",
    ),
    (
        "over voltage on any phase",
        {"over_mv": 253_000},
        [volts(253_000), volts(230_000, 253_001), volts(1, 1, 253_001)],
        ".SS",
    ),
    (
        "under voltage on any phase",
        {"under_mv": 207_000},
        [volts(207_000), volts(206_999), volts(230_000, 230_000, 0)],
        ".SS",
    ),
    (
        "a phase that is not measured is not under voltage",
        {"under_mv": 207_000},
        [volts(None, 230_000), {ENERGY_IMPORT: 1}],
        "..",
    ),
    (
        "voltage and power together",
        {"over_mv": 253_000, "change_w": 100},
        [
            {VOLTAGE_L1: 260_000, POWER_IMPORT: 500},
            {VOLTAGE_L1: 230_000, POWER_IMPORT: 599},
            {VOLTAGE_L1: 230_000, POWER_IMPORT: 698},
            power(699),
        ],
        "SS.S",
    ),
    (
        "a list without the export, while 3 kW are fed in",
        {"change_w": 500, "over_w": 1},
        ([power(0)] * 3 + [power(0, 3000)]) * 5,
        "." * 20,
    ),
    (
        "such a list tells what is drawn all the same",
        {"change_w": 500},
        [power(0, 3000), power(0), power(2000), power(2000, 0), power(2000), power(0), power(0, 3000)],
        "..S...S",
    ),
    (
        "import and export in lists of their own",
        {"change_w": 500},
        [power(0), {POWER_EXPORT: 3000}] * 3 + [power(0), {POWER_EXPORT: 0}, power(900), {POWER_EXPORT: 0}] * 2,
        "." * 8 + "S.....",
    ),
    (
        "a meter that does not net its phases is taken at its word when it says both",
        {"change_w": 500, "over_w": 500},
        [power(1000, 3000), power(1000), {POWER_EXPORT: 3000}, power(1100, 3000), power(4000, 3000)],
        "....S",
    ),
    (
        "a limit is judged by the value, not by its absence",
        {"over_mv": 253_000, "over_ma": 16_000, "over_w": 5000},
        [
            {VOLTAGE_L1: 260_000, CURRENT_L1: 9000, POWER_IMPORT: 100},
            power(100),
            {CURRENT_L1: 17_000},
            {CURRENT_L1: 9000, VOLTAGE_L1 + 1: 230_000},
            power(6000),
            power(100),
            {VOLTAGE_L1: 230_000, POWER_IMPORT: 100},
            power(100),
        ],
        "S.S.S.S.",
    ),
    (
        "energy alone is never urgent",
        {"over_w": 1, "change_w": 1, "over_mv": 1, "under_mv": 1},
        [{ENERGY_IMPORT: 1}, {ENERGY_IMPORT: 10**9}],
        "..",
    ),
)


class Rules(unittest.TestCase):
    def test_cases(self):
        for what, rules, readings, expected in CASES:
            with self.subTest(what=what):
                on = dict(OFF)
                on.update(rules)
                tagger = Tagger(on)
                tags = [tagger.tag(values) for values in readings]
                self.assertTrue(all(tag in (SEND, STORE) for tag in tags))
                self.assertEqual("".join("S" if tag == SEND else "." for tag in tags), expected, what)


if __name__ == "__main__":
    unittest.main()

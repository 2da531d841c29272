"""The quantity table against OBIS (IEC 62056-61) as it is used for electricity meters."""

import unittest

from gridecho import quantities
from gridecho.quantities import MAX_CODE
from gridecho.readings import MAX_VALUE
from gridecho.registers import CODE_OF, QUANTITIES
from gridecho.states import MAX_TOLD_VERSION, MAX_VERSION, STATES, can_be, is_state

# Value group C (and D) of IEC 62056-61 for electricity: what the code measures, and our unit for it.
MEASURES = {
    "1.8.0": ("ENERGY_IMPORT", "Wh"),
    "2.8.0": ("ENERGY_EXPORT", "Wh"),
    "1.7.0": ("POWER_IMPORT", "W"),
    "2.7.0": ("POWER_EXPORT", "W"),
    "32.7.0": ("VOLTAGE_L1", "mV"),
    "52.7.0": (None, "mV"),
    "72.7.0": (None, "mV"),
    "31.7.0": ("CURRENT_L1", "mA"),
    "51.7.0": (None, "mA"),
    "71.7.0": (None, "mA"),
    "13.7.0": ("POWER_FACTOR", "1/1000"),
    "14.7.0": ("FREQUENCY", "mHz"),
}


class Table(unittest.TestCase):
    def test_meter_quantities_are_obis_registers(self):
        self.assertEqual({row[0] for row in QUANTITIES.values()}, {"1-0:" + measure for measure in MEASURES})
        for obis, unit, _field in QUANTITIES.values():
            self.assertEqual(unit, MEASURES[obis[4:]][1])

    def test_names_in_our_code_mean_their_register(self):
        for measure, (name, _unit) in MEASURES.items():
            if name is not None:
                self.assertEqual(getattr(quantities, name), CODE_OF["1-0:" + measure])
        for name, code in (("ROUTE_RELAY", "route.relay"), ("ROUTE_RTT", "route.rtt")):
            self.assertEqual(STATES[getattr(quantities, name)][0], code)
        for code, (name, _unit, _field) in STATES.items():
            if name.startswith("state."):
                constant = name[6:].upper() + ("_VERSION" if name in ("state.config", "state.firmware") else "")
                self.assertEqual(getattr(quantities, constant), code)

    def test_phases_follow_each_other(self):
        for first, registers in ((quantities.VOLTAGE_L1, (32, 52, 72)), (quantities.CURRENT_L1, (31, 51, 71))):
            self.assertEqual([CODE_OF["1-0:%d.7.0" % c] for c in registers], [first, first + 1, first + 2])

    def test_codes_and_names_are_unique_and_fit_the_mask(self):
        self.assertEqual(len(CODE_OF), len(QUANTITIES))
        rows = list(QUANTITIES.values()) + list(STATES.values())
        self.assertEqual(len({row[0] for row in rows}), len(rows))
        self.assertEqual(len({row[2] for row in rows}), len(rows))
        for code in QUANTITIES:
            self.assertTrue(0 <= code <= MAX_CODE and not is_state(code))
        for code in STATES:
            self.assertTrue(0 <= code <= MAX_CODE and is_state(code))

    def test_field_names_end_in_their_unit(self):
        suffix = {
            "Wh": "_wh",
            "W": "_w",
            "mV": "_mv",
            "mA": "_ma",
            "1/1000": "_milli",
            "mHz": "_mhz",
            "us": "_us",
        }
        for _name, unit, field in list(QUANTITIES.values()) + list(STATES.values()):
            self.assertTrue(field.endswith(suffix.get(unit, "_" + unit)), field)

    def test_state_begins_at_40(self):
        self.assertEqual([is_state(code) for code in (0, 11, 39, 40, 41, 55)], [False, False, False, True, True, True])

    def test_states_that_can_be(self):
        u32 = (1 << 32) - 1
        most = {40: u32, 41: u32, 42: MAX_TOLD_VERSION, 43: MAX_TOLD_VERSION, 51: MAX_TOLD_VERSION}
        for code in STATES:
            highest = most.get(code, MAX_VALUE)
            self.assertEqual([can_be(code, n) for n in (-1, highest, highest + 1)], [False, True, False], code)
            self.assertEqual(can_be(code, 0), code != 40, code)

    def test_orders_find_a_version_above_all_that_a_sensor_can_tell(self):
        self.assertTrue(MAX_VERSION - MAX_TOLD_VERSION >= 1 << 31)

"""From a meter's own units to ours: rounding, limits, signs."""

import unittest

from gridecho.quantities import ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import MAX_VALUE
from gridecho.registers import QUANTITIES
from gridecho_node.meters.crc16 import ARC, crc16, x25
from gridecho_node.meters.obis import HZ, NO_UNIT, WH, A, Registers, V, W
from gridecho_node.meters.values import put, put_power, scaled


class Numbers(unittest.TestCase):
    def test_to_the_nearest_and_halves_away_from_zero(self):
        for number, exponent, want in (
            (5, 0, 5),
            (5, 3, 5000),
            (14, -1, 1),
            (15, -1, 2),
            (-14, -1, -1),
            (-15, -1, -2),
            (0, -9, 0),
            (499, -3, 0),
            (500, -3, 1),
            (123_456_789_012_345_678, -6, 123_456_789_012),
        ):
            self.assertEqual(scaled(number, exponent), want, (number, exponent))

    def test_limits(self):
        values = {}
        put(values, ENERGY_IMPORT, MAX_VALUE, 0)
        put(values, VOLTAGE_L1, 230, 0)
        self.assertEqual(values, {ENERGY_IMPORT: MAX_VALUE, VOLTAGE_L1: 230_000})
        for number, exponent in ((MAX_VALUE + 1, 0), (-MAX_VALUE - 1, 0), (1, 21), (1, -21), (10**20, 0)):
            values = {}
            put(values, ENERGY_IMPORT, number, exponent)
            self.assertEqual(values, {})

    def test_a_power_with_a_sign(self):
        for watts, want in ((5, (5, 0)), (-5, (0, 5)), (0, (0, 0))):
            values = {}
            put_power(values, watts, 0)
            self.assertEqual((values[POWER_IMPORT], values[POWER_EXPORT]), want)

    def test_each_register_in_its_unit_and_no_other(self):
        kinds = {
            "Wh": (WH, 1),
            "W": (W, 1),
            "mV": (V, 1000),
            "mA": (A, 1000),
            "mHz": (HZ, 1000),
            "1/1000": (NO_UNIT, 1000),
        }
        for code, (obis, unit, _) in QUANTITIES.items():
            c, d, e = (int(part) for part in obis[4:].split("."))
            for name, (kind, factor) in kinds.items():
                registers = Registers()
                registers.add(c, d, e, 7, 0, kind)
                self.assertEqual(registers.values(), {code: 7 * factor} if name == unit else {})

    def test_crcs_of_the_catalogue(self):
        # The check values of CRC-16/ARC, MODBUS and X-25: over the text 123456789 (reveng.sourceforge.io/crc-catalogue).
        text = b"-123456789-"
        self.assertEqual(crc16(ARC, 0, text, 1, 10), 0xBB3D)
        self.assertEqual(crc16(ARC, 0xFFFF, text, 1, 10), 0x4B37)
        self.assertEqual(x25(text, 1, 10), 0x906E)


if __name__ == "__main__":
    unittest.main()

"""PZEM-004T v3: its ten registers, its errors, and whose reply it is."""

import unittest

from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, FREQUENCY, POWER_FACTOR, POWER_IMPORT, VOLTAGE_L1
from gridecho_node.meters.pzem import Parser

from tests.rigs.meter_frames import little, modbus, pzem
from tests.rigs.meter_streams import Streams


class Replies(Streams, unittest.TestCase):
    frame = pzem(2393, 516, 905, 4649, 499, 73)
    values = {
        VOLTAGE_L1: 239_300,
        CURRENT_L1: 516,
        POWER_IMPORT: 91,
        ENERGY_IMPORT: 4649,
        FREQUENCY: 49_900,
        POWER_FACTOR: 730,
    }

    def make(self):
        return Parser(1)

    def test_words_come_low_one_first(self):
        readings, _ = self.fed(pzem(2300, 0x00018A92, 0x00021234, 0x0098967F, 500, 100, alarm=0xFFFF))
        values = readings[0]
        self.assertEqual(values[CURRENT_L1], 0x18A92)
        self.assertEqual(values[POWER_IMPORT], (0x21234 + 5) // 10)
        self.assertEqual(values[ENERGY_IMPORT], 9_999_999)

    def test_another_module_is_not_heard_but_by_the_general_address(self):
        other = pzem(2393, 516, 905, 4649, 499, 73, address=2)
        readings, _parser = self.fed(other + self.frame)
        self.assertEqual(readings, [self.values])
        self.assertEqual(Parser().feed(other), [self.values])

    def test_an_error_is_an_answer_without_values(self):
        body = b"\x01\x84\x02"
        parser = self.make()
        self.assertEqual(parser.feed(body + little(modbus(body))), [])
        self.assertEqual((parser.good, parser.bad, parser.answers), (1, 0, 1))
        self.assertEqual(parser.feed(body + b"\x00\x00" + self.frame), [self.values])
        self.assertEqual((parser.good, parser.bad, parser.answers), (2, 1, 2))

    def test_the_request(self):
        self.assertEqual(Parser(1).request(0), bytes.fromhex("01040000000a700d"))
        self.assertIsNone(Parser(1).request(1))
        self.assertEqual(Parser().request(0)[0], 0xF8)


if __name__ == "__main__":
    unittest.main()

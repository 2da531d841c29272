"""SML: integers of every size and sign, scalers, escapes in the data, and files that are none."""

import unittest

from gridecho.quantities import (
    CURRENT_L1,
    ENERGY_EXPORT,
    ENERGY_IMPORT,
    FREQUENCY,
    POWER_EXPORT,
    POWER_FACTOR,
    POWER_IMPORT,
    VOLTAGE_L1,
)
from gridecho.readings import MAX_VALUE
from gridecho_node.meters.sml import Parser

from tests.rigs.meter_frames import NONE, entry, integer, octets, sequence, sml, sml_file, sml_message
from tests.rigs.meter_sml import FRAME, HZ, IMPORT, POWER, TOTAL, WH, A, V, W
from tests.rigs.meter_streams import Streams


class Files(Streams, unittest.TestCase):
    make = Parser
    frame = FRAME
    values = {ENERGY_IMPORT: 8_246_411, ENERGY_EXPORT: 1, POWER_IMPORT: 0, POWER_EXPORT: 421}

    def parse(self, *entries):
        readings, parser = self.fed(sml(*entries))
        self.assertEqual((parser.good, parser.bad, parser.noise), (1, 0, 0))
        return readings[0] if readings else {}

    def test_integers_of_every_size(self):
        for size in range(1, 9):
            with self.subTest(size=size):
                most = min((1 << 8 * size) - 1, MAX_VALUE)
                self.assertEqual(self.parse(entry(IMPORT, WH, 0, integer(most, size, False))), {ENERGY_IMPORT: most})
                half = min((1 << 8 * size - 1) - 1, MAX_VALUE)
                for watts in (half, -half, -1, 0):
                    want = {POWER_IMPORT: max(watts, 0), POWER_EXPORT: max(-watts, 0)}
                    self.assertEqual(self.parse(entry(TOTAL, W, 0, integer(watts, size, True))), want)

    def test_what_no_datagram_holds_is_left_out(self):
        self.assertEqual(self.parse(entry(IMPORT, WH, 0, integer(MAX_VALUE + 1, 8, False))), {})
        self.assertEqual(self.parse(entry(IMPORT, WH, 127, integer(1, 1, False))), {})
        self.assertEqual(self.parse(entry(IMPORT, WH, -128, integer(1, 1, False))), {})

    def test_scalers_round_to_the_nearest(self):
        for scaler, number, want in (
            (0, 7, 7),
            (2, 7, 700),
            (-1, 14, 1),
            (-1, 15, 2),
            (-4, 1_234_567, 123),
            (-3, 1500, 2),
        ):
            self.assertEqual(self.parse(entry(IMPORT, WH, scaler, integer(number, 4, False))), {ENERGY_IMPORT: want})
        self.assertEqual(self.parse(entry(IMPORT, WH, None, integer(7, 1, False))), {ENERGY_IMPORT: 7})

    def test_everything_a_three_phase_meter_tells(self):
        rows = [entry((1, 0, c, 7, 0), V, -1, integer(2300 + c, 2, False)) for c in (32, 52, 72)]
        rows += [entry((1, 0, c, 7, 0), A, -2, integer(c, 2, True)) for c in (31, 51, 71)]
        rows += [entry((1, 0, 14, 7, 0), HZ, -1, integer(499, 2, False))]
        rows += [entry((1, 0, 13, 7, 0), 255, -2, integer(97, 1, True))]
        rows += [
            entry((1, 0, 36, 7, 0), W, 0, integer(97, 1, True)),
            entry((1, 0, 81, 7, 1), 8, 0, integer(1, 1, False)),
        ]
        want = {FREQUENCY: 49_900, POWER_FACTOR: 970}
        for i in range(3):
            want[VOLTAGE_L1 + i] = 233_200 + 2000 * i
            want[CURRENT_L1 + i] = 310 + 200 * i
        self.assertEqual(self.parse(*rows), want)

    def test_power_with_a_sign_under_either_register(self):
        self.assertEqual(self.parse(entry(POWER, W, 0, integer(-5, 2, True))), {POWER_IMPORT: 0, POWER_EXPORT: 5})
        self.assertEqual(self.parse(entry(POWER, W, 0, integer(5, 2, True))), {POWER_IMPORT: 5})
        both = (entry(POWER, W, 0, integer(5, 2, True)), entry((1, 0, 2, 7, 0), W, 0, integer(0, 2, True)))
        self.assertEqual(self.parse(*both, entry(TOTAL, W, 0, integer(5, 2, True))), {POWER_IMPORT: 5, POWER_EXPORT: 0})

    def test_tariffs_are_summed_where_there_is_no_total(self):
        rows = [entry((1, 0, 1, 8, tariff), WH, -1, integer(4, 4, False)) for tariff in (1, 2, 3)]
        self.assertEqual(self.parse(*rows), {ENERGY_IMPORT: 1})

    def test_another_unit_or_no_integer_is_left_out(self):
        for row in (
            entry(IMPORT, W, 0, integer(1, 1, False)),
            entry(IMPORT, None, 0, integer(1, 1, False)),
            entry(IMPORT, WH, 0, octets(b"\x01")),
            entry(IMPORT, WH, 0, NONE),
            entry(IMPORT, WH, 0, b"\x42\x01"),
            entry(IMPORT, WH, 0, sequence(integer(1, 1, False))),
            entry((2, 0, 1, 8, 0), WH, 0, integer(1, 1, False)),
            entry((1, 1, 1, 8, 0), WH, 0, integer(1, 1, False)),
        ):
            self.assertEqual(self.parse(row), {})

    def test_lists_of_more_than_fifteen_and_long_texts(self):
        rows = [entry((1, 0, 96, 50, i), None, None, octets(bytes(range(256)) * 2)) for i in range(3)]
        rows += [entry((1, 0, 96, 51, i), WH, 0, integer(i, 1, False)) for i in range(20)]
        self.assertEqual(self.parse(*rows, entry(IMPORT, WH, 0, integer(9, 1, False))), {ENERGY_IMPORT: 9})

    def test_escapes_in_the_data(self):
        for count in range(1, 14):
            for last in (b"", b"\x1a", b"\x01\x01\x01\x01", b"\x1a\x00\x00\x00"):
                data = entry((1, 0, 96, 1, 0), None, None, octets(b"\x1b" * count + last))
                readings, _parser = self.fed(sml(data, entry(IMPORT, WH, 0, integer(9, 1, False))), 5)
                self.assertEqual(readings, [{ENERGY_IMPORT: 9}], (count, last))

    def test_data_that_ends_like_an_escape(self):
        listing = sml(entry(IMPORT, WH, 0, integer(9, 1, False)))[8:-8]
        for count in range(1, 8):
            body = sml_message(3, 0xFF02, octets(b"\x1b" * count))
            body = listing.rstrip(b"\x00") + b"\x00" + body[:-4]
            readings, _parser = self.fed(sml_file(body[: len(body) // 4 * 4]) + self.frame)
            self.assertEqual(readings[-1], self.values)

    def test_a_value_that_holds_an_escape(self):
        self.assertEqual(self.parse(entry(IMPORT, WH, 0, integer(0x1B1B1B1B, 4, False))), {ENERGY_IMPORT: 0x1B1B1B1B})

    def test_right_crc_but_no_sml(self):
        whole = self.frame[8:-8]
        for body in (
            whole[:-20],
            b"\x76" * 40,
            b"\xff" * 40,
            b"\x7f" * 40,
            b"\x8f" * 40,
            whole.replace(b"\x77", b"\x76"),
        ):
            readings, parser = self.fed(sml_file(body) + self.frame)
            self.assertEqual((readings, parser.good, parser.bad), ([self.values], 1, 1))

    def test_an_empty_file(self):
        readings, parser = self.fed(sml_file(b"") + self.frame)
        self.assertEqual((readings, parser.good), ([self.values], 2))

    def test_fill_of_more_than_three_is_wrong(self):
        body = self.frame[:-3] + b"\x04"
        from tests.rigs.meter_frames import little, x25

        readings, parser = self.fed(body + little(x25(body)) + self.frame)
        self.assertEqual((readings, parser.bad), ([self.values], 1))


if __name__ == "__main__":
    unittest.main()

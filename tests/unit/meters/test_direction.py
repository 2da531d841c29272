"""SML: which way the power flows, where a status word says so; registers of the past; the CRC of some makers."""

import unittest

from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT
from gridecho_node.meters.sml import Parser

from tests.rigs.meter_frames import big, entry, integer, kermit, little, sml, x25
from tests.rigs.meter_sml import EXPORT, IMPORT, POWER, TOTAL, WH, W

ABSOLUTE = (1, 0, 15, 7, 0)
EDL21, EDL21_FED_IN, ED300L_FED_IN = 0x0182, 0x01A2, 0x01B0
NEWER, NEWER_FED_IN = 0x1C0104, 0x1C6904


def energy(status, register=IMPORT, size=3):
    words = {} if status is None else {"status": integer(status, size, False)}
    return entry(register, WH, -1, integer(1000, 4, False), **words)


def power(number, size=4, register=TOTAL, scaler=0):
    return entry(register, W, scaler, integer(number, size, True))


class Direction(unittest.TestCase):
    def parse(self, *entries, maker=b"ESY", **how):
        parser = Parser()
        readings = parser.feed(sml(*entries, maker=maker, **how))
        self.assertEqual((parser.good, parser.bad), (1, 0))
        return readings[0] if readings else {}

    def powers(self, *entries, maker=b"ESY"):
        values = self.parse(*entries, maker=maker)
        return values.get(POWER_IMPORT), values.get(POWER_EXPORT)

    def test_absolute_power_alone(self):
        absolute = power(137, register=ABSOLUTE)
        for maker in (b"EMH", b"ESY"):
            for status, want in (
                (EDL21, (137, 0)),
                (EDL21_FED_IN, (0, 137)),
                (ED300L_FED_IN, (0, 137)),
                (NEWER, (137, 0)),
                (NEWER_FED_IN, (0, 137)),
                (None, (137, 0)),
            ):
                self.assertEqual(self.powers(energy(status), absolute, maker=maker), want, status)
                self.assertEqual(self.powers(absolute, energy(status), maker=maker), want, status)
            for status, want in ((EDL21, (137, 0)), (EDL21_FED_IN, (0, 137)), (None, (None, None))):
                both = (energy(status), energy(None, EXPORT), absolute)
                self.assertEqual(self.powers(*both, maker=maker), want, "nobody guesses which way it flows")
        self.assertEqual(self.powers(energy(EDL21, EXPORT), absolute), (0, 137), "a generator's meter")
        self.assertEqual(self.powers(absolute), (None, None))

    def test_absolute_power_beside_one_with_a_sign(self):
        self.assertEqual(self.powers(energy(EDL21), power(137, register=ABSOLUTE), power(-137)), (0, 137))
        self.assertEqual(
            self.powers(energy(EDL21), power(9, register=ABSOLUTE), power(137, register=(1, 0, 2, 7, 0))), (None, 137)
        )

    def test_makers_whose_power_has_no_sign(self):
        for maker, drawn, fed_in in ((b"EMH", EDL21, EDL21_FED_IN), (b"HLY", NEWER, 0x1D4904)):
            for register in (TOTAL, POWER):
                one = power(2000, register=register)
                self.assertEqual(self.powers(energy(fed_in), one, maker=maker), (0, 2000))
                self.assertEqual(self.powers(energy(drawn), one, maker=maker)[0], 2000)
            # One that has a sign is right as it is, and so are two registers.
            self.assertEqual(self.powers(energy(fed_in), power(-2000), maker=maker), (0, 2000))
            self.assertEqual(self.powers(energy(drawn), power(-2000), maker=maker), (0, 2000))
            two = (power(5, register=POWER), power(0, register=(1, 0, 2, 7, 0)))
            self.assertEqual(self.powers(energy(fed_in), *two, maker=maker), (5, 0))
        self.assertEqual(self.powers(energy(EDL21_FED_IN), power(2000), maker=b"ISK"), (2000, 0))

    def test_short_numbers_of_a_maker_that_forgets_their_sign(self):
        for number, size, drawn in ((-29912, 2, 356), (-1, 1, 3), (-32768, 2, 328), (-100, 3, 167771)):
            one = power(number, size, scaler=-2)
            fed_in = (0, (50 - number) // 100)
            self.assertEqual(self.powers(energy(NEWER), one, maker=b"DZG"), (drawn, 0))
            self.assertEqual(self.powers(one, energy(NEWER), maker=b"DZG"), (drawn, 0))
            for status, maker in ((NEWER_FED_IN, b"DZG"), (None, b"DZG"), (NEWER, b"ISK")):
                self.assertEqual(self.powers(energy(status), one, maker=maker), fed_in)
        self.assertEqual(self.powers(energy(NEWER), power(-126_061, 4, scaler=-2), maker=b"DZG"), (0, 1261))
        self.assertEqual(self.powers(energy(NEWER), power(29_912, 2, scaler=-2), maker=b"DZG"), (299, 0))

    def test_registers_of_the_past(self):
        past = [
            entry((1, 0, 1, 8, e, f), WH, 0, integer(5, 4, False)) for f in (0, 1, 96, 97, 100, 254) for e in (0, 1)
        ]
        past += [entry((1, 0, 16, 7, 0, 96), W, 0, integer(5, 4, True))]
        now = entry((1, 0, 1, 8, 0, 255), WH, -1, integer(107_938_987, 4, False))
        self.assertEqual(self.parse(now, *past), {ENERGY_IMPORT: 10_793_899})
        self.assertEqual(self.parse(*past, now), {ENERGY_IMPORT: 10_793_899})
        self.assertEqual(self.parse(*past), {})

    def test_the_other_crc_in_both_orders(self):
        rows = (energy(NEWER), energy(None, EXPORT), power(188))
        want = {ENERGY_IMPORT: 100, ENERGY_EXPORT: 100, POWER_IMPORT: 188, POWER_EXPORT: 0}
        for order in (big, little):
            self.assertEqual(self.parse(*rows, crc=kermit, order=order), want)
        # Its messages' own must be right too: of two sums one is right by chance twice as often.
        whole = sml(*rows)
        body = whole[:-2]
        for order in (big, little):
            spoiled = bytearray(body)
            spoiled[60] ^= 1
            spoiled = bytes(spoiled)
            parser = Parser()
            self.assertEqual(parser.feed(spoiled + order(kermit(spoiled))), [])
            self.assertEqual((parser.good, parser.refused), (0, {"form": 1}))
        parser = Parser()
        self.assertEqual(parser.feed(body + big(x25(body))), [])
        self.assertEqual(parser.refused, {"checksum": 1})


if __name__ == "__main__":
    unittest.main()

"""Whose a HAN list is decides what its places mean; and what cannot be is no reading, in whatever scale it came."""

import unittest

from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_node.meters.han import Parser

from tests.rigs.meter_frames import hdlc, kaifa, kamstrup, notification, obis, short, text, unsigned
from tests.rigs.meter_han import KAIFA, KAIFA_CURRENT, KAIFA_HEAD, KAIFA_HOUR, KAIFA_POWER, KAIFA_VOLTAGE

AM550 = (
    tuple(text(9, name) for name in (b"ISK1030000000001", b"68620005"))
    + tuple(unsigned(number) for number in (1393, 0, 0, 738))
    + tuple(short(number) for number in (2379, 2379, 2296, 103, 125, 597))
    + tuple(unsigned(number) for number in (16, 51, 1325, 0, 0, 0))
)


def rows(power, fed_in, currents, voltages, reactive=0):
    """A Kamstrup list's rows."""
    listed = [(1, 7, unsigned(power)), (2, 7, unsigned(fed_in)), (3, 7, unsigned(reactive))]
    listed += [(31 + 20 * i, 7, unsigned(current)) for i, current in enumerate(currents)]
    return listed + [(32 + 20 * i, 7, short(voltage)) for i, voltage in enumerate(voltages)]


class Case(unittest.TestCase):
    def one(self, frame, parser=None):
        """Its values, or why it was refused."""
        parser = parser or Parser()
        before = dict(parser.refused)
        readings = parser.feed(frame)
        if readings:
            return readings[-1]
        return next(why for why in parser.refused if parser.refused[why] != before.get(why))


class Makers(Case):
    def test_iskraemecos_own_order(self):
        want = {POWER_IMPORT: 1393, POWER_EXPORT: 0}
        for i, (mv, ma) in enumerate(((237_900, 1030), (237_900, 1250), (229_600, 5970))):
            want[VOLTAGE_L1 + i], want[CURRENT_L1 + i] = mv, ma
        self.assertEqual(self.one(kaifa(*AM550)), want)

    def test_an_unknown_maker_is_refused_whatever_its_number_of_elements(self):
        whole = KAIFA_HEAD + KAIFA_POWER + KAIFA_CURRENT + KAIFA_VOLTAGE + KAIFA_HOUR
        for items in (whole, whole[:13], whole[:8] + whole[10:11], whole[:8] + whole[10:11] + whole[13:], AM550):
            for name in (b"LGZ1030000000001", b"", b"XKFM_001", b"Aidon_V0001"):
                self.assertEqual(self.one(kaifa(text(9, name), *items[1:])), "maker")
            self.assertEqual(self.one(kaifa(*(unsigned(230),) * len(items))), "maker")

    def test_a_known_maker_in_a_form_that_nobody_knows(self):
        self.assertEqual(self.one(kaifa(*AM550[:-1])), "maker")
        self.assertEqual(self.one(kaifa(text(9, b"Kamstrup_V0001"), *AM550[1:])), "maker")
        self.assertEqual(self.one(kaifa(*AM550[:2], text(9, b"x"), *AM550[3:])), "form")

    def test_the_power_alone_is_kaifas_unless_another_maker_speaks_here(self):
        alone = kaifa(unsigned(280))
        parser = Parser()
        self.assertEqual(self.one(alone, parser), {POWER_IMPORT: 280})
        self.one(KAIFA, parser)
        self.assertEqual(self.one(alone, parser), {POWER_IMPORT: 280})
        self.one(kaifa(*AM550), parser)
        self.assertEqual(self.one(alone, parser), "maker")

    def test_registers_of_the_past(self):
        def register(f, value):
            return text(9, bytes((1, 1, 1, 8, 0, f))) + value

        items = (text(10, b"Kamstrup_V0001"), register(96, unsigned(5)), register(255, unsigned(77)))
        items += (register(0, unsigned(6)), register(101, unsigned(7)))
        self.assertEqual(self.one(hdlc(notification(b"\x02\x09" + b"".join(items)))), {ENERGY_IMPORT: 770})
        told = [b"\x02\x03" + register(f, unsigned(f)) + b"\x02\x02\x0f\x01\x16\x1e" for f in (255, 96)]
        self.assertEqual(self.one(hdlc(notification(b"\x01\x02" + b"".join(told)))), {ENERGY_IMPORT: 2550})


class Plausible(Case):
    def powers(self, power, fed_in, currents, voltages):
        items = KAIFA_HEAD + tuple(unsigned(number) for number in (power, fed_in, 0, 0))
        return self.one(kaifa(*items, *(unsigned(one) for one in currents + voltages)))

    def test_what_can_be(self):
        for power, fed_in, currents, voltages in (
            (2300, 0, (10_000, 0, 0), (2300, 2300, 2300)),
            (0, 6900, (10_000, 10_000, 10_000), (2300, 2300, 2300)),  # feeds in
            (100, 0, (10_000, 0, 0), (2300, 2300, 2300)),  # a power factor of 0.04
            (0, 0, (20_000, 20_000, 5000), (2300, 2300, 2300)),  # one phase feeds in what the others draw
            (3980, 0, (10_000, 10_000, 10_000), (2300, 0, 2310)),  # an IT net, and one without L2's voltage
            (2300, 0, (10_000, 0, 10_000), (2300, 2300, 2300)),  # an IT net that tells two currents
            (60, 0, (0, 0, 0), (2300, 2300, 2300)),  # too little to be told as current
            (2356, 0, (0, 0, 0), (2346, 0, 0)),  # a meter that has no current
            (2300, 0, (10_000, 0, 0), (2300, 150, 0)),  # phases that are dead, or nearly
            (40_000, 0, (60_000, 60_000, 60_000), (2300, 2300, 2300)),
            (9000, 0, (80_000, 0, 0), (1150, 0, 0)),
            (9000, 0, (14_000, 14_000, 14_000), (4000, 4000, 4000)),
        ):
            got = self.powers(power, fed_in, currents, voltages)
            self.assertTrue(isinstance(got, dict), (power, fed_in, currents, voltages))
            self.assertEqual((got[POWER_IMPORT], got[POWER_EXPORT]), (power, fed_in))
            self.assertEqual(got[VOLTAGE_L1 + 1], voltages[1] * 100)

    def test_what_cannot(self):
        for power, fed_in, currents, voltages in (
            (12_789_950, 0, (10_000, 0, 0), (2300, 2300, 2300)),
            (0, 500_000, (10_000, 0, 0), (2300, 2300, 2300)),
            (23_000, 0, (1000, 1000, 1000), (2300, 2300, 2300)),  # currents ten times too small
            (2300, 0, (10_000, 0, 0), (23_000, 23_000, 23_000)),
            (2300, 0, (10_000, 0, 0), (2300, 2300, 23_000)),
            (2300, 0, (10_000, 0, 0), (230, 230, 230)),
            (2300, 0, (10_000, 0, 0), (51, 0, 0)),
        ):
            self.assertEqual(self.powers(power, fed_in, currents, voltages), "implausible")

    def test_what_tells_its_units_is_not_doubted(self):
        items = b"".join(
            b"\x02\x03" + obis(0, c, 7) + value + b"\x02\x02\x0f" + bytes((scaler & 255, 0x16, unit))
            for c, value, scaler, unit in ((1, unsigned(9_000_000), 0, 27), (32, short(11_500), 0, 35))
        )
        got = self.one(hdlc(notification(b"\x01\x02" + items)))
        self.assertEqual(got, {POWER_IMPORT: 9_000_000, VOLTAGE_L1: 11_500_000})


class Kamstrup(Case):
    def test_voltages_of_three_scales(self):
        for voltages, mv in (((222, 0, 30), 222_000), ((2220, 0, 300), 222_000), ((22_199, 0, 3000), 221_990)):
            got = self.one(kamstrup(rows(593, 0, (252, 0, 0), voltages)))
            self.assertEqual((got[POWER_IMPORT], got[VOLTAGE_L1], got[CURRENT_L1]), (593, mv, 2520))
            self.assertEqual(got[VOLTAGE_L1 + 2], 30_000)
        for voltages in ((50, 0, 0), (600, 0, 0), (65_000, 0, 0)):
            self.assertEqual(self.one(kamstrup(rows(593, 0, (252, 0, 0), voltages))), "implausible")

    def test_currents_in_another_scale(self):
        behind = rows(0, 2585, (90_999, 93_955, 92_645), (233, 233, 233), reactive=63_364)
        for meter_type in (b"", b"6841121BN243101040"):
            parser = Parser()
            got = self.one(kamstrup(behind, meter_type), parser)
            self.assertEqual([got[CURRENT_L1 + i] for i in range(3)], [90_999, 93_955, 92_645])
            self.assertEqual(got[POWER_EXPORT], 2585)
            # From then on it is known, also for currents that either scale would make sense of.
            got = self.one(kamstrup(rows(690, 0, (1000, 1000, 1000), (233, 233, 233)), meter_type), parser)
            self.assertEqual(got[CURRENT_L1], 1000)

    def test_currents_of_which_nobody_knows_the_scale_are_left_out(self):
        unclear = kamstrup(rows(690, 0, (1000, 1000, 1000), (233, 233, 233)))
        parser = Parser()
        self.assertEqual([code for code in self.one(unclear, parser) if CURRENT_L1 <= code < CURRENT_L1 + 3], [])
        self.one(kamstrup(rows(6900, 0, (1000, 1000, 1000), (233, 233, 233))), parser)  # a tenth would be too little
        self.assertEqual(self.one(unclear, parser)[CURRENT_L1], 10_000)

    def test_small_currents_are_in_the_usual_scale(self):
        for power, current in ((0, 0), (0, 30), (10, 30), (60, 30)):
            got = self.one(kamstrup(rows(power, 0, (current, 0, 0), (230, 230, 230))))
            self.assertEqual(got[CURRENT_L1], current * 10)

    def test_what_the_settings_say_is_not_doubted(self):
        behind = kamstrup(rows(900, 0, (90_000, 0, 0), (11_000, 0, 0)))
        got = Parser(("voltage", "current")).feed(behind)
        self.assertEqual(
            got,
            [
                {
                    POWER_IMPORT: 900,
                    POWER_EXPORT: 0,
                    CURRENT_L1: 900_000,
                    CURRENT_L1 + 1: 0,
                    CURRENT_L1 + 2: 0,
                    VOLTAGE_L1: 11_000_000,
                    VOLTAGE_L1 + 1: 0,
                    VOLTAGE_L1 + 2: 0,
                }
            ],
        )


if __name__ == "__main__":
    unittest.main()

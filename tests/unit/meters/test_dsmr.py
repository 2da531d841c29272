"""P1 telegrams: every version and country, what has a CRC and what has none."""

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
from gridecho_node.meters.dsmr import Parser

from tests.rigs.meter_dsmr import LINES, VALUES
from tests.rigs.meter_frames import telegram
from tests.rigs.meter_streams import Streams

OLD = (
    "0-0:96.1.1(4B384547303034303436333935353037)",
    "1-0:1.8.1(00001.001*kWh)",
    "1-0:1.8.2(00002.002*kWh)",
    "1-0:2.8.1(00000.500*kWh)",
    "1-0:2.8.2(00000.250*kWh)",
    "0-0:96.14.0(0001)",
    "1-0:1.7.0(0001.01*kW)",
    "1-0:2.7.0(0000.00*kW)",
    "0-0:17.0.0(0999.00*kW)",
    "0-0:96.3.10(1)",
    "0-0:96.13.1()",
    "0-0:96.13.0()",
    "0-1:24.1.0(3)",
    "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)",
    "(00001.001)",
)
# As a meter in Slovenia: no CRC, totals and tariffs.
TOTALS = (
    "0-0:96.1.0(00000001)",
    "0-0:97.97.0(00000000)",
    "1-0:0.9.1(222553)",
    "1-0:0.9.2(251002)",
    "1-0:1.8.0(000317.695*kWh)",
    "1-0:1.8.1(000162.246*kWh)",
    "1-0:1.8.2(000155.449*kWh)",
    "1-0:2.8.0(000000.000*kWh)",
    "1-0:1.7.0(02.356*kW)",
    "1-0:2.7.0(00.000*kW)",
    "1-0:32.7.0(00234.6*V)",
    "1-0:31.7.0(000*A)",
)
TOTALS_VALUES = {
    ENERGY_IMPORT: 317_695,
    ENERGY_EXPORT: 0,
    POWER_IMPORT: 2356,
    POWER_EXPORT: 0,
    VOLTAGE_L1: 234_600,
    CURRENT_L1: 0,
}
OLD_VALUES = {ENERGY_IMPORT: 3003, ENERGY_EXPORT: 750, POWER_IMPORT: 1010, POWER_EXPORT: 0}


class Version5(Streams, unittest.TestCase):
    make = Parser
    frame = telegram(LINES)
    values = VALUES
    junk = b"no telegram, \x00\xff! and not this\r\n"

    def parse(self, *lines):
        """The one reading of a telegram of these lines."""
        readings, parser = self.fed(telegram(lines))
        self.assertEqual((parser.good, parser.bad), (1, 0))
        return readings[0] if readings else {}

    def test_a_total_goes_before_tariffs(self):
        got = self.parse("1-0:1.8.1(000001.000*kWh)", "1-0:1.8.0(000009.000*kWh)", "1-0:1.8.2(000001.000*kWh)")
        self.assertEqual(got, {ENERGY_IMPORT: 9000})

    def test_four_tariffs(self):
        lines = ["1-0:1.8.%d(00000%d.000*kWh)" % (tariff, tariff) for tariff in range(1, 5)]
        self.assertEqual(self.parse(*lines), {ENERGY_IMPORT: 10_000})

    def test_swedish_telegram(self):
        got = self.parse(
            "0-0:1.0.0(210217184019W)",
            "1-0:1.8.0(00006678.394*kWh)",
            "1-0:2.8.0(00000000.000*kWh)",
            "1-0:3.8.0(00000021.988*kvarh)",
            "1-0:1.7.0(0001.727*kW)",
            "1-0:2.7.0(0000.000*kW)",
            "1-0:21.7.0(0001.023*kW)",
            "1-0:32.7.0(240.3*V)",
            "1-0:52.7.0(240.1*V)",
            "1-0:72.7.0(241.3*V)",
            "1-0:31.7.0(004.2*A)",
            "1-0:51.7.0(001.6*A)",
            "1-0:71.7.0(001.7*A)",
        )
        want = {ENERGY_IMPORT: 6_678_394, ENERGY_EXPORT: 0, POWER_IMPORT: 1727, POWER_EXPORT: 0}
        for i, (mv, ma) in enumerate(((240_300, 4200), (240_100, 1600), (241_300, 1700))):
            want[VOLTAGE_L1 + i] = mv
            want[CURRENT_L1 + i] = ma
        self.assertEqual(got, want)

    def test_other_units_and_registers(self):
        got = self.parse("1-0:14.7.0(49.98*Hz)", "1-0:13.7.0(0.997)", "1-0:1.7.0(0000345*W)", "1-0:1.8.0*255(12*Wh)")
        self.assertEqual(got, {FREQUENCY: 49_980, POWER_FACTOR: 997, POWER_IMPORT: 345, ENERGY_IMPORT: 12})

    def test_rounding_is_to_the_nearest(self):
        self.assertEqual(self.parse("1-0:1.7.0(0.0015*kW)"), {POWER_IMPORT: 2})
        self.assertEqual(self.parse("1-0:1.7.0(0.0014999*kW)"), {POWER_IMPORT: 1})
        self.assertEqual(
            self.parse("1-0:1.8.1(0.0004*kWh)", "1-0:1.8.2(0.0004*kWh)"), {ENERGY_IMPORT: 1}
        )  # summed, then rounded

    def test_what_is_no_value_is_left_out(self):
        for line in (
            "1-0:1.7.0()",
            "1-0:1.7.0(*kW)",
            "1-0:1.7.0(x*kW)",
            "1-0:1.7.0(1.2.3*kW)",
            "1-0:1.7.0(1 2*kW)",
            "1-0:1.7.0(0x10*kW)",
            "1-0:1.7.0(--1*kW)",
            "1-0:1.7.0(1*kvar)",
            "1-0:1.7.0(1*V)",
            "1-0:1.7.0(1*kW",
            "1-0:1.7.0(1*kW)(2*kW)",
            "1-0:1.7.0(9999999999999999*kW)",
            "1-0:1.7(1*kW)",
            "1-0:1.7.x(1*kW)",
            "1-0:1.7.0.255.1(1*kW)",
            "2-0:1.7.0(1*kW)",
            "0-1:24.2.1(101209112500W)(12785.123*m3)",
            "1-0:1.4.0(02.351*kW)",
        ):
            with self.subTest(line=line):
                self.assertEqual(self.parse(line), {})

    def test_a_wrong_crc_is_refused_whatever_it_looks_like(self):
        for crc in (b"0000", b"zzzz", b"+123", b"0x12", b"12", b""):
            body = self.frame[: self.frame.index(b"!") + 1] + crc + b"\r\n"
            readings, parser = self.fed(body + self.frame)
            self.assertEqual(readings, [VALUES], crc)
            self.assertEqual((parser.good, parser.bad), (1, 1), crc)

    def test_a_crc_without_leading_zeros(self):
        seen = set()
        for number in range(1000):
            whole = telegram(("0-0:96.13.0(%04X)" % (number * 7919 % 65536), "1-0:1.8.0(000009.000*kWh)"))
            at = whole.index(b"!") + 1
            crc = whole[at:-2]
            short = crc.lstrip(b"0")
            if short == crc:
                for wrong in (crc[1:], crc[:3], crc[:1]):
                    self.assertEqual(self.fed(whole[:at] + wrong + b"\r\n")[0], [])
            elif len(short) not in seen:
                seen.add(len(short))
                for step in (1, 1000):
                    readings, parser = self.fed((whole[:at] + short + b"\r\n") * 2, step)
                    self.assertEqual((readings, parser.noise), ([{ENERGY_IMPORT: 9000}] * 2, 0), crc)
            if len(seen) == 2:
                break
        self.assertEqual(seen, {2, 3})

    def test_registers_of_the_past(self):
        lines = ["1-0:1.8.0(000009.000*kWh)", "1-0:1.8.0*01(000001.000*kWh)", "1-0:1.8.0*96(000002.000*kWh)"]
        lines += ["1-0:1.8.1*1(000003.000*kWh)", "1-0:1.7.0*00(01.000*kW)", "1-0:2.8.0*255(000004.000*kWh)"]
        self.assertEqual(self.parse(*lines), {ENERGY_IMPORT: 9000, ENERGY_EXPORT: 4000})
        self.assertEqual(self.parse(*reversed(lines)), {ENERGY_IMPORT: 9000, ENERGY_EXPORT: 4000})

    def test_absolute_power(self):
        self.assertEqual(self.parse("1-0:1.8.0(000009.000*kWh)", "1-0:15.7.0(01.000*kW)")[POWER_IMPORT], 1000)
        both = ("1-0:1.8.0(000009.000*kWh)", "1-0:2.8.0(000009.000*kWh)", "1-0:15.7.0(01.000*kW)")
        self.assertEqual(self.parse(*both), {ENERGY_IMPORT: 9000, ENERGY_EXPORT: 9000})

    def test_a_crc_in_small_letters(self):
        at = self.frame.index(b"!")
        self.assertEqual(self.fed(self.frame[:at] + self.frame[at:].lower())[0], [VALUES])

    def test_a_long_belgian_telegram(self):
        peaks = "0-0:98.1.0(13)(1-0:1.6.0)(1-0:1.6.0)" + "(200501000000S)(200423192538S)(03.695*kW)" * 13
        message = "0-0:96.13.0(" + "4142" * 500 + ")"
        readings, _parser = self.fed(telegram(LINES + (peaks, message)), 64)
        self.assertEqual(readings, [VALUES])

    def test_more_than_any_telegram_is_refused_and_the_next_read(self):
        readings, parser = self.fed(telegram(LINES + ("0-0:96.13.0(" + "41" * 2500 + ")",)) + self.frame, 64)
        self.assertEqual(readings, [VALUES])
        self.assertTrue(parser.bad >= 1)


class WithoutCrc(unittest.TestCase):
    def parse(self, lines, head="/ISk5\\2MT382-1000", before=b""):
        parser = Parser()
        parser.feed(before)
        readings = parser.feed(telegram(lines, head, crc=False))
        return readings, parser

    def test_version_2_2(self):
        readings, parser = self.parse(OLD)
        self.assertEqual(readings, [OLD_VALUES])
        self.assertEqual((parser.good, parser.bad, parser.noise), (1, 0, 0))

    def test_version_3(self):
        lines = [line.replace("(0001.01*kW)", "(001.19*kW)").replace("(0000.00*kW)", "(000.00*kW)") for line in OLD]
        want = dict(OLD_VALUES)
        want[POWER_IMPORT] = 1190
        self.assertEqual(self.parse(lines)[0], [want])
        lines[7] = "1-0:2.7.0(0000.00*kW)"  # a digit more than its sibling: one of the two lost or won one
        self.assertEqual(self.parse(lines)[0], [])

    def test_byte_by_byte_and_glued(self):
        data = telegram(OLD, crc=False) * 2
        parser = Parser()
        readings = []
        for byte in data:
            readings += parser.feed(bytes((byte,)))
        self.assertEqual(readings, [OLD_VALUES] * 2)

    def test_what_should_have_a_crc_is_refused(self):
        for line in ("1-3:0.2.8(42)", "0-0:1.0.0(161113205757W)", "0-0:96.1.4(50217)"):
            readings, parser = self.parse((line,) + OLD)
            self.assertEqual((readings, parser.bad), ([], 1), line)

    def test_after_one_with_a_crc_all_must_have_one(self):
        readings, parser = self.parse(OLD, before=telegram(LINES))
        self.assertEqual((readings, parser.good, parser.bad), ([], 1, 1))

    def test_what_is_not_well_formed_is_refused(self):
        for i in range(1, len(OLD)):
            for spoiled in (OLD[i][1:], OLD[i][:-1], OLD[i][:5] + "\x07" + OLD[i][5:], OLD[i] + "x", OLD[i] + "("):
                readings, _ = self.parse(OLD[:i] + (spoiled,) + OLD[i + 1 :])
                self.assertEqual(readings, [], spoiled)

    def test_a_line_lost_or_twice(self):
        for i in (0, 1, 2, 3, 4):
            readings, _ = self.parse(OLD[:i] + OLD[i + 1 :])
            self.assertEqual(readings, [], i)
            readings, _ = self.parse(OLD[: i + 1] + OLD[i:])
            self.assertEqual(readings, [], i)

    def test_digits_lost(self):
        whole = telegram(OLD, crc=False)
        for at in range(len(whole)):
            for size in (1, 2, 5, 30):
                for values in Parser().feed(whole[:at] + whole[at + size :]):
                    for code in values:
                        self.assertEqual(values[code], OLD_VALUES[code], (at, size))


class WithTotalRegisters(unittest.TestCase):
    """Without a CRC, and of no old version: two telegrams of one form confirm each other."""

    whole = telegram(TOTALS, "/ISK9\\2M551T-200", crc=False)

    def test_read_from_the_second_on(self):
        for step in (1, 100, 10_000):
            parser = Parser()
            data = self.whole * 4
            readings = [one for at in range(0, len(data), step) for one in parser.feed(data[at : at + step])]
            self.assertEqual(readings, [TOTALS_VALUES] * 3)
            self.assertEqual((parser.good, parser.bad, parser.noise), (4, 0, 0))

    def test_digits_may_change(self):
        parser = Parser()
        parser.feed(self.whole)
        later = self.whole.replace(b"317.695", b"318.001").replace(b"222553", b"222554").replace(b"02.356", b"99.999")
        want = dict(TOTALS_VALUES)
        want[ENERGY_IMPORT], want[POWER_IMPORT] = 318_001, 99_999
        self.assertEqual(parser.feed(later), [want])

    def test_bytes_lost_are_seen(self):
        whole = self.whole
        for at in range(0, len(whole), 3):
            for size in (1, 2, 5, 23, 30):
                parser = Parser()
                parser.feed(whole * 2)
                for values in parser.feed(whole[:at] + whole[at + size :] + whole * 2):
                    self.assertEqual(values, TOTALS_VALUES, (at, size))

    def test_a_name_is_no_value(self):
        parser = Parser()
        parser.feed(self.whole * 2)
        self.assertEqual(parser.feed(self.whole.replace(b"1-0:32.7.0", b"1-0:52.7.0")), [])
        self.assertEqual(parser.feed(self.whole), [])
        self.assertEqual(parser.feed(self.whole), [TOTALS_VALUES])

    def test_after_one_with_a_crc_never(self):
        parser = Parser()
        parser.feed(telegram(LINES))
        self.assertEqual(parser.feed(self.whole * 3), [])
        self.assertEqual(parser.refused, {"checksum": 3})

    def test_what_is_not_well_formed_is_never_confirmed(self):
        for spoiled in ((b"(02.356*kW)", b"(02.356*kW"), (b"0-0:97.97.0", b"0-0:96.1.0"), (b"222553", b"22\x0755")):
            parser = Parser()
            self.assertEqual(parser.feed(self.whole.replace(*spoiled) * 3), [])
            self.assertEqual(parser.refused, {"form": 3})


if __name__ == "__main__":
    unittest.main()

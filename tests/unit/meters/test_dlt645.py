"""DL/T 645-2007: each identifier's form, signs, what is not fitted, and what to ask next."""

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
from gridecho_node.meters.dlt645 import Parser

from tests.rigs.meter_frames import bcd, dlt645, identified
from tests.rigs.meter_streams import Streams

METER = "000000000161"


class Replies(Streams, unittest.TestCase):
    frame = dlt645(identified("00010000", "12345678"))
    values = {ENERGY_IMPORT: 123_456_780}

    def make(self):
        return Parser(METER)

    def tail(self):
        return self.frame * 12

    def test_cut_anywhere_the_next_one_is_read(self):
        for cut in range(1, len(self.frame) - 1):
            readings, _parser = self.fed(self.frame[:cut] + self.frame * 14)
            self.assertTrue(len(readings) >= 13, (cut, len(readings)))
            self.assertTrue(all(values == self.values for values in readings))
            readings, _parser = self.fed(self.frame[cut:] + self.frame * 2)
            self.assertEqual(readings[-2:], [self.values] * 2, cut)

    def value(self, identifier, *digits):
        readings, parser = self.fed(dlt645(identified(identifier, *digits)))
        self.assertEqual((parser.good, parser.bad), (1, 0))
        return readings[0] if readings else {}

    def test_each_identifier(self):
        for identifier, digits, want in (
            ("00010000", ("00000026",), {ENERGY_IMPORT: 260}),
            ("00020000", ("00000001",), {ENERGY_EXPORT: 10}),
            ("02030000", ("012345",), {POWER_IMPORT: 1235, POWER_EXPORT: 0}),
            ("02030000", ("812344",), {POWER_IMPORT: 0, POWER_EXPORT: 1234}),
            ("02060000", ("0987",), {POWER_FACTOR: 987}),
            ("02060000", ("8987",), {POWER_FACTOR: -987}),
            ("02800002", ("5001",), {FREQUENCY: 50_010}),
            ("02010100", ("2301",), {VOLTAGE_L1: 230_100}),
            ("02010200", ("2302",), {VOLTAGE_L1 + 1: 230_200}),
            ("02010300", ("2303",), {VOLTAGE_L1 + 2: 230_300}),
            ("02020100", ("001234",), {CURRENT_L1: 1234}),
            ("02020200", ("801234",), {CURRENT_L1 + 1: -1234}),
            ("02020300", ("799999",), {CURRENT_L1 + 2: 799_999}),
            (
                "0201FF00",
                ("2301", "2302", "2303"),
                {VOLTAGE_L1: 230_100, VOLTAGE_L1 + 1: 230_200, VOLTAGE_L1 + 2: 230_300},
            ),
            ("0201FF00", ("2301", "FFFF", "FFFF"), {VOLTAGE_L1: 230_100}),
            ("0201FF00", ("2301",), {VOLTAGE_L1: 230_100}),
            ("0202FF00", ("000001", "800002", "FFFFFF"), {CURRENT_L1: 1, CURRENT_L1 + 1: -2}),
            ("02010100", ("FFFF",), {}),
        ):
            with self.subTest(identifier=identifier, digits=digits):
                self.assertEqual(self.value(identifier, *digits), want)

    def test_what_is_no_number_or_not_asked_for_is_refused(self):
        for data in (
            identified("00010000", "0000002A"),
            identified("02010100", "A301"),
            identified("02020100", "F0000A"),
            identified("00010000", "000026"),
            identified("00010000"),
            identified("02040000", "000001"),
            b"\x01\x02\x03",
            b"",
        ):
            readings, parser = self.fed(dlt645(data) + self.frame)
            self.assertEqual((readings, parser.bad), ([self.values], 1), data)

    def test_another_meter_is_refused(self):
        readings, parser = self.fed(dlt645(identified("00010000", "00000026"), address="000000000162") + self.frame)
        self.assertEqual((readings, parser.good, parser.bad), ([self.values], 1, 1))

    def test_our_own_request_heard_again_is_nothing(self):
        readings, parser = self.fed(self.make().request(0) + self.frame)
        self.assertEqual((readings, parser.bad, parser.noise, parser.answers), ([self.values], 0, 0, 1))

    def test_every_byte_of_the_preamble_may_be_missing(self):
        for preamble in range(6):
            readings, parser = self.fed(dlt645(identified("00010000", "00000026"), preamble=preamble))
            self.assertEqual((readings, parser.noise), ([{ENERGY_IMPORT: 260}], 0))

    def test_marks_within_the_data(self):
        address = "681668166816"
        parser = Parser(address)
        data = dlt645(identified("02010100", "3531"), address=address)
        self.assertEqual(parser.feed(data + data), [{VOLTAGE_L1: 353_100}] * 2)


class Requests(unittest.TestCase):
    def asked(self, parser):
        frames = []
        while True:
            frame = parser.request(len(frames))
            if frame is None:
                return frames
            frames.append(frame)

    def test_a_round_of_one_phase(self):
        want = ["00010000", "00020000", "02030000", "02060000", "02800002", "02010100", "02020100"]
        frames = self.asked(Parser(METER))
        self.assertEqual(frames, [dlt645(bcd(identifier), METER, 0x11) for identifier in want])
        self.assertEqual(frames[0], bytes.fromhex("fefefefe68610100000000681104333334331416"))

    def test_a_round_of_three_phases(self):
        frames = self.asked(Parser(METER, 3))
        self.assertEqual(frames[5:], [dlt645(bcd(one), METER, 0x11) for one in ("0201FF00", "0202FF00")])

    def test_the_address_is_asked_for_first_and_then_used(self):
        parser = Parser()
        self.assertEqual(parser.request(0), dlt645(b"", "AAAAAAAAAAAA", 0x13))
        self.assertEqual(parser.request(1), dlt645(bcd("00010000"), "AAAAAAAAAAAA", 0x11))
        self.assertEqual(len(self.asked(parser)), 8)
        parser.request(0)
        self.assertEqual(parser.feed(dlt645(bcd(METER), METER, 0x93)), [])
        self.assertEqual((parser.address, parser.answers, parser.good), (METER, 1, 1))
        self.assertEqual(parser.request(1), dlt645(bcd("00010000"), METER, 0x11))  # the same round, now by its address
        self.assertEqual(parser.request(0), dlt645(bcd("00010000"), METER, 0x11))
        self.assertEqual(len(self.asked(parser)), 7)

    def test_a_meter_that_does_not_know_the_broadcast_is_read_all_the_same(self):
        parser = Parser()
        self.assertEqual(parser.feed(dlt645(identified("00010000", "00000026"))), [{ENERGY_IMPORT: 260}])

    def test_what_a_meter_has_not_is_asked_twice(self):
        parser = Parser(METER)
        for rounds in (1, 2):
            self.assertEqual(len(self.asked(parser)), 7)
            parser.request(0)
            parser.request(1)
            self.assertEqual(parser.feed(dlt645(b"\x02", METER, 0xD1)), [])
            self.assertEqual((parser.answers, parser.bad), (rounds, 0))
        self.assertEqual(len(self.asked(parser)), 6)
        parser.request(1)
        for _ in range(3):
            parser.feed(dlt645(b"\x04", METER, 0xD1))  # another error may pass
        self.assertEqual(len(self.asked(parser)), 6)
        self.assertEqual(parser.answers, 5)

    def test_one_refusal_too_late_for_its_request_is_forgotten(self):
        parser = Parser(METER)
        for _ in range(3):
            parser.request(0)
            parser.feed(dlt645(b"\x02", METER, 0xD1))
            parser.feed(dlt645(identified("00010000", "00000026")))
        self.assertEqual(len(self.asked(parser)), 7)


if __name__ == "__main__":
    unittest.main()

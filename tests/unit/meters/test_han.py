"""The Norwegian HAN port: the lists of three makers, HDLC's two checks, and what is none of them."""

import unittest

from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_node.meters.han import Parser, list_values

from tests.rigs.meter_frames import TIME, aidon, hdlc, kaifa, kamstrup, notification, obis, text, unsigned
from tests.rigs.meter_han import (
    AIDON,
    AIDON_VALUES,
    HOUR_VALUES,
    KAIFA,
    KAIFA_CURRENT,
    KAIFA_HEAD,
    KAIFA_HOUR,
    KAIFA_POWER,
    KAIFA_VALUES,
    KAIFA_VOLTAGE,
    KAMSTRUP,
    KAMSTRUP_ROWS,
    KAMSTRUP_VALUES,
)
from tests.rigs.meter_streams import Streams


def merged(*parts):
    whole = {}
    for part in parts:
        whole.update(part)
    return whole


class Aidon(Streams, unittest.TestCase):
    make = Parser
    frame = AIDON
    values = AIDON_VALUES
    junk = b"\x00\xffjunk\x11\x99"

    def tail(self):
        return self.frame * 16

    def test_cut_anywhere_the_next_one_is_read(self):
        for cut in range(1, len(self.frame) - 1, 4):
            readings, _parser = self.fed(self.frame[:cut] + self.frame * 18)
            self.assertTrue(len(readings) >= 17, (cut, len(readings)))
            self.assertTrue(all(values == self.values for values in readings))
            readings, _parser = self.fed(self.frame[cut:] + self.frame * 2)
            self.assertEqual(readings[-2:], [self.values] * 2, cut)

    def test_a_flag_shared_by_two_frames(self):
        readings, parser = self.fed(self.frame[:-1] + self.frame + self.frame[1:])
        self.assertEqual(readings, [self.values] * 3)
        self.assertEqual((parser.good, parser.bad, parser.noise), (3, 0, 0))

    def test_a_flag_within_the_data(self):
        readings, _ = self.fed(aidon((1, 7, unsigned(0x7EA07EA0), 0, 27)))
        self.assertEqual(readings, [{POWER_IMPORT: 0x7EA07EA0}])

    def test_long_addresses(self):
        for destination, source in (
            (b"\x03", b"\x02\xff"),
            (b"\x02\x04\x06\x09", b"\x21"),
            (b"\x41", b"\x00\x02\x00\x03"),
        ):
            information = self.frame[8:-3]
            readings, parser = self.fed(hdlc(information, source, destination))
            self.assertEqual((readings, parser.bad), ([self.values], 0))

    def test_an_address_without_end_is_no_frame(self):
        readings, _parser = self.fed(b"\x7e\xa0\x20" + b"\x02" * 20 + self.frame)
        self.assertEqual(readings, [self.values])

    def test_a_part_of_a_longer_message_is_left_out(self):
        spoiled = bytearray(self.frame)
        spoiled[1] |= 8
        readings, _parser = self.fed(bytes(spoiled) + self.frame)
        self.assertEqual(readings, [self.values])


class Kamstrup(Streams, unittest.TestCase):
    make = Parser
    frame = KAMSTRUP
    values = KAMSTRUP_VALUES

    def tail(self):
        return self.frame * 16

    test_cut_anywhere_the_next_one_is_read = Aidon.test_cut_anywhere_the_next_one_is_read

    def test_a_meter_behind_transformers_counts_in_milliamperes(self):
        readings, _ = self.fed(kamstrup(KAMSTRUP_ROWS, meter_type=b"6851121BN242101040"))
        want = merged(KAMSTRUP_VALUES, {CURRENT_L1: 659, CURRENT_L1 + 2: 31})
        self.assertEqual(readings, [want])

    def test_missing_values_and_the_meters_clock(self):
        extra = [obis(1, 51, 7), b"\x00", b"\x00", text(9, b"\x00\x01\x01\x00\x00\xff"), text(9, TIME)]
        readings, _ = self.fed(kamstrup(KAMSTRUP_ROWS, extra=extra))
        self.assertEqual(readings, [KAMSTRUP_VALUES])


class Kaifa(Streams, unittest.TestCase):
    make = Parser
    frame = KAIFA
    phases = {
        CURRENT_L1: 10_500,
        CURRENT_L1 + 1: 2000,
        CURRENT_L1 + 2: 7,
        VOLTAGE_L1: 236_500,
        VOLTAGE_L1 + 1: 0,
        VOLTAGE_L1 + 2: 235_100,
    }
    values = merged(KAIFA_VALUES, phases, HOUR_VALUES)

    def tail(self):
        return self.frame * 16

    test_cut_anywhere_the_next_one_is_read = Aidon.test_cut_anywhere_the_next_one_is_read

    def one(self, *values):
        readings, _parser = self.fed(kaifa(*values))
        return readings[0] if readings else None

    def test_its_other_lists(self):
        one_phase = {CURRENT_L1: 10_500, VOLTAGE_L1: 236_500}
        head = KAIFA_HEAD + KAIFA_POWER
        self.assertEqual(self.one(unsigned(280)), {POWER_IMPORT: 280})
        self.assertEqual(self.one(*head + KAIFA_CURRENT[:1] + KAIFA_VOLTAGE[:1]), merged(KAIFA_VALUES, one_phase))
        self.assertEqual(
            self.one(*head + KAIFA_CURRENT[:1] + KAIFA_VOLTAGE[:1] + KAIFA_HOUR),
            merged(KAIFA_VALUES, one_phase, HOUR_VALUES),
        )
        self.assertEqual(self.one(*head + KAIFA_CURRENT + KAIFA_VOLTAGE), merged(KAIFA_VALUES, self.phases))

    def test_with_names(self):
        items = [text(9, bytes((1, 1, 0, 2, 129, 255))), text(9, b"KFM_001")]
        for c, d, number in ((1, 7, 5), (31, 7, 1500), (32, 7, 2301), (1, 8, 77)):
            items += [obis(0, c, d), unsigned(number)]
        readings, _ = self.fed(hdlc(notification(b"\x02" + bytes((len(items),)) + b"".join(items))))
        self.assertEqual(readings, [{POWER_IMPORT: 5, CURRENT_L1: 1500, VOLTAGE_L1: 230_100, ENERGY_IMPORT: 77}])

    def test_lists_that_nobody_knows_are_refused(self):
        for values in ((unsigned(1), unsigned(2)), (text(9, b"x"),), ()):
            readings, parser = self.fed(kaifa(*values))
            self.assertEqual((readings, parser.bad), ([], 1))


class Notifications(unittest.TestCase):
    def test_a_maker_that_does_not_name_itself_is_refused(self):
        items = obis(1, 1, 7) + unsigned(5)
        self.assertIsNone(list_values(notification(b"\x02\x02" + items)))

    def test_what_is_no_notification(self):
        right = notification(b"\x02\x01" + unsigned(280))
        self.assertEqual(list_values(right), {POWER_IMPORT: 280})
        for at in range(len(right)):
            self.assertIn(list_values(right[:at]), (None,))
        self.assertIsNone(list_values(right + b"\x00"))
        self.assertIsNone(list_values(b"\xe6\xe6\x00" + right[3:]))
        self.assertIsNone(list_values(right[:3] + b"\xdb" + right[4:]))  # encrypted

    def test_every_type_is_stepped_over(self):
        types = (
            b"\x00" + b"\x03\x01" + b"\x05" + bytes(4) + b"\x0d\x01" + b"\x0f\xff" + b"\x11\x01" + b"\x14" + bytes(8)
        )
        types += b"\x15" + bytes(8) + b"\x16\x01" + b"\x17" + bytes(4) + b"\x18" + bytes(8) + b"\x19" + bytes(12)
        types += b"\x1a" + bytes(5) + b"\x1b" + bytes(4) + b"\x0c\x02ab" + b"\x01\x00"
        content = b"\x02" + bytes((19,)) + text(10, b"Kamstrup_V0001") + types
        content += obis(1, 1, 7) + unsigned(9)
        self.assertEqual(list_values(notification(content)), {POWER_IMPORT: 9})
        self.assertIsNone(list_values(notification(b"\x02\x01\x04\x08\xff")))  # a bit string: no meter's list has one


if __name__ == "__main__":
    unittest.main()

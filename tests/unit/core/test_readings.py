"""The readings codec: layouts worked out by hand, extremes, what it refuses, and that readings have one encoding only."""

import random
import unittest

from gridecho.errors import CodecError, MisuseError, ProtocolError
from gridecho.quantities import MAX_CODE
from gridecho.readings import MAX_READINGS, MAX_VALUE, Reading, decode, encode, mask_of

T = 1_750_000_000


class Layout(unittest.TestCase):
    def test_one_reading(self):
        # Mask 1 << 2; zigzag(350) = 700 = 0b101_0111100.
        self.assertEqual(encode([Reading(T, {2: 350})]), bytes((4, 0xBC, 5)))

    def test_deltas(self):
        readings = [
            Reading(T, {0: 1000, 2: 350}),
            Reading(T + 60, {0: 1006, 2: 349}),
            Reading(T + 60, {0: 1006, 2: 349}),
        ]
        # Mask 5; 2000 and 700; then 120, 12, 1 (that is -1); then no change at all.
        self.assertEqual(encode(readings), bytes((5, 0xD0, 0x0F, 0xBC, 5, 120, 12, 1, 0, 0, 0)))

    def test_zigzag(self):
        for value, encoded in ((0, (0,)), (-1, (1,)), (1, (2,)), (-64, (127,)), (64, (0x80, 1)), (-65, (0x81, 1))):
            with self.subTest(value=value):
                self.assertEqual(encode([Reading(T, {0: value})]), bytes((1,) + encoded))

    def test_largest_mask_has_eight_bytes(self):
        self.assertEqual(encode([Reading(T, {MAX_CODE: 0})]), b"\x80\x80\x80\x80\x80\x80\x80\x40\x00")


class ThereAndBack(unittest.TestCase):
    def check(self, readings):
        data = encode(readings)
        back = decode(data, len(readings), readings[0].time_s)
        self.assertEqual(back, readings)
        self.assertEqual(encode(back), data)

    def test_every_quantity_alone(self):
        for code in range(MAX_CODE + 1):
            self.check([Reading(T, {code: code}), Reading(T + 1, {code: -code})])

    def test_all_quantities_at_once(self):
        self.check([Reading(T, {code: code * 1000 for code in range(MAX_CODE + 1)})] * 2)

    def test_largest_steps_both_ways(self):
        self.check([Reading(0, {0: MAX_VALUE}), Reading((1 << 32) - 1, {0: -MAX_VALUE}), Reading(0, {0: MAX_VALUE})])

    def test_times_going_back(self):
        self.check([Reading(T, {1: 5}), Reading(T - 3600, {1: 5}), Reading(T + 1, {1: 4})])

    def test_255_readings(self):
        # Two such lists at once would fill a board's heap.
        data = encode([Reading(T + 60 * i, {0: 7 * i, 3: -i}) for i in range(MAX_READINGS)])
        back = decode(data, MAX_READINGS, T)
        self.assertEqual(len(back), MAX_READINGS)
        for i, reading in enumerate(back):
            self.assertEqual((reading.time_s, reading.values), (T + 60 * i, {0: 7 * i, 3: -i}))
        self.assertEqual(encode(back), data)

    def test_random(self):
        for _ in range(150):
            codes = [code for code in range(MAX_CODE + 1) if random.getrandbits(2) == 0] or [0]
            self.check([random_reading(codes) for _ in range(random.randrange(1, 8))])

    def test_the_callers_dictionaries_are_its_own(self):
        values = {0: 1}
        back = decode(encode([Reading(T, values), Reading(T, values)]), 2, T)
        back[0].values[0] = 99
        self.assertEqual((back[1].values, values), ({0: 1}, {0: 1}))


class Refused(unittest.TestCase):
    def test_every_prefix_and_a_tail(self):
        readings = [Reading(T, {0: 123456789, 41: -1}), Reading(T + 900, {0: 123456999, 41: 0})]
        data = encode(readings)
        for length in range(len(data)):
            with self.assertRaises(CodecError):
                decode(data[:length], 2, T)
        for tail in (b"\x00", b"\x80", data):
            with self.assertRaises(CodecError):
                decode(data + tail, 2, T)
        for count in (0, 1, 3, 255, 256, -1):
            with self.assertRaises(CodecError):
                decode(data, count, T)

    def test_by_name(self):
        for data, why in (
            (b"\x00\x00", "empty mask"),
            (b"\x81\x00\x00", "mask not in the shortest form"),
            (b"\x01\x80\x00", "zero not in the shortest form"),
            (b"\x01" + b"\xff" * 8, "a varint of more than eight bytes"),
            (b"\x01" + b"\xff" * 7 + b"\x7f", "a value beyond 53 bits"),
            (b"\x01" + b"\x80" * 7 + b"\x20", "2**53, the first one too many"),
            (b"\x80" * 8 + b"\x01\x00", "a mask beyond bit 55"),
        ):
            with self.subTest(why=why):
                with self.assertRaises(CodecError):
                    decode(data, 1, T)

    def test_values_and_times_that_leave_their_range(self):
        most = encode([Reading(T, {0: MAX_VALUE})])
        self.assertEqual(decode(most, 1, T)[0].values, {0: MAX_VALUE})
        for tail in (b"\x00\x02", b"\x00\x04"):  # one more, two more
            with self.assertRaises(CodecError):
                decode(most + tail, 2, T)
        one_second_on = encode([Reading(T, {0: 1}), Reading(T + 1, {0: 1})])
        with self.assertRaises(CodecError):
            decode(one_second_on, 2, (1 << 32) - 1)
        one_second_back = encode([Reading(T, {0: 1}), Reading(T - 1, {0: 1})])
        with self.assertRaises(CodecError):
            decode(one_second_back, 2, 0)
        self.assertEqual(decode(one_second_back, 2, 1)[1].time_s, 0)

    def test_errors_say_where(self):
        with self.assertRaises(ProtocolError) as caught:
            decode(b"", 1, T)
        self.assertEqual((caught.exception.where, caught.exception.what), ("varint", "cut short"))


class Misuse(unittest.TestCase):
    def test_encode(self):
        fine = Reading(T, {0: 1})
        for readings in (
            [],
            [fine] * 256,
            [Reading(T, {})],
            [Reading(T, {MAX_CODE + 1: 1})],
            [Reading(T, {-1: 1})],
            [fine, Reading(T, {0: 1, 1: 1})],
            [fine, Reading(T, {1: 1})],
            [fine, Reading(T, {})],
            [Reading(-1, {0: 1})],
            [Reading(1 << 32, {0: 1})],
            [Reading(T, {0: MAX_VALUE + 1})],
            [fine, Reading(T, {0: -MAX_VALUE - 1})],
        ):
            with self.assertRaises(MisuseError):
                encode(readings)

    def test_mask_of(self):
        self.assertEqual(mask_of({0: 5, 55: 5}), 1 | 1 << 55)
        with self.assertRaises(MisuseError):
            mask_of({})

    def test_readings_compare_by_what_they_say(self):
        self.assertEqual(Reading(1, {2: 3}), Reading(1, {2: 3}))
        self.assertFalse(Reading(1, {2: 3}) == Reading(2, {2: 3}))
        self.assertFalse(Reading(1, {2: 3}) == (1, {2: 3}))
        self.assertEqual(repr(Reading(1, {2: 3})), "Reading(1, {2: 3})")


def random_value():
    # Mostly small, now and then as large as goes.
    bits = random.choice((3, 8, 16, 30, 40, 53))
    value = 0
    for _ in range(bits):
        value = value << 1 | random.getrandbits(1)
    return random.choice((value, -value))


def random_reading(codes):
    time_s = random.getrandbits(16) << 16 | random.getrandbits(16)
    return Reading(time_s, {code: random_value() for code in codes})

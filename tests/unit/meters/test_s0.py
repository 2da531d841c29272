"""S0 pulses: the register over reboots, few writes, power from distances, bounces."""

import unittest

from gridecho.meter_settings import checked
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho_node.faults import FlashError
from gridecho_node.meters import s0
from gridecho_node.meters.s0 import PulseCounter, S0Meter

SECOND_US = 1_000_000


class Flash:
    """Stands in for files: what is written is kept, or refused."""

    def __init__(self):
        self.content = None
        self.writes = 0
        self.error = None

    def read(self, name):
        return self.content

    def write(self, name, content):
        self.writes += 1
        if self.error is not None:
            raise self.error
        self.content = content


class Pin:
    def __init__(self):
        self.handler = "set"

    def irq(self, handler):
        self.handler = handler


class Meter(unittest.TestCase):
    def setUp(self):
        self.ms = 5000
        self.flash = Flash()
        self.kept = (s0.read_file, s0.replace_file, s0.ticks_ms, s0.ticks_diff)
        s0.read_file, s0.replace_file = self.flash.read, self.flash.write
        s0.ticks_ms = lambda: self.ms & 0x3FFFFFFF
        s0.ticks_diff = lambda end, start: (end - start + 0x20000000 & 0x3FFFFFFF) - 0x20000000
        self.boot()

    def tearDown(self):
        s0.read_file, s0.replace_file, s0.ticks_ms, s0.ticks_diff = self.kept

    def boot(self, **changes):
        settings = checked("s0", {"pin": 4, "pulses_per_kwh": 1000})
        settings.update(changes)
        self.pulses = PulseCounter(settings["min_gap_ms"])
        self.meter = S0Meter(self.pulses, settings)

    def pulse(self, count=1, every_ms=1000):
        for _ in range(count):
            self.ms += every_ms
            self.pulses.edge(None)

    def read(self):
        return self.meter.read(self.ms * 1000)

    def begin(self):
        self.meter.begin(self.ms * 1000)

    def test_power_needs_two_pulses(self):
        self.assertEqual(self.read(), {ENERGY_IMPORT: 0})
        self.pulse()
        self.assertEqual(self.read(), {ENERGY_IMPORT: 1})
        self.pulse(every_ms=3600)
        self.assertEqual(self.read(), {ENERGY_IMPORT: 2, POWER_IMPORT: 1000})

    def test_power_is_the_mean_of_the_distances_since_the_last_read(self):
        self.pulse(11, every_ms=360)
        self.assertEqual(self.read()[POWER_IMPORT], 10_000)
        self.pulse(1, every_ms=1000)
        self.pulse(1, every_ms=2000)
        self.assertEqual(self.read()[POWER_IMPORT], 2400)

    def test_power_falls_when_the_next_pulse_is_overdue(self):
        self.pulse(2, every_ms=3600)
        self.ms += 3600
        self.assertEqual(self.read()[POWER_IMPORT], 1000)
        self.ms += 3600
        self.assertEqual(self.read()[POWER_IMPORT], 500)
        self.ms += 3_600_000 * 10
        self.assertEqual(self.read()[POWER_IMPORT], 0)
        self.pulse(2, every_ms=3600)
        self.assertTrue(self.read()[POWER_IMPORT] < 1000)  # the long distance is a part of the mean

    def test_other_constants_round_to_the_nearest_watt(self):
        self.boot(pulses_per_kwh=800, start_wh=10_000)
        self.pulse(5, every_ms=1234)
        self.assertEqual(self.read(), {ENERGY_IMPORT: 10_006, POWER_IMPORT: 3647})

    def test_bounces_are_counted_and_are_no_pulses(self):
        for _ in range(3):
            self.pulse()
            self.pulse(2, every_ms=5)
        self.assertEqual(self.read()[ENERGY_IMPORT], 3)
        self.assertEqual(self.meter.bad(), 6)

    def test_a_counter_that_wraps(self):
        self.ms = 0x3FFFFFFF - 1000
        self.pulse(3, every_ms=3600)
        self.assertEqual(self.read()[POWER_IMPORT], 1000)

    def test_a_silence_of_any_length_is_no_bounce_and_shows_no_power(self):
        day_ms = 86_400_000
        for silence_ms in (
            7 * day_ms,
            13 * day_ms,
            40 * day_ms,
            2**29,
            2**30 - 10,
            2**30,
            2**30 + 10,
            2**31,
            3 * 2**30,
        ):
            for every_ms in (day_ms, silence_ms):  # read once a day, or never in between
                with self.subTest(silence_ms=silence_ms, every_ms=every_ms):
                    self.flash.content = None
                    self.boot()
                    self.pulse(3, every_ms=1800)
                    shown_w = self.read()[POWER_IMPORT]
                    self.assertEqual(shown_w, 2000)
                    until_ms = self.ms + silence_ms
                    while self.ms < until_ms:
                        self.ms = min(self.ms + every_ms, until_ms)
                        power_w = self.read()[POWER_IMPORT]
                        self.assertLessEqual(power_w, shown_w)
                        shown_w = power_w
                    self.assertEqual(shown_w, 0)
                    self.pulse(480, every_ms=75)
                    self.read()
                    self.pulse(480, every_ms=75)
                    self.assertEqual(self.read(), {ENERGY_IMPORT: 963, POWER_IMPORT: 48_000})
                    self.assertEqual(self.meter.bad(), 0)

    def test_pulses_after_a_week_without_any_call_count(self):
        self.pulse(3, every_ms=1800)
        self.pulse(1, every_ms=7 * 86_400_000)
        self.pulse(2, every_ms=1800)
        self.assertEqual((self.read()[ENERGY_IMPORT], self.meter.bad()), (6, 0))

    def test_the_register_lives_over_reboots(self):
        self.begin()
        self.pulse(1500)
        self.begin()
        self.assertEqual(self.flash.content, b"1500")
        self.boot()
        self.assertEqual(self.read(), {ENERGY_IMPORT: 1500})
        self.pulse()
        self.meter.close()
        self.boot()
        self.assertEqual(self.read(), {ENERGY_IMPORT: 1501})

    def test_flash_is_written_seldom(self):
        for _ in range(60 * 24):  # a day, a pulse every two seconds
            self.begin()
            self.pulse(30, every_ms=2000)
        self.assertTrue(90 <= self.flash.writes <= 97, self.flash.writes)
        for _ in range(60):
            self.ms += 60_000
            self.begin()
        self.assertTrue(self.flash.writes <= 98)  # nothing new, nothing written
        self.assertEqual(self.flash.content, b"43200")

    def test_many_pulses_are_written_sooner(self):
        self.begin()
        for _ in range(10):
            self.pulse(1000, every_ms=50)
            self.begin()
        self.assertEqual(self.flash.writes, 10)

    def test_flash_that_fails_is_counted_and_tried_again_a_period_later(self):
        for error in (OSError(28), FlashError("pulses")):
            self.boot()
            self.flash.error = error
            self.begin()
            self.pulse(1000)
            self.begin()
            self.begin()
            bad = self.meter.bad()
            self.assertTrue(bad >= 1)
            self.assertEqual(self.read()[ENERGY_IMPORT], 1000)

    def test_a_damaged_count_starts_at_0_and_is_told(self):
        self.flash.content = b"\x00\x00"
        self.boot(start_wh=7)
        self.assertEqual((self.read(), self.meter.bad()), ({ENERGY_IMPORT: 7}, 1))

    def test_closing_ends_the_interrupt(self):
        self.pulses.pin = pin = Pin()
        self.meter.close()
        self.assertIsNone(pin.handler)


if __name__ == "__main__":
    unittest.main()

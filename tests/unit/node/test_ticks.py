"""The sensor's counter over the wraps of a board's ticks at 2^30, on every runtime."""

import unittest

from gridecho_node import compat
from gridecho_node.compat import Counter

WRAP = 1 << 30
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


class Ticks(unittest.TestCase):
    def setUp(self):
        self.us = 0
        self.kept = (compat.ticks_us, compat.ticks_ms, compat.ticks_diff)
        compat.ticks_us = lambda: self.us % WRAP
        compat.ticks_ms = lambda: self.us // 1000 % WRAP
        compat.ticks_diff = lambda end, start: (end - start + WRAP // 2) % WRAP - WRAP // 2

    def tearDown(self):
        compat.ticks_us, compat.ticks_ms, compat.ticks_diff = self.kept

    def test_steps_of_any_length_from_any_start(self):
        steps = (
            1,
            999,
            SECOND_US,
            WRAP // 2 - 1,
            WRAP // 2,
            WRAP - 1,
            WRAP,
            WRAP + 1,
            5 * WRAP,
            DAY_US,
            7 * DAY_US,
            12 * DAY_US,
        )
        for start_us in (0, WRAP - 1, WRAP // 2, WRAP * 1000 - 2 * SECOND_US, WRAP * 1000 // 2 - 1):
            with self.subTest(start_us=start_us):
                self.us = start_us
                counter = Counter()
                self.assertEqual(counter.now_us(), 0)
                for step_us in steps:
                    self.us += step_us
                    self.assertEqual(counter.now_us(), self.us - start_us)

    def test_a_month_of_turns(self):
        counter = Counter()
        while self.us < 30 * DAY_US:
            self.us += 1_234_567_891
            self.assertEqual(counter.now_us(), self.us)


if __name__ == "__main__":
    unittest.main()

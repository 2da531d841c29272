"""RTT estimate and timers (RFC 6298, RFC 7252), probe rounds, choice of the relay and the clock: cases worked out by hand."""

import random
import unittest

from gridecho.clock import Clock
from gridecho.route import ProbeRound, choose
from gridecho.rtt import FIRST_RTO_US, MAX_RTO_US, MIN_RTO_US, RttEstimator, retry_timeout_us


class Rtt(unittest.TestCase):
    def test_before_the_first_sample(self):
        self.assertEqual((RttEstimator().rto_us(), FIRST_RTO_US), (1_000_000, 1_000_000))

    def test_rfc_6298_by_hand(self):
        # SRTT, RTTVAR and RTO after each sample, with the RFC's alpha 1/8, beta 1/4 and K 4.
        rtt = RttEstimator()
        for sample, srtt, rttvar, rto in (
            (800_000, 800_000, 400_000, 2_400_000),  # first: R, R / 2
            (800_000, 800_000, 300_000, 2_000_000),  # 3/4 * 400,000 + 1/4 * 0
            (1_600_000, 900_000, 425_000, 2_600_000),  # 225,000 + 200,000; 7/8 * 800,000 + 1/8 * 1,600,000
            (100_000, 800_000, 518_750, 2_875_000),  # 318,750 + 200,000 (against the old SRTT); 787,500 + 12,500
        ):
            rtt.sample(sample)
            self.assertEqual((rtt.srtt_us, rtt.rttvar_us, rtt.rto_us()), (srtt, rttvar, rto))

    def test_bounds(self):
        rtt = RttEstimator()
        for _ in range(100):
            rtt.sample(5_000)
        self.assertEqual((rtt.srtt_us, rtt.rttvar_us, rtt.rto_us()), (5_000, 0, MIN_RTO_US))
        rtt = RttEstimator()
        rtt.sample(50_000_000)
        self.assertEqual(rtt.rto_us(), MAX_RTO_US)

    def test_an_rtt_of_zero_is_a_sample_too(self):
        rtt = RttEstimator()
        rtt.sample(0)
        self.assertEqual((rtt.srtt_us, rtt.rto_us()), (1, MIN_RTO_US))
        rtt.sample(0)
        self.assertEqual(rtt.srtt_us, 1)

    def test_follows_a_relay_that_slows_down(self):
        rtt = RttEstimator()
        for _ in range(50):
            rtt.sample(10_000)
        for _ in range(50):
            rtt.sample(400_000)
        self.assertTrue(399_000 < rtt.srtt_us <= 400_000)
        self.assertTrue(400_000 <= rtt.rto_us() < 410_000)


class RetryTimeout(unittest.TestCase):
    def test_doubles_up_to_the_most(self):
        waits = [retry_timeout_us(500_000, attempt, 0) for attempt in range(9)]
        self.assertEqual(waits[:7], [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000])
        self.assertEqual(waits[7:], [32_000_000, 32_000_000])
        self.assertEqual(retry_timeout_us(2_000_000, 6, 0), MAX_RTO_US)

    def test_jitter_is_one_to_one_and_a_half(self):
        self.assertEqual(retry_timeout_us(200_000, 0, 0), 200_000)
        self.assertEqual(retry_timeout_us(200_000, 0, 32_768), 250_000)
        self.assertEqual(retry_timeout_us(200_000, 0, 65_535), 299_998)
        self.assertEqual(retry_timeout_us(MAX_RTO_US, 6, 65_535), 89_999_542)


def round_of(relays, each=2, spacing=40_000, wait=1_000_000):
    return ProbeRound(relays, 0, each, spacing, wait)


def send_all(probes):
    """Sends every probe at the moment it is due; gives [(number, relay, time)]."""
    sent = []
    while True:
        now = probes.next_us()
        relay = probes.due(now)
        if relay is None:
            return sent
        sent.append((len(sent) + 1, relay, now))
        probes.sent(len(sent), relay, now)


class Round(unittest.TestCase):
    def test_relays_take_turns_and_are_spread_over_the_spacing(self):
        self.assertEqual(
            send_all(round_of([7, 8])),
            [(1, 7, 0), (2, 8, 20_000), (3, 7, 40_000), (4, 8, 60_000)],
        )

    def test_one_at_a_time_and_not_before_it_is_due(self):
        probes = ProbeRound([7, 8], 1_000, 1, 40_000, 1_000_000)
        self.assertEqual(probes.next_us(), 1_000)
        self.assertIsNone(probes.due(999))
        self.assertEqual(probes.due(1_000), 7)
        self.assertIsNone(probes.due(1_000))
        self.assertEqual(probes.next_us(), 21_000)
        self.assertEqual(probes.due(500_000), 8)
        self.assertIsNone(probes.due(500_000))

    def test_the_least_rtt_of_each_relay_counts(self):
        probes = round_of([7, 8])
        send_all(probes)
        self.assertEqual(probes.echo(1, 7, 9_000), 9_000)
        self.assertEqual(probes.echo(3, 7, 45_000), 5_000)
        self.assertEqual(probes.echo(2, 8, 26_000), 6_000)
        self.assertEqual(probes.echo(4, 8, 70_000), 10_000)
        self.assertEqual(probes.least_us, {7: 5_000, 8: 6_000})

    def test_over_when_all_have_answered(self):
        probes = round_of([7], each=2)
        self.assertFalse(probes.over(10_000_000), "a probe is still to be sent")
        send_all(probes)
        probes.echo(1, 7, 1_000)
        self.assertFalse(probes.over(40_999))
        probes.echo(2, 7, 41_000)
        self.assertTrue(probes.over(41_000))

    def test_over_when_what_is_out_cannot_win(self):
        probes = round_of([7, 8], each=1)
        send_all(probes)  # 7 at 0, 8 at 20 ms
        probes.echo(1, 7, 3_000)
        self.assertEqual(probes.next_us(), 23_000)
        self.assertFalse(probes.over(22_999))
        self.assertTrue(probes.over(23_000))

    def test_over_after_the_wait_when_none_answers(self):
        probes = round_of([7, 8], each=1)
        send_all(probes)
        self.assertFalse(probes.over(1_019_999))
        self.assertTrue(probes.over(1_020_000))
        self.assertEqual(probes.least_us, {})
        self.assertIsNone(choose(probes.least_us, random.randrange))

    def test_a_slow_winner_does_not_make_it_longer_than_the_wait(self):
        probes = round_of([7, 8], each=1)
        send_all(probes)
        probes.echo(1, 7, 1_010_000)
        self.assertTrue(probes.over(1_020_000))

    def test_a_late_echo_still_counts_while_the_round_is_on(self):
        probes = round_of([7], each=2)
        send_all(probes)
        self.assertEqual(probes.echo(2, 7, 41_000), 1_000)
        self.assertEqual(probes.echo(1, 7, 41_500), 41_500)
        self.assertEqual(probes.least_us, {7: 1_000})

    def test_what_was_not_asked_is_not_believed(self):
        probes = round_of([7, 8], each=1)
        send_all(probes)
        self.assertIsNone(probes.echo(99, 7, 30_000), "an unknown number")
        self.assertIsNone(probes.echo(1, 8, 30_000), "another relay's number")
        self.assertEqual(probes.echo(1, 7, 30_000), 30_000)
        self.assertIsNone(probes.echo(1, 7, 30_001), "a second time")
        self.assertEqual(probes.least_us, {7: 30_000})

    def test_an_echo_within_the_counters_step_is_one_microsecond(self):
        probes = round_of([7], each=1)
        send_all(probes)
        self.assertEqual(probes.echo(1, 7, 0), 1)

    def test_no_relays(self):
        probes = round_of([])
        self.assertIsNone(probes.due(0))
        self.assertTrue(probes.over(0))


class Choose(unittest.TestCase):
    def test_the_least_wins_whatever_the_lot(self):
        for lot in range(20):
            self.assertEqual(choose({3: 900, 1: 901, 2: 5_000}, lambda n, lot=lot: lot % n), (3, 900))

    def test_equal_ones_by_lot(self):
        asked = []

        def lot(n):
            asked.append(n)
            return n - 1

        self.assertEqual(choose({5: 100, 2: 100, 9: 100, 1: 101}, lot), (9, 100))
        self.assertEqual(asked, [3])

    def test_every_equal_one_is_chosen_in_the_end(self):
        count = {}
        for _ in range(600):
            relay, _ = choose({5: 100, 2: 100, 9: 100, 1: 101}, random.randrange)
            count[relay] = count.get(relay, 0) + 1
        self.assertEqual(sorted(count), [2, 5, 9])
        # 200 each are expected with a standard deviation of 11.5; 6 of them either side fail once in 10^8 runs.
        for n in count.values():
            self.assertTrue(130 < n < 270, str(count))

    def test_nobody_answered(self):
        self.assertIsNone(choose({}, random.randrange))


class SensorClock(unittest.TestCase):
    UTC = 1_750_000_000_000

    def test_unknown_at_first(self):
        clock = Clock()
        self.assertFalse(clock.known())
        self.assertEqual(clock.utc_ms(5_000_000), 0)

    def test_the_relays_time_is_the_middle_of_the_round_trip(self):
        clock = Clock()
        clock.sample(1_000_000, 1_020_000, self.UTC)  # the relay's time is taken to be at 1,010,000
        self.assertTrue(clock.known())
        self.assertEqual(clock.utc_ms(1_010_000), self.UTC)
        self.assertEqual(clock.utc_ms(3_010_000), self.UTC + 2_000)

    def test_times_before_the_first_sample(self):
        clock = Clock()
        clock.sample(600_000_000, 600_000_000, self.UTC)
        self.assertEqual(clock.utc_ms(0), self.UTC - 600_000)

    def test_a_better_sample_wins_and_a_worse_one_does_not(self):
        clock = Clock()
        clock.sample(0, 100_000, self.UTC)
        clock.sample(0, 10_000, self.UTC + 7)
        self.assertEqual(clock.utc_ms(5_000), self.UTC + 7)
        clock.sample(0, 50_000, self.UTC + 99)
        self.assertEqual(clock.utc_ms(5_000), self.UTC + 7)

    def test_a_sample_grows_old(self):
        # 5 ms of uncertainty, growing by 100 ppm: after 50 s it is 10 ms, what a 20 ms round trip has.
        def after(received_us):
            clock = Clock()
            clock.sample(0, 10_000, self.UTC)
            clock.sample(received_us - 20_000, received_us, self.UTC + 1_000_000)
            return clock.utc_ms(received_us - 10_000) == self.UTC + 1_000_000

        self.assertFalse(after(50_000_000))
        self.assertTrue(after(50_020_000))

    def test_a_relays_broken_clock_gives_no_impossible_time(self):
        # What a header can say lies from 0 to 2^32 - 1 s; anything else counts as no time.
        for relay_ms, at_us in ((0, 0), (5_000, 0), ((1 << 48) - 1, 100_000_000), (4_294_967_295_999, 100_001_000)):
            clock = Clock()
            clock.sample(100_000_000, 100_000_000, relay_ms)
            self.assertEqual(clock.utc_ms(at_us), 0)
        self.assertEqual(clock.utc_ms(100_000_000), 4_294_967_295_999)


SECOND_US = 1_000_000
WEEKS_MS = 10 * 7 * 86_400_000


class SeveralClocks(unittest.TestCase):
    """What relays say at given seconds, each 8 ms there and back; all about the same true time."""

    UTC = 1_780_000_000_000  # at the counter's 0

    def setUp(self):
        self.clock = Clock()

    def said(self, relay_id, at_s, wrong_ms=0, rtt_us=8_000):
        middle_us = int(at_s * SECOND_US)
        utc_ms = self.UTC + middle_us // 1000 + wrong_ms
        self.clock.sample(middle_us - rtt_us // 2, middle_us + rtt_us // 2, utc_ms, relay_id)

    def wrong_ms(self, at_s):
        return self.clock.utc_ms(int(at_s * SECOND_US)) - self.UTC - int(at_s * 1000)

    def test_no_time_told_is_no_time(self):
        self.clock.sample(0, 8_000, 0, 1)
        self.assertFalse(self.clock.known())
        self.said(1, 1)
        self.clock.sample(2 * SECOND_US, 2 * SECOND_US + 10, 0, 1)
        self.assertEqual(self.wrong_ms(3), 0)

    def test_the_one_that_is_wrong_is_outvoted_in_any_order(self):
        for wrong_ms in (-WEEKS_MS, WEEKS_MS, -60_000, 60_000):
            for wrong in (1, 2, 3):
                self.clock = Clock()
                for relay_id in (1, 2, 3):
                    self.said(
                        relay_id, relay_id, wrong_ms if relay_id == wrong else 0, 1_000 if relay_id == wrong else 9_000
                    )
                self.assertEqual(self.wrong_ms(5), 0)
                # Though it is the target, and alone is heard from then on.
                for second in range(10, 1_000, 10):
                    self.said(wrong, second, wrong_ms, 1_000)
                    self.assertEqual(self.wrong_ms(second), 0)

    def test_of_two_at_the_start_the_later_time(self):
        for wrong in (1, 2):
            self.clock = Clock()
            for relay_id in (1, 2):
                self.said(relay_id, relay_id / 10, -WEEKS_MS if relay_id == wrong else 0)
            self.assertEqual(self.wrong_ms(5), 0)

    def test_of_two_that_are_hours_apart_at_the_start_the_nearer_one(self):
        for wrong_ms in (-3_600_000, 3_600_000):
            for order in ((1, 2), (2, 1)):
                self.clock = Clock()
                for place, relay_id in enumerate(order):
                    self.said(relay_id, 1 + place, wrong_ms if relay_id == 2 else 0, (4_000, 40_000)[relay_id - 1])
                self.assertEqual(self.wrong_ms(5), 0)

    def test_a_time_that_held_is_not_pulled_away_by_one(self):
        for wrong_ms in (-WEEKS_MS, WEEKS_MS):
            self.clock = Clock()
            for second in range(0, 200, 10):
                self.said(1, second)
            for second in range(200, 2_000, 10):
                self.said(2, second, wrong_ms, 1_000)  # a new target
            self.assertEqual(self.wrong_ms(2_000), 0)

    def test_a_clock_that_is_set_right_soon_after_the_start_is_followed_at_once(self):
        for second in range(0, 20, 5):
            self.said(1, second, -WEEKS_MS)
        self.said(1, 20)
        self.assertEqual(self.wrong_ms(20), 0)

    def test_the_only_relay_is_followed_where_it_goes(self):
        for second in range(0, 1_000, 10):
            self.said(1, second, 0 if second < 500 else -3_600_000)
        self.assertEqual(self.wrong_ms(1_000), -3_600_000)

    def test_words_that_grew_old_are_not_taken_for_wrong(self):
        # The counter runs 50 ppm fast for ten days; relay 2 and 3 are heard of at the beginning and at the end.
        def told(relay_id, second):
            middle_us = second * SECOND_US + second * 50
            self.clock.sample(middle_us - 4_000, middle_us + 4_000, self.UTC + second * 1_000, relay_id)
            return middle_us

        for relay_id in (1, 2, 3):
            told(relay_id, relay_id)
        for second in range(100, 864_000, 5_000):
            told(1, second)
        for relay_id in (2, 3):
            at_us = told(relay_id, 864_000 + relay_id)
        self.assertTrue(abs(self.clock.utc_ms(at_us) - self.UTC - 864_003_000) < 600)

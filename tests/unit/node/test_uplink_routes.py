"""Which relay the uplink sends to, what makes it look again, and how soon it has a new target."""

import unittest

from gridecho.frames import DATA
from gridecho_node import uplink as up

from tests.rigs.simdriver import make_driver, rounds_of
from tests.rigs.simnet import SECOND_US, UTC_AT_0_MS, Relay


class Routes(unittest.TestCase):
    """The least RTT wins; what makes the sensor look again; how soon it has a new target."""

    def test_the_least_rtt_wins(self):
        for delays_ms, best in (((30, 5, 20), 2), ((5, 30), 1), ((90, 80, 70, 60, 10), 5)):
            with self.subTest(delays_ms=delays_ms):
                d = make_driver(*delays_ms)
                d.run(1)
                self.assertEqual(d.uplink.route, (best, 2000 * delays_ms[best - 1]))
                self.assertEqual([relay.probes for relay in d.net.relays.values()], [3] * len(delays_ms))
                self.assertEqual(d.log, [(d.log[0][0], (up.ROUTE, best, 2000 * delays_ms[best - 1]))])

    def test_the_choice_ends_before_a_dead_relay_would_have_answered(self):
        d = make_driver(5, 5, 5)
        d.net.state(2, Relay.DEAD)
        self.assertLess(d.run_until(lambda: d.uplink.route is not None, 2), 0.2)

    def test_equal_ones_by_lot(self):
        wins = {1: 0, 2: 0, 3: 0}
        for seed in range(60):
            d = make_driver(5, 5, 5, 40, seed=seed)
            d.run(1)
            wins[d.uplink.route[0]] += 1
        # Three equal ones in 60 drawings: below 8 comes once in 2,000 such tests, and the seeds are fixed.
        self.assertGreaterEqual(min(wins.values()), 8, wins)

    def test_a_slow_ack_leads_to_the_faster_relay(self):
        # Also where every datagram is sent again before its ACK is there, so that none gives an RTT by Karn's rule.
        for delay_ms in (130, 150, 200, 300, 450):
            with self.subTest(delay_ms=delay_ms):
                d = make_driver(5, 20)
                d.every(500_000, 40)
                d.run(5)
                d.net.delay(1, delay_ms * 1000)
                took_s = d.run_until(lambda uplink=d.uplink: uplink.route[0] == 2, 10)
                self.assertLess(took_s, 4)
                for slow in d.told(up.SLOW):
                    self.assertEqual(slow[1:], (1, 2000 * delay_ms))
                d.run_until(d.drained, 20)
                d.check(clock_error_ms=2)

    def test_a_lonely_slow_relay_gets_few_datagrams_twice(self):
        d = make_driver(5)
        d.every(SECOND_US, 60)
        d.run(5)
        d.net.delay(1, 300_000)
        d.run(56)
        d.run_until(d.drained, 10)
        self.assertEqual(d.check(clock_error_ms=2), 60)
        self.assertLess(len(d.told(up.MISSING)), 10)

    def test_a_slow_ack_below_the_limit_changes_nothing(self):
        d = make_driver(5, 20)
        d.every(500_000, 20)
        d.run(5)
        d.net.delay(1, 100_000)
        d.run(8)
        self.assertEqual(len(rounds_of(d.net)), 1)
        self.assertEqual(d.uplink.route[0], 1)

    def test_a_new_target_is_measured_once_more_when_the_crowd_has_passed(self):
        d = make_driver(5, 20, 60)
        d.every(500_000, 60)
        d.run(5)
        d.net.state(1, Relay.DEAD)
        d.net.delay(2, 100_000)  # everybody's backlog goes there
        d.run_until(lambda: d.uplink.route[0] == 3, 10)
        d.net.delay(2, 20_000)
        took_s = d.run_until(lambda: d.uplink.route[0] == 2, 10)
        self.assertTrue(4.9 <= took_s <= 8, took_s)
        d.run(20)
        self.assertEqual(len(rounds_of(d.net)), 3)
        d.run_until(lambda: len(d.submitted) == 60 and d.drained(), 30)
        self.assertEqual(d.check(clock_error_ms=2), 60)

    def test_two_new_targets_alike_do_not_take_turns(self):
        d = make_driver(5, 20, 20)
        d.every(SECOND_US, 40)
        d.run(5)
        d.net.state(1, Relay.DEAD)
        d.run(40)
        self.assertEqual(len(rounds_of(d.net)), 3)
        self.assertLessEqual(len(d.told(up.ROUTE)), 3)

    def test_a_dead_target_is_left_and_its_flights_go_the_new_way(self):
        self._fail(Relay.DEAD)

    def test_a_frozen_target_is_left_and_its_flights_go_the_new_way(self):
        self._fail(Relay.FROZEN)

    def _fail(self, state):
        d = make_driver(5, 20, readings_per_datagram=1)
        d.every(200_000, 60)
        d.run(5)
        d.net.state(1, state)
        at_us = d.net.us
        took_s = d.run_until(lambda: d.uplink.route[0] == 2, 10)
        self.assertLess(took_s, 3)
        # What was in flight was sent again within this moment, by the new route.
        d.run(0.01)
        again = [us for us, relay_id, kind in d.net.sends if kind == DATA and relay_id == 2 and us > at_us]
        self.assertEqual(len(again), 4)
        d.run_until(lambda: len(d.submitted) == 60 and d.drained(), 30)
        d.net.state(1, Relay.UP)  # a frozen one wakes and answers what lay in its socket
        d.run(1)
        self.assertEqual(d.check(clock_error_ms=2), 60)
        missing = [event[1:] for event in d.told(up.MISSING)]
        self.assertEqual({relay_id for _, relay_id in missing}, {1})

    def test_two_missing_acks_make_a_round_one_does_not(self):
        d = make_driver(5)
        d.run(3)
        self.assertEqual(len(rounds_of(d.net)), 1)
        d.net.state(1, Relay.DEAD)
        d.submit()
        d.run_until(lambda: len(d.told(up.MISSING)) == 1, 2)
        d.run(0.3)
        self.assertEqual(len(rounds_of(d.net)), 1)
        d.run_until(lambda: len(d.told(up.MISSING)) == 2, 4)
        d.run(0.2)
        self.assertEqual(len(rounds_of(d.net)), 2)

    def test_a_busy_target_is_left_at_once(self):
        d = make_driver(5, 20)
        d.every(500_000, 20)
        d.run(3)
        d.net.state(1, Relay.BUSY, 9)
        took_s = d.run_until(lambda: d.uplink.route[0] == 2, 2)
        self.assertLess(took_s, 1)
        self.assertEqual([event[1:] for event in d.told(up.BUSY)], [(1, 9)])
        probes = d.net.relays[1].probes
        self.assertEqual(probes, 3)  # one that asked for a pause is not asked again
        d.run(8)
        self.assertEqual(d.net.relays[1].probes, 3)
        d.run_until(lambda: len(d.submitted) == 20 and d.drained(), 10)
        d.check(clock_error_ms=2)

    def test_all_busy_waits_the_least_pause(self):
        d = make_driver(5, 20)
        d.run(3)
        d.net.state(1, Relay.BUSY, 30)
        d.net.state(2, Relay.BUSY, 7)
        d.submit()
        d.run_until(lambda: len(d.told(up.BUSY)) == 2, 5)
        asked = sum(relay.datagrams for relay in d.net.relays.values())
        second_us = d.told(up.BUSY)[1][0]
        turns = d.turns
        d.run(6.5)
        self.assertEqual(sum(relay.datagrams for relay in d.net.relays.values()), asked)
        self.assertLess(d.turns - turns, 10)
        d.net.state(1, Relay.UP)
        d.net.state(2, Relay.UP)
        d.run_until(d.drained, 2)
        self.assertGreaterEqual(d.net.relays[2].order[-1][0] - UTC_AT_0_MS - second_us // 1000, 7000)
        self.assertEqual(d.uplink.route[0], 2)
        d.check(clock_error_ms=2)

    def test_one_that_turns_busy_during_a_round_is_not_chosen(self):
        d = make_driver(5, 20)
        d.run(3)
        d.net.relays[1].back_us = 250_000  # slow enough for a round; its NACK comes while that is on
        d.net.state(1, Relay.FROZEN)
        d.submit()
        d.run_until(lambda: d.uplink.mode == up.PROBING, 10)
        d.net.relays[1].back_us = 1
        d.net.state(1, Relay.BUSY, 30)
        d.run_until(d.drained, 10)
        self.assertEqual(d.uplink.route[0], 2)
        self.assertEqual([event[1:] for event in d.told(up.BUSY)][:1], [(1, 30)])
        after_us = d.told(up.BUSY)[0][0]
        late = [us for us, relay_id, kind in d.net.sends if relay_id == 1 and kind == DATA and us > after_us]
        self.assertFalse(late)


if __name__ == "__main__":
    unittest.main()

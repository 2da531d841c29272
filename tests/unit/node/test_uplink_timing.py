"""When the uplink wants a turn, and when it sends again: RFC 6298 and RFC 7252, back-off, no spinning, no oversleeping."""

import unittest

from gridecho.frames import DATA
from gridecho_node import uplink as up

from tests.rigs.simdriver import make_driver, rounds_of
from tests.rigs.simnet import SECOND_US, Relay


def steps(times):
    """From each to the next."""
    return [times[i + 1] - times[i] for i in range(len(times) - 1)]


class Timing(unittest.TestCase):
    """No spinning, no oversleeping (the driver checks each turn), retries as RFC 6298 and RFC 7252 say."""

    def test_an_idle_sensor_rests(self):
        d = make_driver(5)
        d.run(3)
        turns = d.turns
        d.run(600)
        self.assertLess(d.turns - turns, 20)
        self.assertEqual(len(rounds_of(d.net)), 1)

    def test_a_lonely_sensor_rests(self):
        d = make_driver(5, 9)
        for relay_id in (1, 2):
            d.net.state(relay_id, Relay.DEAD)
        d.submit()
        d.run(600)
        self.assertLess(d.turns, 300)

    def test_back_off_doubles_up_to_a_minute(self):
        d = make_driver(5, 9)
        for relay_id in (1, 2):
            d.net.state(relay_id, Relay.DEAD)
        d.run(600)
        starts = rounds_of(d.net)
        # A round without an answer lasts 67 + 40 ms of sending and a second of waiting.
        rests = [step_us - 1_100_000 for step_us in steps(starts)]
        for i in range(5):
            self.assertTrue(SECOND_US << i <= rests[i] + 1 <= 3 * SECOND_US << i >> 1, (i, rests[i]))
        for rest in rests[6:]:
            self.assertTrue(30 * SECOND_US < rest <= 60 * SECOND_US, rest)
        for relay_id in (1, 2):
            d.net.state(relay_id, Relay.UP)
        self.assertLessEqual(d.run_until(lambda: d.uplink.mode == up.SENDING, 62), 62)
        # The next outage begins with short rests again.
        for relay_id in (1, 2):
            d.net.state(relay_id, Relay.DEAD)
        d.submit()
        at = d.net.us
        d.run(10)
        self.assertGreaterEqual(len([us for us in rounds_of(d.net) if us > at]), 2)

    def test_rounds_come_every_two_seconds_at_most_on_a_slow_lan(self):
        d = make_driver(200, 200, rtt_limit_us=50_000)
        d.every(250_000, 80)
        d.run(25)
        starts = rounds_of(d.net)
        self.assertGreater(len(starts), 5)
        self.assertGreaterEqual(min(steps(starts)), 2 * SECOND_US)
        d.check(clock_error_ms=2)

    def test_retries_double(self):
        d = make_driver(5)
        d.run(1)
        d.submit()
        d.run(0.1)
        d.net.state(1, Relay.DEAD)
        d.submit()
        at = d.net.us
        d.run(4)
        sends = [us - at for us, _, kind in d.net.sends if kind == DATA and us >= at]
        # The RTO is at its floor of 200 ms: again after 200 to 300 ms, then after 400 to 600; then it probes.
        self.assertEqual(sends[0], 0)
        self.assertTrue(200_000 <= sends[1] <= 300_000, sends)
        self.assertTrue(len(sends) == 2 or sends[2] - sends[1] >= 400_000, sends)

    def test_karn(self):
        # One ACK is lost; the next, of the datagram sent again, comes 205 ms or more after the first sending.
        d = make_driver(3)
        d.every(100_000, 20)
        d.run(3)
        rtt = d.uplink._rtt
        before = (rtt.srtt_us, rtt.rttvar_us)
        self.assertTrue(5_000 <= before[0] <= 7_000, before)
        d.net.loss = 100
        d.submit()
        d.run(0.05)
        d.net.loss = 0
        d.run_until(d.drained, 2)
        self.assertEqual((d.uplink._rtt.srtt_us, d.uplink._rtt.rttvar_us), before)
        self.assertEqual(len(d.told(up.MISSING)), 1)
        self.assertEqual(len(d.told(up.SLOW)), 0)
        d.check(clock_error_ms=2)


if __name__ == "__main__":
    unittest.main()

"""What the uplink takes is delivered: every reading arrives, once, as it was, with its time."""

import unittest

from gridecho import frames, intake
from gridecho.frames import SEND, STORE
from gridecho.quantities import ROUTE_RELAY
from gridecho.readings import decode
from gridecho_node import uplink as up

from tests.rigs.simdriver import Driver, make_driver
from tests.rigs.simnet import SECOND_US, Net, Relay


class Delivery(unittest.TestCase):
    """Every reading arrives, once, as it was, with its time."""

    def test_plain(self):
        d = make_driver(5, 20, 50)
        d.every(SECOND_US, 20)
        d.run(21)
        self.assertEqual(d.check(clock_error_ms=2), 20)
        self.assertEqual(len(d.acked), 20)
        self.assertEqual(sorted(d.net.relays[1].kept), list(range(21)))  # 20 readings and the route
        self.assertEqual(d.log[0][1][0], up.ROUTE)
        self.assertFalse(d.lost)

    def test_readings_before_the_first_echo_are_dated_from_uptime(self):
        d = make_driver(5, 9)
        for relay_id in (1, 2):
            d.net.state(relay_id, Relay.DEAD)
            d.net.at(100 * SECOND_US, d.net.state, relay_id, Relay.UP)
        d.every(3 * SECOND_US, 30)
        d.run(90)
        self.assertFalse(d.uplink.clock.known())
        self.assertFalse(d.sealed)
        d.run_until(d.drained, 75)
        self.assertEqual(d.check(clock_error_ms=2), 30)

    def test_the_clock_is_wrong_by_half_the_difference_of_the_two_ways_at_most(self):
        d = make_driver(40)
        d.net.relays[1].back_us = 0
        d.every(SECOND_US, 5)
        d.run(7)
        wrong_ms = d.uplink.clock.utc_ms(d.net.us) - d.net.utc_ms()
        self.assertLessEqual(abs(abs(wrong_ms) - 20), 1)
        d.check(clock_error_ms=21)

    def test_a_relay_with_a_wrong_clock_is_not_believed_over_a_nearer_one(self):
        d = make_driver(5, 40)
        d.net.relays[2].skew_ms = 3_600_000
        d.every(SECOND_US, 5)
        d.run(7)
        d.check(clock_error_ms=2)

    def test_a_relay_whose_clock_is_far_behind_is_not_believed_though_it_is_the_nearest(self):
        for others in ((9,), (9, 12)):
            d = make_driver(2, *others)
            d.net.relays[1].skew_ms = -6_048_000_000  # ten weeks
            d.every(SECOND_US, 30)
            d.run(31)
            self.assertEqual(d.check(clock_error_ms=2), 30)
            self.assertEqual(len(d.net.relays[1].kept), 31)

    def test_a_relay_that_goes_wrong_later_pulls_no_time_away(self):
        for wrong_ms in (-6_048_000_000, 6_048_000_000):
            d = make_driver(2, 9, 12)
            d.net.at(150 * SECOND_US, setattr, d.net.relays[1], "skew_ms", wrong_ms)
            d.every(10 * SECOND_US, 60)
            d.run(601)
            self.assertEqual(d.check(clock_error_ms=2), 60)

    def test_a_relay_that_knows_no_time_leaves_it_to_the_others(self):
        d = make_driver(2, 9)
        d.net.relays[1].knows_time = False
        d.every(SECOND_US, 30)
        d.run(31)
        self.assertEqual(d.check(clock_error_ms=2), 30)

    def test_loss_duplicates_reordering(self):
        for seed in (1, 2, 3):
            with self.subTest(seed=seed):
                net = Net([Relay(1, 2_000), Relay(2, 9_000)], seed, loss=30, duplicates=10, jitter_us=30_000)
                d = Driver(net)
                d.every(500_000, 40, lambda i: SEND if i % 5 == 0 else STORE)
                d.run(20)
                d.run_until(d.drained, 120)
                self.assertEqual(d.check(clock_error_ms=40), 40)
                self.assertFalse(d.lost)

    def test_everything_breaks_in_turn(self):
        for seed in (1, 2):
            with self.subTest(seed=seed):
                net = Net([Relay(i, 3_000 * i) for i in (1, 2, 3)], seed, loss=10, duplicates=10, jitter_us=4_000)
                d = Driver(net, queue_readings=40)
                troubles = (Relay.DEAD, Relay.FROZEN, Relay.BUSY, Relay.UP)
                for i in range(15):
                    net.at((1 + 2 * i) * SECOND_US, net.state, 1 + net.dice(3), troubles[net.dice(4)])
                for relay_id in (1, 2, 3):
                    net.at(32 * SECOND_US, net.state, relay_id, Relay.UP)
                d.every(SECOND_US, 32)
                d.run(33)
                d.run_until(d.drained, 200)
                self.assertEqual(d.check(clock_error_ms=20), 32)

    def test_a_dying_relay_whose_ack_is_lost_makes_no_second_frame(self):
        # The first relay keeps the datagram, its ACK never comes; the same frame goes to the second one.
        d = make_driver(2, 10)
        d.run(1)
        d.net.relays[1].back_us = 10**12
        d.submit(SEND)
        d.run_until(d.drained, 10)
        self.assertIn(1, d.net.relays[1].kept)
        self.assertEqual(d.net.relays[1].kept[1], d.net.relays[2].kept[1])
        self.assertEqual(d.check(clock_error_ms=2), 1)


class Events(unittest.TestCase):
    """What the sensor says on its console is made of these."""

    def test_as_documented(self):
        d = make_driver(5, 20)
        uplink = d.uplink
        seen = []
        events = d._events
        d._events = lambda: (seen.extend(uplink.events), events())
        d.net.at(SECOND_US, d.submit, SEND)
        d.net.at(SECOND_US, d.submit, STORE)
        d.run(3)
        self.assertEqual(
            seen,
            [
                (up.ROUTE, 1, 10_000),
                (up.SEALED, 0, SEND, [None]),
                (up.ACKED, 0, 1, 10_000, [None]),
                (up.SEALED, 1, SEND, [0]),
                (up.SEALED, 2, STORE, [1]),
                (up.ACKED, 1, 1, 10_000, [0]),
                (up.ACKED, 2, 1, 10_000, [1]),
            ],
        )

    def test_live_wanted_follows_the_last_reply(self):
        d = make_driver(5)
        d.live = True
        d.run(1)
        self.assertFalse(d.uplink.live_wanted)
        ops = []
        for status in (frames.LIVE_WANTED, frames.LIVE_WANTED, frames.OK, frames.OK):
            d.net.relays[1].status = status
            d.submit()
            d.run(1)
            ops.append(d.net.relays[1].order[-1][2])
            self.assertEqual(d.uplink.live_wanted, status == frames.LIVE_WANTED)
        # The tag follows the last reply: what is wanted is heard with the ACK of the reading before.
        self.assertEqual(ops, [STORE, SEND, SEND, STORE])
        d.check(clock_error_ms=2)

    def test_what_waits_is_tagged_anew(self):
        d = make_driver(5, 9)
        d.live = True
        d.run(1)
        for relay in d.net.relays.values():
            relay.status = frames.LIVE_WANTED
        d.net.state(1, Relay.DEAD)
        d.submit()
        d.run(0.1)  # it left, tagged STORE, and nobody has it
        self.assertEqual(len(d.sealed), 2)
        d.run(8)
        self.assertEqual([op for _, _, op in d.net.relays[2].order], [SEND, SEND])
        self.assertEqual(d.check(clock_error_ms=2), 1)

    def test_the_route_reading(self):
        d = make_driver(5)
        d.run(1)
        frame = d.net.relays[1].kept[0]
        _, data = intake.unseal(frame, d.uplink._siv)
        self.assertEqual(d.sealed[0], [None])
        self.assertEqual(decode(data, 1, 0)[0].values, {ROUTE_RELAY: 1, ROUTE_RELAY + 1: 10_000})

    def test_sent_without_outgoing_does_nothing(self):
        d = make_driver(5)
        d.uplink.sent(0)
        d.run(1)
        self.assertEqual(d.check(clock_error_ms=2), 0)


if __name__ == "__main__":
    unittest.main()

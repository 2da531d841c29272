"""Replies that are not what they seem change nothing."""

import unittest

from gridecho import frames, intake
from gridecho.frames import ACK, ECHO, NACK, PROBE, SEND
from gridecho_node import uplink as up

from tests.rigs.simdriver import make_driver
from tests.rigs.simnet import SECOND_US, Relay, reply


class Liars(unittest.TestCase):
    """Replies that are not what they seem change nothing."""

    def setUp(self):
        self.d = make_driver(5, 20)
        self.d.run(1)
        self.d.net.state(1, Relay.DEAD)
        self.d.net.state(2, Relay.DEAD)
        self.d.submit()
        self.d.run(0.01)
        self.utc_ms = self.d.net.utc_ms()

    def _feed(self, datagram):
        uplink = self.d.uplink
        before = (
            uplink.refused,
            uplink.route,
            uplink.clock.utc_ms(0),
            uplink.waiting(),
            uplink.mode,
            len(uplink.events),
        )
        uplink.receive(self.d.net.us, datagram)
        after = (
            uplink.refused,
            uplink.route,
            uplink.clock.utc_ms(0),
            uplink.waiting(),
            uplink.mode,
            len(uplink.events),
        )
        self.assertEqual(before[1:], after[1:])
        return after[0] - before[0]

    def test_what_is_not_a_reply_to_this_sensor_is_counted_and_nothing_else(self):
        seq = max(self.d.sealed)
        for kind in (ACK, NACK, ECHO):
            refused = (
                reply(kind, 1, seq, self.utc_ms, root=bytes(32)),
                reply(kind, 1, seq, self.utc_ms, key_of=2),
                reply(kind, 9, seq, self.utc_ms),
                reply(kind, 1, seq, self.utc_ms, sensor_id=78),
                reply(kind, 1, seq, self.utc_ms, epoch=4),
                reply(kind, 1, seq, self.utc_ms)[:-1],
                reply(kind, 1, seq, self.utc_ms) + b"\x00",
            )
            for i, datagram in enumerate(refused):
                with self.subTest(kind=kind, i=i):
                    self.assertEqual(self._feed(datagram), 1)
        for datagram in (b"", b"\x00", bytes(36), bytes(64), b"\x11" * 64, b"\x12" * 36, b"\xff" * 64):
            with self.subTest(datagram=datagram):
                self.assertEqual(self._feed(datagram), 1)

    def test_its_own_datagrams_sent_back_are_refused(self):
        probe = frames.Control(PROBE, 0, 1, 0, 77, 5, 1, 0, 1).pack(self.d.uplink._links[1].up)
        self.assertEqual(self._feed(probe), 1)

    def test_every_bit_counts(self):
        good = reply(ACK, 1, max(self.d.sealed), self.utc_ms)
        for bit in range(8 * len(good)):
            wrong = bytearray(good)
            wrong[bit // 8] ^= 1 << bit % 8
            self.assertEqual(self._feed(bytes(wrong)), 1)

    def test_acks_and_nacks_of_what_is_not_in_flight_change_nothing(self):
        seq = max(self.d.sealed)
        for kind in (ACK, NACK):
            for other in (0, seq + 1, 2**32 - 1):
                self._feed(reply(kind, 1, other, self.utc_ms))

    def test_a_relay_that_was_never_asked_cannot_acknowledge(self):
        seq = max(self.d.sealed)
        self.assertEqual(self.d.uplink.route[0], 1)
        for kind in (ACK, NACK):
            self._feed(reply(kind, 2, seq, self.utc_ms, retry_s=200))
        self.assertFalse(self.d.drained())
        self.d.uplink.receive(self.d.net.us, reply(ACK, 1, seq, self.utc_ms))
        self.assertTrue(self.d.drained())

    def test_a_late_ack_of_the_relay_before_counts(self):
        d = self.d
        d.net.state(2, Relay.UP)
        d.net.delay(2, 400_000)
        d.run_until(lambda: d.uplink.route[0] == 2, 10)
        d.honest = False
        waiting = d.uplink.waiting()
        d.uplink.receive(d.net.us, reply(ACK, 1, 1, d.net.utc_ms()))
        self.assertEqual(d.uplink.events, [(up.ACKED, 1, 1, d.net.us - SECOND_US, [0])])
        self.assertEqual(d.uplink.waiting(), waiting - 1)

    def test_echoes_that_were_not_asked_for_choose_nothing(self):
        for number in range(20):
            self._feed(reply(ECHO, 2, number, self.utc_ms + 10**9))

    def test_replayed_echoes_of_an_earlier_round_choose_nothing(self):
        d = make_driver(5, 20)
        replies = []
        net = d.net
        carried = net.inject
        net.inject = lambda datagram: replies.append(datagram) or carried(datagram)
        d.every(SECOND_US, 10)
        d.run(11)
        old = list(replies)
        self.assertGreater(len(old), 10)
        net.delay(1, 400_000)
        # Every old reply again, every 10 ms, through the next rounds: what was the fastest must not look fast.
        for k in range(300):
            net.at(net.us + 10_000 * k, carried, old[k % len(old)])
        d.submit()
        d.run_until(lambda: d.uplink.route[0] == 2, 10)
        d.run(5)
        self.assertEqual(d.uplink.route, (2, 40_000))
        d.run_until(d.drained, 10)
        self.assertEqual(d.check(clock_error_ms=2), 11)

    def test_a_relay_cannot_answer_for_another_in_a_round(self):
        d = make_driver(30, 20)
        d.run_until(lambda: d.uplink.mode == up.PROBING, 1)
        d.run(0.001)
        asked = d.net.sends[0][1]
        other = 3 - asked
        d.uplink.receive(d.net.us, reply(ECHO, other, 1, d.net.utc_ms()))
        d.run(1)
        self.assertEqual(d.uplink.route, (2, 40_000))

    def test_an_impossible_time_stops_nothing(self):
        # A relay whose clock was never set, or runs wild.
        for utc_ms in (0, 1, (1 << 32) * 1000, (1 << 48) - 1):
            with self.subTest(utc_ms=utc_ms):
                d = make_driver(5)
                d.net.utc_ms = lambda at_us=None, utc_ms=utc_ms: utc_ms
                d.run(5)
                d.submit(SEND)
                d.run(1)
                self.assertTrue(d.drained())
                if utc_ms > 1000:
                    self.assertEqual(intake.read_header(d.net.relays[1].kept[1]).time_s, 0)


if __name__ == "__main__":
    unittest.main()

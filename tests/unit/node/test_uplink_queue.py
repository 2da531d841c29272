"""What waits in the uplink, in which order it leaves, and what is lost when there is no room."""

import unittest

from gridecho import intake
from gridecho.crypto import Siv
from gridecho.errors import MisuseError
from gridecho.frames import SEND, STORE
from gridecho.keys import siv_key
from gridecho.quantities import FREQUENCY, MAX_CODE, POWER_IMPORT
from gridecho.readings import MAX_VALUE, decode
from gridecho_node import uplink as up

from tests.rigs.simdriver import make_driver
from tests.rigs.simnet import KEY_ID, ROOT, SECOND_US, SENSOR, UTC_AT_0_MS, Relay


def far_apart(codes, i):
    """Values that are each as far as can be from those with the other `i`."""
    return {code: -MAX_VALUE if (i + code) % 2 else MAX_VALUE for code in range(codes)}


class Queue(unittest.TestCase):
    """What waits, in which order it leaves, and what is lost when there is no room."""

    def test_send_goes_before_store(self):
        d = make_driver(5, readings_per_datagram=2)
        ops = [STORE, STORE, STORE, SEND, STORE, SEND, STORE, SEND]
        for op in ops:
            d.submit(op)
        d.run(2)
        sent = [op for seq, op in sorted((seq, op) for _, seq, op in d.net.relays[1].order)]
        self.assertEqual(sent, [SEND, SEND, SEND, STORE, STORE, STORE])
        numbers = [d.sealed[seq] for seq in sorted(d.sealed)]
        self.assertEqual(numbers, [[3, 5], [7], [None], [0, 1], [2, 4], [6]])  # None is the route
        d.check(clock_error_ms=2)

    def test_a_datagram_has_one_kind_of_time(self):
        d = make_driver(5)
        relay = d.net.relays[1]
        relay.skew_ms = -UTC_AT_0_MS - 10_000  # its clock began in 1970, ten seconds after the sensor did
        relay.state = Relay.DEAD
        d.every(SECOND_US, 20)
        d.run(19.5)
        d.net.state(1, Relay.UP)
        d.run_until(d.drained, 60)
        siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
        dated, undated = [], []
        for frame in relay.kept.values():
            header, data = intake.unseal(frame, siv)
            times = [
                reading.time_s for reading in decode(data, header.count, header.time_s) if 44 not in reading.values
            ]
            self.assertTrue(all(times) or not any(times), times)
            (dated if all(times) else undated).extend(times)
        self.assertTrue(len(undated) >= 9 and len(dated) >= 8, (dated, undated))

    def test_four_in_flight(self):
        d = make_driver(5, readings_per_datagram=1)
        d.run(1)
        d.net.state(1, Relay.FROZEN)
        for _ in range(10):
            d.submit()
        d.run(1)
        self.assertEqual(d.open, 4)  # the driver refuses a fifth at any time
        d.net.state(1, Relay.UP)
        d.run_until(d.drained, 20)
        self.assertEqual(d.check(clock_error_ms=2), 10)

    def test_what_is_lost_is_said_and_leaves_a_gap(self):
        d = make_driver(5, queue_readings=8)
        d.net.state(1, Relay.DEAD)
        d.every(SECOND_US, 20)
        d.run(21)
        self.assertEqual(sorted(d.lost), list(range(12)))
        self.assertEqual(sorted(d.lost.values()), list(range(12)))
        d.net.state(1, Relay.UP)
        d.run_until(d.drained, 60)
        self.assertEqual(d.check(clock_error_ms=2), 8)

    def test_the_sensors_own_state_costs_no_reading(self):
        d = make_driver(5, queue_readings=8)
        d.net.state(1, Relay.DEAD)
        for _ in range(8):
            d.submit()
        d.run(1.5)
        d.net.state(1, Relay.UP)
        d.run_until(d.drained, 60)
        self.assertFalse(d.lost)
        self.assertEqual(d.check(clock_error_ms=2), 8)

    def test_the_route_is_told_once_a_change(self):
        d = make_driver(5, 20, rtt_limit_us=1000)  # every ACK is too slow: a round every two seconds
        d.every(SECOND_US, 40)
        d.run(20)
        d.net.delay(1, 90_000)
        d.run(20)
        told = [seq for seq, numbers in d.sealed.items() if None in numbers]
        self.assertEqual(len(told), 2)
        self.assertGreater(len(d.told(up.ROUTE)), 5)

    def test_full_datagrams_of_extreme_values(self):
        # As many values as there are codes for a meter, each as far from the one before as it can be.
        for count, codes, per_datagram in ((28, 40, 255), (20, 8, 20), (255, 1, 255)):
            with self.subTest(codes=codes):
                d = make_driver(5, queue_readings=count, readings_per_datagram=per_datagram)
                extremes = [far_apart(codes, 0), far_apart(codes, 1)]
                for i in range(count):
                    d.submit(STORE, extremes[i % 2])
                d.run_until(d.drained, 60)
                self.assertEqual(d.check(clock_error_ms=2), count)
                self.assertGreater(d.largest, 600)
        d = make_driver(5)
        d.submit(SEND, {code: MAX_VALUE - code for code in range(MAX_CODE + 1)})
        d.run(2)
        self.assertEqual(d.check(clock_error_ms=2), 1)

    def test_sealing_takes_little_memory(self):
        # 255 readings of 40 values are 80 KB when each takes 8 bytes: an ESP32's heap.
        sizes = []
        encode = up.encode
        up.encode = lambda readings: sizes.append(len(encode(readings))) or encode(readings)
        try:
            d = make_driver(5, queue_readings=100, readings_per_datagram=255)
            extremes = [far_apart(40, 0), far_apart(40, 1)]
            for i in range(100):
                d.submit(STORE, extremes[i % 2])
            d.run_until(lambda: len(sizes) >= 2, 10)
        finally:
            up.encode = encode
        self.assertLessEqual(max(sizes), 8 * 1200)

    def test_readings_of_other_quantities_go_apart(self):
        d = make_driver(5)
        for i in range(6):
            d.submit(STORE, {POWER_IMPORT: i} if i % 2 else {FREQUENCY: 50_000 + i})
        d.run(2)
        self.assertEqual(sorted(n for n in d.sealed.values() if n != [None]), [[0, 2, 4], [1, 3, 5]])
        d.check(clock_error_ms=2)

    def test_what_cannot_be_sent_is_refused_at_once(self):
        d = make_driver(5)
        for values in ({}, {MAX_CODE + 1: 1}, {-1: 1}, {POWER_IMPORT: MAX_VALUE + 1}, {POWER_IMPORT: -MAX_VALUE - 1}):
            with self.subTest(values=values), self.assertRaises(MisuseError):
                d.uplink.submit(0, STORE, values)
        d.submit()
        d.run(2)
        self.assertEqual(d.check(clock_error_ms=2), 1)


if __name__ == "__main__":
    unittest.main()

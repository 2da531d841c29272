"""Relays known by name whose addresses change: found again, and no reading is late for it."""

import unittest

from gridecho.frames import SEND
from gridecho.quantities import ENERGY_IMPORT
from gridecho_node import sensor as module
from gridecho_node.names import Names
from gridecho_node.rules import Tagger
from gridecho_node.sensor import Sensor
from gridecho_node.uplink import Uplink

from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, Net, Relay

OFF = {"over_w": 0, "change_w": 0, "over_ma": 0, "over_mv": 0, "under_mv": 0}


class NamedNet(Net):
    """A network whose relays have addresses; `look_up` blocks for as long as a board's resolver does."""

    def __init__(self, relays):
        super().__init__(relays)
        self.address = dict.fromkeys(self.relays, 1)
        self.known = dict(self.address)
        self.looked = []  # (us, relay id)
        self.takes_us = 5 * SECOND_US
        self.works = True
        self.reopened = 0

    def send(self, relay_id, datagram):
        return self.known[relay_id] == self.address[relay_id] and super().send(relay_id, datagram)

    def look_up(self, relay_id):
        self.looked.append((self.us, relay_id))
        self.us += self.takes_us
        changed = self.works and self.known[relay_id] != self.address[relay_id]
        if changed:
            self.known[relay_id] = self.address[relay_id]
        return changed

    def reopen(self):
        self.reopened += 1


class Meter:
    turn_us = lead_us = 0

    def __init__(self, net):
        self.net = net
        self.read_us = []

    def poll(self, now_us):
        pass

    def begin(self, now_us):
        pass

    def bad(self):
        return 0

    def close(self):
        pass

    def read(self, now_us):
        self.read_us.append(self.net.us)
        return {ENERGY_IMPORT: len(self.read_us)}


class Radio:
    def rejoin(self):
        pass

    def restart(self):
        raise SystemExit


class Lookups(unittest.TestCase):
    def setUp(self):
        self.kept = module.write_route
        module.write_route = lambda relay_id, rtt_us: None

    def tearDown(self):
        module.write_route = self.kept

    def build(self, period_s=60, named=(1, 2)):
        self.net = NamedNet([Relay(1, 2_000), Relay(2, 9_000), Relay(3, 30_000)])
        self.meter = Meter(self.net)
        self.uplink = Uplink(ROOT, SENSOR, KEY_ID, EPOCH, [1, 2, 3], self.net.dice)
        self.period_us = int(period_s * SECOND_US)
        self.said = []

        def say(line):
            if line.startswith("wifi"):  # a line for each reading would fill a board's heap
                self.said.append(line)

        names = Names(list(named), self.uplink, self.net, self.net, say)
        self.sensor = Sensor(
            self.meter,
            Tagger(OFF),
            self.uplink,
            self.net,
            self.net,
            self.period_us,
            None,
            say,
            radio=Radio(),
            names=names,
        )

    def run_for(self, seconds):
        until_us = self.net.us + int(seconds * SECOND_US)
        while self.net.us < until_us:
            self.sensor.step()

    def check_rhythm(self):
        for i, us in enumerate(self.meter.read_us):
            self.assertLess(us - i * self.period_us, SECOND_US // 10)

    def test_found_again_while_another_relay_answers(self):
        for period_s in (10, 60, 600):
            with self.subTest(period_s=period_s):
                self.build(period_s)
                self.run_for(3 * period_s)
                self.assertEqual((self.uplink.route[0], self.net.looked), (1, []))
                self.net.address[1] = 2
                self.run_for(4 * period_s + 60)
                self.assertEqual((self.uplink.route[0], self.net.looked[0][1]), (1, 1))
                self.assertLessEqual(len(self.net.looked), 2)
                self.assertIn("wifi relay=1 has another address now", self.said)
                self.assertEqual((self.uplink.lost, self.uplink.waiting()), (0, 0))
                self.check_rhythm()

    def test_found_again_when_none_answers(self):
        self.build(named=(1, 2, 3))
        self.run_for(180)
        for relay_id in (1, 2, 3):
            self.net.address[relay_id] = 2
        self.run_for(600)
        self.assertEqual(sorted([relay_id for _, relay_id in self.net.looked[:3]]), [1, 2, 3])
        self.assertEqual(self.uplink.route[0], 1)
        self.assertEqual(self.uplink.lost, 0)
        self.check_rhythm()

    def test_a_name_that_stays_unknown_is_asked_for_seldom(self):
        self.build(period_s=600)
        self.net.works = False
        self.net.address[1] = self.net.address[2] = 2
        self.run_for(86_400)
        for named in (1, 2):
            asked = [us for us, relay_id in self.net.looked if relay_id == named]
            self.assertTrue(24 <= len(asked) <= 36, len(asked))
            self.assertLess(asked[2], 300 * SECOND_US)
        self.check_rhythm()
        self.net.works = True  # and is found all the same
        self.run_for(2 * 3600)
        self.assertEqual(self.uplink.route[0], 1)

    def test_the_network_joined_anew_asks_soon(self):
        self.build(named=(1, 2, 3))
        self.net.works = False
        for relay_id in (1, 2, 3):
            self.net.address[relay_id] = 2
        self.sensor._say = lambda line: None
        self.run_for(5000)
        self.assertGreater(self.net.reopened, 3)
        self.assertGreater(len(self.net.looked), 3 * self.net.reopened)
        self.check_rhythm()

    def test_what_a_meter_that_ended_left_is_brought_to_a_relay_that_moved(self):
        self.build(named=(1, 2, 3))
        self.run_for(30)
        self.sensor._meter = None
        self.run_for(120)
        for relay_id in (1, 2, 3):
            self.net.address[relay_id] = 2
        self.uplink.submit(self.net.us, SEND, {ENERGY_IMPORT: 1})
        self.run_for(300)
        self.assertEqual((self.uplink.waiting(), self.uplink.lost), (0, 0))

    def test_numbers_are_never_looked_up(self):
        self.build(named=(2,))
        self.net.address[1] = self.net.address[3] = 2
        self.run_for(3600)
        self.assertEqual((self.net.looked, self.uplink.route[0]), ([], 2))

    def test_a_period_shorter_than_a_slow_lookup(self):
        self.build(period_s=1)
        self.net.works = False
        self.run_for(30)
        self.net.address[1] = 2
        self.run_for(600)
        self.assertEqual(len(self.net.looked), 1)  # it made readings late, so it is left alone for long
        self.build(period_s=1)
        self.net.takes_us = SECOND_US // 10
        self.run_for(30)
        self.net.address[1] = 2
        self.run_for(30)
        self.assertEqual(self.uplink.route[0], 1)
        self.check_rhythm()


if __name__ == "__main__":
    unittest.main()

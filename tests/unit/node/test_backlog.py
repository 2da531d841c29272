"""Outages with a flash ring: what no relay took in time is on flash, comes back in order, and arrives once."""

import unittest

from gridecho import intake
from gridecho.crypto import Siv
from gridecho.frames import SEND, STORE
from gridecho.keys import siv_key
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import decode
from gridecho.states import is_state
from gridecho_node import spool as module
from gridecho_node import uplink as up
from gridecho_node.backlog import Backlog
from gridecho_node.spool import Spool
from gridecho_node.uplink import Uplink

from tests.rigs.simflash import SimFlash
from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, Net, Relay

MINUTE_US = 60 * SECOND_US


class Life:
    """One boot of an uplink with a ring, on a network that outlives it."""

    def __init__(self, net, epoch, kb=64, newest_first=False, keep_oldest=False, queue=16, most=32):
        self.net = net
        self.booted_us = net.us
        self.uplink = Uplink(ROOT, SENSOR, KEY_ID, epoch, sorted(net.relays), net.dice, queue_readings=queue)
        self.spool = Spool(kb * 1024, epoch, newest_first)
        self.backlog = Backlog(self.uplink, self.spool, keep_oldest, most)
        self.dropped = []
        self.flash_errors = 0

    def run(self, seconds, period_us=None, made=None, op=STORE):
        """So many seconds, with a reading every period; `made` notes when each was taken, its number there is its energy."""
        until_us = self.net.us + int(seconds * SECOND_US)
        next_us = self.net.us
        while self.net.us < until_us:
            if period_us is not None and self.net.us >= next_us:
                self.uplink.submit(self._now(), op, {ENERGY_IMPORT: len(made), POWER_IMPORT: 100})
                made.append(self.net.us)
                next_us += period_us
            self._turn(min(until_us, next_us if period_us is not None else until_us))

    def _now(self):
        return self.net.us - self.booted_us

    def _turn(self, until_us):
        uplink, net = self.uplink, self.net
        try:
            self.backlog.turn(self._now())
        except OSError:
            self.flash_errors += 1
        outgoing = uplink.outgoing(self._now())
        while outgoing is not None:
            uplink.sent(self._now())
            net.send(*outgoing)
            outgoing = uplink.outgoing(self._now())
        wake_us = min(until_us, self.booted_us + uplink.next_us(self._now()), net.us + SECOND_US)
        datagram = net.advance(max(wake_us, net.us + 1))
        if datagram is not None:
            uplink.receive(self._now(), datagram)
        self.dropped += [event for event in uplink.events if event[0] == up.DROPPED]
        uplink.events.clear()


class OnFlash(unittest.TestCase):
    def setUp(self):
        self.flash = SimFlash()
        self.flash.into(module)
        self.net = Net([Relay(1, 3_000), Relay(2, 9_000)])
        self.made = []

    def tearDown(self):
        SimFlash.out_of(module)

    def relays(self, state):
        for relay_id in self.net.relays:
            self.net.state(relay_id, state)

    def acknowledged(self):
        """How many datagrams the relays have; the route's, seq 0, aside."""
        return sum([len([seq for seq in relay.kept if seq]) for relay in self.net.relays.values()])

    def delivered(self):
        """(time, energy) of the readings in the order in which relays got them; no data id and no reading twice."""
        siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
        held = {}
        order = []
        for relay in self.net.relays.values():
            for key, frame in relay.kept.items():
                header, data = intake.unseal(frame, siv)
                got = [(r.time_s, r.values) for r in decode(data, header.count, header.time_s)]
                if key in held:
                    self.assertEqual(held[key], got, "two contents of one data id")
                    continue
                held[key] = got
                order.append((header.epoch, header.seq, got))
        out = []
        for _, _, got in sorted(order):
            out += [(time_s, values[ENERGY_IMPORT]) for time_s, values in got if not is_state(max(values))]
        energies = [energy for _, energy in out]
        self.assertEqual(len(energies), len(set(energies)), "a reading twice")
        return out

    def check_times(self, delivered):
        for time_s, energy in delivered:
            late_ms = self.net.utc_ms(self.made[energy]) - time_s * 1000
            self.assertTrue(-10 <= late_ms < 1010, (energy, late_ms))


class Outage(OnFlash):
    def test_a_day_without_relays(self):
        life = Life(self.net, EPOCH, kb=256)
        life.run(600, MINUTE_US, self.made)
        self.relays(Relay.DEAD)
        life.run(86_400, MINUTE_US, self.made)
        self.assertGreater(life.spool.count(), 1400)
        self.assertEqual(life.uplink.lost, 0)
        self.assertLess(life.uplink.waiting(), 8)
        self.relays(Relay.UP)
        life.run(300, MINUTE_US, self.made)
        life.run(30)
        delivered = self.delivered()
        self.assertEqual([energy for _, energy in delivered], list(range(len(self.made))))
        self.check_times(delivered)
        self.assertEqual((life.spool.count(), self.flash.files), (0, {}))
        # One write for each reading of the day, one for each segment begun, and a claim for each datagram.
        self.assertLess(self.flash.changes, 1440 * 1.3)

    def test_a_short_one_touches_no_flash(self):
        life = Life(self.net, EPOCH)
        life.run(10, SECOND_US, self.made)
        self.relays(Relay.DEAD)
        life.run(5, SECOND_US, self.made)
        self.relays(Relay.UP)
        life.run(30, SECOND_US, self.made)
        self.assertEqual(self.flash.changes, 0)
        life.run(5)
        self.assertEqual(len(self.delivered()), 45)

    def test_no_relay_at_boot_for_hours(self):
        self.relays(Relay.DEAD)
        life = Life(self.net, EPOCH)
        life.run(7200, MINUTE_US, self.made)
        self.assertFalse(life.uplink.clock.known())
        self.relays(Relay.UP)
        life.run(120)
        delivered = self.delivered()
        self.assertEqual([energy for _, energy in delivered], list(range(120)))
        self.check_times(delivered)

    def test_a_ring_that_overflows_leaves_gaps_for_what_it_gave_up(self):
        life = Life(self.net, EPOCH)
        self.relays(Relay.DEAD)
        life.run(3 * 86_400, MINUTE_US, self.made)
        self.relays(Relay.UP)
        life.run(60)
        delivered = [energy for _, energy in self.delivered()]
        self.assertEqual(delivered, list(range(len(self.made) - len(delivered), len(self.made))))
        lost = len(self.made) - len(delivered)
        self.assertEqual(life.uplink.lost, lost)
        self.assertEqual(sum([event[1] for event in life.dropped]), lost)
        seqs = [seq for relay in self.net.relays.values() for seq in relay.kept]
        self.assertEqual(max(seqs) + 1 - len(set(seqs)), lost, "a gap for each")

    def test_keep_oldest(self):
        life = Life(self.net, EPOCH, keep_oldest=True)
        self.relays(Relay.DEAD)
        life.run(3 * 86_400, MINUTE_US, self.made)
        self.relays(Relay.UP)
        life.run(60)
        delivered = [energy for _, energy in self.delivered()]
        kept = next(i for i in range(len(delivered)) if i + 1 == len(delivered) or delivered[i + 1] != i + 1)
        self.assertGreater(kept, 1000)  # the first of the outage, and the few newest that waited in RAM
        self.assertEqual(len(self.made) - len(delivered), life.uplink.lost)

    def test_newest_first(self):
        life = Life(self.net, EPOCH, newest_first=True)
        life.run(60, MINUTE_US, self.made)
        self.relays(Relay.DEAD)
        life.run(36_000, MINUTE_US, self.made)
        self.relays(Relay.UP)
        life.run(70)
        delivered = [energy for _, energy in self.delivered()]
        self.assertEqual(sorted(delivered), list(range(len(self.made))))
        self.assertGreater(delivered.index(5), delivered.index(500))

    def test_urgent_ones_do_not_wait_for_old_ones(self):
        life = Life(self.net, EPOCH)
        self.relays(Relay.DEAD)
        life.run(36_000, MINUTE_US, self.made)
        self.relays(Relay.UP)
        while life.spool.count() == 600:
            life.run(0.01)
        done = self.acknowledged()
        life.run(0.01, SECOND_US, self.made, op=SEND)
        life.run(5)
        order = []
        for relay in self.net.relays.values():
            order += [(at_ms, seq, op) for at_ms, seq, op in relay.order if seq > 0]
        order.sort()
        ops = [op for _, _, op in order]
        self.assertLessEqual(ops.index(SEND), done + 4)  # those that were on their way, and no more
        self.assertGreater(len(ops), done + 8)
        self.assertEqual(len(self.delivered()), len(self.made))

    def test_busy_relays_are_an_outage_too(self):
        life = Life(self.net, EPOCH)
        life.run(60, MINUTE_US, self.made)
        self.relays(Relay.BUSY)
        life.run(7200, MINUTE_US, self.made)
        self.assertGreater(life.spool.count(), 100)
        self.relays(Relay.UP)
        life.run(300)
        self.assertEqual([energy for _, energy in self.delivered()], list(range(len(self.made))))

    def test_flash_that_fails_costs_no_more_than_ram_would(self):
        life = Life(self.net, EPOCH)
        self.relays(Relay.DEAD)
        self.flash.fails = 28
        life.run(3600, MINUTE_US, self.made)
        self.assertGreater(life.flash_errors, 10)
        self.flash.fails = None
        life.run(600, MINUTE_US, self.made)
        self.relays(Relay.UP)
        life.run(100)
        delivered = [energy for _, energy in self.delivered()]
        self.assertEqual(delivered, list(range(len(self.made) - len(delivered), len(self.made))))
        self.assertEqual(len(self.made) - len(delivered), life.uplink.lost)


class Restarts(OnFlash):
    def test_a_restart_in_the_middle_of_an_outage_and_of_the_delivery(self):
        # Every ACK after the first few is lost, then the power goes: what was committed is sent again and is known.
        for cut_s in (1.2, 1.5, 2.0, 2.5, 3.0, 4.0):
            with self.subTest(cut_s=cut_s):
                self.tearDown()
                self.setUp()
                life = Life(self.net, EPOCH, most=4)
                life.run(300, MINUTE_US, self.made)
                self.relays(Relay.DEAD)
                life.run(7200, MINUTE_US, self.made)
                in_ram = life.uplink.waiting()
                self.relays(Relay.UP)
                life.run(40)
                self.net.loss = 60
                life.run(cut_s)
                self.net.loss = 0
                in_ram += life.uplink.waiting()
                life = Life(self.net, EPOCH + 1)
                life.run(120)
                delivered = self.delivered()
                self.check_times(delivered)
                self.assertGreaterEqual(len(delivered) + in_ram, len(self.made))
                self.assertEqual(self.flash.files, {})

    def test_many_restarts_while_no_relay_is_there(self):
        self.relays(Relay.DEAD)
        for k in range(10):
            life = Life(self.net, EPOCH + k, kb=256)
            life.run(1200, MINUTE_US, self.made)
        self.relays(Relay.UP)
        life.run(120)
        delivered = self.delivered()
        # Those of earlier boots had no time and never will; none is lost but what was in RAM at each cut.
        self.assertGreater(len(delivered), 190)
        self.assertTrue(all(time_s == 0 for time_s, energy in delivered if energy < 150))
        self.check_times([row for row in delivered if row[1] >= 180])


if __name__ == "__main__":
    unittest.main()

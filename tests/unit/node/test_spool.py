"""The flash ring alone: what it keeps, in which order it gives it back, what a power cut leaves."""

import unittest

from gridecho.errors import MisuseError
from gridecho.quantities import ENERGY_IMPORT, FREQUENCY, POWER_IMPORT
from gridecho.readings import decode
from gridecho_node import spool as module
from gridecho_node.spool import UPTIME, URGENT, Spool

from tests.rigs.simflash import PowerCut, SimFlash
from tests.rigs.simnet import Dice

KB = 1024
T0 = 1_780_000_000


def row(i, flags=0, values=None):
    return (i, flags, (i if flags & UPTIME else T0 + 60 * i), values or {ENERGY_IMPORT: 1000 + i, POWER_IMPORT: i * i})


class OnFlash(unittest.TestCase):
    def setUp(self):
        self.flash = SimFlash()
        self.flash.into(module)
        self.seq = 0

    def tearDown(self):
        SimFlash.out_of(module)

    def spool(self, epoch=1, kb=256, newest_first=False):
        self.epoch = epoch
        self.seq = 0
        return Spool(kb * KB, epoch, newest_first)

    def send(self, spool, most=8, offset_s=0):
        """The next batch, with the seq that an uplink would give it; None if there is none."""
        batch = spool.next_batch(self.seq, most, offset_s)
        if batch is not None and (batch.epoch, batch.seq) == (self.epoch, self.seq):
            self.seq += 1
        return batch

    def send_all(self, spool, most=8, offset_s=0):
        """Every batch, all acknowledged."""
        batches = []
        batch = self.send(spool, most, offset_s)
        while batch is not None:
            batches.append(batch)
            spool.done(batch)
            batch = self.send(spool, most, offset_s)
        return batches


def readings(batches):
    """(time, energy) of all that is in the batches, in their order."""
    out = []
    for batch in batches:
        decoded = decode(batch.data, len(batch.numbers), batch.time_s)
        out += [(reading.time_s, reading.values.get(ENERGY_IMPORT)) for reading in decoded]
    return out


class Ring(OnFlash):
    def test_gives_back_what_it_took_and_then_is_empty(self):
        spool = self.spool()
        for i in range(100):
            self.assertEqual(spool.keep([row(i)], False), (1, 0))
        self.assertEqual(spool.count(), 100)
        batches = self.send_all(spool, most=32)
        self.assertEqual(readings(batches), [(T0 + 60 * i, 1000 + i) for i in range(100)])
        self.assertEqual([batch.seq for batch in batches], [0, 1, 2, 3])
        self.assertEqual([n for batch in batches for n in batch.numbers], list(range(100)))
        self.assertEqual((spool.count(), self.flash.files), (0, {}))

    def test_many_at_once_is_one_write_a_segment(self):
        spool = self.spool()
        spool.keep([row(0)], False)
        before = self.flash.changes
        spool.keep([row(i) for i in range(1, 60)], False)
        self.assertEqual(self.flash.changes, before + 1)

    def test_other_quantities_and_urgency_leave_apart(self):
        spool = self.spool()
        rows = [row(0), row(1), row(2, 0, {FREQUENCY: 50}), row(3, URGENT), row(4, URGENT), row(5)]
        spool.keep(rows, False)
        batches = self.send_all(spool)
        self.assertEqual([batch.numbers for batch in batches], [[0, 1], [2], [3, 4], [5]])
        self.assertEqual([batch.urgent for batch in batches], [False, False, True, False])

    def test_a_datagram_holds_what_fits(self):
        spool = self.spool()
        wide = [dict.fromkeys(range(40), (1 << 52) * (-1) ** i) for i in range(8)]
        spool.keep([row(i, 0, wide[i]) for i in range(8)], False)
        batches = self.send_all(spool, most=32)
        self.assertEqual([n for batch in batches for n in batch.numbers], list(range(8)))
        self.assertTrue(all(len(batch.data) <= 1156 for batch in batches))
        self.assertGreater(len(batches), 1)

    def test_newest_first(self):
        spool = self.spool(newest_first=True, kb=64)
        for i in range(200):
            spool.keep([row(i)], False)
        numbers = [batch.numbers for batch in self.send_all(spool, most=10)]
        self.assertEqual(numbers[0][-1], 199)
        for i in range(1, len(numbers)):
            self.assertEqual(numbers[i][-1] + 1, numbers[i - 1][0])
        self.assertEqual(numbers[-1][0], 0)
        self.assertEqual(self.flash.files, {})

    def test_uptime_becomes_utc_in_its_own_boot_only(self):
        spool = self.spool(epoch=3)
        spool.keep([row(0), row(7, UPTIME)], False)
        later = self.spool(epoch=4)
        self.assertEqual([time_s for time_s, _ in readings(self.send_all(later, offset_s=T0))], [T0, 0])
        spool = self.spool(epoch=5)
        spool.keep([row(7, UPTIME)], False)
        self.assertEqual([time_s for time_s, _ in readings(self.send_all(spool, offset_s=T0))], [T0 + 7])

    def test_a_datagram_has_one_kind_of_time(self):
        for newest_first in (False, True):
            for offset_s, expected in (
                (T0, [4, 1, 1]),
                (0, [1, 2, 1, 1, 1]),
            ):  # known by now, or still not, in their own boot
                rows = [row(100), row(7, UPTIME), row(8, UPTIME), row(101), row(9, UPTIME | URGENT), row(102)]
                for epoch, counts in ((1, expected), (2, [1, 2, 1, 1, 1])):
                    with self.subTest(newest_first=newest_first, offset_s=offset_s, epoch=epoch):
                        self.flash.files.clear()
                        self.flash.folders.clear()
                        spool = self.spool(epoch=1, newest_first=newest_first)
                        spool.keep(rows, False)
                        if epoch == 2:
                            spool = self.spool(epoch=2, newest_first=newest_first)
                        batches = self.send_all(spool, offset_s=offset_s)
                        self.assertEqual(
                            [len(batch.numbers) for batch in batches], counts[:: -1 if newest_first else 1]
                        )
                        for batch in batches:
                            times = [time_s for time_s, _ in readings([batch])]
                            self.assertEqual(len({bool(time_s) for time_s in times}), 1, times)

    def test_what_was_sent_undated_and_lost_its_claim_stays_apart(self):
        spool = self.spool()
        sealed = [(1, 0, 0, {ENERGY_IMPORT: 1}), (2, 0, 0, {ENERGY_IMPORT: 2}), (3, 0, T0, {ENERGY_IMPORT: 3})]
        spool.keep_sealed(sealed, [(0, 2), (1, 1)], False)
        self.flash.files = {name: content for name, content in self.flash.files.items() if not name.endswith(".c")}
        batches = self.send_all(self.spool(epoch=2))
        self.assertEqual([[time_s for time_s, _ in readings([batch])] for batch in batches], [[0, 0], [T0]])

    def test_numbers_of_another_boot_say_nothing(self):
        self.spool(epoch=3).keep([row(0)], False)
        self.assertEqual(self.send_all(self.spool(epoch=4))[0].numbers, [None])


class Full(OnFlash):
    def expect(self, spool, first, end):
        """It gives these numbers in order, and no other."""
        batch = self.send(spool, 32)
        while batch is not None:
            for number in batch.numbers:
                self.assertEqual(number, first)
                first += 1
            spool.done(batch)
            batch = self.send(spool, 32)
        self.assertEqual(first, end)

    def test_the_oldest_go_and_are_counted(self):
        spool = self.spool(kb=64)
        promised = spool.room()
        given_up = 0
        for i in range(5000):
            written, gone = spool.keep([row(i)], False)
            self.assertEqual(written, 1)
            given_up += gone
        self.assertEqual(spool.count(), 5000 - given_up)
        self.assertTrue(spool.count() * 16 >= promised * 13, (spool.count(), promised))
        self.assertTrue(self.flash.size() <= 64 * KB)
        self.expect(spool, given_up, 5000)

    def test_keep_oldest_refuses_the_new(self):
        spool = self.spool(kb=64)
        kept = 0
        for i in range(5000):
            written, gone = spool.keep([row(i)], True)
            kept += written
            self.assertEqual(gone, 0)
        self.assertTrue(1000 < kept < 5000)
        self.expect(spool, 0, kept)

    def test_readings_under_way_that_go_are_not_given_up_twice(self):
        spool = self.spool(kb=64)
        spool.keep([row(0), row(1)], False)
        batch = self.send(spool)
        gone = 0
        for i in range(2, 3000):
            gone += spool.keep([row(i)], False)[1]
        self.assertEqual(spool.forgotten, 2)  # nobody acknowledged them
        spool.done(batch)  # a relay had them after all
        self.assertEqual(spool.count() + gone, 3000 - 2)

    def test_room_says_how_many_fit(self):
        spool = self.spool(kb=64)
        spool.keep([row(0)], False)
        promised = spool.room()
        kept = 0
        while spool.keep([row(kept)], True)[0]:
            kept += 1
        self.assertTrue(promised * 12 <= kept * 16 <= promised * 20, (promised, kept))


class Sealed(OnFlash):
    def test_data_ids_stay(self):
        spool = self.spool(epoch=9)
        self.assertEqual(spool.keep_sealed([row(0), row(1), row(2)], [(4, 2), (5, 1)], False), 0)
        for again in (spool, self.spool(epoch=10)):
            batches = [again.next_batch(77, 8, 0) for _ in range(2)]
            self.assertEqual([(b.epoch, b.seq) for b in batches], [(9, 4), (9, 5)])
            self.assertEqual(readings(batches), [(T0, 1000), (T0 + 60, 1001), (T0 + 120, 1002)])
            self.assertEqual(again.next_batch(77, 8, 0), None)
        for batch in batches:
            again.done(batch)
        self.assertEqual(self.flash.files, {})

    def test_no_room_and_the_oldest_stay(self):
        spool = self.spool(kb=64)
        i = 0
        while spool.keep([row(i)], True)[0]:
            i += 1
        self.assertEqual(spool.keep_sealed([row(0)], [(0, 1)], True), None)
        self.assertTrue(spool.keep_sealed([row(0)], [(0, 1)], False) > 0)


class Restart(OnFlash):
    def test_what_was_sent_keeps_its_data_id(self):
        spool = self.spool(epoch=1)
        spool.keep([row(i) for i in range(20)], False)
        first = [self.send(spool) for _ in range(2)]
        again = self.spool(epoch=2)
        self.assertEqual(again.count(), 20)
        batches = self.send_all(again)
        self.assertEqual([(b.epoch, b.seq) for b in batches], [(1, 0), (1, 1), (2, 0)])
        self.assertEqual([b.data for b in batches[:2]], [b.data for b in first])
        self.assertEqual([t for t, _ in readings(batches)], [T0 + 60 * i for i in range(20)])

    def test_what_was_sent_newest_first_keeps_its_data_id(self):
        spool = self.spool(epoch=1, newest_first=True)
        spool.keep([row(i) for i in range(20)], False)
        sent = [self.send(spool) for _ in range(2)]
        again = self.spool(epoch=2, newest_first=True)
        batches = self.send_all(again)
        self.assertEqual([(b.epoch, b.seq) for b in batches], [(1, 0), (1, 1), (2, 0)])
        self.assertEqual([b.data for b in batches[:2]], [b.data for b in sent])
        self.assertEqual(sorted(readings(batches)), [(T0 + 60 * i, 1000 + i) for i in range(20)])

    def test_files_of_somebody_else_are_left_alone(self):
        spool = self.spool()
        spool.keep([row(1)], False)
        for name in ("0x0000ab", "-0000001", "+0000001", "0000_0ab", "0x0000ab.c", "notes"):
            self.flash.files["spool/" + name] = b"?"
        self.assertEqual(self.spool().count(), 1)
        self.assertEqual(len(self.flash.files), 7)

    def test_damage_ends_a_segment_and_is_counted(self):
        self.spool().keep([row(i) for i in range(10)], False)
        path = "spool/00000001"
        content = self.flash.files[path]
        for at in range(8, len(content)):
            self.flash.files[path] = content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]
            spool = self.spool(epoch=2)
            self.assertEqual(spool.bad, 1)
            got = readings(self.send_all(spool))
            self.assertEqual(got, [(T0 + 60 * i, 1000 + i) for i in range(len(got))])
            self.assertTrue(len(got) < 10)
            self.flash.folders.add("spool")

    def test_flash_that_fails_loses_nothing_that_was_kept(self):
        spool = self.spool()
        spool.keep([row(i) for i in range(10)], False)
        self.flash.fails = 28
        for call in (lambda: spool.keep([row(10)], False), lambda: spool.next_batch(0, 8, 0)):
            with self.assertRaises(OSError):
                call()
        self.flash.fails = None
        spool = self.spool(epoch=2)
        spool.keep([row(10)], False)
        self.assertEqual(readings(self.send_all(spool)), [(T0 + 60 * i, 1000 + i) for i in range(11)])

    def test_a_reading_without_values_is_refused_before_flash_is_touched(self):
        spool = self.spool()
        with self.assertRaises(MisuseError):
            spool.keep([(0, 0, T0, {})], False)
        self.assertEqual(self.flash.files, {})


class Cuts(OnFlash):
    """The power goes in every change of a life of keeping, sending and removing; then again, in the boot after it."""

    def life(self, newest_first):
        """Keeps 40 readings in small groups and sends some between; notes what is committed, and every content of a data id."""
        spool = self.spool(self.epoch, 64, newest_first)
        for k in range(10):
            rows = [row(self.made + i) for i in range(4)]
            if k == 5:
                spool.keep_sealed(rows, [(self.seq, 3), (self.seq + 1, 1)], False)
                self.seq += 2
            else:
                spool.keep(rows, False)
            self.committed += [r[0] for r in rows]
            self.made += 4
            if k % 3 == 2:
                self.sent_once(spool, 2)

    def sent_once(self, spool, count):
        batch = None
        for _ in range(count):
            batch = self.send(spool, 3)
            if batch is None:
                return
            self.note(batch)
            spool.done(batch)  # the ACK came

    def note(self, batch):
        content = (batch.time_s, batch.data, len(batch.numbers))
        self.assertEqual(self.contents.setdefault((batch.epoch, batch.seq), content), content)

    def run_cut(self, cut_at, second_cut_at, torn, newest_first):
        self.flash = SimFlash()
        self.flash.into(module)
        self.flash.torn = torn
        self.contents = {}
        self.committed = []
        self.made = 0
        cut_first = False
        for epoch, cut in ((1, cut_at), (2, second_cut_at)):
            self.epoch = epoch
            self.flash.changes = 0
            self.flash.cut_at = cut
            try:
                self.life(newest_first)
            except PowerCut:
                cut_first = cut_first or epoch == 1
                self.made += 4
        self.flash.cut_at = None
        self.epoch = 3
        spool = self.spool(3, 64, newest_first)
        batch = self.send(spool, 3)
        while batch is not None:
            self.note(batch)
            spool.done(batch)
            batch = self.send(spool, 3)
        self.assertEqual(self.flash.files, {})
        energies = []
        for time_s, data, count in self.contents.values():
            energies += [reading.values[ENERGY_IMPORT] - 1000 for reading in decode(data, count, time_s)]
        self.assertEqual(len(energies), len(set(energies)), "a reading under two data ids")
        lost = [n for n in self.committed if n not in energies]
        self.assertFalse(lost, f"lost though it was committed: {lost}")
        return cut_first

    def test_every_change(self):
        for newest_first in (False, True):
            for torn in (0, 5, 30):
                cut_at = 1
                while self.run_cut(cut_at, 1 + Dice(cut_at)(40), torn, newest_first):
                    cut_at += 1
                self.assertGreater(cut_at, 15)


if __name__ == "__main__":
    unittest.main()

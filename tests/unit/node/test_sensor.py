"""The sensor's loop on a virtual clock: when it reads the meter, when it touches flash and the heap, what it says."""

import gc
import unittest

from gridecho.crypto import Siv
from gridecho.frames import SEND, STORE
from gridecho.intake import unseal
from gridecho.keys import siv_key
from gridecho.quantities import ENERGY_IMPORT, METER_BAD, POWER_IMPORT, RESET_CAUSE, SPOOLED
from gridecho.readings import decode
from gridecho_node import sensor as module
from gridecho_node.faults import FlashError
from gridecho_node.meters.replay import ReplayError
from gridecho_node.rules import Tagger
from gridecho_node.sensor import Sensor
from gridecho_node.uplink import Uplink

from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, UTC_AT_0_MS, Net, Relay

RULES = {"over_w": 5000, "change_w": 0, "over_ma": 0, "over_mv": 0, "under_mv": 0}


class Meter:
    """Gives readings without end, or what it was told to; notes when it was read."""

    turn_us = lead_us = 0

    def __init__(self, net, rows=None):
        self.net = net
        self.rows = rows
        self.read_us = []
        self.slow_us = {}  # which reading takes how long

    def poll(self, now_us):
        pass

    def begin(self, now_us):
        pass

    def bad(self):
        return 3

    def close(self):
        self.closed = True

    def read(self, now_us):
        i = len(self.read_us)
        self.read_us.append(self.net.us)
        self.net.us += self.slow_us.get(i, 0)
        if self.rows is None:
            return {ENERGY_IMPORT: i, POWER_IMPORT: 9000 if i % 10 == 9 else 100}
        if i >= len(self.rows):
            return None
        if isinstance(self.rows[i], Exception):
            raise self.rows[i]
        return self.rows[i]


class Heap:
    """Stands in for `gc`: collects, and notes it."""

    def __init__(self, note):
        self.note = note

    def collect(self):
        self.note()
        # Collected seldom, a heap of MicroPython is soon full of holes, each too small for a list that grew.
        if hasattr(gc, "mem_free"):
            gc.collect()


class OnNet(unittest.TestCase):
    """A whole sensor, but for the hardware."""

    def setUp(self):
        self.said = []
        self.quiet = []  # ("flash" or "heap", us, whether nothing was on its way)
        self.flash_error = None
        self._kept = (module.gc, module.write_route)
        module.gc = Heap(lambda: self._note("heap"))
        module.write_route = lambda relay_id, rtt_us: self._note("flash", relay_id)
        self.build()

    def tearDown(self):
        module.gc, module.write_route = self._kept

    def build(self, rows=None, period_us=SECOND_US, kept_route=None, **settings):
        self.net = Net([Relay(1, 2_000), Relay(2, 9_000)])
        self.meter = Meter(self.net, rows)
        self.uplink = Uplink(ROOT, SENSOR, KEY_ID, EPOCH, [1, 2], self.net.dice, **settings)
        self.sensor = Sensor(
            self.meter, Tagger(RULES), self.uplink, self.net, self.net, period_us, kept_route, self.said.append
        )

    def run_for(self, seconds):
        until_us = self.net.us + int(seconds * SECOND_US)
        steps = 0
        while self.net.us < until_us:
            self.sensor.step()
            steps += 1
        return steps

    def lines(self, word):
        """What was said beginning with the word, as dictionaries."""
        lines = []
        for line in self.said:
            parts = line.split(" ")
            if parts[0] == word:
                lines.append(dict([part.split("=") for part in parts[1:] if "=" in part]))
        return lines

    def noted(self, what):
        return [note for note in self.quiet if note[0] == what]

    def _note(self, what, *more):
        self.quiet.append((what, self.net.us, self.uplink.idle()) + more)
        if what == "flash" and self.flash_error is not None:
            raise self.flash_error


class Period(OnNet):
    def test_no_drift(self):
        self.run_for(60)
        self.assertEqual(len(self.meter.read_us), 60)
        late_us = [us - i * SECOND_US for i, us in enumerate(self.meter.read_us)]
        self.assertTrue(min(late_us) >= 0 and max(late_us) <= 1000, late_us)  # a wait ends on a whole millisecond

    def test_a_short_period(self):
        self.build(period_us=10_000)
        self.run_for(0.5)
        self.assertEqual(len(self.meter.read_us), 50)

    def test_a_late_turn_moves_nothing(self):
        self.meter.slow_us[5] = 300_000
        self.run_for(20)
        self.assertEqual([us // SECOND_US for us in self.meter.read_us], list(range(20)))

    def test_missed_periods_are_not_made_up_and_the_rhythm_stays(self):
        self.meter.slow_us[5] = 5_300_000
        self.run_for(20)
        seconds = [us // SECOND_US for us in self.meter.read_us]
        # The turn after a late one comes at once, for the time that it missed; then the old rhythm.
        self.assertEqual(seconds, [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
        for us in self.meter.read_us[7:]:
            self.assertLessEqual(us % SECOND_US, 1000)

    def test_an_idle_sensor_turns_seldom(self):
        self.build(period_us=3600 * SECOND_US)
        self.run_for(5)
        self.assertLessEqual(self.run_for(600), 605)


class Meters(OnNet):
    def test_the_end_is_said_once_and_all_is_delivered(self):
        self.build([{POWER_IMPORT: i} for i in range(5)])
        self.run_for(20)
        self.assertEqual(self.said.count("meter ended"), 1)
        self.assertEqual(len(self.meter.read_us), 6)
        self.assertEqual(len(self.lines("reading")), 5)
        self.assertEqual(self.uplink.waiting(), 0)

    def test_a_row_without_values_is_no_reading(self):
        self.build([{POWER_IMPORT: 1}, {}, {POWER_IMPORT: 2}])
        self.run_for(9)
        self.assertEqual([line["n"] for line in self.lines("reading")], ["0", "1"])
        self.assertEqual([us // SECOND_US for us in self.meter.read_us], [0, 1, 2, 3])

    def test_what_a_meter_heard_instead_is_said(self):
        self.build([{}] * 9)
        heard = ["heard bytes=5 frames=0 noise=5"]
        self.meter.poll = lambda now_us: heard.pop() if heard and now_us > 3 * SECOND_US else None
        self.run_for(5)
        self.assertEqual(self.said.count("heard bytes=5 frames=0 noise=5"), 1)

    def test_a_broken_series_ends_the_meter_not_the_sensor(self):
        self.build([{POWER_IMPORT: 1}, ReplayError(3, "not a whole number"), {POWER_IMPORT: 2}])
        self.run_for(9)
        self.assertIn("meter broken: line 3: not a whole number", self.said)
        self.assertEqual(len(self.meter.read_us), 2)
        self.assertEqual(len(self.lines("acked")), 2)


class Quiet(OnNet):
    def test_flash_is_written_once_a_change_of_route_and_when_nothing_is_on_its_way(self):
        self.run_for(20)
        self.assertEqual([note[2:] for note in self.noted("flash")], [(True, 1)])
        self.net.delay(1, 200_000)
        self.run_for(20)
        self.assertEqual([note[2:] for note in self.noted("flash")], [(True, 1), (True, 2)])
        self.assertGreater(len(self.lines("route")), 1)

    def test_a_route_that_changes_all_the_time_is_written_a_few_times_an_hour(self):
        self.build(period_us=10 * SECOND_US)
        targets = []
        self.sensor._say = lambda line: targets.append(line.split()[1]) if line.startswith("route") else None
        for k in range(60):
            self.net.delay(1 + k % 2, 1_000)
            self.net.delay(2 - k % 2, 150_000)
            self.run_for(60)
        changes = sum([targets[i] != targets[i - 1] for i in range(1, len(targets))])
        self.assertGreater(changes, 30)
        self.assertTrue(4 <= len(self.noted("flash")) <= 5, len(self.noted("flash")))
        self.run_for(3700)
        self.assertEqual(self.noted("flash")[-1][3], self.uplink.route[0])

    def test_the_kept_route_is_not_written_again(self):
        self.build(kept_route=1)
        self.run_for(10)
        self.assertFalse(self.noted("flash"))
        self.assertEqual(len(self.lines("route")), 1)

    def test_flash_that_fails_is_said_once(self):
        for error in (OSError(28), FlashError("route")):
            with self.subTest(error=str(error)):
                self.build()
                self.quiet.clear()
                self.said.clear()
                self.flash_error = error
                self.run_for(10)
                self.assertEqual(len(self.noted("flash")), 1)
                self.assertEqual(len([line for line in self.said if line.startswith("flash ")]), 1)
                self.assertGreater(len(self.lines("acked")), 8)

    def test_garbage_is_collected_once_a_reading_and_when_nothing_is_on_its_way(self):
        self.run_for(20)
        heap = self.noted("heap")
        self.assertTrue(all(note[2] for note in heap))
        self.assertTrue(18 <= len(heap) <= 21, len(heap))

    def test_a_flood_of_junk_does_not_hold_the_turn(self):
        junk = b"\x12" * 36
        self.net.receive = lambda wait_us: junk if self.uplink.refused < 10_000 else None
        self.sensor.step()
        self.assertTrue(0 < self.uplink.refused < 1000, self.uplink.refused)


class Radio:
    """Stands in for hw.Radio; `heals` is what a rejoin does to the network."""

    def __init__(self, heals):
        self.rejoined = 0
        self.restarted = 0
        self.heals = heals
        self.errors = []  # what the next rejoins raise

    def rejoin(self):
        self.rejoined += 1
        if self.errors:
            raise self.errors.pop(0)
        self.heals()

    def restart(self):
        self.restarted += 1
        raise SystemExit


class Network(OnNet):
    def with_radio(self, heals):
        self.build(period_us=60 * SECOND_US)
        self.radio = Radio(heals)
        self.reopened = []
        self.net.reopen = lambda: self.reopened.append(self.net.us)
        self.sensor = Sensor(
            self.meter,
            Tagger(RULES),
            self.uplink,
            self.net,
            self.net,
            60 * SECOND_US,
            None,
            self.said.append,
            radio=self.radio,
            facts={RESET_CAUSE: 4},
        )

    def kill(self, state=Relay.DEAD):
        for relay_id in (1, 2):
            self.net.state(relay_id, state)

    def test_a_radio_that_lies_is_joined_anew_and_all_is_delivered(self):
        self.with_radio(lambda: self.kill(Relay.UP))
        self.run_for(300)
        self.assertEqual(self.radio.rejoined, 0)
        self.kill()
        self.run_for(900)
        self.assertEqual((self.radio.rejoined, len(self.reopened)), (1, 1))
        self.assertIn("wifi rejoin", self.said)
        self.assertEqual(self.uplink.lost, 0)
        self.assertLess(self.uplink.waiting(), 2)

    def test_a_radio_that_gives_errors_is_tried_again_and_readings_go_on(self):
        for begins_broken in (True, False):
            with self.subTest(begins_broken=begins_broken):
                self.with_radio(lambda: self.kill(Relay.UP))
                self.radio.errors = [OSError("Wifi Internal Error"), RuntimeError("Wifi Unknown Error 0x0101")] * 4
                self.kill()
                if begins_broken:
                    self.sensor.radio_failed(OSError("Wifi Internal Error"))
                begun_us = self.net.us
                self.run_for(3600)
                self.assertEqual((self.radio.rejoined, self.radio.restarted, self.radio.errors), (9, 0, []))
                # 5 s, 10 s, 20 s ... up to ten minutes, until it works; the first silence is two minutes long.
                self.assertEqual(self.reopened[1] - self.reopened[0] > 9 * SECOND_US, begins_broken)
                pauses_us = [self.reopened[i + 1] - self.reopened[i] for i in range(len(self.reopened) - 1)]
                most_us = max(pauses_us)
                self.assertTrue(300 * SECOND_US <= most_us <= 610 * SECOND_US, most_us)
                self.assertEqual(len(self.meter.read_us), 60)
                self.assertEqual(self.uplink.lost, 0)
                self.assertLess(self.uplink.waiting(), 2)
                self.assertIn("wifi error=Wifi Internal Error", self.said)
                self.assertTrue(self.reopened[0] - begun_us < (7 if begins_broken else 130) * SECOND_US)

    def test_in_the_end_the_board_restarts(self):
        self.with_radio(lambda: None)
        self.sensor._say = lambda line: None
        self.kill()
        with self.assertRaises(SystemExit):
            self.run_for(7 * 3600)
        self.assertGreater(self.radio.rejoined, 5)
        self.assertTrue(self.meter.closed)
        self.assertTrue(6 * 3600 <= self.net.us // SECOND_US <= 6 * 3600 + 120)

    def test_a_sensor_with_nothing_to_send_is_not_silent(self):
        self.with_radio(lambda: None)
        self.sensor._period_us = 24 * 3600 * SECOND_US
        self.run_for(20 * 3600)
        self.assertEqual((self.radio.rejoined, self.radio.restarted), (0, 0))

    def test_state_is_told_at_boot_and_every_hour(self):
        self.with_radio(lambda: None)
        self.run_for(2 * 3600 + 60)
        siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
        told = []
        for frame in self.net.relays[1].kept.values():
            header, data = unseal(frame, siv)
            readings = decode(data, header.count, header.time_s)
            told += [(header.op, reading.values) for reading in readings if RESET_CAUSE in reading.values]
        self.assertEqual([op for op, _ in told], [SEND, STORE, STORE])
        first = told[0][1]
        self.assertEqual(sorted(first), [40, 41, 44, 45, 46, 47, 48, 49, 50])
        self.assertEqual((first[RESET_CAUSE], first[METER_BAD], first[SPOOLED]), (4, 3, 0))
        self.assertEqual(sorted(told[1][1]), [44, 45, 46, 47, 48, 49, 50])


class Polled(OnNet):
    def test_a_meter_that_is_polled_is_asked_so_long_before_its_reading(self):
        begun = []
        self.meter.begin = lambda now_us: begun.append(self.net.us)
        self.meter.lead_us = 200_000
        self.run_for(5)
        self.assertEqual(len(begun), 6)
        for i, us in enumerate(begun[1:]):
            self.assertTrue(800_000 <= us - i * SECOND_US <= 802_000, us)


class Console(OnNet):
    def test_lines(self):
        self.run_for(12)
        readings = self.lines("reading")
        self.assertEqual([int(line["n"]) for line in readings], list(range(12)))
        self.assertEqual([line["op"] for line in readings], ["STORE"] * 9 + ["SEND"] * 2 + ["STORE"])
        self.assertEqual(readings[0]["at"], "0")  # no time yet
        for i, line in enumerate(readings[1:]):
            self.assertLessEqual(abs(int(line["at"]) - UTC_AT_0_MS - 1000 * (i + 1)), 2)
        self.assertEqual(self.lines("route"), [{"relay": "1", "rtt_us": "4000"}])
        sealed = self.lines("sealed")
        self.assertEqual([line["n"] for line in sealed[:3]], ["-", "0", "1"])
        self.assertEqual([int(line["seq"]) for line in sealed], list(range(13)))
        self.assertEqual(sealed[0]["op"], "SEND")
        self.assertEqual(self.lines("acked")[1], {"seq": "1", "relay": "1", "rtt_us": "4000", "n": "0"})
        words = {line.split(" ")[0] for line in self.said}
        self.assertEqual(words, {"reading", "route", "sealed", "acked", "status"})

    def test_lines_of_trouble(self):
        self.build(queue_readings=4)
        self.run_for(2.5)
        self.net.delay(1, 200_000)
        self.run_for(3)
        self.assertEqual(self.lines("slow")[0], {"relay": "1", "rtt_us": "400000"})
        self.net.state(2, Relay.BUSY, 3)
        self.run_for(2)
        self.assertEqual(self.lines("busy")[0], {"relay": "2", "for_s": "3"})
        for relay_id in (1, 2):
            self.net.state(relay_id, Relay.DEAD)
        self.run_for(20)
        missing, lost = self.lines("missing"), self.lines("lost")
        self.assertTrue(missing and lost)
        self.assertEqual(sorted(missing[0]), ["relay", "seq"])
        self.assertEqual(sorted(lost[0]), ["n", "seq"])
        numbers = [int(line["n"]) for line in lost]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_several_readings_in_one_datagram(self):
        for relay_id in (1, 2):
            self.net.state(relay_id, Relay.DEAD)
        self.run_for(4.9)
        for relay_id in (1, 2):
            self.net.state(relay_id, Relay.UP)
        self.run_for(5)
        self.assertEqual(self.lines("sealed")[1]["n"][:9], "0,1,2,3,4")


if __name__ == "__main__":
    unittest.main()

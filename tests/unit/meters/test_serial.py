"""The two drivers of a UART, on a line that says what it is told to and a clock that moves when it is told to."""

import unittest

from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_node.meters import dlt645, dsmr, pzem
from gridecho_node.meters.serial import AskedMeter, PushMeter

from tests.rigs.meter_asked import answer
from tests.rigs.meter_frames import telegram

LINE = ("0-0:1.0.0(251105123456W)", "1-0:1.7.0(01.193*kW)")


class Line:
    """A UART: `heard` is what is still to be read, `said` what was written; `reply` may answer a request."""

    def __init__(self, reply=None):
        self.heard = bytearray()
        self.said = []
        self.reply = reply
        self.closed = False

    def any(self):
        return len(self.heard)

    def readinto(self, buf, nbytes):
        count = min(nbytes, len(self.heard), len(buf))
        if not count:
            return None
        buf[:count] = self.heard[:count]
        self.heard = self.heard[count:]
        return count

    def write(self, buf):
        self.said.append(bytes(buf))
        if self.reply is not None:
            self.heard += self.reply(bytes(buf))
        return len(buf)

    def deinit(self):
        self.closed = True


class Push(unittest.TestCase):
    def setUp(self):
        self.line = Line()
        self.meter = PushMeter(self.line, dsmr.Parser())

    def test_the_newest_of_each_since_the_last_read(self):
        self.assertEqual(self.meter.read(0), {})
        self.line.heard += telegram(LINE) + telegram(("1-0:1.7.0(02.000*kW)",)) + telegram(("1-0:32.7.0(230.0*V)",))
        self.assertEqual(self.meter.read(0), {POWER_IMPORT: 2000, VOLTAGE_L1: 230_000})
        self.assertEqual(self.meter.read(0), {})

    def test_a_flood_is_read_in_turns(self):
        self.line.heard += telegram(LINE) * 100
        self.meter.poll(0)
        self.assertTrue(len(self.line.heard) > 2000)
        self.assertEqual(self.meter.read(0), {POWER_IMPORT: 1193})

    def test_bad_ones_are_counted_and_it_needs_turns(self):
        self.line.heard += telegram(LINE).replace(b"1193", b"1194").replace(b"01.193", b"01.194")
        self.assertEqual(self.meter.read(0), {})
        self.assertEqual(self.meter.bad(), 1)
        self.assertTrue(0 < self.meter.turn_us <= 200_000)
        self.meter.begin(0)
        self.assertEqual(self.line.said, [])
        self.meter.close()
        self.assertTrue(self.line.closed)

    def test_a_minute_without_a_value_says_what_was_heard(self):
        minute_us = 60_000_000
        self.assertEqual(self.meter.poll(0), None)
        self.assertEqual(self.meter.poll(minute_us - 1), None)
        self.assertEqual(self.meter.poll(minute_us), "heard bytes=0 frames=0 noise=0")
        self.assertEqual(self.meter.poll(minute_us + 1), None)
        junk = telegram(LINE).replace(b"01.193", b"01.194") + telegram(LINE, crc=False) + b"\xff\xff"
        self.line.heard += junk
        want = "heard bytes=%d frames=2 noise=%d checksum=1 form=1" % (
            len(junk),
            sum(byte not in b"\r\n" for byte in junk),
        )
        self.assertEqual(self.meter.poll(2 * minute_us), want)
        self.line.heard += telegram(LINE)
        self.assertEqual(self.meter.poll(3 * minute_us), None)
        self.assertEqual(self.meter.poll(4 * minute_us - 1), None)
        self.assertTrue(self.meter.poll(4 * minute_us).startswith("heard "))

    def test_reading_counts_as_hearing(self):
        self.meter.poll(0)
        self.line.heard += telegram(LINE)
        self.assertEqual(self.meter.read(59_000_000), {POWER_IMPORT: 1193})
        self.assertEqual(self.meter.poll(118_000_000), None)

    def test_multipliers(self):
        lines = ("1-0:1.8.0(000001.005*kWh)", "1-0:1.7.0(01.193*kW)", "1-0:32.7.0(230.1*V)", "1-0:31.7.0(001.5*A)")
        for multiplier, want in (
            ({}, {ENERGY_IMPORT: 1005, POWER_IMPORT: 1193, VOLTAGE_L1: 230_100, 7: 1500, 11: 50_000}),
            (
                {"current": 50, "power": 50, "energy": 50},
                {ENERGY_IMPORT: 50_250, POWER_IMPORT: 59_650, VOLTAGE_L1: 230_100, 7: 75_000, 11: 50_000},
            ),
            (
                {"voltage": 0.01, "energy": 0.1, "power": 2.5, "current": 0.0001},
                {ENERGY_IMPORT: 101, POWER_IMPORT: 2983, VOLTAGE_L1: 2301, 7: 0, 11: 50_000},
            ),
        ):
            self.meter = PushMeter(self.line, dsmr.Parser(), multiplier)
            self.line.heard += telegram(lines + ("1-0:14.7.0(50.00*Hz)",))
            self.assertEqual(self.meter.read(0), want)

    def test_a_product_beyond_what_a_datagram_holds_is_left_out(self):
        self.meter = PushMeter(self.line, dsmr.Parser(), {"energy": 100_000})
        self.line.heard += telegram(("1-0:1.8.0(999999999999*kWh)", "1-0:1.7.0(01.193*kW)"))
        self.assertEqual(self.meter.read(0), {POWER_IMPORT: 1193})

    def test_a_uart_that_has_nothing_though_it_said_so(self):
        self.line.any = lambda: 5
        self.assertEqual(self.meter.read(0), {})


class Asked(unittest.TestCase):
    def build(self, reply, parser=None):
        self.line = Line(reply)
        self.parser = parser or dlt645.Parser()
        self.meter = AskedMeter(self.line, self.parser, 2400, 8)
        self.us = 0

    def run_round(self, step_us=20_000, most=2000):
        """A whole round; how long it took."""
        begun_us = self.us
        self.meter.begin(self.us)
        while self.meter.turn_us and most:
            self.us += step_us
            most -= 1
            self.meter.poll(self.us)
        self.assertTrue(most)
        return self.us - begun_us

    def test_a_round(self):
        self.build(answer)
        self.assertEqual(self.meter.turn_us, 0)
        self.run_round()
        want = {ENERGY_IMPORT: 260, POWER_IMPORT: 100, 3: 0, 10: 999, 11: 50_000, VOLTAGE_L1: 230_100, 7: 1234}
        self.assertEqual(self.meter.read(self.us), want)
        self.assertEqual(self.meter.read(self.us), {})
        self.assertEqual(self.meter.bad(), 0)
        self.assertEqual(len(self.line.said), 8)
        self.run_round()
        self.assertEqual(len(self.line.said), 15)  # the address is known
        self.assertEqual(self.meter.read(self.us), want)
        self.run_round()
        self.assertEqual(len(self.line.said), 21)  # and that there is no export register

    def test_a_round_under_way_is_not_begun_again_and_gives_nothing_yet(self):
        self.build(None)
        self.meter.begin(0)
        self.meter.begin(1)
        self.assertEqual(len(self.line.said), 1)
        self.line.heard += answer(self.line.said[-1])
        self.meter.poll(2)
        self.assertEqual(len(self.line.said), 2)
        self.assertEqual(self.meter.read(3), {})

    def test_a_silent_meter_is_counted_and_does_not_hold_the_sensor(self):
        self.build(None)
        took_us = self.run_round()
        self.assertEqual(self.meter.read(self.us), {})
        self.assertEqual(len(self.line.said), 16)
        self.assertEqual(self.meter.bad(), 8)
        self.assertTrue(took_us < 16 * 1_000_000, took_us)
        self.line.reply = answer
        self.run_round()
        self.assertEqual(self.meter.read(self.us)[ENERGY_IMPORT], 260)

    def test_what_a_silent_meter_did_not_say_is_told_once_a_minute(self):
        self.build(None)
        told = []
        for second in range(0, 150, 1):
            self.us = second * 1_000_000
            if not second % 30:
                self.meter.begin(self.us)
            line = self.meter.poll(self.us)
            if line:
                told.append((second, line))
        self.assertEqual([second for second, _ in told], [60, 120])
        self.assertTrue(told[0][1].startswith("heard bytes=0 frames=0 noise=0 asked="), told)
        self.assertTrue(" unanswered=" in told[0][1])

    def test_one_that_answers_and_is_seldom_asked_is_not_silent(self):
        self.build(answer)
        self.run_round()
        for _ in range(20):
            self.us += 60_000_000
            self.assertEqual(self.meter.poll(self.us), None)
        self.run_round()
        self.assertEqual(self.meter.poll(self.us), None)

    def test_multipliers(self):
        self.line = Line(answer)
        self.meter = AskedMeter(self.line, dlt645.Parser(), 2400, 8, {"current": 20, "energy": 20})
        self.us = 0
        self.run_round()
        got = self.meter.read(self.us)
        self.assertEqual((got[ENERGY_IMPORT], got[7], got[POWER_IMPORT]), (5200, 24_680, 100))

    def test_a_lost_answer_is_asked_for_again(self):
        lost = []

        def reply(request):
            if request not in lost:
                lost.append(request)
                return b""
            return answer(request)

        self.build(reply)
        self.run_round()
        self.assertEqual(len(self.meter.read(self.us)), 7)
        self.assertEqual(self.meter.bad(), 0)

    def test_a_cut_answer_does_not_spoil_the_next(self):
        cut = []

        def reply(request):
            whole = answer(request)
            if request not in cut:
                cut.append(request)
                return whole[:-3]
            return whole

        self.build(reply)
        self.run_round()
        self.assertEqual(len(self.meter.read(self.us)), 7)

    def test_an_echo_is_no_answer(self):
        self.build(lambda request: request + answer(request))
        self.run_round()
        self.assertEqual(len(self.meter.read(self.us)), 7)
        self.assertEqual((self.meter.bad(), len(self.line.said)), (0, 8))

    def test_the_lead_is_enough_for_a_round(self):
        self.build(answer)
        self.assertTrue(self.meter.lead_us >= 8 * 375_000)

    def test_one_request_of_a_modbus_meter(self):
        from tests.rigs.meter_frames import pzem as frame

        self.build(lambda request: frame(2393, 516, 905, 4649, 499, 73), pzem.Parser())
        self.run_round()
        self.assertEqual(self.meter.read(self.us)[ENERGY_IMPORT], 4649)
        self.assertEqual(len(self.line.said), 1)


if __name__ == "__main__":
    unittest.main()

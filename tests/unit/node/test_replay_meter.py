"""The meter that is a file: rows to values, registers that count on, and what is no series."""

import io
import unittest

from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import MAX_VALUE
from gridecho_node.meters import replay
from gridecho_node.meters.replay import ReplayError, ReplayMeter

HEADER = "1-0:1.8.0,1-0:2.8.0,1-0:1.7.0,1-0:32.7.0\n"


class Replay(unittest.TestCase):
    def tearDown(self):
        replay.open = open

    def meter(self, content, loop=False):
        self.file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
        replay.open = lambda name, mode: self.file
        return ReplayMeter("series.csv", loop)

    def rows(self, content, loop=False, most=100):
        """The values of every row, at most so many."""
        meter = self.meter(content, loop)
        rows = []
        try:
            values = meter.read(0)
            while values is not None and len(rows) < most:
                rows.append(values)
                values = meter.read(0)
        finally:
            meter.close()
        return rows

    def refused(self, content, line, before=0):
        """A ReplayError that names this line, after so many good rows."""
        rows = 0
        with self.assertRaises(ReplayError) as raised:
            meter = self.meter(content)
            try:
                while meter.read(0) is not None:
                    rows += 1
            finally:
                meter.close()
        self.assertEqual(raised.exception.line, line)
        self.assertTrue(str(raised.exception).startswith("line %s: " % line))  # noqa: UP031
        self.assertEqual(rows, before)
        with self.assertRaises(ValueError):
            self.file.read()  # it is closed, though there is no meter to close

    def test_rows(self):
        self.assertEqual(
            self.rows(HEADER + "1,2,3,230000\n5,2,-7,229999\n"),
            [
                {ENERGY_IMPORT: 1, ENERGY_EXPORT: 2, POWER_IMPORT: 3, VOLTAGE_L1: 230_000},
                {ENERGY_IMPORT: 5, ENERGY_EXPORT: 2, POWER_IMPORT: -7, VOLTAGE_L1: 229_999},
            ],
        )

    def test_no_newline_at_the_end_and_dos_newlines(self):
        self.assertEqual(self.rows("1-0:1.7.0\r\n5\r\n6"), [{POWER_IMPORT: 5}, {POWER_IMPORT: 6}])

    def test_missing_fields(self):
        self.assertEqual(
            self.rows(HEADER + "1,,3,\n,,,\n2,,,4\n"),
            [{ENERGY_IMPORT: 1, POWER_IMPORT: 3}, {}, {ENERGY_IMPORT: 2, VOLTAGE_L1: 4}],
        )

    def test_the_end_stays_the_end(self):
        meter = self.meter("1-0:1.7.0\n5\n")
        self.assertEqual([meter.read(0), meter.read(0), meter.read(0)], [{POWER_IMPORT: 5}, None, None])
        meter.close()

    def test_a_loop_goes_on_with_the_energy_where_it_stood_and_with_nothing_else(self):
        rows = self.rows(HEADER + "10,1,100,7\n30,,200,8\n", loop=True, most=6)
        self.assertEqual([row[ENERGY_IMPORT] for row in rows], [10, 30, 30, 50, 50, 70])
        self.assertEqual([row.get(ENERGY_EXPORT) for row in rows], [1, None, 1, None, 1, None])
        self.assertEqual([row[POWER_IMPORT] for row in rows], [100, 200] * 3)

    def test_energy_that_is_missing_in_the_last_row_goes_on_too(self):
        rows = self.rows("1-0:1.8.0,1-0:1.7.0\n10,1\n,2\n", loop=True, most=5)
        self.assertEqual([row.get(ENERGY_IMPORT) for row in rows], [10, None, 10, None, 10])

    def test_a_loop_without_rows_ends(self):
        for content in (HEADER, HEADER + ",,,\n"):
            with self.subTest(content=content):
                self.assertLessEqual(len(self.rows(content, loop=True, most=9)), 1)

    def test_wrong_header(self):
        for header in ("", "\n", "1-0:1.8.0,\n", "power\n", "1-0:1.8.0;1-0:1.7.0\n", "\ufeff1-0:1.8.0\n"):
            with self.subTest(header=header):
                self.refused(header + "1,2\n", 1)

    def test_a_register_twice_or_the_sensors_own_state_is_no_header(self):
        for header in ("1-0:1.8.0,1-0:1.8.0\n", "route.relay,1-0:1.8.0\n"):
            with self.subTest(header=header):
                self.refused(header + "1,2\n", 1)

    def test_wrong_rows(self):
        good = "1,2,3,4\n"
        for row in (
            "1,2,3\n",
            "1,2,3,4,5\n",
            "\n",
            "1,2,3,x\n",
            "1,2,3,4.5\n",
            "1,2,3,1e3\n",
            "1;2;3;4\n",
            "1,2,3,0x4\n",
            "1,2,3,0b1\n",
            "1,2,3,1_0\n",
            "1,2,3,-\n",
        ):
            with self.subTest(row=row):
                self.refused(HEADER + good + good + row + good, 4, before=2)

    def test_values_that_no_datagram_holds(self):
        for value in (MAX_VALUE + 1, -MAX_VALUE - 1, 10**30):
            with self.subTest(value=value):
                self.refused("1-0:1.7.0\n1\n" + str(value) + "\n", 3, before=1)
        self.assertEqual(self.rows("1-0:1.7.0\n" + str(MAX_VALUE)), [{POWER_IMPORT: MAX_VALUE}])

    def test_what_is_no_text(self):
        self.refused(b"\x1f\x8b\x08\x00\xff\xfe", 1)
        self.refused(b"1-0:1.7.0\n1\n\xff\xfe\n", 3, before=1)

    def test_no_file(self):
        with self.assertRaises(OSError):
            ReplayMeter("there is no such file", True)


if __name__ == "__main__":
    unittest.main()

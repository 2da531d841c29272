"""Flash that loses power, fails or lies at any operation: an epoch is never used twice, and what was kept stays or is replaced."""

import unittest
from errno import EIO, ENOENT

from gridecho_node import files
from gridecho_node.faults import FlashError
from gridecho_node.files import next_epoch, read_file, read_key, read_route, replace_file, write_route

CUT, ERROR, SILENT = "power cut", "I/O error", "says it did, did not"


class PowerCut(BaseException):
    """Nothing of the program runs after this."""


class Flash:
    """Stands in for `open` and `os`. Its n-th operation goes wrong; what is written is torn in the middle, and at once visible."""

    def __init__(self, content=None):
        self.content = dict(content or {})
        self.count = 0
        self.wrong_at = None
        self.how = CUT

    def open(self, name, mode):
        if mode == "rb":
            if self._goes_wrong():
                self._raise()
            if name not in self.content:
                raise OSError(ENOENT, name)
        elif self._goes_wrong():
            self._raise()
        else:
            self.content[name] = b""
        return File(self, name)

    def rename(self, name, to):
        if self._goes_wrong():
            self._raise()
            return
        self.content[to] = self.content.pop(name)

    def write(self, name, data):
        if self._goes_wrong():
            self.content[name] = data[: len(data) // 2]
            self._raise()
            return
        self.content[name] = data

    def read(self, name):
        if self._goes_wrong():
            self._raise()
            return b""
        return self.content[name]

    def close(self):
        if self._goes_wrong():
            self._raise()

    def _goes_wrong(self):
        self.count += 1
        return self.count == self.wrong_at

    def _raise(self):
        if self.how == CUT:
            raise PowerCut
        if self.how == ERROR:
            raise OSError(EIO, "flash")


class File:
    """What `Flash.open` gives."""

    def __init__(self, flash, name):
        self._flash = flash
        self._name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        # After a power cut nothing is closed.
        if kind is not PowerCut:
            self._flash.close()

    def write(self, data):
        self._flash.write(self._name, data)

    def read(self):
        return self._flash.read(self._name)


def attempt(call, *args):
    """What the call gives, None if the power went or it refused."""
    try:
        return call(*args)
    except (PowerCut, FlashError, OSError):
        return None


class OnFlash(unittest.TestCase):
    """The tests below run on a `Flash`."""

    def setUp(self):
        self._os = files.os
        self.flash(None)

    def tearDown(self):
        files.os = self._os
        files.open = open

    def flash(self, content):
        """A new flash with this content is what the module sees."""
        self.f = Flash(content)
        files.os = self.f
        files.open = self.f.open
        return self.f


class Epoch(OnFlash):
    def test_rises_by_one_each_boot(self):
        self.flash({"epoch": b"0"})
        self.assertEqual([next_epoch() for _ in range(5)], [1, 2, 3, 4, 5])
        self.flash({"epoch": b"41\n"})
        self.assertEqual(next_epoch(), 42)

    def test_is_never_used_twice(self):
        # Power cut, error or lie at every operation of the second boot in turn; then boots until it is well again.
        for how in (CUT, ERROR, SILENT):
            for wrong_at in range(1, 14):
                with self.subTest(how=how, wrong_at=wrong_at):
                    flash = self.flash({"epoch": b"0"})
                    used = [next_epoch()]
                    flash.count, flash.wrong_at, flash.how = 0, wrong_at, how
                    used += [attempt(next_epoch) for _ in range(3)]
                    used = [epoch for epoch in used if epoch is not None]
                    self.assertEqual(used, sorted(set(used)))
                    self.assertGreaterEqual(len(used), 3)
                    self.assertLessEqual(used[-1], 4)

    def test_the_operations_are_all_tried(self):
        flash = self.flash({"epoch": b"1"})
        next_epoch()
        self.assertGreater(flash.count, 10)
        self.assertLessEqual(flash.count, 13)

    def test_none_is_not_taken_for_a_first_boot(self):
        flash = self.flash({})
        with self.assertRaises(FlashError):
            next_epoch()
        self.assertEqual(flash.content, {})

    def test_what_is_damaged_is_no_epoch(self):
        for damaged in (
            b"",
            b"\x00",
            b"1x",
            b"-5",
            b"0x11",
            b"1_0",
            b"1 2",
            b"\xff\xff\xff\xff",
            b"4294967295",
            b"9" * 30,
        ):
            with self.subTest(damaged=damaged):
                flash = self.flash({"epoch": damaged})
                with self.assertRaises(FlashError):
                    next_epoch()
                self.assertEqual(flash.content["epoch"], damaged)

    def test_what_cannot_be_read_is_not_taken_for_a_first_boot(self):
        for wrong_at in (1, 2, 3):
            with self.subTest(wrong_at=wrong_at):
                flash = self.flash({"epoch": b"17"})
                flash.wrong_at, flash.how = wrong_at, ERROR
                with self.assertRaises(FlashError):
                    next_epoch()
                self.assertEqual(flash.content["epoch"], b"17")
                self.assertEqual(next_epoch(), 18)

    def test_the_last_one_is_used_and_none_after_it(self):
        self.flash({"epoch": b"4294967294"})
        self.assertEqual(next_epoch(), 4_294_967_295)
        with self.assertRaises(FlashError):
            next_epoch()


class Others(OnFlash):
    def test_replace_leaves_the_old_or_the_new(self):
        for how in (CUT, ERROR, SILENT):
            for wrong_at in range(1, 8):
                with self.subTest(how=how, wrong_at=wrong_at):
                    flash = self.flash({"x": b"old"})
                    flash.wrong_at, flash.how = wrong_at, how
                    attempt(replace_file, "x", b"new!")
                    self.assertIn(flash.content["x"], (b"old", b"new!"))
                    replace_file("x", b"third")
                    self.assertEqual(read_file("x"), b"third")

    def test_route_is_kept(self):
        self.assertIsNone(read_route())
        write_route(4_294_967_295, 1234)
        self.assertEqual(read_route(), 4_294_967_295)
        self.assertEqual(self.f.content["route"], b"4294967295 1234\n")
        write_route(7, 1)
        self.assertEqual(read_route(), 7)

    def test_a_damaged_route_is_none(self):
        for damaged in (b"", b"\n", b"x 1", b"\xff", b"0x7 1", b"-7 1", b"1_0 1"):
            with self.subTest(damaged=damaged):
                self.flash({"route": damaged})
                self.assertIsNone(read_route())
        flash = self.flash({"route": b"7 1"})
        flash.wrong_at, flash.how = 1, ERROR
        self.assertIsNone(read_route())

    def test_key(self):
        self.flash({"key": bytes(range(32))})
        self.assertEqual(read_key(), bytes(range(32)))
        for length in (0, 1, 16, 31, 33, 64):
            with self.subTest(length=length):
                self.flash({"key": bytes(length)})
                with self.assertRaises(FlashError):
                    read_key()
        self.flash(None)
        with self.assertRaises(FlashError):
            read_key()
        flash = self.flash({"key": bytes(32)})
        flash.wrong_at, flash.how = 2, ERROR
        with self.assertRaises(FlashError):
            read_key()

    def test_absent_is_none_unreadable_is_an_error(self):
        self.assertIsNone(read_file("nothing"))
        flash = self.flash({"x": b"1"})
        flash.wrong_at, flash.how = 1, ERROR
        with self.assertRaises(OSError):
            read_file("x")


if __name__ == "__main__":
    unittest.main()

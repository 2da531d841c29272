"""What relay and remote say of holdings: layout, keys, ranges, and what is left of a run when some of it goes."""

import random
import unittest

from gridecho.crypto import Cmac
from gridecho.errors import AuthError, FrameError, MisuseError
from gridecho.holdings import (
    ANY,
    KNOWN_BYTES,
    MAX_WANTS,
    Known,
    Piece,
    Pull,
    fits,
    piece_sender,
    read_known,
    read_piece,
    read_pull,
    wanted,
    without,
)

MAC = Cmac(bytes(range(32)))
OTHER = Cmac(bytes(range(1, 33)))
RUNS = [(1, 2, 3, 4, 1_700_000_000, 60), (ANY, ANY, ANY, 1, ANY, 0)]
WANTS = [(1, 2, 3, 4, 0, ANY), (5, 0, 0, ANY, 1_700_000_000, 1_700_003_600)]


def sealed(body):
    return body + MAC.tag(body)


def ids_of(run):
    sensor_id, epoch, first, count, first_s, step_s = run
    return [(sensor_id, epoch, first + i, first_s + i * step_s) for i in range(count)]


class Layouts(unittest.TestCase):
    def test_piece(self):
        body = Piece(7, 9, 1, 258, RUNS[:1]).pack(MAC)
        head = b"GEI\x01" + bytes((0, 0, 0, 7)) + bytes(7) + b"\x09" + bytes(7) + b"\x01" + bytes(6) + b"\x01\x02"
        run = bytes((0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4)) + b"\x65\x53\xf1\x00" + bytes((0, 0, 0, 60))
        self.assertEqual(body, sealed(head + bytes((0, 0, 0, 1)) + run))
        self.assertEqual(piece_sender(body), 7)

    def test_there_and_back(self):
        piece = read_piece(Piece(7, 9, 1, 258, RUNS).pack(MAC), MAC)
        self.assertEqual((piece.relay_id, piece.listing, piece.start, piece.end, piece.runs), (7, 9, 1, 258, RUNS))
        self.assertEqual(read_piece(Piece(7, 9, 1, 1, []).pack(MAC), MAC).runs, [])
        known = read_known(Known(7, 9, 258).pack(MAC), MAC)
        self.assertEqual((known.relay_id, known.listing, known.end), (7, 9, 258))
        pull = read_pull(Pull(7, 11, 12, WANTS).pack(MAC), MAC)
        self.assertEqual((pull.relay_id, pull.pull_id, pull.utc_ms, pull.wants), (7, 11, 12, WANTS))

    def test_known_and_pull_layout(self):
        body = Known(7, 9, 258).pack(MAC)
        self.assertEqual(len(body), KNOWN_BYTES)
        self.assertEqual(body[:24], b"GEK\x01" + bytes((0, 0, 0, 7)) + bytes(7) + b"\x09" + bytes(6) + b"\x01\x02")
        body = Pull(7, 11, 258, WANTS[:1]).pack(MAC)
        head = b"GEP\x01" + bytes((0, 0, 0, 7)) + bytes(7) + b"\x0b" + bytes(6) + b"\x01\x02" + bytes((0, 0, 0, 1))
        self.assertEqual(body[:28], head)
        self.assertEqual(body[-16:], MAC.tag(body[:-16]))


class Refused(unittest.TestCase):
    def test_another_key_or_one_changed_bit(self):
        for read, body in (
            (read_piece, Piece(7, 9, 1, 258, RUNS).pack(MAC)),
            (read_known, Known(7, 9, 258).pack(MAC)),
            (read_pull, Pull(7, 11, 12, WANTS).pack(MAC)),
        ):
            self.assertRaises(AuthError, read, body, OTHER)
            for i in range(len(body)):
                changed = body[:i] + bytes((body[i] ^ 1,)) + body[i + 1 :]
                self.assertRaises((AuthError, FrameError), read, changed, MAC)
            for n in range(len(body)):
                self.assertRaises((AuthError, FrameError), read, body[:n], MAC)

    def test_numbers_that_a_relay_may_not_seal(self):
        good = Piece(7, 9, 1, 258, RUNS[:1]).pack(MAC)[:-16]
        for at, new in (
            (16, bytes(6) + b"\x01\x03"),  # start beyond end
            (8, b"\x80"),  # a listing of 64 bits
            (24, b"\x80"),
            (35, b"\x02"),  # two runs said, one there
        ):
            self.assertRaises(FrameError, read_piece, sealed(good[:at] + new + good[at + len(new) :]), MAC)
        good = Pull(7, 11, 12, WANTS).pack(MAC)[:-16]
        self.assertRaises(FrameError, read_pull, sealed(good[:24] + bytes(4)), MAC)
        self.assertRaises(FrameError, read_pull, sealed(good[:27] + b"\x03" + good[28:]), MAC)

    def test_a_run_that_cannot_be_keeps_no_other_back(self):
        good = [(1, 2, 3, 4, 1_700_000_000, 60), (9, 8, 7, 6, 5, 4)]
        for bad in (
            (0, 2, 3, 4, 5, 60),  # sensor 0
            (1, 0, 3, 4, 5, 60),  # epoch 0
            (1, 2, 3, 0, 5, 60),  # no datum
            (1, 2, ANY, 4, 5, 60),  # seqs beyond 32 bits
            (1, 2, 3, 4, 5, ANY),  # times beyond 32 bits
        ):
            self.assertFalse(fits(bad))
            piece = read_piece(Piece(7, 9, 1, 258, [good[0], bad, good[1], bad]).pack(MAC), MAC)
            self.assertEqual((piece.runs, piece.left_out, piece.end), (good, 2, 258))

    def test_misuse(self):
        for make in (
            lambda: Piece(7, 9, 2, 1, RUNS).pack(MAC),
            lambda: Piece(7, -1, 1, 2, RUNS).pack(MAC),
            lambda: Piece(7, 9, 1, 2, [(1, 2, 3, 4, 5)]).pack(MAC),
            lambda: Piece(7, 9, 1, 2, [(1, 2, 3, 4, 5, -1)]).pack(MAC),
            lambda: Piece(7, 9, 1, 2, [(1, 2, 3, 4, 5, ANY + 1)]).pack(MAC),
            lambda: Pull(7, 9, 1, []).pack(MAC),
            lambda: Pull(7, 9, 1, WANTS * MAX_WANTS).pack(MAC),
            lambda: Pull(7, 1 << 63, 1, WANTS).pack(MAC),
        ):
            self.assertRaises(MisuseError, make)


class Sets(unittest.TestCase):
    def test_what_is_left_of_a_run(self):
        for _ in range(500):
            count = random.randrange(1, 9)
            run = (1, 2, random.randrange(5), count, 1000, random.randrange(3) if count > 1 else 0)
            first = random.randrange(14)
            last = first + random.randrange(6)
            left = without(run, first, last)
            self.assertEqual(
                [datum for one in left for datum in ids_of(one)],
                [datum for datum in ids_of(run) if not first <= datum[2] <= last],
            )
            self.assertTrue(all(one[5] == 0 for one in left if one[3] == 1))

    def test_wanted(self):
        self.assertTrue(wanted(WANTS, 1, 2, 3, 0))
        self.assertFalse(wanted(WANTS, 1, 3, 3, 0))
        self.assertFalse(wanted(WANTS, 1, 2, 5, 0))
        self.assertTrue(wanted(WANTS, 5, 77, 1234, 1_700_003_600))
        self.assertFalse(wanted(WANTS, 5, 77, 1234, 1_700_003_601))
        self.assertFalse(wanted([], 1, 2, 3, 0))


if __name__ == "__main__":
    unittest.main()

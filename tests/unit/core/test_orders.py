"""Orders: every bit, cut and tail of FETCH and PIECE is refused; a piece belongs to one order, one place and one sensor only."""

import random
import unittest
from hashlib import sha256

from gridecho import orders
from gridecho.crypto import Cmac, Siv
from gridecho.errors import AuthError, FrameError, MisuseError, ProtocolError
from gridecho.frames import FETCH, MAX_DATAGRAM, MIN_FETCH, PIECE, kind_of, tag, untag
from gridecho.orders import (
    CONFIG,
    FIRMWARE,
    KEY,
    Fetch,
    Order,
    open_piece,
    read_fetch,
    read_piece,
    seal_order,
    split_order,
)

LINK = Cmac(bytes(range(16)))
SIV = Siv(bytes(range(32)))
OTHER_SIV = Siv(bytes(range(1, 33)))
U32 = (1 << 32) - 1


def content_of(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def order(kind=CONFIG, key_id=7, sensor_id=0x01020304, version=9, size=2500):
    return Order(kind, key_id, sensor_id, version, size)


def fields(one):
    return (one.kind, one.key_id, one.sensor_id, one.version, one.size)


class Pieces(unittest.TestCase):
    def test_layout(self):
        self.assertEqual(order().pack(2), bytes.fromhex("17010700" + "01020304" + "00000009" + "000009c4" + "00000002"))
        head = next(seal_order(order(size=3), b"abc", SIV))
        self.assertEqual(head[20:], SIV.seal(sha256(b"abc").digest(), head[:20]))

    def test_there_and_back(self):
        for size in (1, 31, 1023, 1024, 1025, 2048, 2500):
            content = content_of(size)
            got = b""
            pieces = list(seal_order(order(size=size), content, SIV))
            self.assertEqual(len(pieces), (size + 1023) // 1024 + 1)
            for index, piece in enumerate(pieces):
                datagram = tag(piece, LINK)
                self.assertEqual(kind_of(datagram), PIECE)
                one, found = read_piece(untag(datagram, LINK))
                self.assertEqual((fields(one), found), (fields(order(size=size)), index))
                plain = open_piece(piece, SIV)
                self.assertEqual(len(plain), one.length(index))
                got += plain if index else b""
            self.assertEqual(got, content)
            self.assertEqual(open_piece(pieces[0], SIV), sha256(content).digest())

    def test_the_same_order_is_the_same_bytes(self):
        self.assertEqual(
            list(seal_order(order(), content_of(2500), SIV)), list(seal_order(order(), content_of(2500), SIV))
        )

    def test_no_reply_is_longer_than_its_request(self):
        for size in (1, 40, 1023, 1024, 1025, 4000):
            one = order(FIRMWARE, size=size)
            for index, piece in enumerate(seal_order(one, content_of(size), SIV)):
                fetch = Fetch(7, 1, 9, index).pack(LINK, one.length(index))
                self.assertEqual(kind_of(fetch), FETCH)
                self.assertGreaterEqual(len(fetch), len(tag(piece, LINK)))
                self.assertLessEqual(len(fetch), MAX_DATAGRAM)
                # The head of another order may answer every one.
                self.assertGreaterEqual(len(fetch), MIN_FETCH)
        head = next(seal_order(order(size=1), b"x", SIV))
        self.assertEqual(len(tag(head, LINK)), MIN_FETCH)

    def test_every_bit(self):
        piece = list(seal_order(order(size=40), content_of(40), SIV))[1]
        other = bytearray(piece)
        refused = 0
        for bit in range(len(piece) * 8):
            other[bit // 8] ^= 1 << bit % 8
            try:
                open_piece(bytes(other), SIV)
            except (AuthError, FrameError):
                refused += 1
            other[bit // 8] ^= 1 << bit % 8
        self.assertEqual(refused, len(piece) * 8)

    def test_every_cut_and_a_tail(self):
        for piece in seal_order(order(size=40), content_of(40), SIV):
            for length in range(len(piece)):
                with self.assertRaises(ProtocolError):
                    open_piece(piece[:length], SIV)
            with self.assertRaises(FrameError):
                open_piece(piece + b"\x00", SIV)

    def test_a_piece_fits_nowhere_else(self):
        content = content_of(2048)
        two = list(seal_order(order(size=2048), content, SIV))
        for other in (
            order(FIRMWARE, size=2048),
            order(key_id=8, size=2048),
            order(sensor_id=5, size=2048),
            order(version=10, size=2048),
            order(size=3072),
        ):
            with self.assertRaises(AuthError):
                open_piece(other.pack(1) + two[1][20:], SIV)
        with self.assertRaises(AuthError):
            open_piece(order(size=2048).pack(2) + two[1][20:], SIV)
        with self.assertRaises(AuthError):
            open_piece(two[1], OTHER_SIV)

    def test_fields_out_of_range(self):
        bad = (
            {"kind": 0},
            {"kind": 4},
            {"kind": KEY, "size": 32},
            {"kind": KEY, "size": 34},
            {"version": 0},
            {"sensor_id": 0},
            {"size": 0},
            {"size": 8193},
            {"kind": FIRMWARE, "size": 512 * 1024 + 1},
        )
        for changed in bad:
            with self.subTest(changed=changed):
                with self.assertRaises(MisuseError):
                    order(**changed).pack(0)
                values = {"kind": CONFIG, "version": 9, "sensor_id": 5, "size": 40}
                values.update(changed)
                head = bytes((0x17, values["kind"], 7, 0))
                for name in ("sensor_id", "version", "size"):
                    head += values[name].to_bytes(4, "big")
                head += bytes(4)
                with self.assertRaises(FrameError):
                    open_piece(head + SIV.seal(bytes(32), head), SIV)
        for changed in ({"version": U32 + 1}, {"version": -1}, {"sensor_id": U32 + 1}, {"key_id": 256}, {"key_id": -1}):
            with self.assertRaises(MisuseError):
                order(**changed).pack(0)
        with self.assertRaises(MisuseError):
            order(size=1024).pack(2)
        with self.assertRaises(MisuseError):
            list(seal_order(order(size=3), b"four", SIV))

    def test_split(self):
        pieces = list(seal_order(order(), content_of(2500), SIV))
        sealed = b"".join(pieces)
        one, split = split_order(sealed)
        self.assertEqual((fields(one), split), (fields(order()), pieces))
        for bad in (b"", sealed[:-1], sealed + b"\x00", sealed[68:], pieces[0] + pieces[2] + pieces[1] + pieces[3]):
            with self.assertRaises(FrameError):
                split_order(bad)
        other = list(seal_order(order(version=10), content_of(2500), SIV))
        with self.assertRaises(FrameError):
            split_order(b"".join(pieces[:2] + other[2:]))


class Fetches(unittest.TestCase):
    def test_layout_and_back(self):
        datagram = Fetch(7, 0x01020304, 9, 2).pack(LINK)
        body = bytes.fromhex("16000700" + "01020304" + "00000009" + "00000000" + "00000002") + bytes(48)
        self.assertEqual(datagram, body + LINK.tag(body)[:8])
        for one in (Fetch(0, 0, 0, 0), Fetch(255, U32, U32, U32)):
            for held in (1, 32, 33, 1024):
                back = read_fetch(one.pack(LINK, held), LINK)
                self.assertEqual(
                    (back.key_id, back.sensor_id, back.version, back.index),
                    (one.key_id, one.sensor_id, one.version, one.index),
                )

    def test_every_bit_cut_and_tail(self):
        datagram = Fetch(7, 0x01020304, 9, 2).pack(LINK)
        other = bytearray(datagram)
        for bit in range(len(datagram) * 8):
            other[bit // 8] ^= 1 << bit % 8
            with self.assertRaises((AuthError, FrameError)):
                read_fetch(bytes(other), LINK)
            other[bit // 8] ^= 1 << bit % 8
        for length in range(len(datagram)):
            with self.assertRaises((AuthError, FrameError)):
                read_fetch(datagram[:length], LINK)
        with self.assertRaises(AuthError):
            read_fetch(datagram + b"\x00", LINK)

    def test_verified_fields_that_should_be_0(self):
        body = bytearray(Fetch(7, 1, 9, 2).pack(LINK)[:-8])
        for at in (1, 3, 12, 15, 20, len(body) - 1):
            body[at] = 1
            with self.assertRaises(FrameError):
                read_fetch(tag(bytes(body), LINK), LINK)
            body[at] = 0
        body[0] = 0x17
        with self.assertRaises(FrameError):
            read_fetch(tag(bytes(body), LINK), LINK)

    def test_misuse(self):
        for one in (Fetch(256, 1, 1, 1), Fetch(1, U32 + 1, 1, 1), Fetch(1, 1, U32 + 1, 1), Fetch(1, 1, 1, -1)):
            with self.assertRaises(MisuseError):
                one.pack(LINK)
        for held in (0, 1025):
            with self.assertRaises(MisuseError):
                Fetch(1, 1, 1, 1).pack(LINK, held)


class Fuzz(unittest.TestCase):
    def test_junk_raises_protocol_errors_only(self):
        random.seed(11)
        readers = (read_piece, lambda data: open_piece(data, SIV), split_order, lambda data: read_fetch(data, LINK))
        valid = b"".join(seal_order(order(size=50), content_of(50), SIV))
        for _ in range(400):
            data = bytearray(valid)
            for _ in range(random.randrange(1, 5)):
                data[random.randrange(len(data))] = random.getrandbits(8)
            data = bytes(data[: random.randrange(len(data) + 1)])
            for read in readers:
                try:
                    read(data)
                except ProtocolError:
                    pass

    def test_the_largest_fit(self):
        self.assertEqual(order(size=orders.MAX_CONFIG_BYTES).problem(), None)
        self.assertEqual(order(FIRMWARE, size=orders.MAX_FIRMWARE_BYTES).problem(), None)
        self.assertLessEqual(orders.OVERHEAD + orders.PIECE_BYTES + 8, MAX_DATAGRAM)

"""Frames: layout by hand; every bit flip and wrong length of every type is refused; misuse is told apart from a peer's fault."""

import random
import struct
import unittest

from gridecho import frames, intake
from gridecho.crypto import Cmac, Siv
from gridecho.errors import AuthError, FrameError, MisuseError
from gridecho.frames import ACK, DATA, ECHO, FETCH, NACK, PIECE, PROBE, SEND, STORE, Control, DataHeader

LINK = Cmac(bytes(range(16)))
OTHER_LINK = Cmac(bytes(range(1, 17)))
SIV = Siv(bytes(range(32)))
OTHER_SIV = Siv(bytes(range(1, 33)))
U32 = (1 << 32) - 1


def header(op=STORE, key_id=7, count=3, sensor_id=0x01020304, epoch=0x11121314, seq=0x21222324, time_s=0x31323334):
    return DataHeader(op, key_id, count, sensor_id, epoch, seq, time_s)


def control(kind, status=0x11, utc_ms=0x414243444546, **changed):
    fields = {"key_id": 7, "retry_after_s": 9, "sensor_id": 0x01020304, "epoch": 5, "seq": 6, "relay_id": 0x51525354}
    fields.update(changed)
    return Control(kind, status, utc_ms=utc_ms, **fields)


CONTROL_FIELDS = ("kind", "status", "key_id", "retry_after_s", "sensor_id", "epoch", "seq", "utc_ms", "relay_id")
HEADER_FIELDS = ("op", "key_id", "count", "sensor_id", "epoch", "seq", "time_s")


def values(item, names):
    return [getattr(item, name) for name in names]


class Layout(unittest.TestCase):
    def test_data_header(self):
        self.assertEqual(
            header(SEND).pack(), bytes.fromhex("11 02 07 03 01020304 11121314 21222324 31323334".replace(" ", ""))
        )

    def test_control(self):
        for kind, first in ((ACK, "12"), (NACK, "13"), (PROBE, "14"), (ECHO, "15")):
            datagram = control(kind).pack(LINK)
            body = bytes.fromhex(first + "110709010203040000000500000006000041424344454651525354")
            self.assertEqual(datagram, body + LINK.tag(body)[:8])
            self.assertEqual(len(datagram), frames.CONTROL_BYTES)

    def test_data(self):
        frame = frames.seal(header(), b"readings", SIV)
        self.assertEqual(frame[:20], header().pack())
        self.assertEqual(frame[20:], SIV.seal(b"readings", frame[:20]))
        self.assertEqual(frames.tag(frame, LINK), frame + LINK.tag(frame)[:8])

    def test_no_reply_is_longer_than_the_shortest_request(self):
        shortest = frames.tag(frames.seal(header(), b"\x01", SIV), LINK)
        self.assertEqual(len(shortest), frames.MIN_DATA)
        for kind in (ACK, NACK, ECHO):
            self.assertLessEqual(len(control(kind).pack(LINK)), len(shortest))
        self.assertEqual(len(control(PROBE).pack(LINK)), len(control(ECHO).pack(LINK)))

    def test_the_longest_datagram(self):
        datagram = frames.tag(frames.seal(header(), bytes(frames.MAX_SEALED - frames.SIV_BYTES), SIV), LINK)
        self.assertEqual(len(datagram), 1200)
        self.assertEqual(frames.kind_of(datagram), DATA)

    def test_sender(self):
        for datagram in (control(PROBE).pack(LINK), frames.tag(frames.seal(header(), b"r", SIV), LINK)):
            self.assertEqual(intake.sender_of(datagram), (0x01020304, 7))


class ThereAndBack(unittest.TestCase):
    def test_control_extremes(self):
        for kind in (ACK, NACK, PROBE, ECHO):
            for status in range(256):
                sent = control(kind, status)
                datagram = sent.pack(LINK)
                back = frames.read_control(datagram, LINK)
                self.assertEqual(values(back, CONTROL_FIELDS), values(sent, CONTROL_FIELDS))
                self.assertEqual(back.pack(LINK), datagram)
            for sent in (
                Control(kind, 0, 0, 0, 0, 0, 0, 0, 0),
                Control(kind, 255, 255, 255, U32, U32, U32, (1 << 48) - 1, U32),
            ):
                back = frames.read_control(sent.pack(LINK), LINK)
                self.assertEqual(values(back, CONTROL_FIELDS), values(sent, CONTROL_FIELDS))

    def test_header_extremes(self):
        for sent in (DataHeader(STORE, 0, 1, 1, 1, 0, 0), DataHeader(SEND, 255, 255, U32, U32, U32, U32), header()):
            back = intake.read_header(sent.pack())
            self.assertEqual(values(back, HEADER_FIELDS), values(sent, HEADER_FIELDS))
            self.assertEqual(back.pack(), sent.pack())

    def test_data(self):
        for length in (1, 15, 16, 17, 31, 32, 33, 500, frames.MAX_SEALED - 16):
            readings = bytes(random.getrandbits(8) for _ in range(length))
            datagram = frames.tag(frames.seal(header(), readings, SIV), LINK)
            back, opened = intake.unseal(frames.untag(datagram, LINK), SIV)
            self.assertEqual(opened, readings)
            self.assertEqual(values(back, HEADER_FIELDS), values(header(), HEADER_FIELDS))

    def test_the_same_frame_to_another_relay_differs_in_its_tag_only(self):
        frame = frames.seal(header(), b"readings", SIV)
        one, two = frames.tag(frame, LINK), frames.tag(frame, OTHER_LINK)
        self.assertEqual(one[:-8], two[:-8])
        self.assertNotEqual(one[-8:], two[-8:])
        self.assertEqual(frames.untag(two, OTHER_LINK), frame)

    def test_another_operation_tag_is_another_seal(self):
        # The tag is associated data: SIV and ciphertext have nothing in common.
        stored, sent = frames.seal(header(STORE), b"readings", SIV), frames.seal(header(SEND), b"readings", SIV)
        self.assertNotEqual(stored[20:36], sent[20:36])
        self.assertNotEqual(stored[36:], sent[36:])


class BitFlips(unittest.TestCase):
    """Whole datagrams, every single bit."""

    def check(self, datagram, read):
        read(datagram)
        refused = 0
        other = bytearray(datagram)
        for bit in range(len(datagram) * 8):
            other[bit // 8] ^= 1 << bit % 8
            try:
                read(bytes(other))
            except (AuthError, FrameError):
                refused += 1
            other[bit // 8] ^= 1 << bit % 8
        self.assertEqual(refused, len(datagram) * 8)

    def test_control_of_every_kind(self):
        for kind in (ACK, NACK, PROBE, ECHO):
            with self.subTest(kind=kind):
                self.check(control(kind).pack(LINK), lambda datagram: frames.read_control(datagram, LINK))

    def test_data_between_sensor_and_relay(self):
        for op in (STORE, SEND):
            datagram = frames.tag(frames.seal(header(op), b"readings of a meter", SIV), LINK)
            self.check(datagram, lambda datagram: frames.untag(datagram, LINK))

    def test_the_longest_data_between_sensor_and_relay(self):
        datagram = frames.tag(frames.seal(header(), bytes(frames.MAX_SEALED - 16), SIV), LINK)
        self.check(datagram, lambda datagram: frames.untag(datagram, LINK))

    def test_data_changed_by_a_relay_that_knows_the_link_key(self):
        # End to end: the relay can make a valid link tag, and still cannot change one bit.
        for op in (STORE, SEND):
            self.check(
                frames.seal(header(op), b"readings of a meter", SIV),
                lambda frame: intake.unseal(frames.untag(frames.tag(frame, LINK), LINK), SIV),
            )


class Refused(unittest.TestCase):
    def test_another_key(self):
        with self.assertRaises(AuthError):
            frames.read_control(control(ECHO).pack(LINK), OTHER_LINK)
        frame = frames.seal(header(), b"readings", SIV)
        with self.assertRaises(AuthError):
            frames.untag(frames.tag(frame, LINK), OTHER_LINK)
        with self.assertRaises(AuthError):
            intake.unseal(frame, OTHER_SIV)

    def test_every_prefix_and_a_tail(self):
        for kind in (ACK, NACK, PROBE, ECHO):
            datagram = control(kind).pack(LINK)
            for length in range(36):
                with self.assertRaises(FrameError):
                    frames.kind_of(datagram[:length])
                with self.assertRaises(FrameError):
                    frames.read_control(datagram[:length], LINK)
                with self.assertRaises(AuthError):
                    frames.untag(datagram[:length], LINK)
            with self.assertRaises(FrameError):
                frames.read_control(datagram + b"\x00", LINK)

    def test_every_prefix_and_a_tail_of_data(self):
        frame = frames.seal(header(), b"readings", SIV)
        datagram = frames.tag(frame, LINK)
        for length in range(len(datagram)):
            with self.assertRaises(AuthError):
                frames.untag(datagram[:length], LINK)
            if length < frames.MIN_DATA:
                with self.assertRaises(FrameError):
                    frames.kind_of(datagram[:length])
        for length in range(len(frame)):
            # Cut by one who knows the link key.
            with self.assertRaises((AuthError, FrameError)):
                intake.unseal(frames.untag(frames.tag(frame[:length], LINK), LINK), SIV)
        with self.assertRaises(AuthError):
            frames.untag(datagram + b"\x00", LINK)
        with self.assertRaises(AuthError):
            intake.unseal(frame + b"\x00", SIV)

    def test_lengths(self):
        for length, kind in ((0, None), (44, None), (45, DATA), (1200, DATA), (1201, None)):
            with self.subTest(length=length):
                datagram = b"\x11" + bytes(length - 1) if length else b""
                if kind is None:
                    with self.assertRaises(FrameError):
                        frames.kind_of(datagram)
                else:
                    self.assertEqual(frames.kind_of(datagram), kind)
        for length in (0, 19, 20, 36, 1193):
            with self.assertRaises(FrameError):
                intake.unseal((header().pack() + bytes(1173))[:length], SIV)

    def test_versions_and_types(self):
        for first in range(256):
            known = first >> 4 == 1 and 1 <= first & 15 <= 7
            least = {0x11: 45, 0x16: 76, 0x17: 45}.get(first)  # of the types whose length is not 36
            for length in (36, 45, 75, 76, 1200, 1201):
                fits = known and (length == 36 if least is None else least <= length <= 1200)
                if fits:
                    self.assertEqual(frames.kind_of(bytes((first,)) + bytes(length - 1)), first & 15)
                else:
                    with self.assertRaises(FrameError):
                        frames.kind_of(bytes((first,)) + bytes(length - 1))

    def test_fetch_and_piece_are_no_control(self):
        for first in (0x16, 0x17):
            with self.assertRaises(FrameError):
                frames.read_control(frames.tag(bytes((first,)) + bytes(67), LINK), LINK)

    def test_data_is_no_control(self):
        with self.assertRaises(FrameError):
            frames.read_control(frames.tag(frames.seal(header(), b"readings", SIV), LINK), LINK)

    def test_a_header_whose_fields_are_out_of_range(self):
        good = bytearray(header().pack())
        changes = [(at, bytes((value,))) for at, value in ((0, 0x12), (0, 0x21), (1, 0), (1, 3), (1, 255), (3, 0))]
        for at, value in changes + [(4, bytes(4)), (8, bytes(4))]:  # sensor 0, epoch 0
            bad = bytearray(good)
            bad[at : at + len(value)] = value
            with self.assertRaises(FrameError):
                intake.read_header(bytes(bad))
            # Sealed so by the sensor itself: still refused, and before it is opened.
            with self.assertRaises(FrameError):
                intake.unseal(bytes(bad) + SIV.seal(b"readings", bytes(bad)), SIV)
        for length in range(20):
            with self.assertRaises(FrameError):
                intake.read_header(bytes(good[:length]))

    def test_a_verified_time_beyond_48_bits(self):
        body = struct.pack(">BBBBIIIQI", 0x15, 0, 0, 0, 1, 2, 3, 1 << 48, 4)
        with self.assertRaises(FrameError):
            frames.read_control(frames.tag(body, LINK), LINK)


class Misuse(unittest.TestCase):
    def test_header(self):
        for changed in (
            {"op": 0},
            {"op": 3},
            {"key_id": 256},
            {"key_id": -1},
            {"count": 0},
            {"count": 256},
            {"sensor_id": -1},
            {"sensor_id": U32 + 1},
            {"epoch": U32 + 1},
            {"epoch": -1},
            {"seq": U32 + 1},
            {"seq": -1},
            {"time_s": U32 + 1},
            {"time_s": -1},
        ):
            with self.subTest(changed=changed):
                with self.assertRaises(MisuseError):
                    header(**changed).pack()
                with self.assertRaises(MisuseError):
                    frames.seal(header(**changed), b"readings", SIV)

    def test_control(self):
        for changed in (
            {"status": 256},
            {"status": -1},
            {"key_id": 256},
            {"key_id": -1},
            {"retry_after_s": 256},
            {"retry_after_s": -1},
            {"sensor_id": U32 + 1},
            {"epoch": U32 + 1},
            {"seq": U32 + 1},
            {"relay_id": U32 + 1},
            {"relay_id": -1},
            {"utc_ms": 1 << 48},
            {"utc_ms": -1},
        ):
            with self.subTest(changed=changed):
                with self.assertRaises(MisuseError):
                    control(ACK, **changed).pack(LINK)
        for kind in (0, DATA, FETCH, PIECE, 8, 16):
            with self.assertRaises(MisuseError):
                control(kind).pack(LINK)

    def test_readings_that_do_not_fit(self):
        for length in (0, frames.MAX_SEALED - 15):
            with self.assertRaises(MisuseError):
                frames.seal(header(), bytes(length), SIV)

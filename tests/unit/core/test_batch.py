"""Batches and receipts: layout, only the origin relay's keys make them, and nothing else than what was packed comes out."""

import hashlib
import random
import unittest

from gridecho.batch import (
    MAX_BATCH_BYTES,
    MAX_FRAMES,
    RECEIPT_BYTES,
    Receipt,
    batch_sender,
    pack_batch,
    read_batch,
    read_receipt,
)
from gridecho.crypto import Cmac
from gridecho.errors import AuthError, FrameError, MisuseError, ProtocolError

MAC = Cmac(bytes(range(32)))
OTHER = Cmac(bytes(range(1, 33)))
RELAY = 0x0A0B0C0D
FRAMES = [bytes(range(37)), bytes(range(64)), bytes(37)]
COUNTS = ("relay_id", "batch_id", "stored", "known", "quarantined")


class TooMany:
    """Stands for a list that a board's heap could not hold."""

    def __len__(self):
        return MAX_FRAMES + 1


def sealed(body):
    return body + MAC.tag(body)


def content_of(frames):
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)


class Batches(unittest.TestCase):
    def test_layout(self):
        batch_id, body = pack_batch(RELAY, FRAMES, MAC)
        content = content_of(FRAMES)
        self.assertEqual(batch_id, hashlib.sha256(content).digest()[:16])
        self.assertEqual(body, sealed(b"GEB\x01\x0a\x0b\x0c\x0d" + batch_id + b"\x00\x00\x00\x03" + content))
        self.assertEqual(batch_sender(body), RELAY)

    def test_there_and_back(self):
        for count in (1, 2, 20):
            frames = [bytes(random.getrandbits(8) for _ in range(random.randrange(37, 90))) for _ in range(count)]
            batch_id, body = pack_batch(RELAY, frames, MAC)
            self.assertEqual(read_batch(body, MAC), (batch_id, frames))

    def test_the_same_frames_have_the_same_id_from_any_relay(self):
        self.assertEqual(pack_batch(1, FRAMES, MAC)[0], pack_batch(2, FRAMES, OTHER)[0])
        self.assertNotEqual(pack_batch(1, FRAMES, MAC)[0], pack_batch(1, FRAMES[:2], MAC)[0])

    def test_ids_at_both_ends(self):
        for relay_id in (0, (1 << 32) - 1):
            self.assertEqual(batch_sender(pack_batch(relay_id, FRAMES, MAC)[1]), relay_id)
            self.assertEqual(read_receipt(Receipt(relay_id, bytes(16), 0, 0, 0).pack(MAC), MAC).relay_id, relay_id)

    def test_frames_of_the_longest_and_shortest_length(self):
        frames = [bytes(37), bytes(1192)]
        self.assertEqual(read_batch(pack_batch(RELAY, frames, MAC)[1], MAC)[1], frames)
        self.assertEqual(MAX_BATCH_BYTES, 28 + MAX_FRAMES * (2 + 1192) + 16)

    def test_every_bit_flip_is_refused(self):
        _, body = pack_batch(RELAY, FRAMES[:1], MAC)
        for bit in range(len(body) * 8):
            other = bytearray(body)
            other[bit // 8] ^= 1 << bit % 8
            with self.assertRaises((AuthError, FrameError)):
                read_batch(bytes(other), MAC)

    def test_every_prefix_a_tail_and_another_key(self):
        _, body = pack_batch(RELAY, FRAMES, MAC)
        for length in range(len(body)):
            with self.assertRaises((AuthError, FrameError)):
                read_batch(body[:length], MAC)
        with self.assertRaises(AuthError):
            read_batch(body + b"\x00", MAC)
        with self.assertRaises(AuthError):
            read_batch(body, OTHER)

    def test_what_a_relay_sealed_wrongly(self):
        # The key is the relay's: what it makes verifies, and is refused for its form.
        def batch(content, count, batch_id=None):
            batch_id = hashlib.sha256(content).digest()[:16] if batch_id is None else batch_id
            return sealed(b"GEB\x01\x00\x00\x00\x01" + batch_id + count.to_bytes(4, "big") + content)

        content = content_of(FRAMES)
        self.assertEqual(len(read_batch(batch(content, 3), MAC)[1]), 3)
        for body, why in (
            (batch(content, 0), "no frames"),
            (batch(b"", 0), "nothing"),
            (batch(content, 2), "fewer than it holds"),
            (batch(content, 4), "more than it holds"),
            (batch(content, MAX_FRAMES + 1), "too many"),
            (batch(content, 0xFFFFFFFF), "far too many"),
            (batch(content[:-1], 3), "the last frame cut short"),
            (batch(content + b"\x00", 3), "a tail"),
            (batch(content_of([bytes(36)]), 1), "a frame too short"),
            (batch(content_of([bytes(1193)]), 1), "a frame too long"),
            (batch(content, 3, bytes(16)), "an id that is not the frames' digest"),
        ):
            with self.subTest(why=why):
                with self.assertRaises(FrameError):
                    read_batch(body, MAC)

    def test_sender_of_what_is_no_batch(self):
        _, body = pack_batch(RELAY, FRAMES, MAC)
        for wrong in (b"", body[:43], b"GEB\x02" + body[4:], b"GER\x01" + body[4:]):
            with self.assertRaises(FrameError):
                batch_sender(wrong)

    def test_misuse(self):
        for relay_id, frames in (
            (RELAY, []),
            (RELAY, TooMany()),
            (RELAY, [bytes(36)]),
            (RELAY, [bytes(1193)]),
            (1 << 32, FRAMES),
            (-1, FRAMES),
        ):
            with self.assertRaises(MisuseError):
                pack_batch(relay_id, frames, MAC)


class Receipts(unittest.TestCase):
    def test_layout_and_back(self):
        body = Receipt(RELAY, bytes(range(16)), 1, 2, 3).pack(MAC)
        text = "474552010a0b0c0d" + "000102030405060708090a0b0c0d0e0f" + "000000010000000200000003"
        self.assertEqual(body, sealed(bytes.fromhex(text)))
        self.assertEqual(len(body), RECEIPT_BYTES)
        back = read_receipt(body, MAC)
        self.assertEqual([getattr(back, name) for name in COUNTS], [RELAY, bytes(range(16)), 1, 2, 3])
        self.assertEqual(back.pack(MAC), body)

    def test_every_bit_flip_prefix_tail_and_another_key(self):
        body = Receipt(RELAY, bytes(16), 10_000, 0, 0).pack(MAC)
        for bit in range(len(body) * 8):
            other = bytearray(body)
            other[bit // 8] ^= 1 << bit % 8
            with self.assertRaises((AuthError, FrameError)):
                read_receipt(bytes(other), MAC)
        for length in range(len(body)):
            with self.assertRaises(FrameError):
                read_receipt(body[:length], MAC)
        with self.assertRaises(FrameError):
            read_receipt(body + b"\x00", MAC)
        with self.assertRaises(AuthError):
            read_receipt(body, OTHER)

    def test_a_batch_is_no_receipt(self):
        with self.assertRaises(ProtocolError):
            read_receipt(pack_batch(RELAY, FRAMES, MAC)[1], MAC)
        with self.assertRaises(ProtocolError):
            read_batch(Receipt(RELAY, bytes(16), 1, 0, 0).pack(MAC), MAC)

    def test_misuse(self):
        for receipt in (
            Receipt(1 << 32, bytes(16), 0, 0, 0),
            Receipt(-1, bytes(16), 0, 0, 0),
            Receipt(1, bytes(15), 0, 0, 0),
            Receipt(1, bytes(17), 0, 0, 0),
            Receipt(1, bytes(16), 1 << 32, 0, 0),
            Receipt(1, bytes(16), 0, -1, 0),
            Receipt(1, bytes(16), 0, 0, 1 << 32),
        ):
            with self.assertRaises(MisuseError):
                receipt.pack(MAC)

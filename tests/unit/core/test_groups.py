"""Turns, appointments, loads and carries: layouts, only the right keys make them, nothing but what was packed comes out."""

import random
import unittest

from gridecho import groups
from gridecho.crypto import Cmac
from gridecho.errors import AuthError, FrameError, MisuseError, ProtocolError

MAC = Cmac(bytes(range(32)))
OTHER = Cmac(bytes(range(1, 33)))
URL = "http://relay.example:4691"


def a_turn(**changed):
    values = {
        "relay_id": 7,
        "issued_ms": 1_800_000_000_123,
        "group_id": 3,
        "term": 9,
        "proxy": 8,
        "began_s": 1_800_000_000,
        "period_s": 60,
        "appointment": bytes(range(16)),
        "url": URL,
    }
    values.update(changed)
    return groups.Turn(**values)


def fields(one):
    return [getattr(one, name) for name in sorted(one.__slots__)]


class Turns(unittest.TestCase):
    def test_layout(self):
        head = (
            b"GET\x01\x00\x00\x00\x07" + (1_800_000_000_123).to_bytes(8, "big") + b"\x00\x00\x00\x03\x00\x00\x00\x09"
            b"\x00\x00\x00\x08" + (1_800_000_000).to_bytes(4, "big") + b"\x00\x3c" + bytes(range(16)) + b"\x00\x19"
        )
        self.assertEqual(a_turn().pack(MAC), head + URL.encode() + MAC.tag(head + URL.encode()))

    def test_there_and_back(self):
        for turn in (a_turn(), a_turn(url=""), a_turn(url="http://[fe80::1]:1/a"), groups.Turn(1, 5)):
            self.assertEqual(fields(groups.read_turn(turn.pack(MAC), MAC)), fields(turn))

    def test_only_the_remote_and_its_relay_make_one(self):
        packed = a_turn().pack(MAC)
        with self.assertRaises(AuthError):
            groups.read_turn(packed, OTHER)
        for at in range(4, len(packed), 5):
            changed = packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]
            with self.assertRaises(AuthError):
                groups.read_turn(changed, MAC)

    def test_what_the_remote_sealed_wrongly_is_none(self):
        good = a_turn().pack(MAC)[:-16]
        for body in (good[:-1], good + b"x", good[:-1] + b"\xff"):
            with self.assertRaises(FrameError):
                groups.read_turn(body + MAC.tag(body), MAC)

    def test_too_long(self):
        for turn in (a_turn(url="x" * 256), a_turn(appointment=b"short"), a_turn(period_s=1 << 16)):
            with self.assertRaises(MisuseError):
                turn.pack(MAC)
        self.assertEqual(len(a_turn(url="x" * 255).pack(MAC)), groups.MAX_TURN_BYTES)

    def test_an_appointment_is_of_one_proxy_in_one_term_of_one_group(self):
        made = groups.appointment_of(8, 3, 9, MAC)
        self.assertEqual(made, MAC.tag(b"GEA\x01\x00\x00\x00\x08\x00\x00\x00\x03\x00\x00\x00\x09"))
        others = [
            groups.appointment_of(*of) for of in ((9, 3, 9, MAC), (8, 4, 9, MAC), (8, 3, 8, MAC), (8, 3, 9, OTHER))
        ]
        self.assertEqual(len(set([made] + others)), 5)


class Loads(unittest.TestCase):
    def test_handed(self):
        packed = groups.Handed(3, 9, bytes(range(16)), (groups.PIECE, b"piece")).pack()
        self.assertEqual(packed, b"GEH\x01\x00\x00\x00\x03\x00\x00\x00\x09" + bytes(range(16)) + b"\x03piece")
        found = groups.read_handed(packed)
        self.assertEqual((found.group_id, found.term, found.appointment), (3, 9, bytes(range(16))))
        self.assertEqual(found.load, (groups.PIECE, b"piece"))
        for wrong in (b"", packed[:29], b"GEX\x01" + packed[4:], packed[:28] + b"\x04piece", packed[:28] + b"\x00p"):
            with self.assertRaises(FrameError):
                groups.read_handed(wrong)

    def test_carry(self):
        loads = [(groups.BATCH, b"one"), (groups.DEFLATED_BATCH, b""), (groups.PIECE, bytes(3_000))]
        packed = groups.Carry(8, 3, 9, loads).pack()
        self.assertEqual(
            packed[:26], b"GEF\x01\x00\x00\x00\x08\x00\x00\x00\x03\x00\x00\x00\x09\x00\x03\x01\x00\x00\x00\x03one"
        )
        found = groups.read_carry(packed)
        self.assertEqual((found.relay_id, found.group_id, found.term, found.loads), (8, 3, 9, loads))
        for wrong in (packed[:-1], packed + b"x", packed[:20], packed[:16] + b"\x00\x04" + packed[18:], b"GEF\x01"):
            with self.assertRaises(FrameError):
                groups.read_carry(wrong)

    def test_a_carry_has_a_bound(self):
        for count in (0, groups.MAX_LOADS + 1):
            with self.assertRaises(MisuseError):
                groups.Carry(8, 3, 9, [(groups.BATCH, b"x")] * count).pack()
            packed = groups.Carry(8, 3, 9, [(groups.BATCH, b"x")]).pack()
            with self.assertRaises(FrameError):
                groups.read_carry(packed[:16] + count.to_bytes(2, "big") + b"\x01\x00\x00\x00\x01x" * count)
        full = groups.Carry(8, 3, 9, [(groups.BATCH, b"")] * groups.MAX_LOADS).pack()
        self.assertEqual(len(full), groups.CARRY_MARGIN_BYTES)

    def test_carried(self):
        answers = [(200, 0, b"receipt"), (507, 30, b""), (401, 0, b"x" * 1024)]
        packed = groups.Carried(10, 6, answers).pack()
        found = groups.read_carried(packed)
        self.assertEqual((found.term, found.proxy, found.answers), (10, 6, answers))
        self.assertEqual(groups.read_carried(groups.Carried(10, 6, []).pack()).answers, [])
        for wrong in (packed[:-1], packed + b"x", packed[:12] + b"\x00\x04" + packed[14:], b""):
            with self.assertRaises(FrameError):
                groups.read_carried(wrong)

    def test_an_answer(self):
        for answer in ((200, 0, b"receipt"), (0, 0, b""), (503, 65535, b"")):
            self.assertEqual(groups.read_answer(groups.pack_answer(answer)), answer)
        self.assertEqual(groups.read_answer(groups.pack_answer((503, 1 << 20, b""))), (503, 65535, b""))
        with self.assertRaises(MisuseError):
            groups.pack_answer((200, 0, bytes(1025)))
        with self.assertRaises(FrameError):
            groups.read_answer(groups.pack_answer((200, 0, b"x")) + b"y")

    def test_noise_is_refused_as_noise(self):
        readers = (
            groups.read_handed,
            groups.read_carry,
            groups.read_carried,
            groups.read_answer,
            lambda body: groups.read_turn(body, MAC),
        )
        good = (
            groups.Handed(3, 9, bytes(16), (1, b"abc")).pack(),
            groups.Carry(8, 3, 9, [(1, b"abc"), (3, b"de")]).pack(),
            groups.Carried(10, 6, [(200, 0, b"receipt")]).pack(),
            groups.pack_answer((200, 0, b"receipt")),
            a_turn().pack(MAC),
        )
        for i, read in enumerate(readers):
            body = good[i]
            for _ in range(200):
                noise = bytearray(body)
                for _ in range(random.randrange(1, 4)):
                    noise[random.randrange(len(noise))] = random.getrandbits(8)
                try:
                    read(bytes(noise[: random.randrange(len(noise) + 1)]))
                except ProtocolError:
                    pass

"""Every decoder, fed junk and damaged valid input: only ProtocolErrors come out, and what decodes is the only form of what it says.

The loops are seeded, so that a failure can be seen again; tests/unit/test_core_properties.py looks for more with hypothesis.
"""

import random
import unittest

from gridecho import batch, frames, intake
from gridecho.crypto import Cmac, Siv
from gridecho.errors import ProtocolError
from gridecho.frames import Control, DataHeader
from gridecho.readings import Reading, decode, encode

ROUNDS = 2_000


class NoTag:
    """A MAC that everything passes: so that the fuzz gets behind the authentication."""

    def __init__(self, size):
        self.size = size

    def tag(self, data):
        return bytes(self.size)


class NoSiv:
    """A seal that everything passes."""

    def open(self, sealed, associated):
        return sealed[16:]

    def seal(self, data, associated):
        return bytes(16) + data


LINK = Cmac(bytes(16))
SIV = Siv(bytes(32))
OPEN_LINK = NoTag(16)
OPEN_SIV = NoSiv()


def junk(most):
    return bytes(random.getrandbits(8) for _ in range(random.randrange(most + 1)))


def damaged(valid):
    """`valid` with one to three bytes changed, taken out, put in or said twice, or cut."""
    data = bytearray(valid)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(data)) if data else 0
        kind = random.randrange(5)
        if kind == 0 and data:
            data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.getrandbits(8)))
        elif kind == 1:
            data = data[:at] + data[at + 1 :]
        elif kind == 2:
            data = data[:at] + bytes((random.getrandbits(8),)) + data[at:]
        elif kind == 3:
            data = data[:at]
        else:
            data = data + data[at:]
    return bytes(data)


def all_damaged(valid, rounds=ROUNDS):
    """Damaged forms of `valid`, one by one: a list of them would not fit into a board's heap."""
    for _ in range(rounds):
        data = damaged(valid)
        if data != valid:
            yield data


class Fuzz(unittest.TestCase):
    def setUp(self):
        random.seed(20_260_701)

    def run_on(self, inputs, decoder):
        """How many of the inputs decoded; any other error than a ProtocolError ends the test."""
        passed = 0
        for data in inputs:
            try:
                decoder(data)
                passed += 1
            except ProtocolError:
                pass
        return passed

    def test_kind_of(self):
        self.run_on((junk(60) for _ in range(ROUNDS)), frames.kind_of)

    def test_control_behind_a_real_tag(self):
        valid = Control(frames.ECHO, 1, 2, 3, 4, 5, 6, 7, 8).pack(LINK)
        self.assertEqual(self.run_on(all_damaged(valid), lambda data: frames.read_control(data, LINK)), 0)
        self.assertEqual(
            self.run_on((junk(60) for _ in range(ROUNDS)), lambda data: frames.read_control(data, LINK)), 0
        )

    def test_control_is_canonical(self):
        def check(data):
            self.assertEqual(frames.read_control(data, OPEN_LINK).pack(OPEN_LINK), data)

        valid = Control(frames.NACK, 1, 2, 3, 4, 5, 6, 7, 8).pack(OPEN_LINK)
        self.assertGreater(self.run_on(all_damaged(valid), check), 20)
        some = (bytes((0x10 | random.randrange(6),)) + junk(40)[:27] + bytes(8) for _ in range(ROUNDS))
        self.run_on(some, check)

    def test_data_behind_a_real_seal(self):
        valid = frames.tag(frames.seal(DataHeader(1, 2, 1, 4, 5, 6, 7), b"readings", SIV), LINK)
        self.assertEqual(self.run_on(all_damaged(valid), lambda data: intake.unseal(frames.untag(data, LINK), SIV)), 0)
        retagged = (frames.tag(data, LINK) for data in all_damaged(valid[:-8]))
        self.assertEqual(self.run_on(retagged, lambda data: intake.unseal(frames.untag(data, LINK), SIV)), 0)

    def test_data_is_canonical(self):
        def check(frame):
            header, readings = intake.unseal(frame, OPEN_SIV)
            again = frames.seal(header, readings, OPEN_SIV)
            self.assertEqual((again[:20], again[36:]), (frame[:20], frame[36:]))

        valid = frames.seal(DataHeader(1, 2, 1, 4, 5, 6, 7), b"readings", OPEN_SIV)
        self.assertGreater(self.run_on(all_damaged(valid), check), 20)

    def test_readings_are_canonical(self):
        def check(data):
            self.assertEqual(encode(decode(data, count, time_s)), data)

        passed = 0
        for _ in range(60):
            count, time_s = random.randrange(1, 6), random.choice((0, 1_750_000_000, (1 << 32) - 1))
            codes = [code for code in range(56) if random.getrandbits(4) == 0] or [3]
            readings = [
                Reading(time_s if not i else 1_750_000_000, {code: random.getrandbits(20) - 500_000 for code in codes})
                for i in range(count)
            ]
            valid = encode(readings)
            passed += self.run_on(all_damaged(valid, 30), check)
        self.assertGreater(passed, 50)
        count, time_s = 1, 1_750_000_000
        self.assertGreater(self.run_on((junk(12) for _ in range(ROUNDS)), check), 0)
        count, time_s = 2, (1 << 32) - 1
        self.run_on((junk(12) for _ in range(ROUNDS)), check)

    def test_batch_behind_a_real_tag(self):
        _, valid = batch.pack_batch(1, [bytes(37), bytes(40)], LINK)
        self.assertEqual(self.run_on(all_damaged(valid), lambda data: batch.read_batch(data, LINK)), 0)
        self.assertEqual(
            self.run_on((b"GEB\x01" + junk(80) for _ in range(300)), lambda data: batch.read_batch(data, LINK)), 0
        )

    def test_batch_is_canonical(self):
        def check(body):
            body = body[:-16] + bytes(16)
            batch_id, content = batch.read_batch(body, OPEN_LINK)
            self.assertEqual(batch.pack_batch(batch.batch_sender(body), content, OPEN_LINK), (batch_id, body))

        _, valid = batch.pack_batch(1, [bytes(37), bytes(40)], OPEN_LINK)
        self.run_on(all_damaged(valid), check)
        check(valid)

    def test_receipt_is_canonical(self):
        def check(body):
            self.assertEqual(batch.read_receipt(body, OPEN_LINK).pack(OPEN_LINK), body)

        valid = batch.Receipt(1, bytes(16), 3, 4, 5).pack(OPEN_LINK)
        self.assertGreater(self.run_on(all_damaged(valid), check), 20)
        self.assertEqual(self.run_on(all_damaged(valid), lambda b: batch.read_receipt(b, LINK)), 0)

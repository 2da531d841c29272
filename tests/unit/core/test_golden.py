"""The golden files of tests/vectors, on whatever runtime this is: every key, datagram, batch and codec example, made and read."""

import json
import unittest

from gridecho import batch, frames, groups, holdings, intake, keys, relay_keys
from gridecho.crypto import Cmac, Siv, derive
from gridecho.errors import AuthError, FrameError
from gridecho.frames import PROBE, Control, DataHeader
from gridecho.readings import Reading, decode, encode

VECTORS = __file__.rsplit("/", 3)[0] + "/vectors/"
unhex = bytes.fromhex


def load(name):
    with open(VECTORS + name) as file:
        return json.load(file)


def rows(name):
    # The files are arrays with a row a line, read one by one: a board's heap does not hold a whole one.
    with open(VECTORS + name) as lines:
        for line in lines:
            if line.startswith("{"):
                yield json.loads(line.rstrip(",\n"))


def readings_of(row):
    return [Reading(time_s, {int(code): value for code, value in values.items()}) for time_s, values in row["readings"]]


class Golden(unittest.TestCase):
    def setUp(self):
        self.keys = load("keys.json")

    def link(self, direction, relay_id=None):
        return Cmac(unhex(self.keys["link"][str(relay_id or self.keys["relay_id"])][direction]))

    def test_keys(self):
        root, secret = unhex(self.keys["root"]), unhex(self.keys["relay_secret"])
        sensor = (root, self.keys["sensor_id"], self.keys["key_id"])
        relay_id = self.keys["relay_id"]
        self.assertEqual(keys.siv_key(*sensor).hex(), self.keys["siv"])
        self.assertEqual(keys.order_key(*sensor).hex(), self.keys["order"])
        self.assertEqual(len(self.keys["link"]), 2)
        for relay, link in self.keys["link"].items():
            self.assertEqual(keys.link_key_up(*(sensor + (int(relay),))).hex(), link["up"])
            self.assertEqual(keys.link_key_down(*(sensor + (int(relay),))).hex(), link["down"])
        self.assertEqual(relay_keys.relay_token(secret, relay_id).hex(), self.keys["token"])
        self.assertEqual(relay_keys.batch_key(secret, relay_id).hex(), self.keys["batch"])
        self.assertEqual(relay_keys.receipt_key(secret, relay_id).hex(), self.keys["receipt"])
        self.assertEqual(relay_keys.pull_key(secret, relay_id).hex(), self.keys["pull"])

    def test_derive(self):
        for row in self.keys["derive"]:
            out = derive(unhex(row["key"]), row["label"].encode(), unhex(row["context"]), row["length"])
            self.assertEqual(out.hex(), row["out"])

    def test_readings(self):
        tried = 0
        for row in rows("readings.json"):
            readings, encoded = readings_of(row), unhex(row["encoded"])
            self.assertEqual(encode(readings), encoded)
            self.assertEqual(decode(encoded, len(readings), readings[0].time_s), readings)
            tried += 1
        self.assertGreaterEqual(tried, 5)

    def test_data(self):
        siv = Siv(unhex(self.keys["siv"]))
        others = [relay for relay in self.keys["link"] if relay != str(self.keys["relay_id"])]
        up, up_other = self.link("up"), self.link("up", others[0])
        ops = set()
        for row in rows("data.json"):
            with self.subTest(name=row["name"]):
                head = DataHeader(*[row[f] for f in ("op", "key_id", "count", "sensor_id", "epoch", "seq", "time_s")])
                frame = frames.seal(head, encode(readings_of(row)), siv)
                self.assertEqual(frame.hex(), row["frame"])
                self.assertEqual(frames.tag(frame, up).hex(), row["datagram"])
                self.assertEqual(frames.tag(frame, up_other).hex(), row["datagram_to_other_relay"])
                datagram = unhex(row["datagram"])
                self.assertEqual(frames.kind_of(datagram), frames.DATA)
                self.assertEqual(intake.sender_of(datagram), (row["sensor_id"], row["key_id"]))
                back, encoded = intake.unseal(frames.untag(datagram, up), siv)
                self.assertEqual(encoded.hex(), row["encoded"])
                self.assertEqual(decode(encoded, back.count, back.time_s), readings_of(row))
                ops.add(back.op)
        self.assertEqual(ops, {frames.STORE, frames.SEND})

    def test_control(self):
        kinds = set()
        for row in rows("control.json"):
            with self.subTest(name=row["name"]):
                link = self.link("up" if row["kind"] == PROBE else "down")
                fields = {name: value for name, value in row.items() if name not in ("name", "datagram")}
                self.assertEqual(Control(**fields).pack(link).hex(), row["datagram"])
                back = frames.read_control(unhex(row["datagram"]), link)
                self.assertEqual({name: getattr(back, name) for name in fields}, fields)
                kinds.add(back.kind)
        self.assertEqual(kinds, {frames.ACK, frames.NACK, frames.PROBE, frames.ECHO})

    def test_batch_and_receipt(self):
        row = load("batch.json")
        batch_mac, receipt_mac = Cmac(unhex(self.keys["batch"])), Cmac(unhex(self.keys["receipt"]))
        content = [unhex(frame) for frame in row["frames"]]
        batch_id, body = batch.pack_batch(row["relay_id"], content, batch_mac)
        self.assertEqual((batch_id.hex(), body.hex()), (row["batch_id"], row["body"]))
        self.assertEqual(batch.batch_sender(unhex(row["body"])), row["relay_id"])
        self.assertEqual(batch.read_batch(unhex(row["body"]), batch_mac), (batch_id, content))
        counts = [row[name] for name in ("stored", "known", "quarantined")]
        self.assertEqual(batch.Receipt(row["relay_id"], batch_id, *counts).pack(receipt_mac).hex(), row["receipt"])
        receipt = batch.read_receipt(unhex(row["receipt"]), receipt_mac)
        self.assertEqual((receipt.relay_id, receipt.batch_id), (row["relay_id"], batch_id))
        self.assertEqual([receipt.stored, receipt.known, receipt.quarantined], counts)

    def test_holdings(self):
        row = load("holdings.json")
        relay_id, listing = row["relay_id"], row["listing"]
        macs = {name: Cmac(unhex(self.keys[name])) for name in ("batch", "receipt", "pull")}
        runs, wants = [[tuple(six) for six in row[name]] for name in ("runs", "wants")]
        piece = holdings.Piece(relay_id, listing, row["start"], row["end"], runs)
        self.assertEqual(piece.pack(macs["batch"]).hex(), row["piece"])
        self.assertEqual(holdings.read_piece(unhex(row["piece"]), macs["batch"]).runs, runs)
        known = holdings.read_known(unhex(row["known"]), macs["receipt"])
        self.assertEqual((known.relay_id, known.listing, known.end), (relay_id, listing, row["end"]))
        self.assertEqual(known.pack(macs["receipt"]).hex(), row["known"])
        pull = holdings.Pull(relay_id, row["pull_id"], row["utc_ms"], wants)
        self.assertEqual(pull.pack(macs["pull"]).hex(), row["pull"])
        self.assertEqual(holdings.read_pull(unhex(row["pull"]), macs["pull"]).wants, wants)

    def test_groups(self):
        row, loads = load("groups.json"), [(groups.BATCH, unhex(load("batch.json")["body"]))]
        loads.append((groups.PIECE, unhex(load("holdings.json")["piece"])))
        group, term, proxy = row["group_id"], row["term"], row["proxy"]
        mac = Cmac(unhex(self.keys["receipt"]))
        of_proxy = Cmac(relay_keys.receipt_key(unhex(row["proxy_secret"]), proxy))
        appointment = groups.appointment_of(proxy, group, term, of_proxy)
        self.assertEqual(appointment.hex(), row["appointment"])
        fields = (group, term, proxy, row["began_s"], row["period_s"], appointment, row["url"])
        turn = groups.Turn(row["relay_id"], row["issued_ms"], *fields)
        self.assertEqual(turn.pack(mac).hex(), row["turn"])
        self.assertEqual(groups.Turn(row["relay_id"], row["issued_ms"]).pack(mac).hex(), row["no_group"])
        back = groups.read_turn(unhex(row["turn"]), mac)
        self.assertEqual((back.relay_id, back.issued_ms), (row["relay_id"], row["issued_ms"]))
        self.assertEqual(
            (back.group_id, back.term, back.proxy, back.began_s, back.period_s, back.appointment, back.url), fields
        )
        handed = groups.read_handed(unhex(row["handed"]))
        self.assertEqual(
            (handed.group_id, handed.term, handed.appointment, handed.load), (group, term, appointment, loads[1])
        )
        self.assertEqual(handed.pack().hex(), row["handed"])
        carry = groups.read_carry(unhex(row["carry"]))
        self.assertEqual((carry.relay_id, carry.group_id, carry.term, carry.loads), (proxy, group, term, loads))
        self.assertEqual(carry.pack().hex(), row["carry"])
        answers = [groups.read_answer(unhex(answer)) for answer in row["answers"]]
        self.assertEqual([groups.pack_answer(answer).hex() for answer in answers], row["answers"])
        carried = groups.read_carried(unhex(row["carried"]))
        self.assertEqual((carried.term, carried.proxy, carried.answers), (term, proxy, answers))
        self.assertEqual(carried.pack().hex(), row["carried"])
        refused = groups.read_carried(unhex(row["refused"]))
        self.assertEqual((refused.term, refused.proxy, refused.answers), (term + 1, row["relay_id"], []))

    def test_every_bit_flip_of_every_golden_datagram_is_refused(self):
        siv, up, down = Siv(unhex(self.keys["siv"])), self.link("up"), self.link("down")

        def read_data(datagram):
            frames.kind_of(datagram)
            intake.unseal(frames.untag(datagram, up), siv)

        for name in ("data.json", "control.json"):
            for row in rows(name):
                datagram = bytearray(unhex(row["datagram"]))
                link = up if row.get("kind") == PROBE else down
                for bit in range(len(datagram) * 8):
                    datagram[bit // 8] ^= 1 << bit % 8
                    with self.assertRaises((AuthError, FrameError)):
                        if name == "data.json":
                            read_data(bytes(datagram))
                        else:
                            frames.read_control(bytes(datagram), link)
                    datagram[bit // 8] ^= 1 << bit % 8

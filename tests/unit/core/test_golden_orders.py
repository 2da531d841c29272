"""The golden orders of tests/vectors: every FETCH and PIECE, made and read. Alone in a file, so that a board's heap holds it."""

import json
import unittest
from hashlib import sha256

from gridecho import frames
from gridecho.crypto import Cmac, Siv
from gridecho.orders import Order, open_piece, read_fetch, read_piece

VECTORS = __file__.rsplit("/", 3)[0] + "/vectors/"
unhex = bytes.fromhex


def rows():
    # A row a line, read one by one.
    with open(VECTORS + "orders.json") as lines:
        for line in lines:
            if line.startswith("{"):
                yield json.loads(line.rstrip(",\n"))


class GoldenOrders(unittest.TestCase):
    def test_every_piece(self):
        with open(VECTORS + "keys.json") as file:
            keys = json.load(file)
        link = keys["link"][str(keys["relay_id"])]
        siv, up, down = Siv(unhex(keys["order"])), Cmac(unhex(link["up"])), Cmac(unhex(link["down"]))
        opened = {}
        hashes = {}
        for row in rows():
            with self.subTest(name=row["name"]):
                order = Order(*[row[f] for f in ("kind", "key_id", "sensor_id", "version", "size")])
                piece, index = unhex(row["datagram"])[:-8], row["index"]
                self.assertEqual(order.pack(index), piece[:20])
                self.assertEqual(frames.tag(piece, down).hex(), row["datagram"])
                self.assertEqual(read_piece(piece)[1], index)
                plain = open_piece(frames.untag(unhex(row["datagram"]), down), siv)
                fetch = unhex(row["fetch"])
                self.assertGreaterEqual(len(fetch), len(piece) + 8)
                asked = read_fetch(fetch, up)
                self.assertEqual((asked.version, asked.index), (row["version"] if index else 0, index))
                self.assertEqual(asked.pack(up, len(plain)), fetch)
                key = row["version"]
                if index:
                    self.assertEqual(plain.hex(), row["content"])
                    opened[key].update(plain)
                else:
                    opened[key], hashes[key] = sha256(b""), plain
        self.assertEqual({key: whole.digest() for key, whole in opened.items()}, hashes)
        self.assertEqual(len(hashes), 4)

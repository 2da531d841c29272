"""Key derivation: labels, contexts and lengths as docs/protocol.md names them, and that no two keys are the same."""

import unittest

from gridecho import keys, relay_keys
from gridecho.crypto import derive
from gridecho.errors import MisuseError

ROOT = bytes(range(32))


class Keys(unittest.TestCase):
    def test_labels_contexts_and_lengths(self):
        sensor, relay = b"\x01\x02\x03\x04", b"\x0a\x0b\x0c\x0d"
        of_sensor = (ROOT, 0x01020304, 7)
        of_link = of_sensor + (0x0A0B0C0D,)
        for key, label, context, length in (
            (keys.siv_key(*of_sensor), b"gridecho/1 siv", sensor + b"\x07", 32),
            (keys.order_key(*of_sensor), b"gridecho/1 order", sensor + b"\x07", 32),
            (keys.link_key_up(*of_link), b"gridecho/1 up", sensor + b"\x07" + relay, 16),
            (keys.link_key_down(*of_link), b"gridecho/1 down", sensor + b"\x07" + relay, 16),
            (relay_keys.relay_token(ROOT, 0x0A0B0C0D), b"gridecho/1 token", relay, 32),
            (relay_keys.batch_key(ROOT, 0x0A0B0C0D), b"gridecho/1 batch", relay, 32),
            (relay_keys.receipt_key(ROOT, 0x0A0B0C0D), b"gridecho/1 receipt", relay, 32),
            (relay_keys.pull_key(ROOT, 0x0A0B0C0D), b"gridecho/1 pull", relay, 32),
        ):
            with self.subTest(label=label):
                self.assertEqual(key, derive(ROOT, label, context, length))
                self.assertEqual(len(key), length)

    def test_no_two_are_the_same(self):
        made = []
        for root in (ROOT, bytes(32)):
            for one in (1, 2, 256):
                made += [
                    relay_keys.relay_token(root, one),
                    relay_keys.batch_key(root, one),
                    relay_keys.receipt_key(root, one),
                    relay_keys.pull_key(root, one),
                ]
                for key_id in (0, 1):
                    made += [keys.siv_key(root, one, key_id), keys.order_key(root, one, key_id)]
                    for relay_id in (1, 2, 256):
                        made.append(keys.link_key_up(root, one, key_id, relay_id))
                        made.append(keys.link_key_down(root, one, key_id, relay_id))
        starts = [key[:16] for key in made]
        self.assertEqual(len(set(starts)), len(starts))

    def test_misuse(self):
        for call in (
            lambda: keys.siv_key(ROOT, 1 << 32, 0),
            lambda: keys.siv_key(ROOT, -1, 0),
            lambda: keys.siv_key(ROOT, 1, 256),
            lambda: keys.order_key(ROOT, 1, 256),
            lambda: keys.siv_key(ROOT, 1, -1),
            lambda: keys.siv_key(ROOT[:31], 1, 1),
            lambda: keys.link_key_up(ROOT, 1, 1, 1 << 32),
            lambda: keys.link_key_up(ROOT, 1, 256, 1),
            lambda: keys.link_key_down(ROOT, 1, 1, -1),
            lambda: keys.link_key_down(ROOT, 1, 256, 1),
            lambda: relay_keys.batch_key(ROOT, 1 << 32),
        ):
            with self.assertRaises(MisuseError):
                call()

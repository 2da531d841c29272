"""Orders on the sensor: fetched over a bad network, kept over restarts, tried, confirmed or taken back, wherever power goes."""

import unittest

from gridecho import orders as core
from gridecho.crypto import Cmac, Siv
from gridecho.fileset import pack_set
from gridecho.frames import untag
from gridecho.keys import link_key_down, link_key_up, order_key
from gridecho_node import files, orders, update
from gridecho_node.orders import Orders

from tests.rigs.simflash import PowerCut, SimFlash
from tests.rigs.simnet import KEY_ID, ROOT, SENSOR, Dice

SECOND_US = 1_000_000
CONFIG = b'{"sensor_id": %d, "key_id": %d, "relays": [{"id": 1, "host": "10.0.0.1"}], "meter": {"type": "replay", "file": "a"}%s}'
SET = {"lib/gridecho/__init__.mpy": b"", "lib/gridecho/a.mpy": bytes(range(256)) * 9, "lib/gridecho_node/b.mpy": b"b"}


class Link:
    up = Cmac(link_key_up(ROOT, SENSOR, KEY_ID, 1))
    down = Cmac(link_key_down(ROOT, SENSOR, KEY_ID, 1))


class Uplink:
    """What Orders uses of an uplink."""

    sensor_id, key_id = SENSOR, KEY_ID

    def __init__(self):
        self.route = (1, 5000)
        self.order_waiting = True
        self.acked = 0

    def idle(self):
        return True

    def link(self, relay_id):
        return Link


class Relay:
    """Serves one order; `loss` percent of its answers never arrive."""

    def __init__(self, order, content, loss=0, key=None):
        siv = Siv(order_key(ROOT, SENSOR, KEY_ID) if key is None else key)
        self.order = order
        self.pieces = list(core.seal_order(order, content, siv))
        self.loss = loss
        self.dice = Dice(7)
        self.asked = []
        self.answer = None
        self.largest = 64

    def send(self, relay_id, datagram):
        fetch = core.read_fetch(datagram, Link.up)
        self.asked.append(fetch.index)
        index = fetch.index if fetch.version == self.order.version else 0
        piece = self.pieces[index]
        reply = piece + Link.down.tag(piece)[:8]
        assert len(reply) <= len(datagram), "a reply longer than its request"
        assert len(reply) <= self.largest
        untag(reply, Link.down)
        self.answer = None if self.dice(100) < self.loss else reply


def config_order(version, content, sensor_id=SENSOR):
    return core.Order(core.CONFIG, KEY_ID, sensor_id, version, len(content)), content


NEW_ROOT = bytes(range(100, 132))


def key_order(version, key_id=KEY_ID + 1, root=NEW_ROOT):
    return core.Order(core.KEY, KEY_ID, SENSOR, version, 1 + len(root)), bytes([key_id]) + root


def firmware_order(version, content=None):
    content = pack_set(SET) if content is None else content
    return core.Order(core.FIRMWARE, KEY_ID, SENSOR, version, len(content)), content


def boot(flash):
    """boot.py's rule: (slot that runs, words of the trial or [])."""

    def words(name):
        return flash.files.get(name, b"").decode().split()

    in_force = "".join(words("slot")) or "lib"
    trial = words("trial")
    if len(trial) != 4:
        return in_force, []
    kind, version, starts, new = trial
    if new == in_force or (kind == "config" and "config.new" not in flash.files):
        flash.remove("trial")
    elif int(starts) >= 3 and words("versions")[1 if kind == "firmware" else 0 :][:1] != [version]:
        flash.rename("trial", "failed")
    else:
        flash.files["trial"] = b"%s %s %d %s" % (kind.encode(), version.encode(), int(starts) + 1, new.encode())
        return (new if kind == "firmware" else in_force), trial
    return in_force, []


class OnFlash(unittest.TestCase):
    def setUp(self):
        self.flash = SimFlash()
        self.flash.into(files, orders, update)
        self.flash.files["key"] = ROOT
        self.flash.files["config.json"] = CONFIG % (SENSOR, KEY_ID, b"")
        self.us = 0

    def tearDown(self):
        SimFlash.out_of(files, update)
        del orders.open
        del orders.os

    def fetch(self, relay, seconds=600, uplink=None):
        """Whether a restart was wanted within so long."""
        self.orders = Orders(uplink or Uplink(), relay)
        until_us = self.us + seconds * SECOND_US
        while self.us < until_us:
            relay.answer = None
            if self.orders.turn(self.us):
                return True
            self.us += 5000
            if relay.answer is not None:
                self.orders.receive(self.us, relay.answer)
            self.us = max(self.us, min(self.orders.next_us(), until_us))
        return False


class Fetching(OnFlash):
    def test_settings(self):
        content = CONFIG % (SENSOR, KEY_ID, b', "period_ms": 5000')
        self.assertTrue(self.fetch(Relay(*config_order(3, content))))
        self.assertEqual(self.flash.files["config.new"], content)
        self.assertEqual(self.flash.files["trial"], b"config 3 0 -")
        self.assertFalse([name for name in self.flash.files if name.startswith("order.")])

    def test_a_key_comes_with_settings_that_name_it(self):
        kept = self.flash.files["config.json"]
        for before, after in (
            (kept, CONFIG % (SENSOR, KEY_ID + 1, b"")),
            (kept.replace(b'"key_id": 1', b'"key_id"  :\n1'), kept.replace(b'"key_id": 1', b'"key_id"  : 2')),
            (kept.replace(b'"key_id": 1, ', b""), b'{"key_id": 2, ' + kept.replace(b'"key_id": 1, ', b"")[1:]),
            (
                kept[:-1] + b', "wifi": {"ssid": "key_id", "password": "\\"key_id\\": 1"}}',
                CONFIG % (SENSOR, 2, b', "wifi": {"ssid": "key_id", "password": "\\"key_id\\": 1"}'),
            ),
        ):
            with self.subTest(before=before):
                self.tearDown()
                self.setUp()
                self.flash.files["config.json"] = before
                self.assertTrue(self.fetch(Relay(*key_order(3))))
                self.assertEqual(self.flash.files["config.new"], after)
                self.assertEqual(self.flash.files["key.trial"], NEW_ROOT)
                self.assertEqual(self.flash.files["trial"], b"config 3 0 -")
                self.assertEqual((self.flash.files["config.json"], self.flash.files["key"]), (before, ROOT))
                self.assertFalse([name for name in self.flash.files if name.startswith("order.")])

    def test_a_key_under_the_same_id_is_taken_back_at_once(self):
        self.assertTrue(self.fetch(Relay(*key_order(4, KEY_ID)), 500))
        self.assertEqual(self.flash.files["failed"], b"config 4 0 -")
        self.assertFalse({"trial", "key.trial", "config.new"} & set(self.flash.files))

    def test_settings_after_a_key_that_was_cut_off_keep_the_old_key(self):
        self.assertTrue(self.fetch(Relay(*key_order(3))))
        self.flash.remove("trial")  # as if the power had gone before it was written
        self.assertTrue(self.fetch(Relay(*config_order(4, CONFIG % (SENSOR, KEY_ID, b"")))))
        self.assertEqual(files.read_key(), ROOT)

    def test_firmware_over_a_bad_network(self):
        relay = Relay(*firmware_order(1), loss=40)
        self.assertTrue(self.fetch(relay))
        for path, content in SET.items():
            self.assertEqual(self.flash.files["lib_b" + path[3:]], content)
        self.assertEqual(self.flash.files["trial"], b"firmware 1 0 lib_b")
        self.assertEqual(relay.asked[0], 0)

    def test_asks_seldomer_and_gives_up_for_a_while(self):
        relay = Relay(*firmware_order(1), loss=100)
        self.assertFalse(self.fetch(relay, 700))
        self.assertTrue(8 <= len(relay.asked) <= 10, len(relay.asked))

    def test_an_old_order_is_left_alone(self):
        for name, content in (("versions", b"5 0"), ("versions", b"0 5"), ("failed", b"config 5 3 -")):
            with self.subTest(name=name):
                self.tearDown()
                self.setUp()
                self.flash.files[name] = content
                relay = Relay(*config_order(5, CONFIG % (SENSOR, KEY_ID, b"")))
                self.assertFalse(self.fetch(relay, 500))
                # The relay may not have heard yet that its order was taken: after 10 s, 20 s, ... it is asked again.
                self.assertEqual(relay.asked, [0] * 6)
                self.assertTrue(self.fetch(Relay(*config_order(6, CONFIG % (SENSOR, KEY_ID, b"")))))

    def test_forged_pieces_are_as_none(self):
        content = CONFIG % (SENSOR, KEY_ID, b"")
        self.assertFalse(self.fetch(Relay(*config_order(1, content), key=bytes(32)), 300))
        self.assertEqual(sorted(self.flash.files), ["config.json", "key"])

    def test_settings_that_cannot_be_are_taken_back_at_once(self):
        for content in (
            b"{",
            CONFIG % (SENSOR, KEY_ID, b', "period": 1'),
            CONFIG % (SENSOR + 1, KEY_ID, b""),
            CONFIG % (SENSOR, KEY_ID + 1, b""),
            b"\xff\xfe",
        ):
            with self.subTest(content=content):
                self.tearDown()
                self.setUp()
                self.assertTrue(self.fetch(Relay(*config_order(4, content)), 500))
                self.assertEqual(self.flash.files["failed"], b"config 4 0 -")
                self.assertEqual(update.versions(), (0, 0, 4))
                self.assertNotIn("trial", self.flash.files)

    def test_a_set_that_cannot_be_is_taken_back_at_once(self):
        good = pack_set(SET)
        for content in (b"no set", good[:-1], good + b"x", good.replace(b"lib/gridecho/a.mpy", b"lib/gridechO/a.mpy")):
            with self.subTest(length=len(content)):
                self.tearDown()
                self.setUp()
                self.assertTrue(self.fetch(Relay(*firmware_order(4, content)), 500))
                self.assertEqual(self.flash.files["failed"], b"firmware 4 0 -")

    def test_goes_on_after_a_restart(self):
        order, content = firmware_order(1)
        relay = Relay(order, content)
        self.orders = Orders(Uplink(), relay)
        for _ in range(3):
            self.orders.turn(self.us)
            self.orders.receive(self.us, relay.answer)
        self.assertEqual(relay.asked, [0, 1, 2])
        self.assertTrue(self.fetch(relay))
        self.assertEqual(relay.asked[3:], list(range(3, order.count() + 1)))

    def test_a_newer_order_in_the_middle_begins_anew(self):
        old = Relay(*firmware_order(1))
        self.orders = Orders(Uplink(), old)
        for _ in range(2):
            self.orders.turn(self.us)
            self.orders.receive(self.us, old.answer)
        new = Relay(*firmware_order(2, pack_set({"lib/gridecho/x.py": b"x" * 5000})))
        self.assertTrue(self.fetch(new))
        self.assertEqual(self.flash.files["trial"], b"firmware 2 0 lib_b")
        self.assertEqual(self.flash.files["lib_b/gridecho/x.py"], b"x" * 5000)

    def test_the_next_order_is_asked_for_soon_after_the_flag_was_away(self):
        uplink = Uplink()
        relay = Relay(*config_order(5, CONFIG % (SENSOR, KEY_ID, b"")))
        self.flash.files["versions"] = b"5 0"
        self.assertFalse(self.fetch(relay, 300, uplink))
        uplink.order_waiting = False
        self.orders.turn(self.us)
        uplink.order_waiting = True
        self.us += 2 * SECOND_US
        asked = len(relay.asked)
        self.orders.turn(self.us)
        self.assertEqual(len(relay.asked), asked + 1)

    def test_flash_that_fails_is_left_alone_for_a_while(self):
        relay = Relay(*firmware_order(1))
        self.orders = Orders(Uplink(), relay)
        self.orders.turn(0)
        self.flash.fails = 28
        self.orders.receive(0, relay.answer)
        self.assertFalse(self.orders.turn(SECOND_US))
        self.assertEqual(relay.asked, [0])
        self.assertGreaterEqual(self.orders.next_us(), 500 * SECOND_US)
        self.flash.fails = None
        self.us = 601 * SECOND_US
        # Then from the beginning; and once more, while the set is unpacked.
        for _ in range(500):
            relay.answer = None
            if "lib_b/gridecho/a.mpy" in self.flash.files:
                break
            self.orders.turn(self.us)
            if relay.answer is not None:
                self.orders.receive(self.us, relay.answer)
        self.flash.fails = 28
        with self.assertRaises(OSError):
            for _ in range(50):
                self.orders.turn(self.us)
        self.assertFalse(self.orders.turn(self.us + SECOND_US))
        self.flash.fails = None
        self.us += 601 * SECOND_US
        self.assertTrue(self.fetch(relay))

    def test_nothing_is_asked_while_readings_wait_or_nothing_is_waiting(self):
        for change in ("idle", "order_waiting", "route"):
            uplink = Uplink()
            if change == "idle":
                uplink.idle = lambda: False
            else:
                setattr(uplink, change, None)
            relay = Relay(*firmware_order(1))
            self.assertFalse(self.fetch(relay, 60, uplink))
            self.assertEqual(relay.asked, [])


class Trials(OnFlash):
    def try_out(self, order, content):
        self.assertTrue(self.fetch(Relay(order, content)))
        return boot(self.flash)

    def test_settings_are_confirmed_by_an_acknowledgement(self):
        content = CONFIG % (SENSOR, KEY_ID, b', "period_ms": 5000')
        self.assertEqual(self.try_out(*config_order(3, content))[1][0], "config")
        uplink = Uplink()
        trial = Orders(uplink, Relay(*config_order(3, content)), 180 * SECOND_US)
        self.assertFalse(trial.turn(SECOND_US))
        self.assertIn("trial", self.flash.files)
        uplink.acked = 1
        self.assertFalse(trial.turn(2 * SECOND_US))
        self.assertEqual(self.flash.files["config.json"], content)
        self.assertFalse({"trial", "config.new"} & set(self.flash.files))
        self.assertEqual(update.versions(), (3, 0, 0))

    def test_settings_that_reach_no_relay_are_taken_back(self):
        before = self.flash.files["config.json"]
        self.try_out(*config_order(3, CONFIG % (SENSOR, KEY_ID, b', "period_ms": 5000')))
        trial = Orders(Uplink(), Relay(*config_order(3, before)), 180 * SECOND_US)
        self.assertFalse(trial.turn(179 * SECOND_US))
        self.assertTrue(trial.turn(180 * SECOND_US))
        self.assertEqual(boot(self.flash), ("lib", []))
        self.assertEqual(self.flash.files["config.json"], before)
        self.assertEqual(update.versions(), (0, 0, 3))
        self.assertNotIn("config.new", self.flash.files)

    def test_a_key_is_confirmed_by_an_acknowledgement(self):
        self.assertEqual(self.try_out(*key_order(3))[1][0], "config")
        self.assertEqual(files.read_key(), NEW_ROOT)
        uplink = Uplink()
        trial = Orders(uplink, Relay(*key_order(3)), 180 * SECOND_US)
        self.assertFalse(trial.turn(SECOND_US))
        self.assertEqual((self.flash.files["key"], trial.in_force), (ROOT, ()))
        uplink.acked = 1
        self.assertFalse(trial.turn(2 * SECOND_US))
        self.assertEqual((self.flash.files["key"], trial.in_force), (NEW_ROOT, (3, 0)))
        self.assertEqual(self.flash.files["config.json"], CONFIG % (SENSOR, KEY_ID + 1, b""))
        self.assertFalse({"trial", "config.new", "key.trial"} & set(self.flash.files))
        self.assertEqual((files.read_key(), update.versions()), (NEW_ROOT, (3, 0, 0)))

    def test_a_key_that_no_relay_knows_is_taken_back(self):
        before = self.flash.files["config.json"]
        self.try_out(*key_order(3))
        self.assertTrue(Orders(Uplink(), Relay(*key_order(3)), 180 * SECOND_US).turn(180 * SECOND_US))
        self.assertEqual(boot(self.flash), ("lib", []))
        self.assertEqual((self.flash.files["config.json"], files.read_key()), (before, ROOT))
        self.assertEqual(update.versions(), (0, 0, 3))
        self.assertFalse({"config.new", "key.trial"} & set(self.flash.files))

    def test_firmware_changes_slots_and_back(self):
        for version, slot in ((1, "lib_b"), (2, "lib"), (3, "lib_b")):
            self.us = 0
            self.assertEqual(self.try_out(*firmware_order(version))[0], slot)
            uplink = Uplink()
            uplink.acked = 1
            Orders(uplink, Relay(*firmware_order(version)), SECOND_US).turn(0)
            self.assertEqual(boot(self.flash), (slot, []))
            self.assertEqual(update.versions(), (0, version, 0))

    def test_firmware_that_never_gets_up_is_out_after_three_starts(self):
        self.assertEqual(self.try_out(*firmware_order(1))[0], "lib_b")
        self.assertEqual([boot(self.flash)[0] for _ in range(4)], ["lib_b", "lib_b", "lib", "lib"])
        self.assertEqual(update.versions(), (0, 0, 1))


class Cuts(OnFlash):
    """The power goes in every change, from the first piece to the end of the trial."""

    def life(self, order, content, good, wasted):
        """Fetches and tries until nothing is left to do; a cut is followed by a boot."""
        for _ in range(12):
            try:
                slot, trial = boot(self.flash)
                if trial and int(trial[2]) < wasted:
                    continue  # it started, and the power went before anything came of it
                if trial:
                    uplink = Uplink()
                    uplink.acked = 1 if good else 0
                    Orders(uplink, Relay(order, content), 180 * SECOND_US).turn(181 * SECOND_US)
                    continue
                self.us = 0
                if max(update.versions()) >= order.version:
                    return slot
                self.fetch(Relay(order, content), 100)
            except PowerCut:
                self.flash.cut_at = None
        raise AssertionError("it never ends")

    def test_every_change(self):
        config = CONFIG % (SENSOR, KEY_ID, b', "period_ms": 5000')
        for order, content in (config_order(3, config), firmware_order(3), key_order(3)):
            for good, wasted in ((True, 0), (True, 2), (False, 0)):
                for torn in (0, 9):
                    cut_at = 1
                    while True:
                        self.tearDown()
                        self.setUp()
                        before = self.flash.files["config.json"]
                        self.flash.torn = torn
                        self.flash.cut_at = cut_at
                        slot = self.life(order, content, good, wasted)
                        self.check(order, good, wasted, slot, before, config)
                        if self.flash.cut_at is not None:
                            break
                        cut_at += 1
                    self.assertGreater(cut_at, 6)

    def check(self, order, good, wasted, slot, before, config):
        in_force = [0, 0]
        if good and "failed" in self.flash.files:
            good = False  # the third start was cut before it was decided
            self.assertEqual(wasted, 2)
        if good:
            in_force[1 if order.kind == core.FIRMWARE else 0] = 3
        self.assertEqual(update.versions()[:2], tuple(in_force))
        new_key = good and order.kind == core.KEY
        self.assertEqual(self.flash.files["key"], NEW_ROOT if new_key else ROOT)
        self.assertEqual(files.read_key(), self.flash.files["key"])
        if new_key:
            before = CONFIG % (SENSOR, KEY_ID + 1, b"")
        self.assertEqual(self.flash.files["config.json"], config if good and order.kind == core.CONFIG else before)
        self.assertEqual(slot, "lib_b" if good and order.kind == core.FIRMWARE else "lib")
        self.assertNotIn("trial", self.flash.files)


if __name__ == "__main__":
    unittest.main()

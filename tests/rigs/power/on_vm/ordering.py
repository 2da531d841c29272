"""A sensor whose relays hold an order for it: it fetches it, puts it on trial, restarts by itself, and ends the trial."""

import os
import sys
from hashlib import sha256

from gridecho.crypto import Siv
from gridecho.frames import FETCH, ORDER_WAITING, tag
from gridecho.keys import order_key
from gridecho.orders import Order, read_fetch, seal_order
from world import TellingRelay, World, run_for, sensor_on

from tests.rigs.simnet import KEY_ID, ROOT, SENSOR, Relay


class OrderingRelay(TellingRelay):
    """A relay that hands out one order."""

    def __init__(self, relay_id, delay_us, kind, content):
        TellingRelay.__init__(self, relay_id, delay_us)
        self.status = ORDER_WAITING
        self._order = Order(kind, KEY_ID, SENSOR, 1, len(content))
        self._pieces = list(seal_order(self._order, content, Siv(order_key(ROOT, SENSOR, KEY_ID))))

    def answer(self, datagram, utc_ms):
        if datagram[0] & 15 != FETCH or self.state != Relay.UP:
            return TellingRelay.answer(self, datagram, utc_ms)
        fetch = read_fetch(datagram, self.link_up)
        piece = self._pieces[fetch.index if fetch.version == self._order.version else 0]
        return tag(piece, self.link_down)


def boot():
    """Runs boot.py as a board does; prints which firmware it chose, and a digest of what that is on flash."""
    library = list(sys.path)
    sys.path[:] = ["", ".frozen", "/lib"]
    execfile("boot.py", {})  # noqa: F821
    slot = sys.path[-1][1:]
    sys.path[:] = library
    print("slot", slot, sha256(b"".join(sorted(_files(slot)))).digest().hex())  # noqa: FURB181  # a board has no hexdigest


def run_with(kind, content, number, reached=True):
    """One start; without `reached` no relay answers from the moment on in which the order is on trial."""
    boot()
    net = World(number, [OrderingRelay(i, 3000 * i, kind, content) for i in (1, 2)])
    if not reached and "trial" in os.listdir():
        for relay_id in (1, 2):
            net.state(relay_id, Relay.DEAD)
    run_for(sensor_on(net, number), net, 200)


def _files(folder):
    for name in os.listdir(folder):
        path = folder + "/" + name
        if os.stat(path)[0] & 0x4000:
            yield from _files(path)
        else:
            with open(path, "rb") as file:
                # Its path below the slot, and what is in it.
                yield path[path.find("/") :].encode() + sha256(file.read()).digest()

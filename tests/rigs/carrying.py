"""A remote as a proxy's carrier sees it, without a network."""

import threading

from gridecho.groups import Carried, read_carry
from gridecho_relay.upstream import UpstreamError

from tests.rigs.waiting import HANG_S

PROXY = 8


class FakeUpstream:
    """Takes every carry; `answer` gives the remote's answer to the loads."""

    def __init__(self) -> None:
        self.asked = 0
        self.carries = []
        self.released = 0
        self.term = 1
        self.open = threading.Event()
        self.open.set()
        self.most_bytes = 1 << 30
        self.error = None

    def carry(self, body):
        self.asked += 1
        self.open.wait(HANG_S)
        if self.error is not None:
            raise self.error
        if len(body) > self.most_bytes:
            raise UpstreamError("too large", 413)
        carry = read_carry(body)
        self.carries.append(carry)
        if carry.term != self.term:
            return Carried(self.term, PROXY + 1, []).pack()
        return Carried(self.term, PROXY, [(200, 0, load[:4]) for _, load in carry.loads]).pack()

    def release_data(self):
        self.released += 1

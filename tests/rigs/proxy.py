"""The proxy of a group on a real port, with a remote that a test holds up."""

from gridecho.crypto import Cmac
from gridecho.groups import MAX_HANDED_BYTES, Turn, appointment_of
from gridecho_relay.carrier import Carrier
from gridecho_relay.carry_api import carry_api
from gridecho_relay.status import StatusServer
from gridecho_relay.way import Way
from prometheus_client import CollectorRegistry

from tests.rigs.carrying import PROXY, FakeUpstream
from tests.rigs.waiting import HANG_S

MAC = Cmac(bytes(32))


class Counting(Carrier):
    """Counts the signs of life that it is asked for."""

    signs = 0

    @property
    def silent_s(self) -> float:
        self.signs += 1
        return super().silent_s


class Proxy:
    """The proxy's address on a real port, over a carrier with a remote that a test holds up."""

    def __init__(self) -> None:
        self.upstream = FakeUpstream()
        self.carrier = Counting(PROXY, self.upstream)
        self.most_waiting = 0
        api = carry_api(self.carrier, Way(PROXY, MAC).appointed, self._busy_with)
        self.page = StatusServer("127.0.0.1:0", dict, CollectorRegistry(), [api], MAX_HANDED_BYTES)
        self.carrier.start()
        self.page.start()

    def _busy_with(self, members: int) -> None:
        self.page.busy_with(members)
        self.most_waiting = max(self.most_waiting, members)

    def turn(self, term: int = 1, url: str = "") -> Turn:
        return Turn(7, 0, 3, term, PROXY, 0, 60, appointment_of(PROXY, 3, term, MAC), url or self.page.url)

    def close(self) -> None:
        self.upstream.open.set()
        self.carrier.stop()
        self.page.stop()
        self.carrier.join(HANG_S)
        self.page.join(HANG_S)

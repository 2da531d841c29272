"""Whom the remote of a life asks: relays that hold readings back, and a register that knows some people."""

from collections.abc import Callable
from typing import Any

from gridecho import batch, relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import read_pull
from gridecho_remote.outside.registry import RegistryError
from gridecho_remote.outside.relays import Place
from gridecho_remote.rules.reasons import reason
from gridecho_remote.rules.verification import Claim

from tests.rigs.fleet import Fleet

HOLDER = 2  # the relay that holds some back


class Relays:
    """One relay that gives what it is asked for: `held` are (sensor, sequence number, frame)."""

    def __init__(self) -> None:
        self.fleet: Fleet | None = None
        self.held: list[tuple[int, int, bytes]] = []
        self.asked_for: list[set[int]] = []  # the sensors of each request

    def fetch(self, place: Place, body: bytes, take: Callable[[bytes], bytes], left_s: Callable[[], float]) -> None:
        """As in Relays."""
        assert self.fleet is not None
        secret = self.fleet.relays[HOLDER]
        wants = read_pull(body, Cmac(relay_keys.pull_key(secret, HOLDER))).wants
        sensors = {want[0] for want in wants}
        self.asked_for.append(sensors)
        frames = [frame for sensor_id, _, frame in self.held if sensor_id in sensors]
        receipt = take(self.fleet.batch(HOLDER, frames))
        batch.read_receipt(receipt, Cmac(relay_keys.receipt_key(secret, HOLDER)))

    def nudge(self, place: Place, body: bytes, left_s: Callable[[], float]) -> None:
        """No relay is in a group."""
        raise AssertionError


class Register:
    """Knows who has the number "known", says another name of "other", nobody of "nobody"; is away for "away"."""

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        """As in Registry."""
        if claim.evidence == "away":
            raise RegistryError(reason("verify-away", why="TimeoutError"))
        names = {"known": claim.name, "other": "Somebody Else"}
        return {"name": names[claim.evidence]} if claim.evidence in names else None

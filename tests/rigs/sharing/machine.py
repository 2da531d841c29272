"""The remote of a life beside its model, and what all rules use of them."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import timeline
from hypothesis.stateful import RuleBasedStateMachine

from tests.rigs.fleet import PLACES, Fleet
from tests.rigs.scope_model import ZONE, Allowed
from tests.rigs.sharing.drawn import CODE_OF, T0, USERS
from tests.rigs.sharing.model import Model
from tests.rigs.sharing.outside import Register, Relays


class Machine(RuleBasedStateMachine):
    """The remote and the model of it; `make` gives a fleet."""

    make: Callable[..., Fleet]

    def __init__(self) -> None:
        super().__init__()
        self.relays, self.register = Relays(), Register()
        outside = {"relays": self.relays, "registry": self.register}
        self.fleet = self.make(now_s=float(T0), time_zone=ZONE, registry_fields={"name": "name"}, outside=outside)
        self.relays.fleet = self.fleet
        self.clients: dict[int, FlaskClient] = {number: self.fleet.person(name) for number, name in USERS.items()}
        self.model = Model(PLACES)
        self.model.now_s = self.now_s
        self.chunk, timeline._CHUNK = timeline._CHUNK, 4

    def teardown(self) -> None:
        timeline._CHUNK = self.chunk
        self.fleet.close()

    @property
    def now_s(self) -> int:
        return int(self.fleet.clock.now_s)

    def get(self, user: int, path: str, sensor_id: int) -> Any:
        """The answer, or None after it was checked that it is the answer for what is not there, and that it has to be.

        Relays are asked for nothing where the path does not say how long to wait.
        """
        path = at_once(path)
        answer = self.clients[user].get(path, buffered=True)
        if answer.status_code != 200:
            nowhere = self.clients[user].get(path.replace(f"/{sensor_id}", "/98", 1), buffered=True)
            assert (answer.status_code, answer.data) == (404, nowhere.data)
            return None
        return answer


def at_once(path: str) -> str:
    """The same, without waiting for relays, unless it says how long to."""
    return path if "wait=" in path else path + ("&" if "?" in path else "?") + "wait=0"


def product(scope: Allowed) -> Scope:
    """The same, as the remote has it."""
    return Scope(**scope._asdict() | {"resolution": Resolution(scope.resolution)})


def row_of(one: dict[str, Any]) -> tuple[tuple[int, ...], dict[int, int]]:
    """A reading of an answer in JSON: its key, and its values."""
    key = one["time"], one["epoch"], one["seq"], one["item"]
    return key, {CODE_OF[name]: value for name, value in one["values"].items()}

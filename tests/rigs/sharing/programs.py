"""Programs that come with a token: they see what their owner sees at that moment, as far as the token's part goes."""

from dataclasses import dataclass

from gridecho_remote.rules.actor import person
from gridecho_remote.rules.errors import NotFoundError
from gridecho_remote.use import tokens
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from werkzeug.test import TestResponse

from tests.rigs.fleet import PLACES
from tests.rigs.scope_model import EXPORT, LOOK, Allowed, Fine, holds, is_open
from tests.rigs.sharing.drawn import DAY, END, SCOPES, USERS
from tests.rigs.sharing.files import of_csv
from tests.rigs.sharing.machine import Machine, at_once, product, row_of
from tests.rigs.sharing.model import Kept

PARTS = st.just(Allowed()) | SCOPES.map(lambda one: one._replace(k=1, starts_s=None, expires_s=None))
_SENSORS = st.sampled_from([*PLACES, *PLACES, 99])


@dataclass
class Token:
    """A token in the model."""

    user: int
    part: Allowed
    expires_s: int
    shown: str
    ended: bool = False


class Programs(Machine):
    """Rules of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.programs: dict[int, Token] = {}

    @precondition(lambda self: len(self.programs) < 5)
    @rule(user=st.sampled_from([*USERS]), part=PARTS, days=st.integers(1, 9))
    def make_token(self, user: int, part: Allowed, days: int) -> None:
        made = tokens.add(self.fleet.site, person(user), "a program", product(part), days)
        self.programs[made.id] = Token(user, part, self.now_s + DAY * days, made.token)

    @precondition(lambda self: self.programs)
    @rule(user=st.sampled_from([*USERS]), data=st.data())
    def end_token(self, user: int, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.programs)))
        one = self.programs[number]
        try:
            tokens.end(self.fleet.site, person(user), number)
        except NotFoundError:
            assert user != one.user or one.ended or self.now_s >= one.expires_s
            return
        assert user == one.user and not one.ended
        one.ended = True

    @precondition(lambda self: self.programs)
    @rule(data=st.data())
    def program_lists(self, data: st.DataObject) -> None:
        one = self.drawn(data)
        answer = self.ask_with(one, "/api/v1/sensors")
        if self.is_good(one, answer):
            found = [each["id"] for each in answer.json["sensors"]]
            assert found == [sensor_id for sensor_id in self.model.meters if self.sees(one, sensor_id)]

    @precondition(lambda self: self.programs)
    @rule(data=st.data(), sensor_id=_SENSORS, kind=st.sampled_from(["", "", ".csv"]))
    def program_reads(self, data: st.DataObject, sensor_id: int, kind: str) -> None:
        one = self.drawn(data)
        answer = self.ask_with(one, f"/api/v1/sensors/{sensor_id}/readings{kind}")
        if not self.is_good(one, answer):
            return
        wanted = self.read_by(one, sensor_id, EXPORT if kind else LOOK)
        if answer.status_code != 200:
            nowhere = self.ask_with(one, f"/api/v1/sensors/98/readings{kind}")
            assert (answer.status_code, answer.data) == (404, nowhere.data)
            assert not wanted
            assert kind or not self.sees(one, sensor_id)
            return
        assert self.sees(one, sensor_id)
        rows = of_csv(answer.text) if kind else [row_of(each) for each in answer.json["readings"]]
        assert rows == [(each.key, each.values) for each in wanted]

    @precondition(lambda self: self.programs)
    @rule(data=st.data(), path=st.sampled_from(["/", "/sensors/7", "/requests", "/account"]))
    def program_comes_to_a_page(self, data: st.DataObject, path: str) -> None:
        assert self.ask_with(self.drawn(data), path).status_code != 200

    def drawn(self, data: st.DataObject) -> Token:
        return self.programs[data.draw(st.sampled_from(sorted(self.programs)))]

    def ask_with(self, one: Token, path: str) -> TestResponse:
        return self.fleet.app.test_client().get(
            at_once(path), headers={"Authorization": f"Bearer {one.shown}"}, buffered=True
        )

    def is_good(self, one: Token, answer: TestResponse) -> bool:
        """Whether the token is good still, after it was checked that the answer says so; wrong ones are limited."""
        good = not one.ended and self.now_s < one.expires_s
        assert good or answer.status_code in (401, 429)
        assert not good or answer.status_code in (200, 404)
        return good

    def sees(self, one: Token, sensor_id: int) -> bool:
        return bool(self.model.scopes(one.user, sensor_id)) and holds(one.part, self.model.place(sensor_id), self.now_s)

    def read_by(self, one: Token, sensor_id: int, purpose: str) -> list[Kept]:
        """What of the owner's readings is the token's, too."""
        if sensor_id not in self.model.meters:
            return []
        place, found = self.model.place(sensor_id), []
        for each in self.model.readings(one.user, sensor_id, purpose):
            values = {
                code: value
                for code, value in each.values.items()
                if is_open(one.part, place, self.now_s, code, each.time_s, Fine.RAW, purpose, (0, END))
            }
            if values:
                found.append(Kept(*each.key, values))
        return found

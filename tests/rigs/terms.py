"""A group of relays at a remote's database, without a network: heartbeats, forwards and time are calls."""

from pathlib import Path

from gridecho.crypto import Cmac
from gridecho.groups import read_turn
from gridecho_remote import create_archive, open_archive
from gridecho_remote.store import terms
from gridecho_remote.store.enrol import enrol_relay
from gridecho_remote.store.groups import add_group, join, leave
from gridecho_remote.store.models import Group, Term

KEK = bytes(range(32))
EVERY_S = 2.0  # heartbeats: late after 7 s
LATE_MS = 7_000
MAC = Cmac(bytes(32))


def make_empty(database: str) -> None:
    """A database without relays, for a Bench."""
    create_archive(database, KEK).close()


class Bench:
    """`members` are in the group "north" from the start and have not called yet. `database`: as `make_empty` made it."""

    def __init__(
        self, folder: Path, members=(1, 2, 3), after_s=60, after_forwards=None, period_s=10, relays=9, database=""
    ):
        self.database = database or str(folder / "remote.sqlite")
        self.archive = open_archive(database, KEK) if database else create_archive(self.database, KEK)
        self.now_ms = 1_800_000_000_000
        for relay_id in range(1, relays + 1):
            enrol_relay(self.archive, relay_id, f"relay {relay_id}", bytes(32))
        self.group: Group = add_group(self.archive, "north", self.now_ms, after_s, after_forwards, period_s)
        join(self.archive, self.group, members, self.now_ms)
        self.members = set(members)
        self.url = {relay_id: f"http://192.0.2.{relay_id}:4691" for relay_id in range(1, relays + 1)}

    def wait(self, seconds: float) -> None:
        self.now_ms += round(1000 * seconds)

    def beat(self, *relay_ids: int, bars=(), periods=0, lost="", run=1, term=None, group=None) -> None:
        """Heartbeats of these relays, the proxy's first; all of them say the same of the present term."""
        proxy = self.term.proxy if self.term else 0
        for relay_id in sorted(relay_ids, key=lambda one: (one != proxy, one)):
            open_term = self.term
            word = None
            if open_term is not None:
                number = open_term.number if term is None else term
                word = terms.Word(
                    group=group or self.group.id, term=number, run=run, periods=periods, bars=list(bars), lost=lost
                )
            with self.archive.writing():
                heard = terms.take_word(self.archive, relay_id, EVERY_S, self.url[relay_id], word, self.now_ms)
            if heard is not None:
                terms.look_after(self.archive, heard, self.now_ms)

    def forward(self, number: int | None = None) -> None:
        """The present proxy brought something."""
        terms.forwarded(self.archive, self.group.id, self.term.number if number is None else number, self.now_ms)

    def join(self, *relay_ids: int) -> None:
        join(self.archive, self.group, relay_ids, self.now_ms)
        self.members |= set(relay_ids)

    def leave(self, *relay_ids: int) -> None:
        leave(self.archive, self.group, relay_ids)
        self.members -= set(relay_ids)

    @property
    def term(self) -> Term | None:
        return terms.open_term(self.archive, self.group.id)

    @property
    def history(self) -> list[Term]:
        return list(Term.select().where(Term.group_id == self.group.id).order_by(Term.number).execute(self.archive.db))

    def turn(self, relay_id: int):
        return read_turn(terms.turn_of(self.archive, relay_id, lambda _: MAC, self.now_ms), MAC)

    def close(self) -> None:
        self.archive.close()

"""What honest parties get beside a hostile one: the same load with and without it, over a real remote and real relays."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from gridecho_remote.store.database import Archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.groups import all_of, join
from gridecho_remote.store.users import add_user, change_password, user_id

from tests.rigs.hostile.person import Person

from .groups import delays_ms, quantile, stored
from .groups_rig import GroupsRig, machine
from .groups_traffic import Watch, send
from .hostile_parties import Against
from .relay_child import Child

Say = Callable[[str], None]

RELAYS = 3
_AFTER_S = 5  # a term, where the relays are a group
_EVERY_S = 0.2  # a person's question
_AT_ONCE = 8
_IN_TIME_S = 10.0
_HOSTILE_ID = 1_000  # of the relay and the sensor that are in wrong hands
_HONEST, _CURIOUS = "honest", "curious"


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` alone and as long beside; `rate` data a second of each relay's sensor, every second one SEND."""

    seconds: float = 60.0
    rate: float = 20.0


@dataclass(frozen=True, slots=True)
class Phase:
    """What honest parties got in a phase: data acknowledged and questions answered, of so many; the longest a SEND datum took."""

    sent: int
    acked: int
    send_p99_ms: float
    send_worst_s: float
    asked: int
    answered: int
    answer_p99_ms: float


def measure(plan: Plan, parties: list[str], folder: Path, say: Say) -> dict[str, Any]:
    """Each party in turn, by name. Raises RelayBenchError."""
    return (
        {"seconds": plan.seconds, "rate": plan.rate}
        | machine()
        | {party: _against(plan, party, folder / party, say) for party in parties}
    )


def _against(plan: Plan, party: str, folder: Path, say: Say) -> dict[str, Any]:
    secret, root, password = secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_urlsafe(16)

    def enrol(archive: Archive) -> None:
        enrol_relay(archive, _HOSTILE_ID, "in wrong hands", secret)
        enrol_sensor(archive, _HOSTILE_ID, "in wrong hands", "elsewhere", "residential", root, 0)
        for name, region in ((_HONEST, "bench"), (_CURIOUS, "elsewhere")):
            add_user(archive, name)
            change_password(archive, user_id(archive, name), password)
            add_grant(archive, name, region=region)
        for group in all_of(archive, 1):
            join(archive, group, [_HOSTILE_ID], time.time_ns() // 1_000_000)

    with GroupsRig(folder, RELAYS, 1 if party == "proxy" else 0, _AFTER_S, enrol) as rig:
        addresses = {relay_id: rig.address(relay_id) for relay_id in rig.relay_ids}
        against = Against(
            party,
            rig.remote_url,
            list(addresses.values()),
            _HOSTILE_ID,
            secret.hex(),
            _HOSTILE_ID,
            root.hex(),
            _CURIOUS,
            password,
        )
        watch = Watch(rig.database)
        watch.start()
        asker = _Asker(rig.remote_url, password)
        say(f"{party}: without it")
        alone, acked = _phase(plan, addresses, watch, asker, 0)
        with Child("hostile_parties", against.pack()) as hostile:
            hostile.line("ready")
            hostile.go()
            say(f"{party}: beside it")
            beside, more = _phase(plan, addresses, watch, asker, 1_000_000)
        rig.empty()
        time.sleep(0.1)
        watch.stop()
        lost = len((acked | more) - stored(rig.database))
    return {
        "acked_ratio": _ratio(beside.acked, alone.acked),
        "answered_ratio": _ratio(beside.answered, alone.answered),
        "lost": lost,
    } | {
        f"{key}_{name}": value
        for name, one in (("alone", alone), ("beside", beside))
        for key, value in asdict(one).items()
    }


def _phase(
    plan: Plan, addresses: dict[int, tuple[str, int]], watch: Watch, asker: "_Asker", first_seq: int
) -> tuple[Phase, set[tuple[int, int]]]:
    """What was got, and the data that were acknowledged."""
    asker.begin()
    sent = send(addresses, plan.rate, plan.seconds, first_seq)
    asked, answers_ms = asker.end()
    end_s = time.monotonic() + plan.seconds
    while not watch.seen_s.keys() >= sent.left_s.keys() and time.monotonic() < end_s:
        time.sleep(0.1)
    delays = delays_ms(sent, watch)
    never = sum(one not in watch.seen_s for one in sent.left_s)
    return (
        Phase(
            sent=int(plan.rate * plan.seconds) * len(addresses),
            acked=len(sent.acked),
            send_p99_ms=quantile(delays, 0.99),
            send_worst_s=float("inf") if never else round(max(delays, default=0.0) / 1000, 2),
            asked=asked,
            answered=len(answers_ms),
            answer_p99_ms=quantile(answers_ms, 0.99),
        ),
        sent.acked,
    )


class _Asker:
    """An honest user, who asks for readings now and then whether or not the last answer came: from `begin` to `end`."""

    def __init__(self, remote: str, password: str) -> None:
        self._person = Person(remote)
        self._person.log_in(_HONEST, password)
        self._ending = threading.Event()
        self._thread = threading.Thread()
        self._answers: list[Future[float | None]] = []

    def begin(self) -> None:
        self._answers = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> tuple[int, list[float]]:
        """How many questions it had, and the milliseconds of the answers that came in time, in order."""
        self._ending.set()
        self._thread.join()
        took_ms = [answer.result() for answer in self._answers]
        return len(took_ms), sorted(took for took in took_ms if took is not None)

    def _run(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while not self._ending.wait(_EVERY_S):
                self._answers.append(pool.submit(self._ask, time.monotonic()))

    def _ask(self, begun_s: float) -> float | None:
        with suppress(OSError, HTTPException):
            status, _, _ = self._person.ask("GET", "/api/v1/sensors/1/readings?limit=100")
            took_s = time.monotonic() - begun_s
            if status == 200 and took_s < _IN_TIME_S:
                return 1000 * took_s
        return None


def _ratio(beside: int, alone: int) -> float:
    return round(beside / alone, 3) if alone else float("nan")

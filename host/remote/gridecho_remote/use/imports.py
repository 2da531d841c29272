"""A household's own files, taken into a sensor: what was measured before it was here, by who it is of.

Its subject may, by contract and within its span, and who runs the fleet. What is there already stays: a file fills what is empty.
"""

import io
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from gridecho.readings import MAX_VALUE

from ..rules.actor import Actor, Kind
from ..rules.errors import NotFoundError, RemoteError
from ..rules.household import Household
from ..rules.household_csv import read_csv
from ..rules.household_green import read_green
from ..rules.imports import Flags, Table, table_of, usual_step_s
from ..rules.periods import END_S, begin_of, end_of
from ..rules.reasons import Reason, reason
from ..rules.scopes import Segment, touching
from ..rules.units import codes_of, obis
from ..store import grants, imports, places, timeline
from ..store.imports import ImportInfo, UntoldError
from .audit import noted
from .shared import MOST_ID, SharedSensor, granted
from .site import Site

__all__ = ("ImportInfo",)

MOST_BYTES = 8 << 20
MOST_NAME = 100
_MOST_YEARS, _YEAR_S = 20, 31_557_600
_EVER = [(1, END_S)]
_MOST_NUMBER = (1 << 31) - 1
_GZIP = 16 + zlib.MAX_WBITS
_MARK = b"\xef\xbb\xbf"

Spans = list[tuple[int, int]]
LeftOut = list[tuple[Reason, int]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file, or would come of it (`number` is None then): how many readings, of when, of which quantities.

    `known`: it is in already, as import `number`, and nothing was changed. `left_out`: of how many readings something is not taken,
    and why. `differences`: registers that the file does not have, made of what it says that they rose by. The rest
    is as `Household` has it.
    """

    number: int | None
    known: bool
    readings: int
    first_s: int | None
    last_s: int | None
    codes: list[int]
    left_out: LeftOut
    differences: list[int]
    ambiguous: int
    bad: list[tuple[int, RemoteError]]
    bad_count: int


def unpacked(content: bytes) -> bytes:
    """A file that came packed by gzip, as far as a file may be. Raises RemoteError."""
    try:
        return zlib.decompressobj(_GZIP).decompress(content, MOST_BYTES + 1)
    except zlib.error:
        raise RemoteError("import-gzip") from None


def preview(site: Site, actor: Actor, sensor_id: int, content: bytes) -> Taken:
    """What would be taken of a file. Raises NotFoundError alike for a sensor that is not granted and for none, and RemoteError."""
    within = _right(site, actor, sensor_id)
    known = imports.of_file(site.archive, sensor_id, sha256(content).digest())
    if known:
        return _known(known)
    with _one_at_a_time(site):
        found = _read(site, content)
        table, left_out = _plan(site, sensor_id, table_of(found), found.differences, within)
    return _taken(None, found, table, left_out)


def take(site: Site, actor: Actor, sensor_id: int, content: bytes, name: str) -> Taken:
    """Takes a file in, whole or not at all: one with a line that cannot be is not. Raises as `preview`."""
    within = _right(site, actor, sensor_id)
    digest = sha256(content).digest()
    known = imports.of_file(site.archive, sensor_id, digest)
    if known:
        return _known(known)
    name = "".join(one for one in name if one.isprintable())[:MOST_NAME]
    with _one_at_a_time(site):
        found = _read(site, content)
        if found.bad:
            raise RemoteError("import-lines", count=found.bad_count, line=found.bad[0][0])
        table = table_of(found)
        while True:
            try:
                return _take(site, actor, sensor_id, found, table, within, digest, name)
            except UntoldError as untold:
                imports.tell(site.archive, sensor_id, untold)
            except _KnownError as error:
                return _known(error.info)


@contextmanager
def _one_at_a_time(site: Site) -> Iterator[None]:
    """A file may take a second and some memory: a process reads one. Raises RemoteError for a second one."""
    if not site.reading_file.acquire(blocking=False):
        raise RemoteError("import-busy")
    try:
        yield
    finally:
        site.reading_file.release()


class _KnownError(Exception):
    """Somebody else has taken the same file in meanwhile."""

    def __init__(self, info: ImportInfo) -> None:
        super().__init__()
        self.info = info


def _take(
    site: Site, actor: Actor, sensor_id: int, found: Household, all_: Table, within: Spans, digest: bytes, name: str
) -> Taken:
    with noted(site, actor, "imports.take", f"sensor {sensor_id}", file=name, sha256=digest.hex()) as fields:
        site.archive.connection().lock("sensor", [sensor_id])
        known = imports.of_file(site.archive, sensor_id, digest)
        if known:
            raise _KnownError(known)
        table, left_out = _plan(site, sensor_id, all_, found.differences, within)
        if not len(table.times_s):
            raise RemoteError("import-nothing")
        user_id = actor.id if actor.kind is Kind.PERSON else None
        number = imports.put(site.archive, site.days, sensor_id, table, digest, name, user_id, site.now_ms())
        taken = _taken(number, found, table, left_out)
        fields |= {
            "import": number,
            "readings": taken.readings,
            "first_s": taken.first_s,
            "last_s": taken.last_s,
            "quantities": [obis(code) for code in taken.codes],
        }
    return taken


def take_back(site: Site, actor: Actor, sensor_id: int, number: int) -> int:
    """Removes what an import brought. Who took it in may, and who runs the fleet. Raises NotFoundError, RemoteError.

    Of so many days what is known is left as it is, for it is of readings of the sensor's own, too, that are past their age.
    """
    _right(site, actor, sensor_id)
    with noted(site, actor, "imports.take_back", f"sensor {sensor_id}", **{"import": number}) as fields:
        site.archive.connection().lock("sensor", [sensor_id])
        info = imports.one_of(site.archive, sensor_id, number) if number <= _MOST_NUMBER else None
        if info is None or not (actor.operator or info.user_id == actor.id):
            raise NotFoundError("import-unknown", number=number)
        fields["readings"] = info.readings
        kept = imports.take_back(site.archive, site.days, number, site.now_ms())
        if kept:
            fields["days_left"] = kept
    return kept


def all_of(site: Site, actor: Actor, sensor_id: int) -> list[ImportInfo]:
    """A sensor's imports, also those that were taken back, the newest first; for who does not run the fleet, their own."""
    _right(site, actor, sensor_id)
    found = imports.of_sensor(site.archive, sensor_id)
    return [one for one in found if actor.operator or one.user_id == actor.id]


def may(site: Site, actor: Actor, sensor_id: int) -> bool:
    """Whether they may bring files of a sensor."""
    try:
        return bool(_right(site, actor, sensor_id))
    except RemoteError:
        return False


def spans(site: Site, one: SharedSensor) -> Spans:
    """In which of the times that are open readings were imported, whole periods where no single readings are open."""
    there = [info for info in imports.of_sensor(site.archive, one.id) if info.taken_back_ms is None]
    found = set()
    for resolution in one.opened.resolutions if there else ():
        for from_s, to_s, mask in one.opened.segments(one.mask, resolution):
            for info in there:
                begin_s, end_s = max(from_s, info.first_s), min(to_s, info.last_s + 1)
                if info.mask & mask and begin_s < end_s:
                    whole = begin_of(site.days, resolution, begin_s), end_of(site.days, resolution, end_s)
                    found.add(Segment(*whole, mask))
    return touching(sorted(found), -1)


def _right(site: Site, actor: Actor, sensor_id: int) -> Spans:
    """The spans of which they may bring readings. Raises NotFoundError, and RemoteError for who sees the sensor and may not."""
    if actor.kind is Kind.OPERATOR:
        places.region_of(site.archive, sensor_id)
        return _EVER
    actor.require_themselves()
    if actor.operator:
        if sensor_id > MOST_ID or grants.candidate(site.archive, sensor_id) is None:
            raise NotFoundError("sensor-not-shared", sensor_id=sensor_id)
        return _EVER
    granted(site, actor, sensor_id)
    contracts = places.contracts_of_subject(site.archive, actor.id, sensor_id)
    if not contracts:
        raise RemoteError("import-not-yours")
    return [(max(1, one.from_s), END_S if one.until_s is None else one.until_s) for one in contracts]


def _read(site: Site, content: bytes) -> Household:
    """Raises RemoteError."""
    if len(content) > MOST_BYTES:
        raise RemoteError("import-large", most=MOST_BYTES >> 20)
    if content.removeprefix(_MARK).lstrip()[:1] == b"<":
        found = read_green(io.BytesIO(content))
    else:
        try:
            found = read_csv(io.StringIO(content.decode()), site.days.zone)
        except UnicodeDecodeError:
            raise RemoteError("import-text") from None
    if found.rows and max(found.rows) - min(found.rows) > _MOST_YEARS * _YEAR_S:
        raise RemoteError("import-span", most=_MOST_YEARS)
    return found


def _plan(site: Site, sensor_id: int, table: Table, differences: int, within: Spans) -> tuple[Table, LeftOut]:
    """What of a file is taken, and of how many readings something is left out, by reason."""
    taken, table = table.has.copy(), replace(table, values=table.values.copy())
    if not len(table.times_s):
        return table, []
    left_out: Counter[str] = Counter()

    def leave(why: Reason, which: Flags) -> None:
        left_out[why.code] += int((which & taken).any(axis=0).sum())
        taken[np.broadcast_to(which, taken.shape)] = False

    times_s = table.times_s
    mine = np.zeros(len(times_s), bool)
    for from_s, to_s in within:
        mine |= (times_s >= from_s) & (times_s < to_s)
    leave(reason("import-not-of-yours"), ~mine)
    leave(reason("import-ahead"), times_s > site.clock())
    days = site.days.number(times_s)
    for day, mask in imports.cut_days(site.archive.connection(), sensor_id, int(days[0]), int(days[-1])):
        cut = np.array([bool(mask >> code & 1) for code in table.codes])
        leave(reason("import-day-gone"), cut[:, None] & (days == day))
    for row, code in enumerate(table.codes):
        own = np.flatnonzero(table.has[row])
        step_s = usual_step_s(times_s[own])
        around = imports.around(site.archive, sensor_id, code, times_s[own], step_s, within)
        there = np.zeros(taken.shape, bool)
        there[row, own] = ~around.apart(step_s)
        leave(reason("import-there"), there)
        if differences >> code & 1:
            if around.is_empty and _is_elsewhere(site, sensor_id, code, within):
                leave(reason("import-no-register"), np.arange(len(taken))[:, None] == row)
            table.values[row, own] = around.joined(table.values[row, own], taken[row, own])
            if (table.values[row] > MAX_VALUE).any():
                raise RemoteError("import-value-beyond")
    return table.only(taken), [(Reason(code), count) for code, count in left_out.items() if count]


def _is_elsewhere(site: Site, sensor_id: int, code: int, within: Spans) -> bool:
    """Whether the sensor has readings of a register, though there are none within some spans: they are somebody else's."""
    return within != _EVER and timeline.latest(site.archive, sensor_id, 1 << code, site.clock()) is not None


def _known(info: ImportInfo) -> Taken:
    return Taken(info.id, True, info.readings, info.first_s, info.last_s, info.codes, [], [], 0, [], 0)


def _taken(number: int | None, found: Household, table: Table, left_out: LeftOut) -> Taken:
    times_s = table.times_s.tolist()
    first_s, last_s = (times_s[0], times_s[-1]) if times_s else (None, None)
    rest = codes_of(found.differences), found.ambiguous, found.bad, found.bad_count
    return Taken(number, False, len(times_s), first_s, last_s, table.codes, left_out, *rest)

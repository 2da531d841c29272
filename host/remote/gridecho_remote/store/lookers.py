"""Which rows of the audit tell of looks at readings of which contract; those of contracts whose subject has a login."""

import json
from collections.abc import Iterable, Mapping, Sequence

from .audit import Entry, entry_of
from .database import Archive
from .models import Audit, Contract, Look
from .places import ContractInfo

_AFTER = "looks_after"  # of meta: rows up to this one do not say at which spans they looked
_SPAN = tuple[int, int]


def put(archive: Archive, row_id: int, seen: Mapping[int, Sequence[_SPAN]]) -> None:
    """The row is about readings within these spans (s, ends not included), by sensor. Within its transaction."""
    sensor_ids = sorted(sensor_id for sensor_id, spans in seen.items() if spans)
    if not sensor_ids:
        return
    query = Contract.select(Contract.id, Contract.sensor_id, Contract.from_s, Contract.until_s).where(
        Contract.sensor_id.in_(sensor_ids), Contract.user.is_null(False)
    )
    rows = [
        (number, row_id)
        for number, sensor_id, from_s, until_s in query.tuples().execute(archive.db)
        if _meets(seen[sensor_id], from_s, until_s)
    ]
    archive.connection().insert("look", "contract_id, row_id", rows)


def of_contract(archive: Archive, contract_id: int, before: int, limit: int) -> list[Entry]:
    """Rows about readings of a contract with numbers below `before`, the newest first."""
    query = (
        Audit.select()
        .join(Look, on=(Look.row_id == Audit.id))
        .where(Look.contract_id == contract_id, Look.row_id < before)
        .order_by(Look.row_id.desc())
        .limit(limit)
    )
    return [entry_of(row) for row in query.execute(archive.db)]


def counted(archive: Archive, row: Entry) -> int | None:
    """How many readings an export gave that began with this row; None: it has not ended yet, or nobody said so."""
    query = (
        Audit.select(Audit.fields)
        .where(Audit.subject == row.subject, Audit.id > row.id, Audit.what == f"{row.what}.ended")
        .order_by(Audit.id)
        .limit(_ENDS)
    )
    for (fields,) in query.tuples().execute(archive.db):
        said = json.loads(fields)
        if said.get("row") == row.id:
            count: int = said["count"]
            return count
    return None


_ENDS = 50


def add_earlier(archive: Archive, contract: ContractInfo, whats: Iterable[str]) -> None:
    """A contract that is told of late: the looks that there were at its readings meanwhile. Within a transaction."""
    after = int(archive.meta(_AFTER) or 0)
    query = "SELECT id, at_ms, what, fields FROM audit WHERE subject = ? AND id > ?"
    wanted, rows = set(whats), []
    for number, at_ms, what, fields in archive.connection().execute(query, (f"sensor {contract.sensor_id}", after)):
        if what in wanted and _meets(spans_of(at_ms, json.loads(fields)), contract.from_s, contract.until_s):
            rows.append((contract.id, number))
    archive.connection().insert("look", "contract_id, row_id", rows)


def forget(archive: Archive, up_to: int) -> None:
    """The audit's rows up to this one are cut off."""
    Look.delete().where(Look.row_id <= up_to).execute(archive.db)


def spans_of(at_ms: int, fields: Mapping[str, object]) -> list[_SPAN]:
    """Of which times the readings were that a row tells of."""
    spans = fields.get("open")
    if isinstance(spans, list):
        return [(from_s, to_s) for from_s, to_s in spans]
    if "from_s" in fields:
        return [(int(str(fields["from_s"])), int(str(fields["until_s"])))]
    return [(at_ms // 1000, at_ms // 1000 + 1)]


def _meets(spans: Iterable[_SPAN], from_s: int, until_s: int | None) -> bool:
    return any(to_s > from_s and (until_s is None or begin_s < until_s) for begin_s, to_s in spans)

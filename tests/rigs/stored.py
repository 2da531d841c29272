"""What is stored at a remote, read past its own queries: each datum of the table of blocks."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from gridecho.readings import Reading, decode
from gridecho_remote.store import blocks

IDS = "SELECT sensor_id, epoch, first_seq, last_seq FROM block"
BLOCKS = "SELECT sensor_id, epoch, first_seq, stored_ms, content FROM block"


class Datum(NamedTuple):
    """A datagram's content as it came; `stored_ms` is its block's."""

    sensor_id: int
    epoch: int
    seq: int
    count: int
    time_s: int
    body: bytes
    stored_ms: int

    def readings(self) -> list[Reading]:
        return decode(self.body, self.count, self.time_s)


def ids(rows: Iterable[Any]) -> list[tuple[int, int, int]]:
    """(sensor id, epoch, seq) of the rows of `IDS`; one that stands in two blocks is in the list twice."""
    return [(sensor_id, epoch, seq) for sensor_id, epoch, first, last in rows for seq in range(first, last + 1)]


def packed_ids(rows: Iterable[Any]) -> set[bytes]:
    """The same as on the wire. Fails for one that is there twice."""
    found = ids(rows)
    assert len(set(found)) == len(found), "a datum is stored twice"
    return {b"".join(n.to_bytes(4, "big") for n in one) for one in found}


def data(rows: Iterable[Any]) -> list[Datum]:
    """Every datum of the rows of `BLOCKS`, by its id."""
    return sorted(
        Datum(sensor_id, epoch, seq, *content, stored_ms)
        for sensor_id, epoch, first_seq, stored_ms, block in rows
        for seq, content in blocks.bodies_of(bytes(block), first_seq).items()
    )

"""What left first: an ACK, or the sync of the commit that holds its frame. For every ACK of a run under strace."""

import re

from tests.rigs import trace
from tests.rigs.recording import Recording

FRAME_HEADER = 24  # of a page in the WAL: page number, size of the database after a commit or 0, salts, checksums
# The head of a frame of these sensors, up to its data id's end.
_HEAD = re.compile(rb"\x11[\x01\x02]\x00\x01(\x00\x00\x00[\x01-\xff]\x00\x00\x00\x01....)", re.DOTALL)


def commits_before_acks(recording: Recording) -> tuple[int, list[bytes]]:
    """(ACKs seen, data ids of those that left before the sync of their commit had returned)."""
    wal = str(recording.data_dir / "relay.sqlite-wal")
    events: list[tuple[int, str, trace.Call]] = []
    for call in recording.calls:
        if call.name in ("pwrite64", "fdatasync", "fsync") and call.path == wal:
            events.append((call.begun, f"begin {call.name}", call))
            events.append((call.ended, f"end {call.name}", call))
        elif call.name in ("sendto", "sendmsg", "sendmmsg"):
            events.append((call.begun, "send", call))
        else:
            assert call.path != wal or call.name in ("ftruncate", "recvfrom"), (
                f"{call.name} on the WAL is not looked at"
            )
    events.sort(key=lambda event: event[0])
    in_pages: set[bytes] = set()  # of frames in pages of a commit that is not whole
    written: set[bytes] = set()  # in commits that are written
    under_sync: dict[int, set[bytes]] = {}
    durable: set[bytes] = set()
    closes_commit, acks, early = False, 0, []
    for _, what, call in events:
        if what == "end pwrite64":
            (content,) = call.strings()
            assert len(content) == call.gave, "a write that was cut short"
            if len(content) == FRAME_HEADER:
                closes_commit = content[4:8] != bytes(4)
                continue
            for found in _HEAD.finditer(content):
                if any(content.startswith(frame, found.start()) for frame in recording.load.frames.get(found[1], ())):
                    in_pages.add(found[1])
            if closes_commit:
                written |= in_pages
                in_pages, closes_commit = set(), False
        elif what in ("begin fdatasync", "begin fsync"):
            under_sync[call.begun] = set(written)
        elif what in ("end fdatasync", "end fsync"):
            durable |= under_sync.pop(call.begun)
        elif what == "send":
            for data_id in call.acks():
                acks += 1
                if data_id not in durable:
                    early.append(data_id)
    return acks, early


def check_acks(recording: Recording) -> None:
    """Every ACK of the run left after the sync of its commit had returned."""
    acks, early = commits_before_acks(recording)
    assert acks >= len(recording.load.acked)  # what was sent again is acknowledged again
    assert not early, f"{len(early)} of {acks} ACKs left too early, the first for {early[0].hex()}"
    print(f"\nstrace: {acks} ACKs, each after the fdatasync of its commit")

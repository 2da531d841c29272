"""What is kept outside the database of the audit's chain: a file with a line a day, where the chain ended then."""

from datetime import date
from pathlib import Path

from ..rules.chain import Head
from ..rules.errors import RemoteError


def add(path: Path, day: date, end: Head) -> None:
    """Notes in a file where the chain ends on a day, if that is not there. Raises OSError."""
    text = path.read_text(encoding="ascii") if path.exists() else ""
    if not text.rpartition("\n")[0].rpartition("\n")[2].startswith(day.isoformat()):
        with path.open("a", encoding="ascii") as file:
            file.write(f"{day.isoformat()} {end}\n")


def read(path: Path) -> dict[int, bytes]:
    """The digests that rows had, by number. Raises RemoteError."""
    anchors: dict[int, bytes] = {}
    number = 0
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            number += 1
            day, _, end = line.partition(" ")
            date.fromisoformat(day)
            anchor = Head.of(end)
            if anchors.setdefault(anchor.id, anchor.digest) != anchor.digest:
                raise ValueError("two digests of one row")
    except OSError as error:
        raise RemoteError("file-unreadable", path=str(path), reason=error.strerror or "") from None
    except ValueError:
        raise RemoteError("anchors-wrong", path=str(path), line=number) from None
    anchors.pop(0, None)
    return anchors

"""Where a board's root key is told: a remote's database at hand, or an enrolment file for a remote far away."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.sentences import at_terminal
from gridecho_remote.settings import read_remote_settings
from gridecho_remote.store import enrol
from gridecho_remote.use import enrolment
from gridecho_remote.use.enrolment_files import Entry, key_check, read_entries, read_public, seal, write_entry
from gridecho_remote.use.site import open_site

from .errors import FlashingError, SetupError


@dataclass(frozen=True)
class Labels:
    """What people call a sensor; `name` may hold {id}."""

    name: str
    region: str
    category: str


class Place(Protocol):
    """Takes root keys in. `complete`: a sensor that it does not know is not enrolled, and not merely unknown here."""

    complete: bool

    def known(self, sensor_id: int) -> str | None:
        """The check value of the sensor's key; None if it does not know the sensor."""

    def taken(self) -> set[int]:
        """The ids that it knows."""

    def epoch(self, sensor_id: int) -> int:
        """The highest epoch that it knows of the sensor; 0 if it knows none."""

    def enrol(self, sensor_id: int, key_id: int, root: bytes, labels: Labels) -> None:
        """Takes the key in, for good when this returns; one that it had is replaced. Raises FlashingError."""


class AtRemote:
    """A remote's own database. Any thread may call it; `close` when done."""

    complete = True

    def __init__(self, where: Path) -> None:
        """`where`: remote.toml or its folder. Raises SettingsError."""
        self._site = open_site(read_remote_settings(where / "remote.toml" if where.is_dir() else where))
        self._archive = self._site.archive
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the database."""
        self._site.close()

    def known(self, sensor_id: int) -> str | None:
        key = enrol.sensor_key(self._archive, sensor_id)
        return None if key is None else key_check(key[1])

    def taken(self) -> set[int]:
        return {info.id for info in enrol.sensors(self._archive)}

    def epoch(self, sensor_id: int) -> int:
        return enrol.highest_epoch(self._archive, sensor_id)

    def enrol(self, sensor_id: int, key_id: int, root: bytes, labels: Labels) -> None:
        try:
            with self._lock:
                texts = labels.name.replace("{id}", str(sensor_id)), labels.region, labels.category
                enrolment.take_flashed(self._site, OPERATOR, sensor_id, key_id, root, texts)
        except RemoteError as error:
            raise FlashingError(at_terminal(error)) from None


class InFile:
    """An enrolment file, whose keys only the remote opens: `gridecho remote enrol import` takes it there."""

    complete = False

    def __init__(self, path: Path, to: str) -> None:
        """`to`: the remote's enrolment key, or a file that holds it. Raises SetupError."""
        try:
            text = to if ":" in to else Path(to).read_text(encoding="utf-8")
            self._public = read_public(text)
            read_entries(path)
        except (OSError, UnicodeDecodeError):
            raise SetupError(
                f"{to}: cannot be read; it is to hold what this prints: gridecho remote enrol key"
            ) from None
        except RemoteError as error:
            raise SetupError(at_terminal(error)) from None
        self._path = path
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nothing is held open."""

    def known(self, sensor_id: int) -> str | None:
        entry = self._entries().get(sensor_id)
        return None if entry is None else entry.check

    def taken(self) -> set[int]:
        return set(self._entries())

    def epoch(self, sensor_id: int) -> int:
        return 0  # `gridecho remote enrol import` says where the clock's seconds are below what the remote knows

    def enrol(self, sensor_id: int, key_id: int, root: bytes, labels: Labels) -> None:
        with self._lock:
            before = self._entries().get(sensor_id)
            replaces = (*before.replaces, before.check) if before else ()
            name = labels.name.replace("{id}", str(sensor_id))
            entry = Entry(sensor_id, name, labels.region, labels.category, key_id, key_check(root), replaces)
            try:
                write_entry(self._path, seal(entry, root, self._public))
            except RemoteError as error:
                raise FlashingError(at_terminal(error)) from None

    def _entries(self) -> dict[int, Entry]:
        try:
            return read_entries(self._path)
        except RemoteError as error:
            raise FlashingError(at_terminal(error)) from None

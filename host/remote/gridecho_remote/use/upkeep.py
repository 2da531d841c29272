"""Looking after the database itself, for the operator: schema, backups, its health, another engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridecho_common.secrets import private, read_secret

from ..rules.actor import Actor
from ..rules.errors import RemoteError
from ..settings import RemoteSettings
from ..store import copying, doctor
from ..store.database import engine_of, open_archive
from ..store.doctor import TableSize
from ..store.migrate import Step
from ..store.vault import Vault
from .audit import noted
from .site import Site, site_of

__all__ = ("Report", "Step", "TableSize", "backup", "copy", "examine", "migrate", "restore", "spread")


@dataclass(frozen=True, slots=True)
class Report:
    """How a database is: what is wrong with it, and what fills it."""

    database: str
    schema: int
    problems: list[RemoteError]
    tables: list[TableSize]


def migrate(settings: RemoteSettings, actor: Actor, told: Callable[[Step], None]) -> int:
    """Brings the database up to date, as opening it does: the schema that it has then. Each step is told before it is taken."""
    actor.require_terminal()
    archive = open_archive(settings.database, read_secret(Path(settings.key_file)), told)
    schema = int(archive.meta("schema_version") or 0)
    archive.close()
    return schema


def backup(site: Site, actor: Actor, path: Path) -> int:
    """Writes the database, as it is at one moment, into a new file for its owner only: its bytes. The remote may go on meanwhile.

    Raises RemoteError if there is such a file, or it cannot be written.
    """
    actor.require_terminal()
    if path.exists():
        raise RemoteError("file-there", path=str(path))
    with noted(site, actor, "upkeep.backup", "database", file=str(path)):
        part = path.with_name(path.name + ".part")
        private(part)
    try:
        site.archive.engine.backup(part)
        part.replace(path)
    except OSError as error:
        raise RemoteError("file-unwritable", path=str(path), reason=error.strerror or "") from None
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def restore(settings: RemoteSettings, actor: Actor, path: Path) -> int:
    """Makes the database of the settings from a backup, and brings it up to date: its schema. Never replaces one.

    Raises RemoteError for a file that is no backup of this engine, or if there is a database; SettingsError if its key is another.
    """
    actor.require_terminal()
    key = read_secret(Path(settings.key_file))
    engine = engine_of(settings.database)
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except OSError:
        raise RemoteError("file-unreadable", path=str(path)) from None
    if not begin.startswith(engine.backup_begins):
        raise RemoteError("backup-other", path=str(path), name=engine.name)
    try:
        engine.restore(path, Vault(key).check)
    finally:
        engine.close()
    archive = open_archive(settings.database, key)
    with noted(site_of(settings, archive), actor, "upkeep.restore", "database", file=str(path)):
        schema = int(archive.meta("schema_version") or 0)
    archive.close()
    return schema


def examine(site: Site, actor: Actor) -> Report:
    """How the database is."""
    actor.require_terminal()
    archive = site.archive
    return Report(
        archive.engine.name,
        int(archive.meta("schema_version") or 0),
        list(doctor.problems(archive)),
        doctor.sizes(archive),
    )


def copy(site: Site, actor: Actor, to: RemoteSettings, batch: int, told: copying.Told) -> int:
    """Copies the database into the empty one of other settings, or goes on with that: how many rows it has. Both are compared.

    Nobody can write to this one meanwhile, so the remote is stopped first. Raises RemoteError.
    """
    actor.require_terminal()
    if read_secret(Path(to.key_file)) != read_secret(Path(site.settings.key_file)):
        raise RemoteError("copy-other-key", path=to.key_file)
    target = engine_of(to.database)
    try:
        target.begin()
        with noted(site, actor, "upkeep.copy", "database", to=target.name):
            pass  # it is many transactions, of which some may have been before
        return copying.copy(site.archive.engine, target, batch, told)
    finally:
        target.close()


def spread(site: Site, actor: Actor, urls: Sequence[str], parts: int, told: Callable[[str, int], None]) -> None:
    """Spreads the tables that grow with the data over data servers, in so many parts each (shards.py). Raises RemoteError."""
    actor.require_terminal()
    try:
        from ..store import shards  # PostgreSQL's driver is installed where it is wanted
    except ImportError:
        raise RemoteError("shards-engine", name=site.archive.engine.name) from None
    with noted(site, actor, "upkeep.spread", "database", servers=len(urls), parts=parts):
        shards.spread(site.archive.engine, urls, parts, told)

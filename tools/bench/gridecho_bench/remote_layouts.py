"""The same questions to any build of the remote: an adapter for each layout that it had.

Modules are found by name, because the build that is measured may be another than the one that this file belongs to.
"""

import re
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

from gridecho.quantities import ENERGY_IMPORT

from .remote_data import FIRST_REGION_ID, KEY_ID, METER_ID, RELAY_ID, RELAY_SECRET, ZONE, Data, root_of

REGION, NAME, PASSWORD = "bench/region", "bench", "a password of the bench"
_KEK = bytes(32)
_PAGE = 10_000

Span = tuple[int, int]  # from, to (not included), Unix seconds


class NotThereError(Exception):
    """This build cannot do it: why."""


class Build:
    """The remote in folders (`store/`, `use/`, ...), on the PostgreSQL server of `url` or else in a file at `place`."""

    modules: ClassVar[dict[str, str]] = {
        "app": "app",
        "compaction": "store.compaction",
        "curves": "store.curves",
        "days": "rules.days",
        "rollups": "store.rollups",
        "database": "store.database",
        "enrol": "store.enrol",
        "grants": "store.grants",
        "ingest": "use.ingest",
        "postgresql": "store.postgresql",
        "settings": "settings",
        "shared": "use.shared",
        "timeline": "store.timeline",
        "users": "store.users",
    }

    def __init__(self, place: Path, url: str) -> None:
        self.path = place / "remote.sqlite"
        self.url = url
        self._archive: Any = None

    def __getattr__(self, name: str) -> ModuleType:
        if name not in self.modules:
            raise AttributeError(name)
        return import_module(f"gridecho_remote.{self.modules[name]}")

    def create(self, data: Data) -> None:
        """A new database with a relay, the sensors, and a user who may see them. Raises NotThereError."""
        if self.url and "postgresql" not in self.modules:
            raise NotThereError("this build of the remote has no PostgreSQL engine")
        self.path.parent.mkdir(parents=True)
        self._archive = self.database.create_archive(self.url or self.path, _KEK)
        with self._archive.db.atomic():
            self.enrol.enrol_relay(self._archive, RELAY_ID, "relay", RELAY_SECRET)
            self._enrol(METER_ID, "bench/meter")
            for sensor_id in range(FIRST_REGION_ID, FIRST_REGION_ID + data.sensors):
                self._enrol(sensor_id, REGION)
            self.users.add_user(self._archive, NAME)
            self.users.change_password(self._archive, self.user_id, PASSWORD)
            self.grants.add_grant(self._archive, NAME, region="bench")

    def open(self) -> None:
        """The database that was made before."""
        self._archive = self.database.open_archive(self.url or self.path, _KEK)

    def size(self) -> int:
        """How many bytes the database takes on disk: the file with all in it, or the server's tables and indexes."""
        if self.url:
            sizes = "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables"
            return int(self._archive.connection().execute(sizes).fetchone()[0])
        self._archive.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.path.stat().st_size

    def close(self) -> int:
        """Closes it: its size."""
        size = self.size()
        self._archive.close()
        return size

    def files(self) -> list[Path]:
        """What the database consists of here."""
        return sorted(self.path.parent.glob(self.path.name + "*"))

    @property
    def user_id(self) -> int:
        """The user's number."""
        number: int = self.users.user_id(self._archive, NAME)
        return number

    def taker(self) -> Any:
        """What has `take(body, now_ms)`."""
        return self.ingest.Ingest(self._archive, self._days())

    def roll_up(self) -> None:
        """What the remote does in the background once data came."""
        self.rollups.settle(self._archive, self._days())

    def compact(self) -> bool:
        """What it does once the days are over; False: nothing."""
        self.compaction.settle(self._archive, self._days(), 1 << 32)
        while self._archive.engine.shrink():
            pass
        return True

    def day(self, span: Span) -> Any:
        """The meter's readings, as the remote hands them on."""
        asked = signature(self.shared.sensor).parameters
        if "site" in asked:
            site = SimpleNamespace(archive=self._archive, days=self._days(), clock=lambda: span[1])
            who = self.user_id
            if "actor" in asked:  # there was an earlier time without
                who = import_module("gridecho_remote.rules.actor").person(who)
            sensor = self.shared.sensor(site, who, METER_ID)
        else:
            sensor = self.shared.sensor(self._archive, self.user_id, METER_ID, span[1])
        return self.timeline.page(self._archive, sensor.id, sensor.mask, self.timeline.Span(*span), _PAGE)[0]

    def rows(self, day: Any) -> list[list[int]]:
        """These as rows of COLUMNS."""
        return [[METER_ID, item.time_s, *item.values.values()] for item in day.rows()]

    def curve(self, code: int, span: Span, points: int) -> list[int]:
        """The values of one quantity of the meter, thinned."""
        thin = self.timeline.thinned(self._archive, self._days(), METER_ID, code, self.timeline.Span(*span), points)
        return [item.values[code] for item in thin.items]

    def energy_by_day(self, span: Span, zone: str) -> list[int] | None:
        """The meter's Wh of each day of the zone; None: this build has no such function."""
        days = self._days()
        first, last = days.number([span[0], span[1] - 1]).tolist()
        return [
            int(wh) for wh in self.curves.by_unit(self._archive, days, METER_ID, ENERGY_IMPORT, first, last, "day").rise
        ]

    def region_energy(self, span: Span, zone: str) -> int | None:
        """The Wh of all sensors of REGION within a day; None: this build has no such function."""
        days = self._days()
        (day,) = days.number([span[0]]).tolist()
        return int(self.curves.of_region(self._archive, days, REGION, day, day)[day][0])

    def client(self, now_s: int) -> Any:
        """A client of the application, logged in."""
        settings = self.settings.RemoteSettings(database=self.url or str(self.path))
        parts: tuple[Any, ...] = settings, self._archive, lambda: float(now_s)
        if "site" in signature(self.app.create_app).parameters:
            parts = (import_module("gridecho_remote.use.site").site_of(*parts),)
        client = self.app.create_app(*parts).test_client()
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
        form = {"csrf_token": token[1] if token else "", "name": NAME, "password": PASSWORD}
        if client.post("/login", data=form).status_code != 302:
            raise NotThereError("nobody can log in to this build as the bench does")
        return client

    def _days(self) -> Any:
        return self.days.days_of(ZONE)

    def _enrol(self, sensor_id: int, region: str) -> None:
        name = f"sensor {sensor_id}"
        self.enrol.enrol_sensor(self._archive, sensor_id, name, region, "residential", root_of(sensor_id), KEY_ID)


_NEW = ("compaction", "curves", "days", "rollups")


class RowsBuild(Build):
    """As it was when each datum was a row, and nothing was rolled up."""

    modules: ClassVar[dict[str, str]] = {name: at for name, at in Build.modules.items() if name not in _NEW}

    def taker(self) -> Any:
        """As in Build."""
        return self.ingest.Ingest(self._archive)

    def roll_up(self) -> None:
        """There was nothing left to do."""

    def compact(self) -> bool:
        """Nor later."""
        return False

    def curve(self, code: int, span: Span, points: int) -> list[int]:
        """As in Build."""
        thin = self.timeline.thinned(self._archive, METER_ID, code, self.timeline.Span(*span), points)
        return [item.values[code] for item in thin.items]

    def rows(self, day: Any) -> list[list[int]]:
        """As in Build."""
        return [[METER_ID, item.time_s, *item.values.values()] for item in day]

    def energy_by_day(self, span: Span, zone: str) -> list[int] | None:
        """There was no such function."""
        return None

    def region_energy(self, span: Span, zone: str) -> int | None:
        """There was no such function."""
        return None


class SqliteBuild(RowsBuild):
    """As it was with one engine."""

    modules: ClassVar[dict[str, str]] = {name: at for name, at in RowsBuild.modules.items() if name != "postgresql"}


class FlatBuild(SqliteBuild):
    """As it was in one folder, its curves in a file of their own."""

    modules: ClassVar[dict[str, str]] = {name: at.rpartition(".")[2] for name, at in SqliteBuild.modules.items()}


class EarlyBuild(FlatBuild):
    """As it was before that: curves beside the other queries."""

    modules: ClassVar[dict[str, str]] = {**FlatBuild.modules, "timeline": "queries"}


def build_of(place: Path, url: str = "") -> Build:
    """The adapter that fits the build which is imported here. Raises NotThereError."""
    for layout in (Build, RowsBuild, SqliteBuild, FlatBuild, EarlyBuild):
        try:
            for name in layout.modules.values():
                import_module(f"gridecho_remote.{name}")
        except ModuleNotFoundError:
            continue
        return layout(place, url)
    raise NotThereError("the bench knows no such layout of the remote")

"""What the site is called and in which time zone it is: as its settings say, else as was chosen when it was set up."""

from ..rules.days import Days, days_of
from ..store import rollups
from ..store.database import Archive

_NAME, _ZONE = "site_name", "site_zone"


class About:
    """As it was when it was last read; `name` is empty until somebody chose one."""

    name: str
    days: Days

    def __init__(self, archive: Archive, zone: str) -> None:
        """`zone`: what the settings say; empty: it can be chosen."""
        self._archive, self._zone = archive, zone
        self.read()

    def read(self) -> None:
        """Reads it anew, since another process may have changed it."""
        self.name = self._archive.meta(_NAME) or ""
        self.days = days_of(self._zone or self._archive.meta(_ZONE) or "UTC")
        rollups.use_zone(self._archive, self.days)

    def keep(self, name: str, zone: str | None) -> None:
        """Within a transaction; `read` makes it hold here."""
        self._archive.set_meta(_NAME, name)
        if zone is not None:
            self._archive.set_meta(_ZONE, zone)

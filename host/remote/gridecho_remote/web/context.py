"""What the views work with: one object a running application, found through Flask's current application."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from ..settings import RemoteSettings
from ..store.database import Archive
from ..use.ingest import Ingest
from .connections import DataConnections

EXTENSION = "gridecho_remote"


@dataclass(frozen=True, slots=True)
class Remote:
    """The parts of one running remote; `clock` gives Unix seconds."""

    settings: RemoteSettings
    archive: Archive
    ingest: Ingest
    clock: Callable[[], float]
    connections: DataConnections


def the_remote() -> Remote:
    """The remote whose application serves this request."""
    return cast(Remote, current_app.extensions[EXTENSION])

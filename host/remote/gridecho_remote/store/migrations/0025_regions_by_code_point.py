"""Which paths lie below a region was told by the order of a PostgreSQL database's language, in which "/" may count for nothing."""

from ..engine import Connection, Engine


def up(engine: Engine, _connection: Connection) -> None:
    """They are compared by code point from now on."""
    engine.order_regions()

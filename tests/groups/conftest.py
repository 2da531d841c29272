"""A folder for the sites of these tests, in memory if there is one: dozens of databases that need not last."""

from tests.durability.conftest import scratch

__all__ = ["scratch"]

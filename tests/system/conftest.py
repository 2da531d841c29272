"""What the tests with real processes share."""

from tests.rigs.scratch import scratch

__all__ = ["scratch"]

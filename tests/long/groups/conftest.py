"""As the short ones in tests/system/groups."""

from tests.rigs.scratch import scratch

__all__ = ["scratch"]

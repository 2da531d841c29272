"""Whole systems on virtual time."""

from tests.rigs.scratch import scratch

__all__ = ["scratch"]

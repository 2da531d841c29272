"""Fixtures of all of these."""

from tests.rigs.scratch import scratch

__all__ = ("scratch",)

"""Boards for the power cuts."""

from tests.rigs.power.sweep import rigs

__all__ = ("rigs",)

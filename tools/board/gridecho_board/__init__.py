"""Virtual boards: the firmware, unmodified, in a MicroPython VM (or CPython) behind a port that mpremote takes for a board."""

from .board import ESP32_HEAP_BYTES, Board
from .errors import BoardError
from .runtimes import RUNTIMES, resolve_runtime

__all__ = ("ESP32_HEAP_BYTES", "RUNTIMES", "Board", "BoardError", "resolve_runtime")

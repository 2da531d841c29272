"""Pseudo-terminals by more than their number, which the next one that is made anywhere on this machine may get."""

import os


class Pty:
    """The terminal that is at `path` now."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._made_ns = os.stat(path).st_ctime_ns

    def is_gone(self) -> bool:
        """Whether it is there no more, though another one may have its path."""
        try:
            return os.stat(self._path).st_ctime_ns != self._made_ns
        except FileNotFoundError:
            return True

"""A file that keeps some of the disk free for deleting: on a disk that is full to the last byte, deleting needs room as well."""

import logging
import os
import time
from pathlib import Path

log = logging.getLogger(__name__)

RESERVE_BYTES = 16 << 20
_LEAST_PAUSE_S = 1.0  # between two tries to get the room back


class Reserve:
    """`whole` says whether it is there; while it is not, nothing new may be taken in, or that would eat what deleting needs."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self.whole = False
        self._path = path
        self._size = size
        self._not_before = 0.0
        self.restore()

    def restore(self) -> None:
        """Takes the room again, if it is there. Called often, it looks once a second."""
        now = time.monotonic()
        if self.whole or now < self._not_before:
            return
        self._not_before = now + _LEAST_PAUSE_S
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, self._size)
            except OSError:
                os.ftruncate(fd, 0)
                raise
            finally:
                os.close(fd)
        except OSError:
            return
        self.whole = True

    def release(self) -> bool:
        """Gives the room free; False if that was done before."""
        if not self.whole:
            return False
        self.whole = False
        os.truncate(self._path, 0)
        log.warning("disk-full reserve=released; sensors are told busy until what the remote has is deleted here")
        return True

"""A file that keeps some of the disk free for deleting: on a disk that is full to the last byte, deleting needs room as well."""

import logging
import os
import time
from pathlib import Path

log = logging.getLogger(__name__)

RESERVE_BYTES = 16 << 20
_LEAST_PAUSE_S = 1.0  # between two tries to get the room back
_LEAST_FREE_BYTES = 1 << 20


class Reserve:
    """`whole` says whether it is there; while it is not, nothing new may be taken in, or that would eat what deleting needs."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self.whole = False
        self._path = path
        self._size = size
        self._not_before = 0.0
        self.restore()
        disk = os.statvfs(path.parent)
        if disk.f_bavail * disk.f_frsize < _LEAST_FREE_BYTES:
            self.release()  # the start needs room as well

    @property
    def due(self) -> bool:
        """Whether it is time to try to get the room back."""
        return not self.whole and time.monotonic() >= self._not_before

    def restore(self) -> None:
        """Takes the room again, if it is there."""
        self._not_before = time.monotonic() + _LEAST_PAUSE_S
        if self.whole:
            return
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

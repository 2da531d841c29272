"""One relay a data_dir: a locked relay.pid, and beside it relay.json that says where the relay can be reached."""

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from gridecho_common.settings import SettingsError


class PidFile:
    """Held while the relay runs; the lock goes with the process, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        """Makes `data_dir` and takes it. Raises SettingsError if another relay has it."""
        self._addresses = data_dir / "relay.json"
        path = data_dir / "relay.pid"
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(self._fd, 20).decode().strip()
            os.close(self._fd)
            raise SettingsError(f"{data_dir}: another relay (pid {other}) uses this data_dir") from None
        with suppress(OSError):  # a full disk: the lock is what counts
            os.ftruncate(self._fd, 0)
            os.write(self._fd, f"{os.getpid()}\n".encode())

    def publish(self, addresses: dict[str, str]) -> None:
        """Writes relay.json, whole or not at all; on a full disk not at all."""
        new = self._addresses.with_suffix(".new")
        with suppress(OSError):
            new.write_text(json.dumps({"pid": os.getpid(), **addresses}) + "\n", encoding="utf-8")
            new.replace(self._addresses)

    def release(self) -> None:
        """Gives the data_dir free."""
        self._addresses.unlink(missing_ok=True)
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def running_pid(data_dir: Path) -> int | None:
    """The pid of the relay that runs with this data_dir, if one does."""
    try:
        fd = os.open(data_dir / "relay.pid", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(fd, 20).decode().strip()
        return int(text) if text.isdecimal() else None
    finally:
        os.close(fd)
    return None


def published(data_dir: Path) -> dict[str, Any]:
    """What the running relay wrote into relay.json: pid, listen, status; empty if there is none."""
    try:
        found = json.loads((data_dir / "relay.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""Secret files, readable by their owner only: 32 random bytes as hex, or a line that somebody else gave."""

import os
import secrets
from pathlib import Path

from .settings import SettingsError


def write_secret(path: Path, secret: bytes | None = None) -> bytes:
    """Writes a new secret file with mode 0600 and gives its bytes. Never replaces one: raises SettingsError."""
    secret = secret or secrets.token_bytes(32)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"{path}: is there already; a secret is never replaced") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(secret.hex() + "\n")
    return secret


def read_secret(path: Path) -> bytes:
    """The 32 bytes of a secret file. Raises SettingsError if others may read it or it is something else."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        text = ""
        mode = 0
    if mode & 0o077:
        raise SettingsError(f"{path}: others may read this secret; mend it with: chmod 600 {path}")
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise SettingsError(f"{path}: 64 hexadecimal digits were expected")
    return secret


def read_text_secret(path: Path) -> str:
    """The one line of a file that somebody else gave a secret in. Raises SettingsError if others may read it or it is empty."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        mode, text = 0, ""
    if mode & 0o077:
        raise SettingsError(f"{path}: others may read this secret; mend it with: chmod 600 {path}")
    if not text or not text.isprintable():
        raise SettingsError(f"{path}: one line with a secret was expected")
    return text


def private(path: Path) -> None:
    """Makes the file if it is not there, for its owner only, and takes it from all others. Raises SettingsError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None

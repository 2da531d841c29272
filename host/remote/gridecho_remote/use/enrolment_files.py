"""Enrolment files: sensors that were flashed away from the remote, each root key sealed so that only this remote opens it.

A key is sealed to the remote's enrolment key (X25519, made from the key file): an ephemeral X25519 key, HKDF-SHA256 over both
public keys, ChaCha20-Poly1305 with the entry's open fields as associated data (the construction of RFC 9180's base mode, without
its suites). Who makes such a file needs no secret, and cannot open it. Who imports it must trust where it came from.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from gridecho.crypto import derive

from ..rules.errors import RemoteError
from ..store.database import Archive

_PREFIX = "gridecho-enrol-1:"
_FORMAT = "gridecho enrolment 1"
_NONCE = bytes(12)  # each key seals once


@dataclass(frozen=True)
class Entry:
    """One sensor of an enrolment file. `check` is its key's check value in hex, `replaces` those of keys that it replaces."""

    sensor_id: int
    name: str
    region: str
    category: str
    key_id: int
    check: str
    replaces: tuple[str, ...] = ()
    sealed: str = ""  # hex


def key_check(root: bytes) -> str:
    """16 hex digits that tell two root keys apart and say nothing about either; boards compute the same."""
    return derive(root, b"gridecho/1 check", b"", 8).hex()


def public_text(public: bytes) -> str:
    """A remote's enrolment key as people pass it on."""
    return _PREFIX + public.hex()


def read_public(text: str) -> bytes:
    """The inverse of `public_text`. Raises RemoteError."""
    try:
        public = bytes.fromhex(text.strip().removeprefix(_PREFIX))
    except ValueError:
        public = b""
    if len(public) != 32 or not text.strip().startswith(_PREFIX):
        raise RemoteError("enrolment-key", prefix=_PREFIX)
    return public


def seal(entry: Entry, root: bytes, public: bytes) -> Entry:
    """`entry` with `root` sealed to the remote with this enrolment key."""
    once = X25519PrivateKey.generate()
    mine = once.public_key().public_bytes_raw()
    aead = _aead(once.exchange(X25519PublicKey.from_public_bytes(public)), mine, public)
    return replace(entry, sealed=(mine + aead.encrypt(_NONCE, root, _known(entry))).hex())


def unseal(entry: Entry, private: bytes) -> bytes:
    """The root key. Raises RemoteError if it is not for this remote or the entry was changed."""
    key = X25519PrivateKey.from_private_bytes(private)
    try:
        sealed = bytes.fromhex(entry.sealed)
        theirs = sealed[:32]
        aead = _aead(
            key.exchange(X25519PublicKey.from_public_bytes(theirs)), theirs, key.public_key().public_bytes_raw()
        )
        root = aead.decrypt(_NONCE, sealed[32:], _known(entry))
    except (ValueError, InvalidTag):
        root = b""
    if len(root) != 32 or key_check(root) != entry.check:
        raise RemoteError("entry-not-ours", sensor_id=entry.sensor_id)
    return root


def read_entries(path: Path) -> dict[int, Entry]:
    """The entries by sensor id; none if there is no such file. Raises RemoteError if it is no enrolment file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise RemoteError("file-unreadable", path=str(path)) from None
    try:
        return entries_in(text)
    except RemoteError:
        raise RemoteError("file-no-enrolment", path=str(path)) from None


def entries_in(text: str) -> dict[int, Entry]:
    """The entries of such a file's text. Raises RemoteError if it is none."""
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise ValueError
        entries = [_entry(values) for values in content["sensors"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RemoteError("enrolment-form") from None
    return {entry.sensor_id: entry for entry in entries}


def write_entry(path: Path, entry: Entry) -> None:
    """Adds or replaces one entry; the file is as it was or as it shall be. Several processes may write. Raises RemoteError."""
    try:
        with _alone(path):
            entries = read_entries(path) | {entry.sensor_id: entry}
            content = {"format": _FORMAT, "sensors": [asdict(entries[key]) for key in sorted(entries)]}
            fd, beside = tempfile.mkstemp(prefix=path.name, dir=path.parent)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(json.dumps(content, indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(path)
    except OSError as error:
        raise RemoteError("file-unwritable", path=str(path), reason=str(error.strerror)) from None


def public_key(archive: Archive) -> bytes:
    """The remote's enrolment key, for everybody to know."""
    return X25519PrivateKey.from_private_bytes(archive.vault.enrolment_key).public_key().public_bytes_raw()


def _aead(shared: bytes, once: bytes, public: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt=once + public, info=b"gridecho/1 enrolment").derive(shared))


def _known(entry: Entry) -> bytes:
    fields = asdict(entry)
    del fields["sealed"]
    return json.dumps(fields, sort_keys=True).encode()


def _entry(values: Any) -> Entry:
    entry = Entry(**{**values, "replaces": tuple(values["replaces"])})
    texts = (entry.name, entry.region, entry.category, entry.check, entry.sealed, *entry.replaces)
    if not all(isinstance(text, str) for text in texts) or not isinstance(entry.sensor_id, int):
        raise ValueError
    return entry


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

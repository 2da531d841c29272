"""Secrets at rest: wrapped with AES-SIV under the key-encryption key of remote.key, each bound to whom it belongs to."""

from gridecho.crypto import Siv, derive


class Vault:
    """Wraps and unwraps 32-byte secrets. `session_key` signs cookies; `check` tells whether a database belongs to this key.

    `enrolment_key` is the X25519 private key that enrolment files are sealed to (enrolment_files.py).
    """

    def __init__(self, kek: bytes) -> None:
        self._siv = Siv(derive(kek, b"gridecho/1 wrap", b"", 64))
        self.session_key = derive(kek, b"gridecho/1 session", b"", 32)
        self.check = derive(kek, b"gridecho/1 check", b"", 16).hex()
        self.enrolment_key = derive(kek, b"gridecho/1 enrolment", b"", 32)

    def wrap(self, kind: str, owner_id: int, secret: bytes) -> bytes:
        """`secret` encrypted for the owner: a wrapped secret that is moved to another row does not unwrap."""
        return self._siv.seal(secret, _owner(kind, owner_id))

    def unwrap(self, kind: str, owner_id: int, wrapped: bytes) -> bytes:
        """The secret. Raises AuthError if it is another owner's or was wrapped with another key."""
        return self._siv.open(wrapped, _owner(kind, owner_id))


def _owner(kind: str, owner_id: int) -> bytes:
    return kind.encode() + b"\x00" + owner_id.to_bytes(4, "big")

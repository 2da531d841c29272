"""`Cmac` and `Siv` by the `cryptography` library: the host's fast form of cmac.py and siv.py, with the same results."""

from hmac import compare_digest as same

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from .errors import AuthError, MisuseError

__all__ = ("Cmac", "Siv", "same")


class Cmac:
    """AES-CMAC under one key of 16 or 32 bytes; a tag is a copy of the keyed state, not a new key schedule."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 32):
            raise MisuseError("a CMAC key has 16 or 32 bytes")
        self._keyed = CMAC(AES(key))

    def tag(self, data: bytes) -> bytes:
        """The 16-byte tag of `data`."""
        mac = self._keyed.copy()
        mac.update(data)
        return mac.finalize()


class Siv:
    """AES-SIV under one key of 32 or 64 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (32, 64):
            raise MisuseError("a SIV key has 32 or 64 bytes")
        self._aead = AESSIV(key)

    def seal(self, data: bytes, associated: bytes) -> bytes:
        """SIV (16 bytes) followed by the ciphertext, which is as long as `data`."""
        return self._aead.encrypt(data, [associated])

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        """The plaintext of what `seal` gave. Raises AuthError if one bit of either differs."""
        if len(sealed) < 16:
            raise AuthError("siv", "shorter than a SIV")
        try:
            return self._aead.decrypt(sealed, [associated])
        except InvalidTag:
            raise AuthError("siv", "does not verify") from None

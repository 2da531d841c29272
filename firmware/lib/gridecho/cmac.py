"""AES-CMAC (RFC 4493, NIST SP 800-38B) from AES-ECB and AES-CBC, for runtimes without a CMAC of their own."""

from .compat import aes_cbc, aes_ecb
from .errors import MisuseError

_ZERO = bytes(16)


def double(block: bytes) -> bytes:
    """Multiplication by x in GF(2^128): `dbl` of RFC 5297, the subkey step of RFC 4493."""
    n = int.from_bytes(block, "big") << 1
    if n >> 128:
        n ^= (1 << 128) | 0x87
    return n.to_bytes(16, "big")


def xor(a: bytes, b: bytes) -> bytes:
    """Bytewise exclusive or of two equally long strings."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def same(a: bytes, b: bytes) -> bool:
    """Whether two strings are equal, in a time that does not depend on where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


class Cmac:
    """AES-CMAC under one key of 16 or 32 bytes; the subkeys are made once."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 32):
            raise MisuseError("a CMAC key has 16 or 32 bytes")
        self._key = key
        self._k1 = double(aes_ecb(key)(_ZERO))
        self._k2 = double(self._k1)

    def tag(self, data: bytes) -> bytes:
        """The 16-byte tag of `data`."""
        whole = (len(data) - 1) // 16 * 16 if data else 0
        last = bytes(data[whole:])
        last = xor(last, self._k1) if len(last) == 16 else xor(last + b"\x80" + bytes(15 - len(last)), self._k2)
        return aes_cbc(self._key, _ZERO, bytes(data[:whole]) + last)[-16:]

"""AES-SIV (RFC 5297) with one string of associated data, from AES-CMAC and AES-ECB."""

from .cmac import Cmac, double, same, xor
from .compat import aes_ecb
from .errors import AuthError, MisuseError


class Siv:
    """Deterministic authenticated encryption under one key of 32 or 64 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (32, 64):
            raise MisuseError("a SIV key has 32 or 64 bytes")
        half = len(key) // 2
        self._mac = Cmac(key[:half])
        self._ecb = aes_ecb(key[half:])
        self._start = self._mac.tag(bytes(16))

    def seal(self, data: bytes, associated: bytes) -> bytes:
        """SIV (16 bytes) followed by the ciphertext, which is as long as `data`."""
        siv = self._s2v(associated, data)
        return siv + self._ctr(siv, data)

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        """The plaintext of what `seal` gave. Raises AuthError if one bit of either differs."""
        if len(sealed) < 16:
            raise AuthError("siv", "shorter than a SIV")
        siv = bytes(sealed[:16])
        data = self._ctr(siv, sealed[16:])
        if not same(siv, self._s2v(associated, data)):
            raise AuthError("siv", "does not verify")
        return data

    def _s2v(self, associated: bytes, data: bytes) -> bytes:
        d = xor(double(self._start), self._mac.tag(associated))
        if len(data) >= 16:
            last = bytes(data[:-16]) + xor(bytes(data[-16:]), d)
        else:
            last = xor(double(d), bytes(data) + b"\x80" + bytes(15 - len(data)))
        return self._mac.tag(last)

    def _ctr(self, siv: bytes, data: bytes) -> bytes:
        if not data:
            return b""
        # RFC 5297 clears bits 31 and 63 of the counter, so that the last four bytes never carry over.
        counter = bytearray(siv)
        counter[8] &= 0x7F
        counter[12] &= 0x7F
        n = int.from_bytes(counter[12:], "big")
        blocks = bytearray()
        for i in range((len(data) + 15) // 16):
            counter[12:] = (n + i).to_bytes(4, "big")
            blocks += counter
        return xor(bytes(data), self._ecb(bytes(blocks))[: len(data)])

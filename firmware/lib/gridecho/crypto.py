"""AES-CMAC, AES-SIV and key derivation: by a library where the runtime has one, else by cmac.py and siv.py; same results."""

from .errors import MisuseError

try:
    from .crypto_host import Cmac, Siv, same
except ImportError:
    from .cmac import Cmac, same  # type: ignore[assignment,no-redef]
    from .siv import Siv  # type: ignore[assignment]

__all__ = ("Cmac", "Siv", "derive", "kdf_ctr", "same")


def kdf_ctr(key: bytes, fixed: bytes, length: int) -> bytes:
    """1 to 255 bytes from `key` (16 or 32): NIST SP 800-108r1, counter mode, PRF AES-CMAC, [i] as u32 big-endian before `fixed`."""
    if not 0 < length <= 255:
        raise MisuseError("a key has 1 to 255 bytes")
    mac = Cmac(key)
    out = b""
    i = 1
    while len(out) < length:
        out += mac.tag(i.to_bytes(4, "big") + fixed)
        i += 1
    return out[:length]


def derive(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """`length` bytes of key from `key` (16 or 32 bytes) by `kdf_ctr`, over label || 00 || context || [length in bits] as u32."""
    if b"\x00" in label or not 0 < length <= 255:
        raise MisuseError("a label without zero bytes and a length of 1 to 255 bytes")
    return kdf_ctr(key, label + b"\x00" + context + (length * 8).to_bytes(4, "big"), length)

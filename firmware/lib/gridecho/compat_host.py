"""The AES block primitives on the host: compat.py's functions by the `cryptography` library."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

__all__ = ("aes_cbc", "aes_ecb")


def aes_ecb(key: bytes):  # type: ignore[no-untyped-def]
    """A function that encrypts whole 16-byte blocks, each by itself (FIPS 197)."""
    # ECB of single blocks is the building stone of CMAC and CTR here, never a mode for data.
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305  # nosec B305  # single blocks, of which CMAC, SIV and CTR are made


def aes_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """CBC encryption of whole 16-byte blocks (SP 800-38A)."""
    return Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(data)

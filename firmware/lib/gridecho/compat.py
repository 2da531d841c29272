"""What differs between CPython and MicroPython for the core: the AES block primitives, and constants that take no heap."""


def const(value: int) -> int:
    """The number itself. MicroPython's compiler puts it in place of a name that begins with _, which then takes no heap."""
    return value


try:
    from cryptolib import aes as _aes

    def aes_ecb(key: bytes):  # type: ignore[no-untyped-def]
        """A function that encrypts whole 16-byte blocks, each by itself (FIPS 197)."""
        return _aes(key, 1).encrypt

    def aes_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
        """CBC encryption of whole 16-byte blocks (SP 800-38A)."""
        return _aes(key, 2, iv).encrypt(data)  # type: ignore[no-any-return]

except ImportError:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    def aes_ecb(key: bytes):  # type: ignore[no-untyped-def]
        """A function that encrypts whole 16-byte blocks, each by itself (FIPS 197)."""
        # ECB of single blocks is the building stone of CMAC and CTR here, never a mode for data.
        return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305

    def aes_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
        """CBC encryption of whole 16-byte blocks (SP 800-38A)."""
        return Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(data)

"""What differs between CPython and MicroPython for the core: the AES block primitives, and constants that take no heap."""


def const(value: int) -> int:
    """The number itself. MicroPython's compiler puts it in place of a name that begins with _, which then takes no heap."""
    return value


try:
    from .compat_host import aes_cbc as aes_cbc
    from .compat_host import aes_ecb as aes_ecb
except ImportError:
    from cryptolib import aes

    def aes_ecb(key: bytes):  # type: ignore[no-untyped-def]
        """A function that encrypts whole 16-byte blocks, each by itself (FIPS 197)."""
        return aes(key, 1).encrypt

    def aes_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
        """CBC encryption of whole 16-byte blocks (SP 800-38A)."""
        return aes(key, 2, iv).encrypt(data)  # type: ignore[no-any-return]

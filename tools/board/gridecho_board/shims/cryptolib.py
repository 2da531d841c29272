"""`cryptolib` of a board under CPython, by the `cryptography` library; the VM has its own, which wins."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class aes:
    """AES in ECB (mode 1) or CBC (mode 2); an object encrypts, or decrypts, one stream of whole blocks."""

    def __init__(self, key, mode, iv=None):
        if mode not in (1, 2):
            raise ValueError("mode")
        # What a board has is what its firmware builds CMAC and SIV from.
        cipher = Cipher(algorithms.AES(key), modes.ECB() if mode == 1 else modes.CBC(iv))  # noqa: S305  # nosec B305  # single blocks, of which CMAC, SIV and CTR are made
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()

    def encrypt(self, data):
        """The next blocks, encrypted."""
        return self._encryptor.update(data)

    def decrypt(self, data):
        """The next blocks, decrypted."""
        return self._decryptor.update(data)

"""What the core uses of MicroPython's `cryptolib`, which its WebAssembly build lacks: ECB and CBC, by Node's crypto."""

import node_aes


class aes:  # MicroPython's name
    """Encrypts whole blocks: mode 1 is ECB, 2 is CBC, as with `cryptolib.aes`."""

    def __init__(self, key: bytes, mode: int, iv: bytes = b"") -> None:
        self._cipher = "aes-%d-%s" % (len(key) * 8, {1: "ecb", 2: "cbc"}[mode])
        self._key = key.hex()
        self._iv = iv.hex() if iv else ""  # 1.24 makes b"" of b"".hex()

    def encrypt(self, data: bytes) -> bytes:
        sealed = bytes.fromhex(node_aes.encrypt(self._cipher, self._key, self._iv, bytes(data).hex()))
        if self._iv:
            self._iv = sealed[-16:].hex()
        return sealed

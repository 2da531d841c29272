"""The flash chip of a virtual board: an image file behind the three operations of NOR flash, and what a power cut leaves of one."""

import board_link

BLOCK_BYTES = 4096
_ERASED = b"\xff" * BLOCK_BYTES


class Flash:
    """Reads, erases and programs a file; `changes` counts what changed it.

    With `cut_at` the power goes in the middle of that change (1 is the first), and `seed` says what is left of it: a program stops
    after any of its bytes, an erase leaves the block half done or undefined.
    """

    def __init__(self, path, cut_at=0, seed=0):
        self._file = open(path, "r+b")
        self.blocks = self._file.seek(0, 2) // BLOCK_BYTES
        self.changes = 0
        self._cut_at = cut_at
        self._chance = seed * 2_654_435_761 + cut_at * 40_503 + 1 & 0xFFFFFFFF or 1

    def read_into(self, at, buffer):
        """Fills `buffer` from byte address `at`."""
        self._file.seek(at)
        self._file.readinto(buffer)

    def erase(self, block):
        """Sets a block to FF."""
        self._change(block * BLOCK_BYTES, _ERASED, self._torn_erase)

    def program(self, at, data):
        """Clears the bits that are 0 in `data`; a program sets none, so its bytes are to be erased before."""
        self._change(at, _join(self._read(at, len(data)), data), self._torn_program)

    def _change(self, at, data, torn):
        self.changes += 1
        if self.changes == self._cut_at:
            data = torn(self._read(at, len(data)), data)
        self._file.seek(at)
        self._file.write(data)
        if self.changes == self._cut_at:
            board_link.ask("reset 1")  # PWRON_RESET: nothing on the board runs after this

    def _read(self, at, count):
        self._file.seek(at)
        return self._file.read(count)

    def _torn_program(self, before, data):
        n = self._dice(len(data) + 1)
        middle = (
            bytes([data[n] | before[n] & self._dice(256)]) if n < len(data) else b""
        )  # some of its bits are still set
        return data[:n] + middle + before[n + 1 :]

    def _torn_erase(self, before, data):
        how = self._dice(3)
        if how == 0:
            return bytes([byte | self._dice(256) for byte in before])  # bits rise one by one, none of them for sure
        n = self._dice(len(data) + 1)
        return data[:n] + before[n:] if how == 1 else before[:n] + data[n:]

    def _dice(self, n):
        x = self._chance  # xorshift32
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._chance = x
        return x % n


def _join(before, data):
    n = int.from_bytes(before, "big") & int.from_bytes(data, "big")
    return n.to_bytes(len(data), "big")

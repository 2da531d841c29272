"""The flash chip of a virtual board: an image file behind the three operations of NOR flash."""

BLOCK_BYTES = 4096
_ERASED = b"\xff" * BLOCK_BYTES


class Flash:
    """Reads, erases and programs a file. Every change goes through `_change`, which counts: a fault test cuts there, at write n."""

    def __init__(self, path):
        self._file = open(path, "r+b")
        self.blocks = self._file.seek(0, 2) // BLOCK_BYTES
        self.changes = 0

    def read_into(self, at, buffer):
        """Fills `buffer` from byte address `at`."""
        self._file.seek(at)
        self._file.readinto(buffer)

    def erase(self, block):
        """Sets a block to FF."""
        self._change(block * BLOCK_BYTES, _ERASED)

    def program(self, at, data):
        """Writes `data`, which lies within one block that was erased before."""
        self._change(at, data)

    def _change(self, at, data):
        self.changes += 1
        self._file.seek(at)
        self._file.write(data)

"""A flash file system in memory that can lose its power, for the sensor's tests. Plain enough for MicroPython.

What was written to a file is there when it is closed, as with littlefs; a cut in that moment leaves any first part of it.
"""

from errno import EEXIST, ENOENT


class PowerCut(Exception):  # noqa: N818  # it is no error
    """The power went in the middle of a change."""


class SimFlash:
    """Stands in for `os` and `open`. `cut_at` is the change (1 is the next one) in which the power goes; `changes` counts them."""

    def __init__(self):
        self.files = {}
        self.folders = set()
        self.changes = 0
        self.cut_at = None
        self.torn = 0  # how many bytes of the torn write are there
        self.fails = None  # an errno that every write raises

    def into(self, *modules):
        """Gives the modules this flash; `out_of` takes it from them again."""
        for module in modules:
            module.os = self
            module.open = self.open

    @staticmethod
    def out_of(*modules):
        import os

        for module in modules:
            module.os = os
            del module.open

    def listdir(self, folder=""):
        if folder and folder not in self.folders:
            raise OSError(ENOENT, "")
        inside = folder + "/" if folder else ""
        names = []
        for path in list(self.files) + sorted(self.folders):
            name = path[len(inside) :].split("/")[0]
            if path.startswith(inside) and name and name not in names:
                names.append(name)
        return names

    def rmdir(self, folder):
        if folder not in self.folders:
            raise OSError(ENOENT, "")
        self._change()
        self.folders.remove(folder)

    def mkdir(self, folder):
        if folder in self.folders:
            raise OSError(EEXIST, "")
        self._change()
        self.folders.add(folder)

    def remove(self, path):
        if path not in self.files:
            raise OSError(ENOENT, "")
        self._change()
        del self.files[path]

    def rename(self, old, new):
        if old not in self.files:
            raise OSError(ENOENT, "")
        self._change()
        self.files[new] = self.files.pop(old)

    def stat(self, path):
        if path in self.folders:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        if path not in self.files:
            raise OSError(ENOENT, "")
        return (0, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)

    def open(self, path, mode):
        if mode == "rb" and path not in self.files:
            raise OSError(ENOENT, "")
        return _File(self, path, mode)

    def size(self):
        """Bytes in all files."""
        return sum([len(content) for content in self.files.values()])

    def written(self, path, before, data):
        if self.fails is not None:
            raise OSError(self.fails, "")
        self.changes += 1
        if self.changes == self.cut_at:
            if self.torn:
                self.files[path] = before + data[: self.torn]
            raise PowerCut
        self.files[path] = before + data

    def _change(self):
        if self.fails is not None:
            raise OSError(self.fails, "")
        self.changes += 1
        if self.changes == self.cut_at:
            raise PowerCut


class _File:
    def __init__(self, flash, path, mode):
        self._flash = flash
        self._path = path
        self._mode = mode
        self._at = 0
        self._data = flash.files.get(path, b"") if mode != "wb" else b""
        self._new = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.close()

    def close(self):
        if self._mode != "rb":
            self._flash.written(self._path, self._data, self._new)

    def read(self, n=-1):
        end = len(self._data) if n < 0 else self._at + n
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece

    def write(self, data):
        self._new += bytes(data)
        return len(data)

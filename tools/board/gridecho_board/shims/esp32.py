"""`esp32` of a virtual board: the `vfs` partition over the image file. What else a real one has, this one has not."""


class Partition:
    """The one data partition; `Partition.flash` is the chip under it, set before the firmware starts."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1
    flash = None

    def __init__(self, label):
        if label != "vfs" or self.flash is None:
            raise OSError(2)

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=4096):
        """[the vfs partition] if it is what was asked for, else []."""
        there = Partition.flash is not None and type == 1 and subtype in (0xFF, 0x81) and label in (None, "vfs")
        return [Partition("vfs")] if there else []

    def info(self):
        """(type, subtype, address, bytes, label, encrypted)"""
        return (1, 0x81, 0x200000, self.flash.blocks * 4096, "vfs", False)

    def readblocks(self, block, buffer, offset=0):
        """Fills `buffer` from a block on."""
        self.flash.read_into(block * 4096 + offset, buffer)

    def writeblocks(self, block, data, offset=None):
        """Programs `data`; without an offset its blocks are erased first."""
        if offset is None:
            for i in range(len(data) // 4096):
                self.flash.erase(block + i)
            offset = 0
        self.flash.program(block * 4096 + offset, data)

    def ioctl(self, op, arg):
        """The block device protocol: 4 number of blocks, 5 their size, 6 erase."""
        if op == 4:
            return self.flash.blocks
        if op == 5:
            return 4096
        if op == 6:
            self.flash.erase(arg)
        return 0

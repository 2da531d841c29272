"""Starts a board for a power cut test, in the VM: mounts its flash as a board does and runs one scenario on it.

Arguments: image, the change at which the power goes (0: it stays), seed, scenario, number of this start, shims, library.
The host stays within reach under /host, for the library; what the firmware opens is on the flash.
"""

import sys

image, cut_at, seed, scenario, number, shims, library = sys.argv[1:]
sys.path[:] = ["", ".frozen", shims]

import board_flash  # noqa: E402
import board_start  # noqa: E402
import esp32  # noqa: E402
import machine  # noqa: E402
import vfs  # noqa: E402


def reset(hard=machine.reset):
    print("changes", flash.changes)
    hard()


machine.reset = reset
flash = board_flash.Flash(image, int(cut_at), int(seed))
esp32.Partition.flash = flash
vfs.umount("/")
board_start._mount()
vfs.mount(vfs.VfsPosix("/"), "/host")
sys.path[:] = ["", ".frozen", "/host" + library]
sys.argv.clear()
try:  # noqa: SIM105  # no contextlib on a board
    __import__(scenario).run(int(number))
except SystemExit:
    pass  # machine.soft_reset()
print("changes", flash.changes)

"""What an ESP32 does between power and REPL (ports/esp32/main.c, _boot.py), in the VM: mount flash, boot.py, main.py."""

import gc
import io
import os
import sys

import board_flash
import board_link
import esp32
import machine  # noqa: F401  # this and the next only to be in sys.modules, where they win over the VM's own
import network  # noqa: F401
import vfs


def run(scope):
    """Takes image, reset cause, MAC and "main" or "raw" from the command line; boot.py and main.py run in `scope`."""
    image, cause, mac, mode = sys.argv[1:]
    board_link.reset_cause = int(cause)
    board_link.mac = bytes.fromhex(mac)
    esp32.Partition.flash = board_flash.Flash(image)
    scope.pop("board_start")
    sys.argv.clear()
    sys.path[:] = ["", ".frozen", "/lib"]
    vfs.umount("/")
    _mount()
    gc.collect()
    board_link.tell("ready")
    _run_file("boot.py", scope)
    if mode == "main":
        board_link.tell("main")
        _run_file("main.py", scope)
    board_link.tell("repl")


def _mount():
    partition = esp32.Partition("vfs")
    try:
        vfs.mount(vfs.VfsLfs2(partition), "/")
    except OSError:
        first = bytearray(4096)
        partition.readblocks(0, first)
        if any(byte != 0xFF for byte in first):
            print("The filesystem appears to be corrupted: flash this board again.")
            return
        vfs.VfsLfs2.mkfs(partition)
        vfs.mount(vfs.VfsLfs2(partition), "/")


def _run_file(name, scope):
    try:
        os.stat(name)
    except OSError:
        return
    try:
        execfile(name, scope)  # noqa: F821
    except SystemExit:
        board_link.ask("soft")
    except BaseException as error:  # noqa: BLE001  # as on a board: shown, then the REPL
        _show(error)


def _show(error):
    """The traceback from the firmware's file on, as on a board; the second line would name this file."""
    text = io.StringIO()
    sys.print_exception(error, text)
    head, _, rest = text.getvalue().partition("\n")
    print(head)
    print(rest[rest.find("\n") + 1 :] if "board_start.py" in rest.partition("\n")[0] else rest, end="")

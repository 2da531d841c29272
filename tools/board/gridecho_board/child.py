"""The process of one board: ties itself to its parent and its terminal, then becomes the MicroPython VM or an emulated board.

Run by its path with `vm` or `cpython`; in the first case without site-packages, so that it starts in 25 ms.
"""

import ctypes
import fcntl
import os
import signal
import sys
import termios
import traceback
import types
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)


def main(argv: list[str]) -> int:
    """argv: parent's pid, "vm", folder of the VM's wheel, the VM's arguments...; or pid, "cpython", shims, folder, cause, MAC."""
    _tie(int(argv[0]))
    if argv[1] == "vm":
        sys.path.append(argv[2])
        from micropython_run import run_main  # type: ignore[import-not-found]  # the extension module in the wheel

        return int(run_main(["micropython", *argv[3:]]))
    return _emulate(Path(argv[2]), Path(argv[3]), int(argv[4]), argv[5])


def _tie(parent: int) -> None:
    """Never outlives the parent: its death is our SIGKILL, and closing our terminal our SIGHUP."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if os.getppid() != parent:
        sys.exit("the board's keeper is gone")


def _emulate(shims: Path, folder: Path, cause: int, mac: str) -> int:
    os.chdir(folder)
    sys.path[0:1] = ["", str(folder / "lib"), str(shims)]
    sys.dont_write_bytecode = True  # the folder becomes a flash image again
    import board_link  # type: ignore[import-not-found]

    board_link.reset_cause = cause
    board_link.mac = bytes.fromhex(mac)
    _add_to_gc()
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    board_link.tell("ready")
    _run_file("boot.py", module, board_link)
    board_link.tell("main")
    _run_file("main.py", module, board_link)
    board_link.tell("repl")
    print("main.py ended; the CPython emulation has no REPL. Ctrl-D starts the board anew.")
    while True:
        try:
            if os.read(0, 1) in (b"", b"\x04"):
                return 0
        except KeyboardInterrupt:
            continue


def _run_file(name: str, module: types.ModuleType, board_link: types.ModuleType) -> None:
    path = Path(name)
    if not path.exists():
        return
    try:
        exec(compile(path.read_bytes(), name, "exec"), vars(module))  # noqa: S102  # nosec B102  # what a board does with it
    except SystemExit:
        board_link.ask("soft")
    except BaseException:  # noqa: BLE001  # as on a board: shown, then the REPL
        traceback.print_exc(file=sys.stdout)


def _add_to_gc() -> None:
    """What MicroPython's gc module has and CPython's has not; there is no heap of fixed size to tell about."""
    import gc

    gc.threshold = lambda *amount: None if amount else -1  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

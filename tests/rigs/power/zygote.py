"""Starts MicroPython VMs within milliseconds: loads the VM once, then forks for every start.

Run without site-packages. A line of JSON on stdin is one start: the arguments of the VM. The answer, a line of JSON: what it said,
and what it asked for to end: "reset 1", the power was cut; "reset 2", it restarted itself; null, it came to its end.
"""

import json
import os
import select
import signal
import sys
import time

ENDS = {b"\x1b_gridecho:reset %d\x1b" % cause: f"reset {cause}" for cause in (1, 2)}
HANG_S = 240  # a start takes a second


def start(run_main, arguments: list[str]) -> dict[str, object]:  # type: ignore[no-untyped-def]
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os._exit(run_main(["micropython", *arguments]))
    os.close(writer)
    said = b""
    until = time.monotonic() + HANG_S
    try:
        while (
            not any(end in said for end in ENDS)
            and select.select([reader], [], [], max(0.0, until - time.monotonic()))[0]
        ):
            data = os.read(reader, 65536)
            if not data:
                break
            said += data
        else:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(reader)
    _, status = os.waitpid(pid, 0)
    asked = next((name for end, name in ENDS.items() if end in said), None)
    code = 0 if asked else os.waitstatus_to_exitcode(status)
    return {"said": said.partition(b"\x1b")[0].decode(errors="replace"), "asked": asked, "code": code}


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    from micropython_run import run_main

    for line in sys.stdin:
        print(json.dumps(start(run_main, json.loads(line))), flush=True)

"""Ports of 127.0.0.1 for processes that are told their port before they run, and may be started again on it."""

import itertools
import random
import socket
import sys

# Below the ports that systems give to whoever asks for any (Linux from 32768, others from 49152): such a port may be
# taken by somebody's connection between our look at it and the start of its process.
_PORTS = range(20_000, 30_000)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody listens on and that no other call gave, of any process on this Linux machine; OSError: none."""
    start = random.randrange(len(_PORTS))  # noqa: S311 - no secret
    for port in itertools.chain(_PORTS[start:], _PORTS[:start]):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _claim(port):
            return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop - 1}")


def _claim(port: int) -> bool:
    """Until this process and those that it forked end, by a name that the kernel takes back; True elsewhere than on Linux."""
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0gridecho port {port}")
    except OSError:
        claim.close()
        return False
    claim.detach()
    return True

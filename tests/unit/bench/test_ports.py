"""Ports that are known before their process starts: none twice, none that the system gives to others in the meantime."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gridecho_bench import ports

IN_ANOTHER_PROCESS = """
from gridecho_bench import ports
ports._PORTS = range({first}, {last} + 1)
try:
    print(ports.free_port())
except OSError as error:
    print(error)
"""


def test_no_port_twice_and_none_of_those_for_connections() -> None:
    found = [ports.free_port() for _ in range(200)]
    assert len(set(found)) == 200
    ranges = Path("/proc/sys/net/ipv4/ip_local_port_range")
    least = int(ranges.read_text().split()[0]) if ranges.exists() else 49_152
    assert max(found) < least, "a connection of this machine may have it before its process does"


def test_a_port_that_somebody_listens_on_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match="no free port"):
            ports.free_port()


@pytest.mark.skipif(sys.platform != "linux", reason="claims are names of Linux's kernel")
def test_another_process_does_not_give_it_again() -> None:
    port = ports.free_port()
    program = IN_ANOTHER_PROCESS.format(first=port, last=port)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("no free port")

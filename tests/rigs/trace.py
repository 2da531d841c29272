"""What a relay under strace did, in order: its writes and syncs with their bytes, its ACKs, the receipts that it got.

A call has two places in the log: where it began and where it returned. strace writes a call on one line if nothing of another
thread came between the two, else on two, so the lines' order is the order in which it saw these.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gridecho import frames
from gridecho.batch import RECEIPT_BYTES

CALLS = (
    "sendto,sendmsg,sendmmsg,recvfrom,fdatasync,fsync,sync_file_range,pwrite64,pwritev,pwritev2,write,writev,ftruncate,fallocate,"
    "openat,unlink,unlinkat,rename,renameat,renameat2"
)
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$")
_UNFINISHED = " <unfinished ...>"
_DONE = re.compile(r"(.*)\) += (-?\d+|\?)(?:<([^>]*)>)?(?: .*)?$")
_ON_FILE = re.compile(r"\d+<([^>]*)>(?:\(deleted\))?(?:, )?(.*)$")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_PART = re.compile(r'iov_base="((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


def _missing() -> str:
    """Why nothing can be traced here; empty if it can."""
    if not shutil.which("strace"):
        return "strace is not installed (`make system` installs it)"
    tried = subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


_WHY = _missing()
needed = pytest.mark.skipif(bool(_WHY), reason=_WHY)


def under(log: Path) -> list[str]:
    """The command to put before the relay's. Strings up to 5,000 bytes: a page of a database has 4,096."""
    return ["strace", "-f", "--seccomp-bpf", "-y", "-v", "-xx", "-s", "5000", "-o", str(log), "-e", f"trace={CALLS}"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded: the lines where it began and returned, its name, its arguments and what it gave."""

    begun: int
    ended: int
    name: str
    arguments: str
    gave: int
    gave_path: str

    @property
    def path(self) -> str:
        """Of the file that the first argument names by its descriptor."""
        found = _ON_FILE.match(self.arguments)
        return _text(found[1]) if found else ""

    def strings(self) -> list[bytes]:
        """The strings among the arguments; fails if one was cut."""
        found = _STRING.findall(self.arguments)
        assert not any(cut for _, cut in found), f"strace cut a string of {self.name}"
        return [_bytes(text) for text, _ in found]

    def numbers(self) -> list[int]:
        """The arguments after the last string or descriptor."""
        rest = self.arguments.rpartition('"')[2] if '"' in self.arguments else _ON_FILE.match(self.arguments)[2]
        return [int(number) for number in rest.split(", ") if number]

    def datagrams(self) -> list[bytes]:
        """What a sendto or sendmmsg sent, cut where strace cut it."""
        if self.name == "sendto":
            found = _STRING.search(self.arguments)
            return [_bytes(found[1])] if found else []
        sent = [_bytes(text) for text, _ in _PART.findall(self.arguments)]
        return sent[: self.gave] if self.name == "sendmmsg" else sent

    def acks(self) -> list[bytes]:
        """The data ids of the ACKs that a sendto, sendmsg or sendmmsg sent."""
        first = frames.VERSION << 4 | frames.ACK
        return [sent[4:16] for sent in self.datagrams() if len(sent) == frames.CONTROL_BYTES and sent[0] == first]

    def receipts(self) -> list[bytes]:
        """The batch ids of the receipts that a recvfrom got."""
        found = _STRING.search(self.arguments)
        got = _bytes(found[1]) if found else b""
        at = got.find(b"GER\x01")
        return [got[at + 8 : at + 24]] if 0 <= at <= len(got) - RECEIPT_BYTES else []


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _text(text: str) -> str:
    return _bytes(text).decode() if text.startswith("\\x") else text


def calls(log: Path) -> Iterator[Call]:
    """All calls that succeeded, in the order in which they returned."""
    open_calls: dict[str, tuple[int, str]] = {}
    with log.open(encoding="ascii") as lines:
        for number, line in enumerate(lines):
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue  # signals and ends of threads
            thread, resumed, tail, name, text = found.groups()
            begun = number
            if resumed is not None:
                begun, text = open_calls.pop(thread)
                name, text = resumed, text + tail
            if text.endswith(_UNFINISHED):
                open_calls[thread] = begun, text.removesuffix(_UNFINISHED)
                continue
            done = _DONE.match(text)
            assert done is not None, f"line {number + 1} of the trace: {line[:200]}"
            if done[2] != "?" and int(done[2]) >= 0:
                yield Call(begun, number, name, done[1], int(done[2]), _text(done[3] or ""))

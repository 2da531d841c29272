"""10,000 random frames sealed on each runtime and opened on the other; the VM's also by the pure code and `cryptography` alone."""

import hashlib
import importlib.util
import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from gridecho import cmac, crypto_host, siv

from tests.rigs.places import REPOSITORY
from tests.rigs.vm import needs_vm, vm

FRAMES = 10_000
CONTROLS = FRAMES // 11
SEED = 20_260_701

pytestmark = needs_vm


def on_vm(*args: str) -> str:
    done = vm("tests/vm/exchange.py", *args, hang_s=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def exchange():
    spec = importlib.util.spec_from_file_location("exchange", REPOSITORY / "tests/vm/exchange.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sealed_on_vm(tmp_path_factory):
    file = tmp_path_factory.mktemp("exchange") / "from_vm.txt"
    on_vm("seal", str(file), str(FRAMES), str(SEED))
    return file.read_text().splitlines()


@pytest.mark.parametrize(
    ("make_cmac", "make_siv"),
    [(crypto_host.Cmac, crypto_host.Siv), (cmac.Cmac, siv.Siv)],
    ids=["by the library", "by the pure code"],
)
def test_from_the_vm_to_the_host(exchange, sealed_on_vm, make_cmac, make_siv):
    data = sum(exchange.open_one(line, make_cmac, make_siv) for line in sealed_on_vm)
    assert (data, len(sealed_on_vm) - data) == (FRAMES, CONTROLS)


def test_from_the_host_to_the_vm(exchange, tmp_path):
    file = tmp_path / "from_host.txt"
    exchange.seal(str(file), FRAMES, SEED)
    assert on_vm("open", str(file)) == f"opened {FRAMES} DATA, {CONTROLS} control"


def test_one_changed_line_is_noticed_on_the_vm(exchange, tmp_path):
    file = tmp_path / "changed.txt"
    exchange.seal(str(file), 20, SEED)
    root, relay, digest, datagram = file.read_text().splitlines()[7].split()
    for line in (
        f"{root} {relay} {'0' * 16} {datagram}",
        f"{root} {relay} {digest} {datagram[:-1]}{int(datagram[-1], 16) ^ 1:x}",
        f"{root} {int(relay) ^ 1} {digest} {datagram}",
    ):
        file.write_text(line + "\n")
        with pytest.raises(AssertionError, match=r"ValueError|AuthError"):
            on_vm("open", str(file))


def test_from_the_vm_to_a_second_implementation(sealed_on_vm):
    kinds: dict[int, int] = {}
    counts = set()
    for line in sealed_on_vm:
        root, relay, digest, datagram = line.split()
        kind, content, count = open_with_cryptography(bytes.fromhex(root), int(relay), bytes.fromhex(datagram))
        assert hashlib.sha256(content).digest()[:8].hex() == digest
        kinds[kind] = kinds.get(kind, 0) + 1
        counts.add(count)
    assert kinds[1] == FRAMES
    assert set(kinds) == {1, 2, 3, 4, 5}
    assert counts >= {1, 255}


def open_with_cryptography(root: bytes, relay: int, datagram: bytes) -> tuple[int, bytes, int]:
    """(kind, the text that the line's digest is of, number of readings), from docs/protocol.md and without the core."""
    kind, sensor = datagram[0] - 0x10, datagram[4:8] + datagram[2:3]
    way = b"gridecho/1 up" if kind in (1, 4) else b"gridecho/1 down"
    mac = CMAC(AES(derived(root, way, sensor + struct.pack(">I", relay), 16)))
    mac.update(datagram[:-8])
    assert mac.finalize()[:8] == datagram[-8:]
    if kind != 1:
        _, *fields = struct.unpack(">BBBBIIIQI", datagram[:-8])
        return kind, repr([kind, *fields]).encode(), 0
    _, *fields = struct.unpack(">BBBBIIII", datagram[:20])
    plain = AESSIV(derived(root, b"gridecho/1 siv", sensor, 32)).decrypt(datagram[20:-8], [datagram[:20]])
    numbers = varints(plain)
    mask, count, time_s = next(numbers), fields[2], fields[6]
    codes = [code for code in range(56) if mask & 2**code]
    values = [0] * len(codes)
    content = repr(fields)
    for i in range(count):
        time_s += signed(next(numbers)) if i else 0
        values = [value + signed(next(numbers)) for value in values]
        content += repr((time_s, list(zip(codes, values, strict=True))))
    assert next(numbers, None) is None
    return kind, content.encode(), count


def derived(root: bytes, label: bytes, context: bytes, length: int) -> bytes:
    return KBKDFCMAC(AES, Mode.CounterMode, length, 4, 4, CounterLocation.BeforeFixed, label, context, None).derive(
        root
    )


def varints(data: bytes):
    n = scale = 0
    for byte in data:
        n, scale = n + (byte % 128 << 7 * scale), scale + 1
        if byte < 128:
            yield n
            n = scale = 0


def signed(n: int) -> int:
    return n // 2 if n % 2 == 0 else -(n + 1) // 2

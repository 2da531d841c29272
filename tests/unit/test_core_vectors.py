"""The golden files and the core against a second implementation: `cryptography`'s primitives and `struct`, nothing of ours.

What stands here is written from docs/protocol.md; it shares no line with the core.
"""

import hashlib
import importlib
import importlib.util
import json
import random
import re
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from gridecho import (
    batch,
    cmac,
    crypto,
    crypto_host,
    fileset,
    frames,
    groups,
    holdings,
    intake,
    orders,
    readings,
    siv,
)
from gridecho.errors import AuthError, ProtocolError
from gridecho.registers import QUANTITIES
from gridecho.states import STATES

from tests.rigs.places import REPOSITORY

TESTS = REPOSITORY / "tests"
VECTORS = TESTS / "vectors"
PROTOCOL = TESTS.parent / "docs/protocol.md"


def load(name):
    return json.loads((VECTORS / name).read_text())


def aes_cmac(key, data):
    mac = CMAC(AES(key))
    mac.update(data)
    return mac.finalize()


def kdf(key, label, context, length):
    return KBKDFCMAC(AES, Mode.CounterMode, length, 4, 4, CounterLocation.BeforeFixed, label, context, None).derive(key)


def varint(n):
    return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + varint(n // 128)


def zigzag(n):
    return 2 * n if n >= 0 else -2 * n - 1


def encoded(readings):
    """The layout of docs/protocol.md, "Readings", once more."""
    codes = sorted(int(code) for code in readings[0][1])
    out = varint(sum(2**code for code in codes))
    time_before, before = None, dict.fromkeys(codes, 0)
    for time_s, values in readings:
        if time_before is not None:
            out += varint(zigzag(time_s - time_before))
        for code in codes:
            out += varint(zigzag(values[str(code)] - before[code]))
            before[code] = values[str(code)]
        time_before = time_s
    return out


@pytest.fixture(scope="module")
def keys():
    return load("keys.json")


def test_keys(keys):
    root, secret = bytes.fromhex(keys["root"]), bytes.fromhex(keys["relay_secret"])
    sensor = struct.pack(">IB", keys["sensor_id"], keys["key_id"])
    assert kdf(root, b"gridecho/1 siv", sensor, 32).hex() == keys["siv"]
    assert kdf(root, b"gridecho/1 order", sensor, 32).hex() == keys["order"]
    for relay, link in keys["link"].items():
        context = sensor + struct.pack(">I", int(relay))
        assert kdf(root, b"gridecho/1 up", context, 16).hex() == link["up"]
        assert kdf(root, b"gridecho/1 down", context, 16).hex() == link["down"]
    for name in ("token", "batch", "receipt", "pull"):
        assert kdf(secret, b"gridecho/1 " + name.encode(), struct.pack(">I", keys["relay_id"]), 32).hex() == keys[name]
    for row in keys["derive"]:
        made = kdf(bytes.fromhex(row["key"]), row["label"].encode(), bytes.fromhex(row["context"]), row["length"])
        assert made.hex() == row["out"]


def test_data(keys):
    up = {int(relay): bytes.fromhex(link["up"]) for relay, link in keys["link"].items()}
    (other,) = up.keys() - {keys["relay_id"]}
    made = load("data.json")
    for row in made:
        ids = (row["sensor_id"], row["epoch"], row["seq"])
        head = struct.pack(">BBBBIIII", 0x11, row["op"], row["key_id"], row["count"], *ids, row["time_s"])
        assert (row["count"], row["time_s"]) == (len(row["readings"]), row["readings"][0][0])
        plain = encoded(row["readings"])
        frame = head + AESSIV(bytes.fromhex(keys["siv"])).encrypt(plain, [head])
        assert plain.hex() == row["encoded"]
        assert frame.hex() == row["frame"]
        assert (frame + aes_cmac(up[keys["relay_id"]], frame)[:8]).hex() == row["datagram"]
        assert (frame + aes_cmac(up[other], frame)[:8]).hex() == row["datagram_to_other_relay"]
    assert {row["op"] for row in made} == {1, 2}


def test_control(keys):
    link = {way: bytes.fromhex(key) for way, key in keys["link"][str(keys["relay_id"])].items()}
    made = load("control.json")
    for row in made:
        first = struct.pack(">BBBB", 0x10 + row["kind"], row["status"], row["key_id"], row["retry_after_s"])
        ids = struct.pack(">III", row["sensor_id"], row["epoch"], row["seq"])
        body = first + ids + struct.pack(">QI", row["utc_ms"], row["relay_id"])
        tag = aes_cmac(link["up" if row["kind"] == 4 else "down"], body)[:8]
        assert (body + tag).hex() == row["datagram"]
    assert {row["kind"] for row in made} == {2, 3, 4, 5}


def test_orders(keys):
    link = {way: bytes.fromhex(key) for way, key in keys["link"][str(keys["relay_id"])].items()}
    siv = AESSIV(bytes.fromhex(keys["order"]))
    contents, indices = {}, {}
    for row in load("orders.json"):
        contents[row["version"]] = contents.get(row["version"], b"") + bytes.fromhex(row["content"])
        indices.setdefault(row["version"], []).append(row["index"])
    for row in load("orders.json"):
        content = contents[row["version"]]
        assert row["size"] == len(content)
        plain = bytes.fromhex(row["content"]) if row["index"] else hashlib.sha256(content).digest()
        ids = struct.pack(">IIII", row["sensor_id"], row["version"], row["size"], row["index"])
        head = struct.pack(">BBBB", 0x17, row["kind"], row["key_id"], 0) + ids
        piece = head + siv.encrypt(plain, [head])
        assert (piece + aes_cmac(link["down"], piece)[:8]).hex() == row["datagram"]
        version = row["version"] if row["index"] else 0
        ids = struct.pack(">IIII", row["sensor_id"], version, 0, row["index"])
        fetch = struct.pack(">BBBB", 0x16, 0, row["key_id"], 0) + ids
        fetch += bytes(max(76, len(piece) + 8) - len(fetch) - 8)
        assert (fetch + aes_cmac(link["up"], fetch)[:8]).hex() == row["fetch"]
    for version, found in indices.items():
        assert found == list(range(-(-len(contents[version]) // 1024) + 1))
    assert {row["kind"] for row in load("orders.json")} == {1, 2, 3}


def test_a_firmware_set(keys):
    files = {"lib/gridecho/__init__.py": b"", "lib/gridecho_node/app.mpy": bytes(range(256))}
    expected = b"GEF\x01" + struct.pack(">H", len(files))
    for path, content in sorted(files.items()):
        name = path.encode()
        expected += struct.pack(">B", len(name)) + name + struct.pack(">I", len(content))
        expected += hashlib.sha256(content).digest() + content
    rows = [row for row in load("orders.json") if row["name"].startswith("firmware_")]
    assert b"".join(bytes.fromhex(row["content"]) for row in rows) == expected


def test_batch_and_receipt(keys):
    row = load("batch.json")
    content = b"".join(struct.pack(">H", len(frame) // 2) + bytes.fromhex(frame) for frame in row["frames"])
    batch_id = hashlib.sha256(content).digest()[:16]
    body = b"GEB\x01" + struct.pack(">I16sI", row["relay_id"], batch_id, len(row["frames"])) + content
    assert batch_id.hex() == row["batch_id"]
    assert (body + aes_cmac(bytes.fromhex(keys["batch"]), body)).hex() == row["body"]
    counts = struct.pack(">III", row["stored"], row["known"], row["quarantined"])
    receipt = b"GER\x01" + struct.pack(">I16s", row["relay_id"], batch_id) + counts
    assert (receipt + aes_cmac(bytes.fromhex(keys["receipt"]), receipt)).hex() == row["receipt"]


def test_holdings(keys):
    row = load("holdings.json")
    key = {name: bytes.fromhex(keys[name]) for name in ("batch", "receipt", "pull")}
    runs, wants = ([struct.pack(">6I", *six) for six in row[name]] for name in ("runs", "wants"))
    piece = b"GEI\x01" + struct.pack(">IQQQI", row["relay_id"], row["listing"], row["start"], row["end"], len(runs))
    piece += b"".join(runs)
    assert (piece + aes_cmac(key["batch"], piece)).hex() == row["piece"]
    known = b"GEK\x01" + struct.pack(">IQQ", row["relay_id"], row["listing"], row["end"])
    assert (known + aes_cmac(key["receipt"], known)).hex() == row["known"]
    pull = (
        b"GEP\x01" + struct.pack(">IQQI", row["relay_id"], row["pull_id"], row["utc_ms"], len(wants)) + b"".join(wants)
    )
    assert (pull + aes_cmac(key["pull"], pull)).hex() == row["pull"]


def test_groups(keys):
    row, body, piece = load("groups.json"), load("batch.json")["body"], load("holdings.json")["piece"]
    group, term, proxy, began_s = (row[name] for name in ("group_id", "term", "proxy", "began_s"))
    secret, context = bytes.fromhex(row["proxy_secret"]), struct.pack(">I", proxy)
    appointment = aes_cmac(
        kdf(secret, b"gridecho/1 receipt", context, 32), b"GEA\x01" + struct.pack(">3I", proxy, group, term)
    )
    assert appointment.hex() == row["appointment"]
    url = row["url"].encode()
    turn = b"GET\x01" + struct.pack(">IQIIIIH", row["relay_id"], row["issued_ms"], group, term, proxy, began_s, 60)
    turn += appointment + struct.pack(">H", len(url)) + url
    turn += aes_cmac(bytes.fromhex(keys["receipt"]), turn)
    assert turn.hex() == row["turn"]
    none = b"GET\x01" + struct.pack(">IQ", row["relay_id"], row["issued_ms"]) + bytes(36)
    assert (none + aes_cmac(bytes.fromhex(keys["receipt"]), none)).hex() == row["no_group"]
    assert row["handed"] == (b"GEH\x01" + struct.pack(">II", group, term) + appointment + b"\x03").hex() + piece
    loads = [struct.pack(">BI", kind, len(load) // 2).hex() + load for kind, load in ((1, body), (3, piece))]
    assert row["carry"] == (b"GEF\x01" + struct.pack(">IIIH", proxy, group, term, 2)).hex() + "".join(loads)
    receipt = bytes.fromhex(load("batch.json")["receipt"]) + turn
    answers = [(struct.pack(">HHI", 200, 0, len(receipt)) + receipt).hex(), struct.pack(">HHI", 507, 30, 0).hex()]
    assert row["answers"] == answers
    assert row["carried"] == (b"GEW\x01" + struct.pack(">IIH", term, proxy, 2)).hex() + "".join(answers)
    assert row["refused"] == (b"GEW\x01" + struct.pack(">IIH", term + 1, row["relay_id"], 0)).hex()


def test_readings():
    for row in load("readings.json"):
        assert encoded(row["readings"]).hex() == row["encoded"], row["name"]


def test_timing():
    found = load("timing.json")
    assert found["first_rto"] == 1_000_000
    for row in found["estimates"]:
        srtt = rttvar = None
        for rtt, after in zip(row["rtts"], row["srtt_rttvar_rto"], strict=True):
            if srtt is None:
                srtt, rttvar = max(1, rtt), rtt // 2
            else:
                rttvar = rttvar + (abs(srtt - rtt) - rttvar) // 4
                srtt = max(1, srtt + (rtt - srtt) // 8)
            assert after == [srtt, rttvar, min(60_000_000, max(200_000, srtt + 4 * rttvar))]
    for rto, attempt, random_16, timeout in found["rto_attempt_random_timeout"]:
        base = min(60_000_000, rto * 2 ** min(attempt, 6))
        assert timeout == base + base * random_16 // 131_072


def test_runs():
    for row in load("runs.json"):
        said = [(s, e, first + i, t + i * step) for s, e, first, n, t, step in row["runs"] for i in range(n)]
        assert sorted(said) == sorted({tuple(one) for one in row["rows"]}), row["name"]
        assert len(said) == len(set(said))
        assert all(n > 1 or not step for *_, n, _, step in row["runs"])


def test_what_is_to_be_refused_is(keys):
    link = {way: bytes.fromhex(key) for way, key in keys["link"][str(keys["relay_id"])].items()}
    up, siv_ = crypto.Cmac(link["up"]), crypto.Siv(bytes.fromhex(keys["siv"]))
    batch_mac, pull_mac = (crypto.Cmac(bytes.fromhex(keys[name])) for name in ("batch", "pull"))

    def to_relay(datagram):
        kind = frames.kind_of(datagram)
        if kind == frames.FETCH:
            orders.read_fetch(datagram, up)
        elif kind == frames.DATA:
            intake.read_header(frames.untag(datagram, up))
        else:
            frames.read_control(datagram, up)

    read = {
        "readings": lambda data, row: readings.decode(data, row["count"], row["time_s"]),
        "frame": lambda data, row: intake.unseal(data, siv_),
        "batch": lambda data, row: batch.read_batch(data, batch_mac),
        "index": lambda data, row: holdings.read_piece(data, batch_mac),
        "pull": lambda data, row: holdings.read_pull(data, pull_mac),
    }
    for row in load("negative.json"):
        data = bytes.fromhex(row["bytes"])
        with pytest.raises(ProtocolError) as refused:
            read.get(row["what"], lambda data, row: to_relay(data))(data, row)
        assert isinstance(refused.value, AuthError) == (row["refused"] == "proof"), row["name"]
        if row["refused"] == "form" and "to relay" in row["what"]:
            assert aes_cmac(link["up"], data[:-8])[:8] == data[-8:], "its tag is right"


def test_the_generator_makes_these_files(tmp_path):
    # NIST's vectors among them: they are compared with the package that carries NIST's own file.
    spec = importlib.util.spec_from_file_location("make_vectors", VECTORS / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    make.write(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in VECTORS.glob("*.json*")}


@pytest.mark.parametrize("construction", [cmac.Cmac, crypto_host.Cmac])
def test_cmac_against_cryptography(construction):
    rng = random.Random(1)
    for length in [*range(70), *(rng.randrange(1200) for _ in range(300))]:
        key, data = rng.randbytes(rng.choice((16, 32))), rng.randbytes(length)
        assert construction(key).tag(data) == aes_cmac(key, data)


@pytest.mark.parametrize("construction", [siv.Siv, crypto_host.Siv])
def test_siv_against_cryptography(construction):
    rng = random.Random(2)
    for length in [*range(70), *(rng.randrange(1200) for _ in range(300))]:
        key, data = rng.randbytes(rng.choice((32, 64))), rng.randbytes(length)
        associated = rng.randbytes(rng.choice((0, 1, 16, 20, 20, 20, 33)))
        box, sealed = construction(key), AESSIV(key).encrypt(data, [associated])
        assert box.seal(data, associated) == sealed
        assert box.open(sealed, associated) == data


def test_siv_counter_that_wraps():
    # RFC 5297 clears two bits of the counter. SIVs whose low 31 bits are close to all ones are too rare to wait for:
    # the counter part alone, against AES-CTR of the library.
    rng = random.Random(3)
    key = rng.randbytes(32)
    for low in (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFF0, 0x80000000):
        start = b"\xff" * 12 + struct.pack(">I", low)
        cleared = struct.pack(">IIII", 0xFFFFFFFF, 0xFFFFFFFF, 0x7FFFFFFF, low & 0x7FFFFFFF)
        expected = Cipher(AES(key[16:]), modes.CTR(cleared)).encryptor().update(bytes(1156))
        assert siv.Siv(key)._ctr(start, bytes(1156)) == expected


def test_kdf_against_cryptography():
    rng = random.Random(4)
    for _ in range(500):
        key, context = rng.randbytes(rng.choice((16, 32))), rng.randbytes(rng.randrange(24))
        label = bytes(rng.randrange(1, 256) for _ in range(rng.randrange(24)))
        length = rng.randrange(1, 256)
        # Its label and context may not both be missing.
        if label or context:
            assert crypto.derive(key, label, context, length) == kdf(key, label, context, length)


def test_the_host_uses_the_library():
    assert (crypto.Cmac, crypto.Siv) == (crypto_host.Cmac, crypto_host.Siv)


def test_pure_and_host_refuse_the_same():
    rng = random.Random(5)
    for _ in range(200):
        key, associated, data = rng.randbytes(32), rng.randbytes(20), rng.randbytes(rng.randrange(1, 100))
        sealed = bytearray(siv.Siv(key).seal(data, associated))
        sealed[rng.randrange(len(sealed))] ^= 1 << rng.randrange(8)
        for construction in (siv.Siv, crypto_host.Siv):
            with pytest.raises(crypto_host.AuthError):
                construction(key).open(bytes(sealed), associated)


# The document. Its hex examples name what they show: ```hex FILE:PATH, and where a file is a list, FILE:NAME.PATH.
EXAMPLES = re.findall(r"^```hex (\S+?):(\S+)\n(.*?)^```", PROTOCOL.read_text(), re.MULTILINE | re.DOTALL)


def shown(file, path):
    first, *rest = path.split(".")
    content = load(file)
    value = {row["name"]: row for row in content}[first] if isinstance(content, list) else content[first]
    for name in rest:
        value = value[name]
    return value


@pytest.mark.parametrize(("file", "path", "text"), EXAMPLES, ids=[f"{file}:{path}" for file, path, _ in EXAMPLES])
def test_examples_in_the_document_are_the_golden_ones(file, path, text):
    assert re.sub(r";.*|\s", "", text) == shown(file, path)


def test_the_document_shows_every_type_of_frame():
    assert len(EXAMPLES) >= 21
    framed = ("data.json", "control.json", "orders.json")
    kinds = {shown(file, path)[1] for file, path, _ in EXAMPLES if file in framed}
    assert kinds == set("1234567")


def table_rows(heading, columns):
    """The cells of the rows in the section that begins with this heading, of tables with so many columns."""
    section = PROTOCOL.read_text().split(f"\n{heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [row for row in cells if len(row) == columns]


def test_the_documents_quantities_are_the_codes():
    documented = {int(code): (obis, unit) for code, _, unit, obis in table_rows("## 4. Readings", 4) if code.isdigit()}
    assert documented == {code: (obis, unit) for code, (obis, unit, _) in (QUANTITIES | STATES).items()}


def test_the_documents_figures_are_the_codes():
    figures = [row for row in table_rows("## 6. What a sensor does", 4) if row[3].startswith("`")]
    assert len(figures) == 17
    for what, value, _unit, name in figures:
        module, _, constant = name.strip("`").rpartition(".")
        assert getattr(importlib.import_module(module), constant) == int(value.replace(",", "")), what


def test_the_documents_keys_are_the_codes(keys):
    documented = [row for row in table_rows("## 2. Keys", 6) if row[2].startswith("`")]
    made = {"K_siv": keys["siv"], "token": keys["token"], "K_batch": keys["batch"], "K_receipt": keys["receipt"]}
    made["K_pull"] = keys["pull"]
    link = keys["link"][str(keys["relay_id"])]
    made |= {"K_order": keys["order"], "K_up": link["up"], "K_down": link["down"]}
    assert len(documented) == len(made)
    numbers = {
        "u32 sensor id": struct.pack(">I", keys["sensor_id"]),
        "u8 key id": bytes([keys["key_id"]]),
        "u32 relay id": struct.pack(">I", keys["relay_id"]),
    }
    for name, secret, label, context, length, _ in documented:
        secret = bytes.fromhex(keys["root" if secret == "root" else "relay_secret"])
        context = b"".join(numbers[part] for part in context.split(", "))
        assert kdf(secret, label.strip("`").encode(), context, int(length)).hex() == made[name]


def test_the_documents_limits_are_the_codes():
    text = " ".join(PROTOCOL.read_text().split())
    for number in (batch.MAX_BATCH_BYTES, batch.MAX_FRAMES, frames.MAX_DATAGRAM, frames.MAX_SEALED - frames.SIV_BYTES):
        assert f"{number:,}" in text
    limits = (
        f"DATA and PIECE have {frames.MIN_DATA} to {frames.MAX_DATAGRAM:,} bytes, FETCH {frames.MIN_FETCH} to "
        f"{frames.MAX_DATAGRAM:,}, every other type exactly {frames.CONTROL_BYTES}"
    )
    assert limits in text
    for number in (holdings.MAX_RUNS, holdings.MAX_WANTS):
        assert f"{number:,}" in text
    assert f"carry: {groups.MAX_LOADS} loads" in text
    assert f"answer to one load: {groups.MAX_ANSWER_BYTES:,} bytes" in text
    assert f"URL: {groups.MAX_URL_BYTES} bytes" in text
    for number in (orders.MAX_CONFIG_BYTES, orders.MAX_FIRMWARE_BYTES, fileset.MAX_FILE_BYTES):
        assert f"{number:,} bytes" in text
    assert f"{orders.PIECE_BYTES:,} bytes each" in text

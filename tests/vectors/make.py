"""Makes the golden files of this folder: `python tests/vectors/make.py [FOLDER]`. The same bytes come out each time.

All but kdf_nist.json are made with our core, from fixed inputs; tests/unit/test_core_vectors.py makes them a second time from
`cryptography`'s primitives and `struct` alone. kdf_nist.json is taken from NIST's CAVP file as the package
`cryptography-vectors` carries it: the parts that our KDF can express. One object a line where a board reads them one by one.
"""

import json
import struct
import sys
from pathlib import Path

import cryptography_vectors
from gridecho import frames, keys, relay_keys
from gridecho.batch import Receipt, pack_batch
from gridecho.crypto import Cmac, Siv, derive
from gridecho.fileset import pack_set
from gridecho.frames import (
    ACK,
    BUSY,
    ECHO,
    LIVE_WANTED,
    NACK,
    OK,
    ORDER_WAITING,
    PROBE,
    SEND,
    STALE,
    STORE,
    Control,
    DataHeader,
    tag,
)
from gridecho.groups import BATCH, PIECE, Carried, Carry, Handed, Turn, appointment_of, pack_answer
from gridecho.holdings import ANY, Known, Piece, Pull
from gridecho.orders import CONFIG, FIRMWARE, KEY, Fetch, Order, seal_order
from gridecho.readings import Reading, encode
from gridecho.rtt import RttEstimator, retry_timeout_us
from gridecho_relay.zones import runs_of

ROOT = bytes(range(32))  # of the sensor
SECRET = bytes(range(32, 64))  # of the relay
OTHER_SECRET = bytes(range(64, 96))
SENSOR, KEY_ID, EPOCH = 0x01020304, 1, 7
RELAY, OTHER_RELAY = 0x000000C8, 0x000000C9
TIME = 1_783_771_200  # 2026-07-11T12:00:00Z
UTC_MS = TIME * 1000 + 123

# name: (operation tag, seq, readings)
DATA = {
    "store_one_reading": (STORE, 0, [Reading(TIME, {0: 1_234_567, 2: 350, 4: 230_100})]),
    "send_three_readings": (
        SEND,
        1,
        [
            Reading(TIME, {0: 1_234_567, 2: 350}),
            Reading(TIME + 60, {0: 1_234_573, 2: 349}),
            Reading(TIME + 120, {0: 1_234_579, 2: 412}),
        ],
    ),
    "store_without_time": (STORE, 2, [Reading(0, {0: 1_234_600})]),
    "send_negative_and_times_going_back": (
        SEND,
        3,
        [Reading(TIME, {3: -5, 10: -1000}), Reading(TIME - 3600, {3: 0, 10: 998})],
    ),
    "send_state_of_the_sensor": (SEND, 4, [Reading(TIME, {40: RELAY, 41: 8_250})]),
    "store_longest_values": (STORE, 0xFFFFFFFF, [Reading(0xFFFFFFFF, {0: (1 << 53) - 1, 55: -(1 << 53) + 1})]),
    "retagged_store_one_reading_as_send": (SEND, 0, [Reading(TIME, {0: 1_234_567, 2: 350, 4: 230_100})]),
}

# name: (kind, status, retry after s, seq, UTC in ms); up by PROBE, down by the others
CONTROL = {
    "probe": (PROBE, 0, 0, 1, 0),
    "echo": (ECHO, OK, 0, 1, UTC_MS),
    "echo_live_wanted": (ECHO, OK | LIVE_WANTED, 0, 2, UTC_MS),
    "ack": (ACK, OK, 0, 0, UTC_MS),
    "ack_live_wanted": (ACK, OK | LIVE_WANTED, 0, 0xFFFFFFFF, UTC_MS),
    "ack_order_waiting": (ACK, OK | ORDER_WAITING, 0, 0, UTC_MS),
    "nack_busy": (NACK, BUSY, 30, 1, UTC_MS),
    "nack_stale": (NACK, STALE, 255, 1, (1 << 48) - 1),
}

# name: readings, as the worked examples of docs/protocol.md, "Readings"
READINGS = {
    "one": [Reading(TIME, {2: 350})],
    "three": DATA["send_three_readings"][2],
    "zigzag": [Reading(TIME, {0: 0, 1: -1, 2: 1, 3: -64, 4: 64, 5: -65, 6: (1 << 53) - 1, 7: -(1 << 53) + 1})],
    "largest_code": [Reading(TIME, {55: 1})],
    "longest_steps": [Reading(0, {0: (1 << 53) - 1}), Reading(0xFFFFFFFF, {0: -(1 << 53) + 1})],
}

SET = {"lib/gridecho/__init__.py": b"", "lib/gridecho_node/app.mpy": bytes(range(256))}
# name: (kind, version, content)
ORDERS = {
    "config": (CONFIG, 1, b'{"sensor_id": 16909060, "relays": [{"id": 200, "host": "10.0.0.2"}]}'),
    "firmware": (FIRMWARE, 0xFFFFFFFF, pack_set(SET)),
    "two_pieces": (CONFIG, 2, bytes(1025)),
    "key": (KEY, 3, bytes([2, *range(100, 132)])),
}


def plain(readings: list[Reading]) -> list[list[object]]:
    """[[Unix seconds, {code: value}], ...]; JSON makes the codes texts."""
    return [
        [reading.time_s, {str(code): value for code, value in sorted(reading.values.items())}] for reading in readings
    ]


def of_keys() -> dict[str, object]:
    """Every key that the other files use, with what it comes from."""
    link = {
        str(relay): {
            "up": keys.link_key_up(ROOT, SENSOR, KEY_ID, relay).hex(),
            "down": keys.link_key_down(ROOT, SENSOR, KEY_ID, relay).hex(),
        }
        for relay in (RELAY, OTHER_RELAY)
    }
    return {
        "root": ROOT.hex(),
        "sensor_id": SENSOR,
        "key_id": KEY_ID,
        "siv": keys.siv_key(ROOT, SENSOR, KEY_ID).hex(),
        "order": keys.order_key(ROOT, SENSOR, KEY_ID).hex(),
        "link": link,
        "relay_secret": SECRET.hex(),
        "relay_id": RELAY,
        "token": relay_keys.relay_token(SECRET, RELAY).hex(),
        "batch": relay_keys.batch_key(SECRET, RELAY).hex(),
        "receipt": relay_keys.receipt_key(SECRET, RELAY).hex(),
        "pull": relay_keys.pull_key(SECRET, RELAY).hex(),
        "derive": [
            {"key": key.hex(), "label": label, "context": context.hex(), "length": n, "out": out.hex()}
            for key, label, context, n, out in (
                (key, label, context, n, derive(key, label.encode(), context, n))
                for key, label, context, n in (
                    (ROOT, "gridecho/1 siv", SENSOR.to_bytes(4, "big") + bytes((KEY_ID,)), 32),
                    (ROOT[:16], "a", b"", 1),
                    (ROOT, "", bytes(3), 255),
                )
            )
        ],
    }


def of_data() -> list[dict[str, object]]:
    """DATA of both tags, as sent to one relay and, with another link tag, to a second."""
    siv = Siv(keys.siv_key(ROOT, SENSOR, KEY_ID))
    up, other = (Cmac(keys.link_key_up(ROOT, SENSOR, KEY_ID, relay)) for relay in (RELAY, OTHER_RELAY))
    made = []
    for name, (op, seq, readings) in DATA.items():
        time_s, data = readings[0].time_s, encode(readings)
        frame = frames.seal(DataHeader(op, KEY_ID, len(readings), SENSOR, EPOCH, seq, time_s), data, siv)
        made.append(
            {
                "name": name,
                "op": op,
                "key_id": KEY_ID,
                "count": len(readings),
                "sensor_id": SENSOR,
                "epoch": EPOCH,
                "seq": seq,
                "time_s": time_s,
                "readings": plain(readings),
                "encoded": data.hex(),
                "frame": frame.hex(),
                "datagram": frames.tag(frame, up).hex(),
                "datagram_to_other_relay": frames.tag(frame, other).hex(),
            }
        )
    return made


def of_control() -> list[dict[str, object]]:
    """PROBE, ECHO, ACK and NACK."""
    up = Cmac(keys.link_key_up(ROOT, SENSOR, KEY_ID, RELAY))
    down = Cmac(keys.link_key_down(ROOT, SENSOR, KEY_ID, RELAY))
    made = []
    for name, (kind, status, retry_after_s, seq, utc_ms) in CONTROL.items():
        control = Control(kind, status, KEY_ID, retry_after_s, SENSOR, EPOCH, seq, utc_ms, RELAY)
        row: dict[str, object] = {"name": name}
        row.update({field: getattr(control, field) for field in sorted(Control.__slots__)})
        row["datagram"] = control.pack(up if kind == PROBE else down).hex()
        made.append(row)
    return made


def of_batch(data: list[dict[str, object]]) -> dict[str, object]:
    """A batch of the first two DATA frames, and the receipt that answers it."""
    content = [bytes.fromhex(str(row["frame"])) for row in data[:2]]
    batch_id, body = pack_batch(RELAY, content, Cmac(relay_keys.batch_key(SECRET, RELAY)))
    receipt = Receipt(RELAY, batch_id, 1, 1, 0)
    return {
        "relay_id": RELAY,
        "frames": [frame.hex() for frame in content],
        "batch_id": batch_id.hex(),
        "body": body.hex(),
        "stored": receipt.stored,
        "known": receipt.known,
        "quarantined": receipt.quarantined,
        "receipt": receipt.pack(Cmac(relay_keys.receipt_key(SECRET, RELAY))).hex(),
    }


def of_holdings() -> dict[str, object]:
    """A piece of an index with two runs, the answer to it, and a pull request with a want by time and one by data ids."""
    runs = [(SENSOR, EPOCH, 4, 60, TIME, 60), (SENSOR, EPOCH, 64, 1, TIME + 3_601, 0)]
    wants = [(SENSOR, 0, 0, ANY, TIME, TIME + 1_800), (SENSOR, EPOCH, 64, 64, 0, ANY)]
    piece, pull = Piece(RELAY, UTC_MS, 10, 71, runs), Pull(RELAY, 5, UTC_MS, wants)
    return {
        "relay_id": RELAY,
        "listing": UTC_MS,
        "start": piece.start,
        "end": piece.end,
        "runs": runs,
        "piece": piece.pack(Cmac(relay_keys.batch_key(SECRET, RELAY))).hex(),
        "known": Known(RELAY, UTC_MS, piece.end).pack(Cmac(relay_keys.receipt_key(SECRET, RELAY))).hex(),
        "pull_id": pull.pull_id,
        "utc_ms": UTC_MS,
        "wants": wants,
        "pull": pull.pack(Cmac(relay_keys.pull_key(SECRET, RELAY))).hex(),
    }


def of_groups(batch: dict[str, object], index: dict[str, object]) -> dict[str, object]:
    """A turn of the relay, whose proxy is the other one; what it hands over; the carry with it, and the remote's answers."""
    group_id, term, url = 5, 12, "http://192.0.2.7:4691"
    receipt_mac = Cmac(relay_keys.receipt_key(SECRET, RELAY))
    appointment = appointment_of(OTHER_RELAY, group_id, term, Cmac(relay_keys.receipt_key(OTHER_SECRET, OTHER_RELAY)))
    turn = Turn(RELAY, UTC_MS, group_id, term, OTHER_RELAY, TIME - 60, 60, appointment, url)
    packed_turn = turn.pack(receipt_mac)
    batch_load, piece_load = (BATCH, bytes.fromhex(str(batch["body"]))), (PIECE, bytes.fromhex(str(index["piece"])))
    answers = [(200, 0, bytes.fromhex(str(batch["receipt"])) + packed_turn), (507, 30, b"")]
    return {
        "relay_id": RELAY,
        "proxy": OTHER_RELAY,
        "proxy_secret": OTHER_SECRET.hex(),
        "group_id": group_id,
        "term": term,
        "issued_ms": UTC_MS,
        "began_s": TIME - 60,
        "period_s": 60,
        "url": url,
        "appointment": appointment.hex(),
        "turn": packed_turn.hex(),
        "no_group": Turn(RELAY, UTC_MS).pack(receipt_mac).hex(),
        "handed": Handed(group_id, term, appointment, piece_load).pack().hex(),
        "carry": Carry(OTHER_RELAY, group_id, term, [batch_load, piece_load]).pack().hex(),
        "carried": Carried(term, OTHER_RELAY, answers).pack().hex(),
        "refused": Carried(term + 1, RELAY, []).pack().hex(),
        "answers": [pack_answer(answer).hex() for answer in answers],
    }


def of_orders() -> list[dict[str, object]]:
    """Orders: content, the FETCH for each piece, and the PIECE that answers it."""
    siv = Siv(keys.order_key(ROOT, SENSOR, KEY_ID))
    up, down = (Cmac(key(ROOT, SENSOR, KEY_ID, RELAY)) for key in (keys.link_key_up, keys.link_key_down))
    made = []
    for name, (kind, version, content) in ORDERS.items():
        order = Order(kind, KEY_ID, SENSOR, version, len(content))
        for index, piece in enumerate(seal_order(order, content, siv)):
            # The head is asked for without a version: whatever waits.
            fetch = Fetch(KEY_ID, SENSOR, version if index else 0, index)
            made.append(
                {
                    "name": f"{name}_{index}",
                    "kind": kind,
                    "key_id": KEY_ID,
                    "sensor_id": SENSOR,
                    "version": version,
                    "size": len(content),
                    "index": index,
                    "content": content[(index - 1) * 1024 : index * 1024].hex() if index else "",
                    "fetch": fetch.pack(up, order.length(index)).hex(),
                    "datagram": tag(piece, down).hex(),
                }
            )
    return made


def of_readings() -> list[dict[str, object]]:
    """What the readings codec makes of typical and extreme readings."""
    return [
        {"name": name, "readings": plain(readings), "encoded": encode(readings).hex()}
        for name, readings in READINGS.items()
    ]


def of_negative() -> list[dict[str, object]]:
    """What must be refused: `refused` is "form" or "proof" (a tag, MAC or SIV that does not verify)."""
    siv = Siv(keys.siv_key(ROOT, SENSOR, KEY_ID))
    up = Cmac(keys.link_key_up(ROOT, SENSOR, KEY_ID, RELAY))
    down = Cmac(keys.link_key_down(ROOT, SENSOR, KEY_ID, RELAY))
    batch_mac, pull_mac = (Cmac(key(SECRET, RELAY)) for key in (relay_keys.batch_key, relay_keys.pull_key))
    head = struct.pack(">BBBBIIII", 0x11, STORE, KEY_ID, 1, SENSOR, EPOCH, 9, TIME)
    control = struct.pack(">BBBBIIIQI", 0x14, 0, KEY_ID, 0, SENSOR, EPOCH, 1, 0, RELAY)
    fetch = struct.pack(">BBBBIIII", 0x16, 0, KEY_ID, 0, SENSOR, 0, 0, 0) + bytes(48)
    plain = encode([Reading(TIME, {2: 350})])
    made: list[dict[str, object]] = []

    def row(name: str, what: str, refused: str, content: bytes, **more: object) -> None:
        made.append({"name": name, "what": what, "refused": refused, "bytes": content.hex(), **more})

    def changed(content: bytes, at: int, new: bytes) -> bytes:
        return content[:at] + new + content[at + len(new) :]

    for name, at, new in (
        ("an unknown operation tag", 1, b"\x03"),
        ("no operation tag", 1, b"\x00"),
        ("no readings", 3, b"\x00"),
        ("sensor 0", 4, bytes(4)),
        ("epoch 0", 8, bytes(4)),
    ):
        wrong = changed(head, at, new)
        row(name, "DATA to relay 200", "form", tag(wrong + siv.seal(plain, wrong), up))
    good = head + siv.seal(plain, head)
    row("a changed link tag", "DATA to relay 200", "proof", tag(good, up)[:-1] + b"\x00")
    row("a link tag for another relay", "DATA to relay 200", "proof", tag(good, Cmac(bytes(16))))
    row("another version", "DATA to relay 200", "form", tag(changed(good, 0, b"\x21"), up))
    row("an unknown type", "DATA to relay 200", "form", tag(changed(good, 0, b"\x18"), up))
    row("no ciphertext", "DATA to relay 200", "form", tag(good[:36], up))
    row("longer than a datagram may be", "DATA to relay 200", "form", tag(head + bytes(1173), up))
    row("a PROBE with a byte too many", "PROBE to relay 200", "form", tag(control + b"\x00", up))
    row("a UTC beyond 48 bits", "PROBE to relay 200", "form", tag(changed(control, 16, b"\x00\x01"), up))
    row("an ECHO", "PROBE to relay 200", "proof", tag(changed(control, 0, b"\x15"), down))
    for name, at in (("a kind", 1), ("a byte 3", 3), ("a size", 15), ("padding that is not zero", 67)):
        row(f"a FETCH with {name}", "FETCH to relay 200", "form", tag(changed(fetch, at, b"\x01"), up))
    row("a FETCH that is too short", "FETCH to relay 200", "form", tag(fetch[:67], up))
    row("a SIV of other associated data", "frame", "proof", changed(good, 15, b"\x0a"))
    for name, content, count in (
        ("no quantity", b"\x00", 1),
        ("a quantity beyond 55", bytes((0x80,) * 7 + (0x7F,)) + b"\x00", 1),
        ("a number not in its shortest form", b"\x04\x80\x00", 1),
        ("a number of nine bytes", b"\x04" + bytes((0x80,) * 8) + b"\x01", 1),
        ("cut short", b"\x04\xbc", 1),
        ("a tail", plain + b"\x00", 1),
        ("one reading fewer than said", plain, 2),
        ("a value of 2^53", b"\x04" + b"\x80" * 7 + b"\x20", 1),
        ("a time before 0", plain + b"\xff\xff\xff\xff\x1f\x00", 2),
    ):
        row(name, "readings", "form", content, count=count, time_s=TIME)
    _, whole = pack_batch(RELAY, [good], batch_mac)

    def sealed(body: bytes, mac: Cmac = batch_mac) -> bytes:
        return body + mac.tag(body)

    row("a batch that was cut", "batch", "proof", whole[:-1])
    row("another count than it has", "batch", "form", sealed(changed(whole[:-16], 24, b"\x00\x00\x00\x02")))
    row("10,001 frames said", "batch", "form", sealed(changed(whole[:-16], 24, b"\x00\x00\x27\x11")))
    row("an id that is not the digest", "batch", "form", sealed(changed(whole[:-16], 8, bytes(16))))
    piece = Piece(RELAY, UTC_MS, 10, 71, [(SENSOR, EPOCH, 4, 60, TIME, 60)]).pack(batch_mac)
    row("a piece with another relay's MAC", "index", "proof", changed(piece, 4, b"\x00\x00\x00\xc9"))
    row("a start beyond the end", "index", "form", sealed(changed(piece[:-16], 16, b"\x00" * 7 + b"\x48")))
    row("two runs said, one there", "index", "form", sealed(changed(piece[:-16], 35, b"\x02")))
    pull = Pull(RELAY, 5, UTC_MS, [(SENSOR, 0, 0, ANY, 0, ANY)]).pack(pull_mac)
    row("a request without a want", "pull", "form", sealed(changed(pull[:28], 24, bytes(4)), pull_mac))
    row("a request that was changed", "pull", "proof", changed(pull, 20, b"\xff"))
    return made


def of_timing() -> dict[str, object]:
    """RTT estimates (RFC 6298) and retry timeouts (RFC 7252), in us."""
    estimates = []
    for rtts in (
        [800_000, 800_000, 1_600_000, 100_000],
        [5_000] * 12,
        [8_250, 7_913, 9_001, 250_001, 8_100, 3],
        [50_000_000, 1],
        [0, 0],
    ):
        rtt = RttEstimator()
        after = []
        for sample in rtts:
            rtt.sample(sample)
            after.append([rtt.srtt_us, rtt.rttvar_us, rtt.rto_us()])
        estimates.append({"rtts": rtts, "srtt_rttvar_rto": after})
    timeouts = [
        [rto, attempt, random_16, retry_timeout_us(rto, attempt, random_16)]
        for rto in (200_000, 333_333, 60_000_000)
        for attempt in (0, 1, 6, 9)
        for random_16 in (0, 12_345, 65_535)
    ]
    return {"first_rto": RttEstimator().rto_us(), "estimates": estimates, "rto_attempt_random_timeout": timeouts}


def of_runs() -> list[dict[str, object]]:
    """Rows of a relay in order of arrival, [sensor id, epoch, seq, generation time], and the runs of its index."""
    steady = [[SENSOR, EPOCH, seq, TIME + 60 * seq] for seq in range(4, 10)]
    made = []
    for name, rows in (
        ("an even step", steady),
        ("a second late", [*steady, [SENSOR, EPOCH, 10, TIME + 601], [SENSOR, EPOCH, 11, TIME + 661]]),
        ("a gap in seq", steady[:2] + steady[3:]),
        ("out of order, and twice", [steady[3], steady[0], steady[1], steady[3], steady[2]]),
        ("times that stand still", [[SENSOR, EPOCH, seq, TIME] for seq in range(3)]),
        ("times that go back", [[SENSOR, EPOCH, seq, TIME - 60 * seq] for seq in range(3)]),
        ("without time", [[SENSOR, EPOCH, seq, 0] for seq in range(3)]),
        ("two sensors, two epochs", [*steady[:2], [SENSOR + 1, 1, 4, TIME], [SENSOR, EPOCH + 1, 4, TIME], steady[2]]),
        ("the ends of all numbers", [[ANY, ANY, ANY - 1, 0], [ANY, ANY, ANY, ANY]]),
    ):
        heads = b"".join(struct.pack(">BBBBIIII", 0x11, STORE, KEY_ID, 1, *row) for row in rows)
        made.append({"name": name, "rows": rows, "runs": runs_of(heads)})
    return made


def of_nist() -> list[dict[str, object]]:
    """CAVP's KDFCTR vectors with CMAC of AES-128 and AES-256 and a 32-bit counter before the fixed data."""
    wanted = {"PRF": ("CMAC_AES128", "CMAC_AES256"), "CTRLOCATION": ("BEFORE_FIXED",), "RLEN": ("32_BITS",)}
    section: dict[str, str] = {}
    fields: dict[str, str] = {}
    made: list[dict[str, object]] = []
    with cryptography_vectors.open_vector_file("KDF/nist-800-108-KBKDF-CTR.txt", "r") as lines:
        for line in lines:
            name, equals, value = line.strip().strip("[]").partition("=")
            if not equals:
                continue
            fields[name.strip()] = value.strip()
            if line.startswith("["):
                section[name] = value
            elif line.startswith("KO") and all(section[part] in values for part, values in wanted.items()):
                made.append({"key": fields["KI"], "fixed": fields["FixedInputData"], "out": fields["KO"]})
    return made


def write(folder: Path) -> None:
    """Writes every file into the folder."""
    data = of_data()
    batch, index = of_batch(data), of_holdings()
    for name, content in (
        ("keys.json", of_keys()),
        ("batch.json", batch),
        ("holdings.json", index),
        ("groups.json", of_groups(batch, index)),
        ("timing.json", of_timing()),
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")
    for name, rows in (
        ("data.json", data),
        ("control.json", of_control()),
        ("orders.json", of_orders()),
        ("readings.json", of_readings()),
        ("kdf_nist.json", of_nist()),
        ("negative.json", of_negative()),
        ("runs.json", of_runs()),
    ):
        # A row a line, so that a board can read the array one by one.
        (folder / name).write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

"""Makes the golden files of this folder: `python tests/vectors/make.py [FOLDER]`. The same bytes come out each time.

All but kdf_nist.json are made with our core, from fixed inputs; tests/unit/test_core_vectors.py makes them a second time from
`cryptography`'s primitives and `struct` alone. kdf_nist.json is taken from NIST's CAVP file as the package
`cryptography-vectors` carries it: the parts that our KDF can express. One object a line where a board reads them one by one.
"""

import json
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
from gridecho.orders import CONFIG, FIRMWARE, Fetch, Order, seal_order
from gridecho.readings import Reading, encode

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
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")
    for name, rows in (
        ("data.json", data),
        ("control.json", of_control()),
        ("orders.json", of_orders()),
        ("readings.json", of_readings()),
        ("kdf_nist.json", of_nist()),
    ):
        # A row a line, so that a board can read the array one by one.
        (folder / name).write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

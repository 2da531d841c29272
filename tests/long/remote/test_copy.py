"""`gridecho remote copy` of a million readings; tests/service/remote has it with a few rows of every table."""

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import STORE, DataHeader, seal
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading, encode
from gridecho_remote import create_archive, open_archive
from gridecho_remote.rules.days import days_of
from gridecho_remote.store import queries
from gridecho_remote.store.database import Archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.models import TABLES
from gridecho_remote.use.ingest import Ingest

from tests.rigs.load import root_of
from tests.rigs.postgres import PostgresServer
from tests.rigs.waiting import HANG_S

SENSORS, FRAMES, PER_FRAME = range(1, 201), 1_000, 5
T0 = 1_700_000_000
KEK, SECRET = bytes(range(32)), bytes(32)
KILLED_AT = (10_000, 25_000)  # rows of blocks


def fill(archive: Archive) -> None:
    """A million readings of 200 sensors, each batch with some of all."""
    enrol_relay(archive, 1, "relay", SECRET)
    for sensor_id in SENSORS:
        enrol_sensor(archive, sensor_id, "sensor", "north", "x", root_of(sensor_id))
    ingest, mac = Ingest(archive, days_of("UTC")), Cmac(relay_keys.batch_key(SECRET, 1))
    sivs = [Siv(keys.siv_key(root_of(sensor_id), sensor_id, 1)) for sensor_id in SENSORS]
    for begin in range(0, FRAMES, PER_FRAME):
        frames = []
        for seq in range(begin, begin + PER_FRAME):
            first_s = T0 + 300 * seq
            readings = [
                Reading(first_s + 60 * n, {ENERGY_IMPORT: 70 * seq + n, POWER_IMPORT: 7_919 * seq % 3_001})
                for n in range(PER_FRAME)
            ]
            body = encode(readings)
            frames += [
                seal(DataHeader(STORE, 1, PER_FRAME, sensor_id, 1, seq, first_s), body, siv)
                for sensor_id, siv in zip(SENSORS, sivs, strict=True)
            ]
        ingest.take(pack_batch(1, frames, mac)[1], 1_000 * T0)


def settings(folder: Path, database: str) -> Path:
    folder.mkdir()
    config = folder / "remote.toml"
    config.write_text(f"database = {json.dumps(database)}\n")
    (folder / "remote.key").write_text(KEK.hex())
    (folder / "remote.key").chmod(0o600)
    return config


def test_a_million_readings_copied_over_two_kills_are_equal(tmp_path: Path, postgres: PostgresServer) -> None:
    file, url = tmp_path / "source.sqlite", postgres.database()
    here, there = settings(tmp_path / "here", str(file)), settings(tmp_path / "there", url)
    source = create_archive(file, KEK)
    fill(source)
    words = ["remote", "copy", "--batch", "1000", "--config", str(here), "--to", str(there)]
    code = [sys.executable, "-u", "-c", f"from gridecho_cli import main; main({words!r})"]
    for cut in KILLED_AT:
        with subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            assert process.stdout is not None
            first = last = 0
            for line in process.stdout:
                name, _, rest = line.partition(": ")
                if name == "block":
                    last = int(rest.split()[0].replace(",", ""))
                    first = first or last
                    if last >= cut:
                        break
            process.send_signal(signal.SIGKILL)
        assert first == (1_000 if cut == KILLED_AT[0] else KILLED_AT[0] + 1_000), "it goes on where it was"
        with pytest.raises(Exception, match="not a database"):
            open_archive(url, KEK)
    done = subprocess.run(code, capture_output=True, text=True, timeout=10 * HANG_S)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout.splitlines()[-1])
    with closing(open_archive(url, KEK)) as target:
        assert queries.count_readings(target) == len(SENSORS) * FRAMES * PER_FRAME == 1_000_000
        for model in TABLES:
            rows = [sorted(model.select().tuples().execute(one.db), key=repr) for one in (source, target)]
            assert len(rows[0]) == len(rows[1])
            assert all(one == other for one, other in zip(*rows, strict=True)), model
    source.close()

"""`gridecho bench remote`: the readings are those of a relay, all parties answer alike, and its keys are those of docs/bench.md."""

import json
import re
import shutil
import subprocess
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from gridecho import batch, keys, relay_keys
from gridecho.crypto import Cmac, Siv
from gridecho.intake import unseal
from gridecho.readings import Reading, decode, encode
from gridecho_bench import remote, remote_data, remote_duckdb, remote_postgresql
from gridecho_bench.relay_child import RelayBenchError
from gridecho_bench.remote import times_better
from gridecho_bench.remote_bare import bare_postgresql, bare_sqlite
from gridecho_bench.remote_child import run_child
from gridecho_bench.remote_data import CODES, COLUMNS, Data, root_of
from gridecho_bench.remote_making import encoded, make_data
from gridecho_cli import main

from tests.rigs.places import REPOSITORY

SMALL = ["--readings", "6000", "--sensors", "20", "--runs", "1"]
NO_GIT = subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"], capture_output=True).returncode
NO_SERVER = remote_postgresql.missing()
NO_DUCKDB = remote_duckdb.MISSING


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return make_data(tmp_path_factory.mktemp("data"), 6_000, 20, lambda _: None)


def test_a_batch_holds_the_rows(data: Data) -> None:
    mac = Cmac(relay_keys.batch_key(remote_data.RELAY_SECRET, remote_data.RELAY_ID))
    for part, table, per_frame in (("meter-1", "meter", 1), ("meter-10", "meter", 10), ("mixed-10", "region", 10)):
        found = []
        for body in data.bodies(part):
            for frame in batch.read_batch(body, mac)[1]:
                sensor_id = int.from_bytes(frame[4:8], "big")
                header, sealed = unseal(frame, Siv(keys.siv_key(root_of(sensor_id), sensor_id, remote_data.KEY_ID)))
                assert header.count == per_frame
                found += [
                    [sensor_id, reading.time_s, *(reading.values[code] for code in CODES)]
                    for reading in decode(sealed, header.count, header.time_s)
                ]
        assert len(found) == data.readings_of(part)
        assert sorted(found) == sorted(data.rows(table).T.tolist())


def test_frames_of_many_sensors_come_in_turns(data: Data) -> None:
    mac = Cmac(relay_keys.batch_key(remote_data.RELAY_SECRET, remote_data.RELAY_ID))
    frames = [frame for body in data.bodies("mixed-10") for frame in batch.read_batch(body, mac)[1]]
    assert len({frame[4:8] for frame in frames[:20]}) == 20
    assert {frame[12:16] for frame in frames[:20]} == {bytes(4)}


def test_encodings_are_those_of_the_core() -> None:
    edges = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1 << 20, (1 << 31) - 1, -(1 << 31), 1 << 45]
    rows = np.random.default_rng(3).choice(edges, (50, 7, 1 + len(CODES)))
    rows[:, :, 0] = 1_783_771_200 + rows[:, :, 0] % 1_000_000
    expected = [
        encode([Reading(time_s, dict(zip(CODES, values, strict=True))) for time_s, *values in frame])
        for frame in rows.tolist()
    ]
    assert encoded(rows) == expected


def test_a_register_never_falls_and_the_day_has_a_shape(data: Data) -> None:
    energy_wh, power_w = data.rows("meter")[2:4]
    assert np.diff(energy_wh).min() >= 0
    assert energy_wh[-1] - energy_wh[0] == pytest.approx(power_w[1:].sum() / 60, abs=2)
    by_hour = power_w[: 2 * 1440].reshape(2, 24, 60).mean(axis=(0, 2))
    assert by_hour[18:21].mean() > 2 * by_hour[1:4].mean()
    assert (remote_data.COLUMNS, len(data.rows("region"))) == (COLUMNS, 6)


@pytest.mark.skipif(bool(NO_DUCKDB), reason=NO_DUCKDB or "it is there")
def test_remote_and_duckdb_give_the_answers_that_the_rows_hold(data: Data, tmp_path: Path) -> None:
    order = {"data": asdict(data), "place": str(tmp_path / "duckdb"), "url": ""}
    run_child("remote_duckdb", order | {"do": "load", "parts": ["meter-10", "mixed-10"]})
    duckdb = run_child("remote_duckdb", order | {"do": "ask"})["answers"]
    order["place"] = str(tmp_path / "remote")
    run_child("remote_driver", order | {"do": "load", "parts": ["meter-10", "mixed-10"]})
    gridecho = run_child("remote_driver", order | {"do": "ask"})["answers"]
    meter, region = data.rows("meter").astype(np.int64), data.rows("region").reshape(len(COLUMNS), data.minutes, -1)
    begin, end = data.day
    day = meter[:, (meter[1] >= begin) & (meter[1] < end)].T.tolist()
    assert duckdb["day"] == gridecho["day"] == day
    assert len(day) == 1440
    assert duckdb["day by the API"] == gridecho["day by the API"] == [row[1:] for row in day]
    assert duckdb["least and greatest"] == gridecho["least and greatest"] == [meter[3].min(), meter[3].max()]
    # Winter, so a day has 1,440 minutes; the last minute's energy is not known.
    ends = [*range(0, data.meter, 1440), data.meter - 1]
    by_day = np.diff(meter[2][ends]).tolist()
    assert duckdb["energy by day"] == by_day
    assert gridecho["energy by day"] in (None, by_day)
    energy_wh = int((region[2, -1].astype(np.int64) - region[2, 0]).sum())
    assert duckdb["energy of the region"] == energy_wh
    assert gridecho["energy of the region"] in (None, energy_wh)
    assert duckdb["lines of the export"] == gridecho["lines of the export"] == data.meter + 1


def test_what_does_not_agree_is_no_figure() -> None:
    same: dict[str, Any] = {"day": [[1, 2]], "energy by day": None}
    remote._check([("a", same), ("b", dict(same)), ("c", same | {"energy by day": [3]})])
    with pytest.raises(RelayBenchError, match="a and b do not agree: day"):
        remote._check([("a", same), ("b", same | {"day": [[1, 3]]})])


def test_a_ratio_of_two_is_twice_as_good() -> None:
    one = {"ingest_1_per_frame_per_s": 100.0, "day_hot_ms": 2.0, "bytes_per_reading": 10.0, "year_csv_s": None}
    other = {"ingest_1_per_frame_per_s": 50.0, "day_hot_ms": 4.0, "bytes_per_reading": 5.0, "year_csv_s": 1.0}
    assert times_better(one, other) == {"ingest_1_per_frame_per_s": 2, "day_hot_ms": 2, "bytes_per_reading": 0.5}


def test_bare_inserts_store_the_rows(data: Data, tmp_path: Path) -> None:
    found = bare_sqlite(data, tmp_path / "bare")
    assert all(found[f"ingest_{n}_per_frame_per_s"] > 0 for n in (1, 10))
    assert 10 < found["bytes_per_reading"] < 200


@pytest.mark.skipif(bool(NO_SERVER), reason=NO_SERVER or "it is there")
def test_a_server_of_the_bench_leaves_nothing_behind(data: Data) -> None:
    import psycopg

    with closing(remote_postgresql.PrivateServer()) as server:
        with server.database() as url:
            found = bare_postgresql(data, url)
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            assert server.forget()
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
        with psycopg.connect(server.url) as connection:
            query = "SELECT datname FROM pg_database WHERE datname LIKE 'gridecho%'"
            assert connection.execute(query).fetchall() == []
    assert found["ingest_10_per_frame_per_s"] > 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)


def test_json_is_one_line_with_the_documented_keys() -> None:
    done = CliRunner().invoke(main, ["bench", "remote", *SMALL, "--json"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    sqlite = found["sqlite"]
    assert found["readings"] == found["meter_readings"] + found["region_readings"] == 6_000
    assert all(
        sqlite[key] > 0 for key in (*remote.MORE, "day_hot_ms", "day_cold_ms", "day_api_ms", "year_200_points_ms")
    )
    assert sqlite["year_csv_s"] > 0 < sqlite["bytes_per_reading"] < sqlite["bytes_per_reading_1_per_frame"]
    bare = found["bare"]["sqlite"]["ingest_10_per_frame_per_s"]
    assert sqlite["ratio_to_bare"] == pytest.approx(sqlite["ingest_10_per_frame_per_s"] / bare, rel=0.01)
    for party, why in (("duckdb", NO_DUCKDB), ("postgresql", NO_SERVER)):
        assert (found[party]["day_hot_ms"] is None) == bool(why)
        assert found[party].get("reason", "") == why
    assert (found["bare"]["postgresql"] is None) == bool(NO_SERVER)
    documented = (REPOSITORY / "docs/bench.md").read_text().split("## A remote:")[1].split("\n## ")[0]
    named = set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", documented))
    assert named >= set(sqlite) - {"reason"}
    assert named >= {key for key in found if "_" in key}


@pytest.mark.skipif(bool(NO_GIT), reason="this is no checkout")
def test_an_older_build_has_its_turns_and_who_is_not_there_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "missing", lambda _: "no server today")
    monkeypatch.setattr(remote_duckdb, "MISSING", "no DuckDB today")
    done = CliRunner().invoke(main, ["bench", "remote", *SMALL, "--vs-commit", "HEAD", "--json"])
    assert done.exit_code == 0, done.output
    for name, why in (("postgresql", "no server today"), ("duckdb", "no DuckDB today")):
        assert f"no figures of {name}: {why}" in done.stderr
    found = json.loads(done.stdout)
    assert (found["duckdb"]["day_hot_ms"], found["postgresql"]["day_hot_ms"]) == (None, None)
    assert (found["vs"]["commit"], found["vs"]["postgresql"]["reason"]) == ("HEAD", "no server today")
    now, before = found["sqlite"], found["vs"]["sqlite"]
    assert before["ratio_to_it"]["day_api_ms"] == pytest.approx(before["day_api_ms"] / now["day_api_ms"], rel=0.01)


@pytest.mark.skipif(bool(NO_GIT), reason="this is no checkout")
def test_an_unknown_commit_is_one_sentence() -> None:
    done = CliRunner().invoke(main, ["bench", "remote", *SMALL, "--vs-commit", "no-such-commit"])
    assert done.exit_code == 2
    assert "--vs-commit needs a commit of a checkout of gridecho" in done.stderr


def test_what_is_missing_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(remote_postgresql, "_DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(remote_postgresql, "find_spec", lambda _: True)
    assert "apt-get install postgresql" in remote_postgresql.missing()
    assert remote_postgresql.missing("postgresql://somewhere/bench") == ""
    monkeypatch.setattr(remote_postgresql, "find_spec", lambda _: None)
    assert "pip install 'gridecho[bench]'" in remote_postgresql.missing()


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(RelayBenchError, match="remote_driver ended early: KeyError: 'data'"):
        run_child("remote_driver", {"do": "ask"})

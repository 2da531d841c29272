"""A database that is spread over data servers, two remote processes before it, and relays' batches sent until they have receipts.

What is right in the end is what one SQLite file has that was given the same data once.
"""

import itertools
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import urllib3
from gridecho import frames, keys, relay_keys
from gridecho.batch import RECEIPT_BYTES, pack_batch, read_receipt
from gridecho.crypto import Cmac, Siv
from gridecho.holdings import Piece
from gridecho.quantities import CONFIG_VERSION, ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import Reading, encode
from gridecho_common.secrets import read_secret
from gridecho_remote import create_archive, open_archive
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import enrol, holdings, shards
from gridecho_remote.store.database import Archive
from gridecho_remote.use.site import Site, site_of
from gridecho_remote.use.tidying import tidy
from psycopg.conninfo import conninfo_to_dict

from tests.rigs import stored
from tests.rigs.forks import gridecho
from tests.rigs.load import root_of
from tests.rigs.postgres import PostgresServer, folder_of_programs
from tests.rigs.processes import RemoteProcess
from tests.rigs.waiting import HANG_S, wait_for

SENSORS = range(1, 13)
RELAYS = (7, 8)
PARTS = 4
FIRST_S = 1_700_000_000
STEP_S = 600
# What both must have in the end, in order.
ANSWERS = (
    "SELECT sensor_id, day, mask, stats FROM day_rollup ORDER BY sensor_id, day",
    "SELECT sensor_id, day, stats FROM hour_rollup ORDER BY sensor_id, day",
    "SELECT sensor_id, epoch, seq, item, time_s, relay_id, rtt_us FROM route ORDER BY sensor_id, epoch, seq, item",
    "SELECT sensor_id, code, value, epoch, seq, item, time_s FROM state ORDER BY sensor_id, code",
    "SELECT id, seen_mask FROM sensor ORDER BY id",
    "SELECT count(*) FROM quarantine",
    "SELECT count(*) FROM stale",
    "SELECT count(*) FROM loose",
    "SELECT count(*) FROM holding",
)


def secret_of(relay_id: int) -> bytes:
    return random.Random(-relay_id).randbytes(32)


def frame(sensor_id: int, seq: int) -> bytes:
    """A datum of one reading; every twentieth is a route, or the version of its settings."""
    time_s = FIRST_S + STEP_S * seq + sensor_id
    values = {ENERGY_IMPORT: 7 * seq, POWER_IMPORT: seq * seq % 3_000}
    if seq % 20 == 0:
        values = {ROUTE_RELAY: 7, ROUTE_RTT: 4_000 + seq} if seq % 40 else {CONFIG_VERSION: 1 + seq}
    header = frames.DataHeader(frames.SEND, 0, 1, sensor_id, 1, seq, time_s)
    return frames.seal(header, encode([Reading(time_s, values)]), Siv(keys.siv_key(root_of(sensor_id), sensor_id, 0)))


def batch(relay_id: int, data: list[bytes]) -> bytes:
    return pack_batch(relay_id, data, Cmac(relay_keys.batch_key(secret_of(relay_id), relay_id)))[1]


def enrol_all(archive: Archive) -> None:
    for relay_id in RELAYS:
        enrol.enrol_relay(archive, relay_id, f"relay {relay_id}", secret_of(relay_id))
    for sensor_id in SENSORS:
        enrol.enrol_sensor(archive, sensor_id, "sensor", "x", "y", root_of(sensor_id), 0)


def tidied(site: Site) -> None:
    while tidy(site):
        pass


class SpreadSite:
    """Three servers: the one that remotes know, and two that have the data. `close` when done."""

    def __init__(self, folder: Path) -> None:
        programs = folder_of_programs()
        assert programs is not None
        self.folder = folder
        self.servers = [PostgresServer(programs, keeps=True) for _ in range(3)]
        self.url, *self.data_urls = [server.database() for server in self.servers]
        self.remote = RemoteProcess(
            folder, {one: secret_of(one) for one in RELAYS}, SENSORS, self.url, tidy_every_s=0.2
        )
        self.said = gridecho(
            "remote", "shards", *self.data_urls, "--parts", str(PARTS), "--config", str(self.remote.config)
        )
        key = read_secret(folder / "remote.key")
        self.site = site_of(RemoteSettings(min_free_mb=0), open_archive(self.url, key))

    def rows(self, query: str) -> list[Any]:
        return self.site.archive.connection().execute(query).fetchall()

    def blocks_on(self, number: int) -> int:
        """How many blocks a data server has, asked past the other one."""
        with psycopg.connect(self.data_urls[number]) as there:
            parts = range(number, PARTS, len(self.data_urls))
            return sum(there.execute(f"SELECT count(*) FROM block_{part}").fetchone()[0] for part in parts)  # noqa: S608

    def move_parts(self) -> None:
        """All parts of the first data server go to a third one, as docs/scale.md has it."""
        url = self.servers[2].database()
        with psycopg.connect(url, autocommit=True) as there:
            there.execute("CREATE EXTENSION btree_gist")
        parts = [(table, part) for table in shards.TABLES for part in range(0, PARTS, 2)]
        tables = [f"--table={table}_{part}" for table, part in parts]
        dump = subprocess.run(
            [self.servers[1].programs / "pg_dump", *tables, self.data_urls[0]], capture_output=True, check=True
        )
        subprocess.run(
            [self.servers[1].programs / "psql", "-q", url], input=dump.stdout, capture_output=True, check=True
        )
        with self.site.archive.writing() as connection:
            connection.execute(
                "CREATE SERVER shard_2 FOREIGN DATA WRAPPER postgres_fdw "
                f"OPTIONS (host '{self.servers[2].folder}', dbname '{conninfo_to_dict(url)['dbname']}')"
            )
            connection.execute("CREATE USER MAPPING FOR CURRENT_USER SERVER shard_2 OPTIONS (user 'gridecho')")
            for table, part in parts:
                connection.execute(f"ALTER TABLE {table} DETACH PARTITION {table}_{part}")
                connection.execute(f"DROP FOREIGN TABLE {table}_{part}")
                connection.execute(
                    f"CREATE FOREIGN TABLE {table}_{part} PARTITION OF {table} FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part}) "
                    f"SERVER shard_2 OPTIONS (schema_name 'public', table_name '{table}_{part}', use_remote_estimate 'false')"
                )
        with psycopg.connect(self.data_urls[0]) as there:
            for table, part in parts:
                there.execute(f"DROP TABLE {table}_{part}")

    def close(self) -> None:
        self.site.close()
        for server in self.servers:
            server.close()

    def check(self, brought: dict[int, int]) -> None:
        """Each datum of each sensor up to a seq (not included) is there once, and all that follows from them is right."""
        tidied(self.site)
        right = [(sensor_id, 1, seq) for sensor_id, end in brought.items() for seq in range(end)]
        assert sorted(stored.ids(self.rows(stored.IDS))) == right
        twin = Twin(self.folder / "twin.sqlite", brought)
        for query in ANSWERS:
            assert self.rows(query) == twin.rows(query), query
        bodies = [datum[:-1] for datum in stored.data(self.rows(stored.BLOCKS))]
        assert bodies == [datum[:-1] for datum in stored.data(twin.rows(stored.BLOCKS))]
        twin.site.close()
        # What a sensor's row says of its blocks is never less than what is there.
        levels = (
            "SELECT sensor.id, level FROM sensor JOIN block ON sensor_id = sensor.id "
            "WHERE level >= 0 AND levels >> level & 1 = 0"
        )
        assert self.rows(levels) == []
        self.site.archive.give_back()


class Twin:
    """The same data in one file, brought once."""

    def __init__(self, path: Path, brought: dict[int, int]) -> None:
        path.unlink(missing_ok=True)
        archive = create_archive(path, bytes(32))
        enrol_all(archive)
        self.site = site_of(RemoteSettings(min_free_mb=0), archive)
        for sensor_id, end in brought.items():
            for at in range(0, end, 500):
                data = [frame(sensor_id, seq) for seq in range(at, min(end, at + 500))]
                self.site.ingest.take(batch(RELAYS[0], data), self.site.now_ms())
        tidied(self.site)

    def rows(self, query: str) -> list[Any]:
        return self.site.archive.connection().execute(query).fetchall()


class Bringer(threading.Thread):
    """A relay that brings what sensors make until `ending`, each batch again and again until it has its receipt.

    Now and then two batches are brought in the wrong order, or a batch once more. `brought` has the next seq of each sensor.
    """

    def __init__(
        self, relay_id: int, sensors: list[int], also: list[int], urls: list[str], ending: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._relay_id, self._also, self._urls, self._ending = relay_id, also, urls, ending
        self.brought = dict.fromkeys(sensors, 0)
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._chance = random.Random(relay_id)
        token = relay_keys.relay_token(secret_of(relay_id), relay_id).hex()
        bearer = {"Authorization": f"Bearer {token}"}
        self._http = urllib3.PoolManager(headers=bearer, retries=False, timeout=HANG_S)
        self._mac = Cmac(relay_keys.receipt_key(secret_of(relay_id), relay_id))

    def run(self) -> None:
        for data in self._batches():
            self._bring(data)

    def _batches(self) -> Iterator[list[bytes]]:
        while not self._ending.is_set():
            some: list[list[bytes]] = []
            for _ in range(2):
                data = []
                for sensor_id, begin in self.brought.items():
                    end = begin + self._chance.choice([1, 5, 20])
                    data += [frame(sensor_id, seq) for seq in range(begin, end)]
                    self.brought[sensor_id] = end
                some.append(data)
            if self._chance.random() < 0.5:
                some.reverse()
            yield from some
            if self._chance.random() < 0.3:
                yield some[0]
            # What the other one brings, too.
            yield [frame(sensor_id, seq) for sensor_id in self._also for seq in range(self._chance.randrange(1, 9))]

    def _bring(self, data: list[bytes]) -> None:
        body = batch(self._relay_id, data)
        for attempt in itertools.count():
            url = self._urls[(attempt + self._relay_id) % len(self._urls)]
            try:
                answer = self._http.request("POST", f"{url}/relay/v1/batch?relay={self._relay_id}", body=body)
            except urllib3.exceptions.HTTPError:
                self.answers[0] += 1
            else:
                self.answers[answer.status] += 1
                if answer.status == 200:
                    receipt = read_receipt(answer.data[:RECEIPT_BYTES], self._mac)
                    if receipt.stored + receipt.known != len(data):
                        self.wrong.append(f"{receipt.stored} + {receipt.known} of {len(data)}")
                    return
            time.sleep(0.05)


def check_load(folder: Path, kills: int, every_s: float, restarts: int) -> None:
    """Remotes killed in turn, data servers killed and started again in between: nothing lost, nothing twice."""
    with closing(SpreadSite(folder)) as spread:
        _load(spread, kills, every_s, restarts)


def _load(spread: SpreadSite, kills: int, every_s: float, restarts: int) -> None:
    remotes = [spread.remote, spread.remote.another(spread.folder / "other")]
    ending = threading.Event()
    half = len(SENSORS) // 2
    parts = list(SENSORS[:half]), list(SENSORS[half:])
    urls = [remote.url for remote in remotes]
    relays = [
        Bringer(relay_id, mine, others[:3], urls, ending)
        for relay_id, mine, others in zip(RELAYS, parts, reversed(parts), strict=True)
    ]
    try:
        for relay_id, mine in zip(RELAYS, parts, strict=True):
            runs = [(sensor_id, 1, 0, 1_000_000, FIRST_S, STEP_S) for sensor_id in mine]
            holdings.take_piece(spread.site.archive, Piece(relay_id, 1, 0, 1, runs))
        for remote in remotes:
            remote.start()
        for relay in relays:
            relay.start()
        due = [round(kills * (n + 1) / (restarts + 1)) for n in range(restarts)]
        for number in range(kills):
            time.sleep(every_s)
            if number in due:
                server = spread.servers[1 + due.index(number) % 2]
                server.kill()
                time.sleep(every_s / 4)
                server.start()
            remote = remotes[number % 2]
            remote.kill()
            remote.start(wait=False)
        ending.set()
        for relay in relays:
            wait_for(
                lambda one=relay: not one.is_alive(),
                lambda: f"the last receipt; {relays[0].answers} {relays[1].answers}",
            )
        for remote in remotes:
            remote.close()
        brought = relays[0].brought | relays[1].brought
        assert [relay.wrong for relay in relays] == [[], []]
        for relay, mine in zip(relays, parts, strict=True):
            assert set(relay.answers) <= {0, 200, 503}, relay.answers
            left = holdings.told(spread.site.archive)[relay._relay_id]
            assert left.data == sum(1_000_000 - brought[sensor_id] for sensor_id in mine)
        spread.site.archive.connection().execute("DELETE FROM holding")
        spread.check(brought)
        assert min(spread.blocks_on(number) for number in range(2)) > 0
        print({"data": sum(brought.values()), "answers": [dict(relay.answers) for relay in relays]})
    finally:
        ending.set()
        for remote in remotes:
            remote.close()

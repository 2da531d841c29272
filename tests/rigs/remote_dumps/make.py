"""Makes the SQL text of a database of today's schema, filled by today's code: `python -m tests.rigs.remote_dumps.make`.

Run it before the next schema is made, and keep what it wrote: a migration is tested against these files, never against itself.
Those up to 5 were made in the same way by the code of their time, with what its remote had of the below.
"""

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.fileset import pack_set
from gridecho.frames import SEND, DataHeader, seal
from gridecho.holdings import Piece
from gridecho.readings import Reading, encode
from gridecho_remote import create_archive
from gridecho_remote.rules.actor import OPERATOR, Actor, Kind
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import (
    applications,
    consents,
    enrol,
    enrol_codes,
    grants,
    groups,
    holdings,
    interest,
    organisations,
    places,
    roles,
    second,
    sessions,
    terms,
    tokens,
    tries,
    users,
)
from gridecho_remote.store.database import Archive
from gridecho_remote.store.models import SCHEMA_VERSION, Totp
from gridecho_remote.use import heartbeats, imports, orders
from gridecho_remote.use.ingest import Ingest
from gridecho_remote.use.site import site_of

from tests.rigs.postgres import PostgresServer, folder_of_programs

FOLDER = Path(__file__).parent
KEK = bytes(range(32))
T0, NOW_MS = 1_700_000_000, 1_800_000_000_000
ROOTS = {sensor_id: bytes([sensor_id]) * 32 for sensor_id in (7, 8, 9)}
BETWEEN_ROOT, NEW_ROOT = (
    bytes([97]) * 32,
    bytes([99]) * 32,
)  # sensor 8's, one after the other; the one above is retired, too
COMING_ROOT = bytes([98]) * 32  # sensor 7's, under key id 2; from schema 5 on
SECRETS = {1: bytes([101]) * 32, 2: bytes([102]) * 32}
IMPORT, POWER = 0, 2  # quantities
ROUTE_RELAY, ROUTE_RTT, CONFIG_VERSION = 40, 41, 42
# sensor, epoch, seq, [(time in Unix seconds, values)]: what relay 1 brought
DATA = [
    (7, 1, 0, [(0, {IMPORT: 1, POWER: 2})]),
    (7, 1, 1, [(0, {POWER: 3}), (0, {POWER: 4}), (T0 - 60, {POWER: 5})]),
    *((7, 1, 2 + n, [(T0 + 60 * n, {IMPORT: 100 + n, POWER: n % 7})]) for n in range(40)),
    (7, 1, 42, [(T0 + 3_000 + 900 * n, {IMPORT: 200 + n}) for n in range(20)]),
    (7, 1, 43, [(T0 + 90_000, {POWER: 9}), (T0 + 90_000 + 40 * 86_400, {POWER: 10})]),
    (7, 2, 0, [(T0 + 100_000, {ROUTE_RELAY: 1, ROUTE_RTT: 2_500, CONFIG_VERSION: 0})]),
    (7, 2, 1, [(T0 + 100_060, {POWER: 11})]),
    (8, 1, 0, [(T0 + 5, {POWER: 70_000})]),
    (8, 1, 4, [(T0 + 65, {POWER: -70_000})]),
]
JUNK = b"\x10\x00\x01\x01" + bytes([0, 0, 0, 99, 0, 0, 0, 1]) + bytes(60)  # of a sensor that nobody enrolled


def frames() -> Iterator[bytes]:
    """The frames of the data, sealed."""
    for sensor_id, epoch, seq, readings in DATA:
        header = DataHeader(SEND, 1, len(readings), sensor_id, epoch, seq, readings[0][0])
        body = encode([Reading(*one) for one in readings])
        yield seal(header, body, Siv(keys.siv_key(ROOTS[sensor_id], sensor_id, 1)))


def fill(archive: Archive, schema: int = SCHEMA_VERSION) -> None:
    """Something of everything that a remote kept with this schema."""
    site = site_of(RemoteSettings(), archive, lambda: NOW_MS / 1000)
    for sensor_id, root in ROOTS.items():
        enrol.enrol_sensor(archive, sensor_id, f"Sensor {sensor_id}", f"north/city-{sensor_id}", "residential", root)
    for relay_id, secret in SECRETS.items():
        enrol.enrol_relay(archive, relay_id, f"Relay {relay_id}", secret)
    mac = Cmac(relay_keys.batch_key(SECRETS[1], 1))
    Ingest(archive, days_of("UTC")).take(pack_batch(1, [*frames(), JUNK], mac)[1], NOW_MS)
    for root in (BETWEEN_ROOT, NEW_ROOT):
        enrol.replace_key(archive, 8, root)
    for name in ("Ada", "Grace"):  # up to schema 4 there is an "ada", too
        users.add_user(archive, name, NOW_MS / 1000)
    grants.add_grant(archive, "Ada", region="north", quantities=["1-0:1.7.0"])
    grants.revoke_grant(archive, grants.add_grant(archive, "Grace", sensor_id=7, expires_s=T0 + 9))
    if schema >= 2:
        package = pack_set({"lib/gridecho/a.py": b"print()"})
        orders.push_firmware(site, OPERATOR, [7, 9], package)
        orders.push_firmware(site, OPERATOR, [9], package)
    if schema >= 3:
        _fill_relays(archive)
    if schema >= 4:
        _fill_groups(archive)
    if schema >= 5:
        orders.push_key(site, OPERATOR, 7, 2, COMING_ROOT)
    if schema >= 11:
        with archive.writing():
            places.label(archive, 7, ["heat pump", "pilot"], [])
            places.begin_contract(archive, 7, "Ada", T0, T0 + 5_000)
            places.begin_contract(archive, 7, None, T0 + 5_000, None)
    if schema >= 7:
        tries.add(archive, "ada 192.0.2.9", NOW_MS, 60_000)
    if schema >= 12:
        organisations.add(archive, "Office", NOW_MS / 1000)
        users.set_organisation(archive, "Ada", "Office")
        for one in (role("operator"), role("administrator", "north")):
            roles.give(archive, users.user_id(archive, "Grace"), one)
    if schema >= 14:
        sessions.begin(archive, users.user_id(archive, "Ada"), T0, "192.0.2.7", "a browser")
    if schema >= 15:
        wrapped = archive.vault.wrap("totp", 1, bytes(20))
        Totp.insert({"user": 1, "wrapped": wrapped, "step": 5, "since_s": T0}).execute(archive.db)
        second.new_recovery(archive, 1)
    if schema >= 19:
        tokens.add(archive, 1, tokens.new(), Scope(resolution=Resolution.DAY), T0, T0 + 86_400, name="a report")
        applications.add(archive, "Solar planner", ["https://solar.example/back"], "a secret", T0)
        part = Scope(sensors=frozenset({7}))
        consents.give(archive, 1, 1, part, "a code", "https://solar.example/back", "x", T0, T0 + 60, T0 + 86_400)
    if schema >= 21:
        interest.want(archive, 1, 7, NOW_MS)
    if schema >= 24:
        imports.take(site, OPERATOR, 7, f"time,1-0:1.8.0\n{T0 - 900},90\n".encode(), "own.csv")


def _fill_relays(archive: Archive) -> None:
    runs = [(9, 1, 0, 20, T0, 60), (9, 1, 25, 3, T0 + 1_500, 60)]
    holdings.take_piece(archive, Piece(2, 5, 0, 30, runs))
    code = enrol_codes.make_code(archive, "Relay 3", NOW_MS // 1000 + 60)
    enrol_codes.use_code(archive, code, "ab" * 16, NOW_MS // 1000)
    enrol_codes.make_code(archive, "Relay 4", NOW_MS // 1000 + 60)
    archive.connection().execute(
        "INSERT INTO pull (id, relay_id, digest, body, state, frames, created_ms, party) "
        "VALUES (1, 2, ?, ?, 'waiting', 0, 5, '')",
        (b"\x01", b"\x02"),
    )


def _fill_groups(archive: Archive) -> None:
    group = groups.add_group(archive, "north", NOW_MS, after_s=60, after_forwards=3, period_s=10)
    groups.join(archive, group, [1, 2], NOW_MS)
    for n in range(3):
        for relay_id in (1, 2):
            term = terms.open_term(archive, group.id)
            word = term and terms.Word(group=group.id, term=term.number, run=1, periods=n, bars=[(0, 5), (1, relay_id)])
            beat = heartbeats.Beat(relay=relay_id, group_url=f"http://192.0.2.{relay_id}:4691", word=word)
            heartbeats.take(
                site_of(RemoteSettings(), archive, lambda n=n: NOW_MS / 1000 + n), Actor(Kind.RELAY, relay_id), beat
            )
    # When the kept ones were made, who did not say what it holds was believed.
    archive.connection().execute("UPDATE relay_state SET doubted = 0")
    archive.connection().execute("DELETE FROM set_aside WHERE reason = ?", (holdings.FEWER,))
    terms.rotate(archive, group, NOW_MS + 3_000)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "remote.sqlite"
        archive = create_archive(path, KEK)
        fill(archive)
        archive.close()
        connection = sqlite3.connect(path)
        text = "\n".join(connection.iterdump())
        connection.close()
    (FOLDER / f"sqlite_{SCHEMA_VERSION}.sql").write_text(text + "\n", encoding="utf-8")
    programs = folder_of_programs()
    assert programs is not None, "PostgreSQL is not installed"
    server = PostgresServer(programs)
    url = server.database()
    archive = create_archive(url, KEK)
    fill(archive)
    archive.close()
    dump = [programs / "pg_dump", "--inserts", "--no-owner", "--no-privileges", url]
    text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    server.close()
    lines = [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]
    (FOLDER / f"postgresql_{SCHEMA_VERSION}.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

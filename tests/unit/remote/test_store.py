"""What the store asks of an engine holds on both: one class of tests, run on each."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gridecho.orders import KEY
from gridecho.quantities import CONFIG_VERSION
from gridecho_common.settings import SettingsError
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError, StorageFullError
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import enrol, groups, orders, users
from gridecho_remote.store.database import Archive, create_archive, open_archive
from gridecho_remote.store.enrol_codes import make_code, use_code
from gridecho_remote.store.models import Meta
from gridecho_remote.use import orders as pushing
from gridecho_remote.use.site import site_of

from tests.rigs.postgres import PASSWORD, PostgresServer
from tests.rigs.waiting import HANG_S

KEK = bytes(range(32))
NONCE = "ab" * 16
STATE = "sensor_id, code, value, epoch, seq, item, time_s"


def make_empty(database: str | Path) -> None:
    create_archive(database, KEK).close()


def count(archive: Archive, table: str) -> int:
    return int(archive.connection().execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What the calls give, run side by side; an error of one is raised."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        gate.wait(HANG_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class StoreTests:
    """`database` is an empty one, `archive` it opened; a subclass says where it is."""

    @pytest.fixture
    def archive(self, database: str) -> Iterator[Archive]:
        archive = open_archive(database, KEK)
        yield archive
        archive.close()

    def test_what_was_written_is_there_and_what_failed_is_not(self, archive: Archive) -> None:
        with archive.writing() as connection:
            connection.execute("INSERT INTO meta (key, value) VALUES (?, ?)", ("a", "1"))
        with pytest.raises(ZeroDivisionError), archive.writing() as connection:
            connection.execute("INSERT INTO meta (key, value) VALUES (:key, :value)", {"key": "b", "value": "2"})
            Meta.insert(key="c", value="3").execute(archive.db)
            raise ZeroDivisionError
        assert [archive.meta(key) for key in "abc"] == ["1", None, None]

    def test_a_part_may_fail_by_itself(self, archive: Archive) -> None:
        with archive.writing():
            archive.set_meta("a", "1")
            with pytest.raises(ZeroDivisionError), archive.writing():
                archive.set_meta("a", "2")
                archive.set_meta("b", "2")
                raise ZeroDivisionError
            with archive.writing():
                archive.set_meta("c", "3")
        assert [archive.meta(key) for key in "abc"] == ["1", None, "3"]

    def test_peewee_s_own_transaction_may_be_around_it(self, archive: Archive) -> None:
        with archive.db.atomic():
            enrol.enrol_relay(archive, 1, "one", bytes(32))
            enrol.enrol_relay(archive, 2, "two", bytes(32))
        assert [info.id for info in enrol.relays(archive)] == [1, 2]

    @pytest.mark.parametrize("rows", [0, 1, 99, 100, 2_500])
    def test_many_rows_go_in_once(self, archive: Archive, rows: int) -> None:
        some = [(7, n % 50, n, n // 50, n, 0, 5) for n in range(rows)]
        with archive.writing() as connection:
            assert connection.insert("state", STATE, some) == min(rows, 50), "the first of each key"
        with archive.writing() as connection:
            assert connection.insert("state", STATE, [*some, (8, 1, 1, 1, 1, 1, 1)]) == 1
            assert connection.insert("state", STATE, some) == 0
        assert count(archive, "state") == min(rows, 50) + 1

    @pytest.mark.parametrize("rows", [3, 150])
    def test_rows_with_bytes_and_a_number_of_their_own(self, archive: Archive, rows: int) -> None:
        fields = "digest, reason, relay_id, sensor_id, epoch, seq, frame, stored_ms"
        some = [(bytes([n, 0, 255]), "100 %: 'so'?", 1, 2, 3, 4, bytes(n), (1 << 62) + n) for n in range(rows)]
        with archive.writing() as connection:
            assert connection.insert("quarantine", fields, some) == rows
        found = archive.connection().execute(f"SELECT {fields} FROM quarantine ORDER BY stored_ms").fetchall()  # noqa: S608
        assert found == some
        numbers = archive.connection().execute("SELECT COUNT(DISTINCT id), MIN(id) > 0 FROM quarantine").fetchone()
        assert numbers == (rows, True)

    def test_how_many_rows_a_statement_changed(self, archive: Archive) -> None:
        with archive.writing() as connection:
            connection.insert("state", STATE, [(7, n, 0, 1, 1, 0, 5) for n in range(10)])
            change = "UPDATE state SET value = ? WHERE code < ?"
            assert connection.execute(change, (1, 4)).rowcount == 4
            assert connection.executemany(change, [(2, 4), (3, 5), (4, 0)]) == 9
            assert connection.executemany(change, []) == 0

    def test_whole_numbers_stay_whole(self, archive: Archive) -> None:
        big = (1 << 62) + 1
        with archive.writing() as connection:
            connection.insert("state", STATE, [(7, 1, big, 1, 1, 0, 5), (7, 2, -1, 1, 1, 0, 5)])
        row = archive.connection().execute("SELECT SUM(value), MAX(value), COUNT(*), AVG(code) FROM state").fetchone()
        assert row == (big - 1, big, 2, 1.5)
        assert [type(one) for one in row] == [int, int, int, float]

    def test_a_stream_gives_all_rows_in_order(self, archive: Archive) -> None:
        with archive.writing() as connection:
            connection.insert("state", STATE, [(n, 1, n, 1, 1, 0, 5) for n in range(5_000)])
        query = "SELECT sensor_id FROM state WHERE sensor_id >= ? ORDER BY sensor_id"
        with archive.reading() as connection:
            with connection.stream(query, (10,)) as rows, connection.stream(query, (4_000,)) as others:
                assert [next(rows), next(others), next(rows)] == [(10,), (4_000,), (11,)]
                assert list(rows) == [(n,) for n in range(12, 5_000)]
            with connection.stream(query, (9_999,)) as rows:
                assert list(rows) == []

    def test_what_is_read_together_was_there_at_one_moment(self, archive: Archive) -> None:
        with archive.reading() as connection:
            before = connection.execute("SELECT COUNT(*) FROM meta").fetchone()
            at_once(lambda: archive.set_meta("meanwhile", "1"))
            with archive.reading() as part:
                assert part.execute("SELECT COUNT(*) FROM meta").fetchone() == before
        assert archive.meta("meanwhile") == "1"

    def test_a_change_of_what_was_read_is_lost_by_no_one(self, archive: Archive) -> None:
        archive.set_meta("n", "0")

        def add() -> None:
            for _ in range(25):
                with archive.writing() as connection:
                    connection.lock("meta", ["n"], "key")
                    archive.set_meta("n", str(int(archive.meta("n") or 0) + 1))

        at_once(add, add, add, add)
        assert archive.meta("n") == "100"

    def test_versions_only_grow(self, archive: Archive) -> None:
        def bump() -> list[int]:
            seen = []
            for _ in range(10):
                archive.bump_keys_version()
                seen.append(archive.keys_version)
            return seen

        before = archive.keys_version
        for seen in at_once(bump, bump, bump):
            assert seen == sorted(set(seen))
        assert archive.keys_version >= before + 30

    def test_keys_by_cable_and_over_the_air_side_by_side(self, archive: Archive) -> None:
        site = site_of(RemoteSettings(), archive)
        for sensor_id in (1, 2):
            enrol.enrol_sensor(archive, sensor_id, "name", "north", "residential", bytes(32))
        with archive.writing() as connection:
            connection.insert("state", STATE, [(2, CONFIG_VERSION, 0, 1, 1, 0, 5)])

        def by_cable() -> None:
            for n in range(1, 30):
                with archive.writing():  # an order of its own ends with it
                    orders.put(archive, [1], KEY, bytes([2]) + bytes(32), n)
                    enrol.set_next_key(archive, 1, 2, bytes(32))
                enrol.replace_key(archive, 1, bytes([n]) * 32)

        def over_the_air() -> None:
            for n in range(30):
                pushing.push_key(site, OPERATOR, 2, 2 + n % 2, bytes(32))

        at_once(by_cable, over_the_air)
        assert enrol.sensors_with_next_key(archive) == [2]

    def test_one_code_at_several_doors_enrols_one_relay(self, archive: Archive) -> None:
        code = make_code(archive, "relay", 100)
        enrolled = at_once(*(lambda: use_code(archive, code, NONCE, 50) for _ in range(4)))
        assert len({(one.relay_id, one.secret) for one in enrolled if one}) == 1
        assert count(archive, "relay") == 1

    def test_several_codes_at_once_give_several_ids(self, archive: Archive) -> None:
        codes = [make_code(archive, f"relay {n}", 100) for n in range(5)]
        enrolled = at_once(*(lambda code=code: use_code(archive, code, NONCE, 50) for code in codes))
        assert sorted(one.relay_id for one in enrolled if one) == [1, 2, 3, 4, 5]

    def test_several_groups_at_once_have_several_numbers(self, archive: Archive) -> None:
        made = at_once(*(lambda n=n: groups.add_group(archive, f"group {n}", 1).id for n in range(5)))
        assert sorted(made) == [1, 2, 3, 4, 5]

    def test_text_that_no_column_holds(self, archive: Archive) -> None:
        password = users.add_user(archive, "a\0da", now_s=0)
        assert users.verified(archive, "a\0da", password, 1) is not None
        assert users.verified(archive, "gr\0ce", password, 1) is None

    def test_a_name_that_grows_when_it_is_compared(self, archive: Archive) -> None:
        with pytest.raises(RemoteError):
            users.add_user(archive, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 100)
        users.add_user(archive, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 10)

    def test_another_key_and_a_second_database_in_its_place(self, archive: Archive, database: str) -> None:
        with pytest.raises(SettingsError, match="another key file"):
            open_archive(database, bytes(32))
        with pytest.raises(SettingsError, match="already"):
            create_archive(database, KEK)

    def test_a_newer_one_is_refused_in_one_sentence(self, archive: Archive, database: str) -> None:
        archive.set_meta("schema_version", "99")
        with pytest.raises(SettingsError, match=r"schema 99.*update gridecho"):
            open_archive(database, KEK)

    def test_no_room_is_an_error_of_its_own(self, archive: Archive) -> None:
        for by_peewee in (False, True):
            with pytest.raises(StorageFullError), archive.writing():
                archive.set_meta("big", "1")
                self.fill_disk(archive, by_peewee)
            assert archive.meta("big") is None
        archive.set_meta("big", "2")

    def fill_disk(self, archive: Archive, by_peewee: bool) -> None:
        raise NotImplementedError


class TestSqlite(StoreTests):
    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        make_empty(tmp_path / "remote.sqlite")
        return str(tmp_path / "remote.sqlite")

    def fill_disk(self, archive: Archive, by_peewee: bool) -> None:
        connection = archive.connection()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        try:
            if by_peewee:
                archive.set_meta("more", "x" * 100_000)
            else:
                connection.execute("INSERT INTO meta (key, value) VALUES ('more', ?)", ("x" * 100_000,))
        finally:
            connection.execute("PRAGMA max_page_count = 1000000")

    def test_who_finds_it_locked_waits_for_half_a_minute(self, archive: Archive) -> None:
        assert archive.connection().execute("PRAGMA busy_timeout").fetchone() == (30_000,)

    def test_no_database(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="gridecho remote init"):
            open_archive(tmp_path / "none.sqlite", KEK)
        sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE a (b)").connection.close()
        with pytest.raises(SettingsError, match="not a database of a gridecho remote"):
            open_archive(tmp_path / "other.sqlite", KEK)


class TestPostgresql(StoreTests):
    @pytest.fixture
    def database(self, postgres: PostgresServer) -> str:
        return postgres.filled(make_empty)

    def fill_disk(self, archive: Archive, by_peewee: bool) -> None:
        statement = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        if by_peewee:
            archive.db.execute_sql(statement)
        else:
            archive.connection().execute(statement)

    def test_no_database(self, postgres: PostgresServer) -> None:
        with pytest.raises(SettingsError, match="not a database of a gridecho remote"):
            open_archive(postgres.database(), KEK)
        with pytest.raises(SettingsError, match="cannot be reached") as said:
            open_archive(postgres.url("nowhere"), KEK)
        assert PASSWORD not in str(said.value)

    @pytest.mark.parametrize("url", ["postgresql://ada:hidden@127.0.0.1:1/x", "postgresql://ada:hidden@[x/y"])
    def test_a_password_is_never_told(self, url: str, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(1)
        for call in (open_archive, create_archive):
            with pytest.raises(SettingsError) as said:
                call(url, KEK)
            assert "hidden" not in str(said.value) + caplog.text

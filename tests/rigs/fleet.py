"""Sensors and relays that speak the core's own frames to a remote under test, and people who log in to it."""

import re
import secrets
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from gridecho import keys, relay_keys
from gridecho.batch import RECEIPT_BYTES, Receipt, pack_batch, read_receipt
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, DataHeader, seal
from gridecho.readings import Reading, encode
from gridecho_common.secrets import private
from gridecho_remote import create_archive, open_archive
from gridecho_remote.app import create_app
from gridecho_remote.rules.names import key_of
from gridecho_remote.rules.roles import role
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import roles, sessions, users
from gridecho_remote.store.database import Archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.models import User
from gridecho_remote.use.site import site_of
from werkzeug.test import TestResponse

PLACES = {
    7: ("Mill Lane 12", "north/city-a", "residential"),
    8: ("Town hall", "north/city-b", "commercial"),
    9: ("Harbour 3", "south/city-c", "residential"),
}
PASSWORD = "a long enough password"
_FAR_S = 200_000_000_000  # beyond where any test sets its clock


@cache
def _hashed() -> str:
    return users._hasher.hash(PASSWORD)


KEK = secrets.token_bytes(32)
ROOTS = {sensor_id: secrets.token_bytes(32) for sensor_id in PLACES}
SECRETS = {1: secrets.token_bytes(32), 2: secrets.token_bytes(32)}


def make_database(database: str | Path) -> None:
    """A database with the sensors and relays enrolled."""
    archive = create_archive(database, KEK)
    for sensor_id, (name, region, category) in PLACES.items():
        enrol_sensor(archive, sensor_id, name, region, category, ROOTS[sensor_id])
    for relay_id, secret in SECRETS.items():
        enrol_relay(archive, relay_id, f"Relay {relay_id}", secret)
    archive.close()


@cache
def _made() -> bytes:
    """The file of such a database, made once and copied for each test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "remote.sqlite"
        make_database(path)
        return path.read_bytes()


class Clock:
    """Unix seconds that a test sets."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Fleet:
    """One remote with three sensors and two relays enrolled.

    `database`: a URL that `make_database` filled, else a file. `outside`: whom it asks, as `site_of` takes them.
    """

    def __init__(
        self,
        folder: Path,
        now_s: float = 1_800_000_000.0,
        database: str = "",
        outside: Mapping[str, Any] = MappingProxyType({}),
        **settings: object,
    ) -> None:
        self.folder = folder
        self.kek, self.roots, self.relays = KEK, dict(ROOTS), dict(SECRETS)
        self.database = database
        if not database:
            path = folder / "remote.sqlite"
            private(path)
            path.write_bytes(_made())
            self.database = str(path)
        self.archive = open_archive(self.database, self.kek)
        self.clock = Clock(now_s)
        self.settings = RemoteSettings(database=self.database, **settings)
        self.site = site_of(self.settings, self.archive, self.clock, **outside)
        self.app: Flask = create_app(self.site)
        self._next_seq: dict[tuple[int, int], int] = {}

    def close(self) -> None:
        self.archive.close()

    def frame(
        self,
        sensor_id: int,
        readings: list[Reading] | dict[int, int],
        seq: int | None = None,
        epoch: int = 1,
        op: int = SEND,
        root: bytes | None = None,
        key_id: int = 1,
        body: bytes | None = None,
    ) -> bytes:
        """A sealed DATA frame without link tag, as a relay forwards it."""
        if isinstance(readings, dict):
            readings = [Reading(int(self.clock()), readings)]
        if seq is None:
            seq = self._next_seq.get((sensor_id, epoch), 0)
        self._next_seq[sensor_id, epoch] = seq + 1
        siv = Siv(keys.siv_key(root or self.roots[sensor_id], sensor_id, key_id))
        header = DataHeader(op, key_id, len(readings), sensor_id, epoch, seq, readings[0].time_s)
        return seal(header, encode(readings) if body is None else body, siv)

    def batch(self, relay_id: int, frames: list[bytes], secret: bytes | None = None) -> bytes:
        return pack_batch(relay_id, frames, Cmac(relay_keys.batch_key(secret or self.relays[relay_id], relay_id)))[1]

    def bring(
        self, word: str, body: bytes, relay_id: int = 1, secret: bytes | None = None, encoding: str = ""
    ) -> TestResponse:
        """The answer to a relay that brings, with its token, a batch, a piece of its index, or the like."""
        token = relay_keys.relay_token(secret or self.relays[relay_id], relay_id).hex()
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Encoding": encoding} if encoding else {})
        return self.app.test_client().post(f"/relay/v1/{word}?relay={relay_id}", data=body, headers=headers)

    def post(self, body: bytes, relay_id: int = 1) -> TestResponse:
        return self.bring("batch", body, relay_id)

    def send(self, *frames: bytes, relay_id: int = 1) -> Receipt:
        """The receipt for a batch of these frames, verified."""
        response = self.post(self.batch(relay_id, list(frames)), relay_id)
        assert response.status_code == 200, response.get_data(as_text=True)
        return read_receipt(
            response.data[:RECEIPT_BYTES], Cmac(relay_keys.receipt_key(self.relays[relay_id], relay_id))
        )

    def person(self, name: str = "ada") -> FlaskClient:
        """A user with a password of their own, logged in; without the slow hashing that test_login.py goes through."""
        row = {
            "name": name,
            "key": key_of(name),
            "password_hash": _hashed(),
            "must_change": False,
            "added_s": 0,
        }
        number = User.insert(**row).execute(self.archive.db)
        client = self.app.test_client()
        token = sessions.begin(self.archive, number, _FAR_S, "127.0.0.1", "")
        with client.session_transaction() as session:
            session["_user_id"] = token
        return client


def give_role(archive: Archive, name: str, kind: str = "operator", region: str = "") -> None:
    """A user has this role from their next request on."""
    roles.give(archive, users.user_id(archive, name), role(kind, region))


def log_in(client: FlaskClient, name: str, password: str, **fields: str) -> TestResponse:
    token = csrf_token(client.get("/login"))
    return client.post("/login", data={"name": name, "password": password, "csrf_token": token, **fields})


def csrf_token(page: TestResponse) -> str:
    return csrf_in(page.get_data(as_text=True))


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "a form with a CSRF token was expected"
    return found[1]

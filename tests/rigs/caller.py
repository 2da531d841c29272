"""People who call a remote that is a process of its own: logged in by its form, then by its API."""

import json
import re
from collections.abc import Mapping
from typing import Any

import urllib3
from gridecho_remote.rules.names import key_of
from gridecho_remote.store import users
from gridecho_remote.store.database import Archive
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.models import User

from tests.rigs.fleet import PASSWORD
from tests.rigs.waiting import HANG_S


def make_people(archive: Archive, count: int, sensor_id: int) -> list[str]:
    """Names of so many users who may see the sensor; their passwords are one, hashed once."""
    names = [f"person-{n}" for n in range(count)]
    users.add_user(archive, names[0])
    users.change_password(archive, users.user_id(archive, names[0]), PASSWORD)
    (one,) = User.select().where(User.name == names[0]).dicts().execute(archive.db)
    for name in names[1:]:
        User.insert(one | {"id": None, "name": name, "key": key_of(name)}).execute(archive.db)
    for name in names:
        add_grant(archive, name, sensor_id=sensor_id)
    return names


class Caller:
    """Somebody who is logged in."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(timeout=HANG_S, retries=False)
        self._cookies: dict[str, str] = {}
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self._ask("GET", "/login").data.decode())
        assert token
        answer = self._ask("POST", "/login", {"name": name, "password": PASSWORD, "csrf_token": token[1]})
        assert answer.status == 302, answer.data

    @property
    def cookie(self) -> str:
        """Of the login."""
        return self._cookies["gridecho"]

    def _ask(self, method: str, path: str, fields: Mapping[str, object] | None = None) -> urllib3.BaseHTTPResponse:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        more: dict[str, Any] = {"encode_multipart": False} if method == "POST" else {}
        answer = self._pool.request(method, self._url + path, fields=fields, headers=cookies, redirect=False, **more)
        for one in answer.headers.getlist("Set-Cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer

    def readings(self, sensor_id: int, **query: object) -> Any:
        """The answer for a sensor, all time unless the query says otherwise."""
        answer = self._ask("GET", f"/api/v1/sensors/{sensor_id}/readings", query)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)

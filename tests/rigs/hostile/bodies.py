"""Forms and bodies of a hostile person, changed at random: at a remote in this process, and at the address of a relay."""

import http.client
import logging
import random
import resource
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gridecho import relay_keys
from gridecho.batch import Receipt
from gridecho.crypto import Cmac
from gridecho.groups import BATCH, Handed
from gridecho.holdings import ANY, Pull
from gridecho.quantities import POWER_IMPORT
from gridecho_remote.store.grants import add_grant

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.hostile.person import mutated
from tests.rigs.waiting import HANG_S

_MOST_GROWTH_KB = 64 << 10
_FORM = "application/x-www-form-urlencoded"
_ENROL = b'{"code": "abcdefghijklmnop", "nonce": "0123456789abcdef0123456789abcdef", "name": "north"}'
_READINGS = b"from=0&to=1800000001&quantities=1-0:1.7.0&limit=5&points=9&after=1.1.1.1&stored_since=5"
_ASKED = [
    ("POST", "/login", b"name=ada&password=x&next=/sensors/7"),
    ("POST", "/logout", b"csrf_token=x"),
    ("POST", "/password", b"present=x&password=a+long+password&again=a+long+password"),
    ("POST", "/groups", b"name=g&after_s=3600&after_forwards=5&period_s=60"),
    ("POST", "/groups/1/settings", b"after_s=3600&after_forwards=5&period_s=60"),
    ("POST", "/groups/1/join", b"relays=1,+2"),
    ("POST", "/groups/1/rotate", b""),
    ("POST", "/relay/v1/enrol", _ENROL),
    ("GET", "/sensors", b"named=x&state=late&sort=power&down=1&page=5"),
    ("GET", "/groups/1", b"before=3&term=1"),
    ("GET", "/api/v1/sensors", b"after=5&limit=10"),
    *(
        ("GET", f"/api/v1/sensors/7/{what}", _READINGS)
        for what in ("readings", "readings.csv", "undated", "undated.csv")
    ),
    ("GET", "/api/v1/sensors/7/energy", b"unit=day&from=2027-01-01&to=2027-01-31&quantities=1-0:1.8.0"),
    ("GET", "/relay/v1/keys", b"relay=1&have=0"),
]


def check_forms(folder: Path, count: int, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Asks a remote so many times, with a login and without: nothing is its own fault, and it serves on."""
    caplog.set_level(logging.ERROR)
    fleet = Fleet(folder)
    fleet.app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)  # the first would answer most of it
    person, stranger = fleet.person(), fleet.app.test_client()
    give_role(fleet.archive, "ada")
    add_grant(fleet.archive, "ada", sensor_id=7)
    fleet.send(fleet.frame(7, {POWER_IMPORT: 5}))
    chance, statuses, warm_kb = random.Random(seed), Counter[int](), 0
    for n in range(count):
        method, path, said = chance.choice(_ASKED)
        said = mutated(said, chance)
        # A logout ends the person's session, and who chose a password has another one.
        client = stranger if path in ("/logout", "/password") or chance.random() < 0.2 else person
        if method == "GET":
            answer = client.get(path, query_string=said.decode("latin-1"))
        else:
            answer = client.post(
                path, data=said, content_type="application/json" if path.startswith("/relay") else _FORM
            )
        with closing(answer):
            assert answer.status_code < 500, (seed, n, method, path, said)
            assert answer.data or 300 <= answer.status_code < 400, (seed, n, method, path, said)
        statuses[answer.status_code] += 1
        if n == count // 2:
            warm_kb = _most_kb()
    assert statuses[200] and statuses[302] and statuses[400] and statuses[401]
    assert _most_kb() - warm_kb < _MOST_GROWTH_KB
    assert not [record for record in caplog.records if record.exc_info]
    assert person.get("/").status_code == 200
    fleet.close()


def check_relay(
    url: str, relay_id: int, secret: bytes, count: int, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The same at the address of a relay, with what its remote and the members of its group would bring."""
    caplog.set_level(logging.ERROR)
    chance, statuses, warm_kb = random.Random(seed), Counter[int](), 0
    parts = urlsplit(url)
    pull_mac, receipt_mac = (Cmac(key(secret, relay_id)) for key in (relay_keys.pull_key, relay_keys.receipt_key))
    asked = [
        ("/pull", Pull(relay_id, 5, time.time_ns() // 1_000_000, [(1, 0, 0, ANY, 0, ANY)]).pack(pull_mac)),
        ("/pull/receipt", Receipt(relay_id, bytes(16), 1, 0, 0).pack(receipt_mac)),
        ("/carry", Handed(1, 1, bytes(16), (BATCH, b"x" * 200)).pack()),
        ("/status.json", b"x=1"),
        ("/nothing", b"{}"),
    ]
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HANG_S)) as connection:
        for n in range(count):
            path, said = chance.choice(asked)
            connection.request("POST", path, mutated(said, chance))
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
            assert answer.status < 500, (seed, n, path)
            if n == count // 2:
                warm_kb = _most_kb()
        connection.request("GET", "/status.json")
        assert connection.getresponse().status == 200
    assert statuses[400] and statuses[401] and statuses[405]
    assert _most_kb() - warm_kb < _MOST_GROWTH_KB
    assert not [record for record in caplog.records if record.exc_info]


def _most_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

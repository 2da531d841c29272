"""Limits of wrong guesses, counted in the database."""

from collections.abc import Callable

from gridecho_remote.app import create_app
from gridecho_remote.store import enrol_codes, tries
from gridecho_remote.store.models import Tries
from gridecho_remote.use.site import site_of

from tests.rigs.fleet import PASSWORD, Fleet, log_in


def test_all_processes_of_a_remote_share_the_limit_and_it_ends(fleet: Fleet) -> None:
    fleet.person()
    other = create_app(site_of(fleet.settings, fleet.archive, fleet.clock))
    apps = [fleet.app, other] * 3
    assert [log_in(app.test_client(), "ada", "wrong").status_code for app in apps] == [401] * 5 + [429]
    started_anew = create_app(site_of(fleet.settings, fleet.archive, fleet.clock))
    assert log_in(started_anew.test_client(), "ada", PASSWORD).status_code == 429
    kept = repr(list(Tries.select().tuples().execute(fleet.archive.db)))
    assert "ada" not in kept and "127.0.0.1" not in kept
    fleet.clock.now_s += 59
    assert log_in(other.test_client(), "ada", PASSWORD).status_code == 429
    fleet.clock.now_s += 2
    assert log_in(other.test_client(), "ada", PASSWORD).status_code == 302
    assert log_in(other.test_client(), "eve", "wrong").status_code == 401
    assert Tries.select().count(fleet.archive.db) == 2, "what is over is forgotten: these are eve's and the client's"


def test_codes_are_limited_too(fleet: Fleet) -> None:
    asked = {"code": "x" * 22, "nonce": "0" * 32}
    statuses = [fleet.app.test_client().post("/relay/v1/enrol", json=asked).status_code for _ in range(11)]
    assert statuses == [403] * 10 + [429]
    fleet.clock.now_s += 61
    assert fleet.app.test_client().post("/relay/v1/enrol", json=asked).status_code == 403


def test_strangers_who_guess_lock_no_relay_out_that_has_a_code(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(trusted_proxies=["10.0.0.1"])
    guess = {"code": "x" * 22, "nonce": "0" * 32}

    def ask(asked: dict[str, str], client: str, peer: str = "10.0.0.1") -> int:
        environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": client}
        return fleet.app.test_client().post("/relay/v1/enrol", json=asked, environ_base=environ).status_code

    # Through a proxy that is trusted each client has a limit of its own; else the proxy's address has one for all.
    assert [ask(guess, "203.0.113.9") for _ in range(11)] == [403] * 10 + [429]
    assert ask(guess, "198.51.100.7") == 403
    assert [ask(guess, f"198.51.100.{n}", "10.9.9.9") for n in range(11)] == [403] * 10 + [429]
    # Whoever has a code comes in all the same.
    for address in ("203.0.113.9", "10.9.9.9"):
        code = enrol_codes.make_code(fleet.archive, "north", int(fleet.clock()) + 60)
        assert ask(guess | {"code": code}, address, address) == 200
        assert ask(guess | {"code": code}, address, address) == 200, "the answer was lost"
    fleet.clock.now_s += 61
    old = enrol_codes.make_code(fleet.archive, "south", int(fleet.clock()))
    assert [ask(guess | {"code": old}, "192.0.2.1", "192.0.2.1") for _ in range(11)] == [403] * 11


def test_counts(fleet: Fleet) -> None:
    archive = fleet.archive
    assert tries.state(archive, "a", 5) == (0, 5)
    assert [tries.add(archive, "a", 0, 100), tries.add(archive, "a", 50, 100, 3), tries.add(archive, "b", 60, 100)] == [
        1,
        4,
        1,
    ]
    assert (tries.state(archive, "a", 99), tries.state(archive, "a", 100)) == ((4, 100), (0, 100))
    assert tries.add(archive, "a", 100, 100) == 1, "a new time begins"
    assert tries.forget(archive, "b") == 1
    assert tries.forget(archive) == 1
    assert tries.add(archive, "\ud800" * 100_000, 100, 100) == 1, "whatever a form holds"

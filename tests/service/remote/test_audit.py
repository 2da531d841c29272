"""The audit: each use case that changes something says who did what, in the same transaction, and tells no secret."""

import base64
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gridecho.fileset import pack_set
from gridecho.orders import CONFIG as CONFIG_ORDER
from gridecho.readings import Reading
from gridecho_remote import use
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR, Actor, Kind, person
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.roles import Role, RoleKind
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import audit as rows
from gridecho_remote.store import second as rows_of_second
from gridecho_remote.store import users
from gridecho_remote.store.models import TABLES, Audit
from gridecho_remote.store.orders import put
from gridecho_remote.store.sessions import begin
from gridecho_remote.use import (
    applications,
    audit,
    consents,
    enrolment,
    granting,
    groups,
    imports,
    orders,
    organisations,
    people,
    places,
    quarantine,
    relays,
    second,
    sessions,
    setting_up,
    tokens,
    undated,
    upkeep,
)
from gridecho_remote.use.enrolment_files import Entry, key_check, public_key, seal, write_entry
from pyotp import TOTP

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.group_bars import make_group

ADA, RUNNING = person(1), person(1, [Role(RoleKind.OPERATOR)])
AUDITOR, OF_A = Role(RoleKind.AUDITOR), Role(RoleKind.ADMINISTRATOR, "north/city-a")
ROOT, SECRET, WIFI = b"r" * 32, b"s" * 32, "a Wi-Fi password"
PASSWORD = "another long password"
CONFIG = {
    "sensor_id": 7,
    "relays": [{"id": 1, "host": "10.0.0.2"}],
    "meter": {"type": "replay", "file": "meter.csv"},
    "wifi": {"ssid": "home", "password": WIFI},
}
SCOPE = Scope(region="north", quantities=4)


def code_now(fleet: Fleet, user_id: int = 1, steps: int = 0) -> str:
    """A code of a user's second factor."""
    found = rows_of_second.of(fleet.archive, user_id)
    assert found is not None
    return TOTP(base64.b32encode(found.secret).decode()).at(int(fleet.clock()) + 30 * steps)


def entry(fleet: Fleet, sensor_id: int = 17) -> Entry:
    return seal(Entry(sensor_id, "x", "north", "public", 1, key_check(ROOT)), ROOT, public_key(fleet.archive))


def entry_file(fleet: Fleet) -> Path:
    file = fleet.folder / "site.enrol"
    write_entry(file, entry(fleet))
    return file


def wind(fleet: Fleet) -> applications.ApplicationInfo:
    """The application of this name."""
    return applications.all_applications(fleet.site, OPERATOR)[0]


Case = Callable[[Fleet], Any]
# what: (the change, its subject, by whom)
CHANGES: dict[str, tuple[Case, str, Actor]] = {
    "people.add": (lambda f: people.add(f.site, OPERATOR, "bob", [OF_A]), "user bob", OPERATOR),
    "people.reset": (lambda f: people.reset(f.site, OPERATOR, " ADA "), "user ada", OPERATOR),
    "people.set_organisation": (
        lambda f: people.set_organisation(f.site, OPERATOR, "ada", " office "),
        "user ada",
        OPERATOR,
    ),
    "people.set_email": (lambda f: people.set_email(f.site, OPERATOR, "ADA", "ada@a.example"), "user ada", OPERATOR),
    "people.give_role": (lambda f: people.give_role(f.site, OPERATOR, "Ada", OF_A), "user ada", OPERATOR),
    "people.take_role": (lambda f: people.take_role(f.site, OPERATOR, "ada", AUDITOR), "user ada", OPERATOR),
    "second.prepare": (lambda f: second.prepare(f.site, person(2)), "user mia", person(2)),
    "second.confirm": (lambda f: second.confirm(f.site, ADA, code_now(f)), "user ada", ADA),
    "second.remove_of_user": (lambda f: second.remove_of_user(f.site, OPERATOR, "ada"), "user ada", OPERATOR),
    "second.new_codes": (lambda f: second.new_codes(f.site, person(3), code_now(f, 3)), "user kim", person(3)),
    "second.end": (lambda f: second.end(f.site, person(3), code_now(f, 3, 1)), "user kim", person(3)),
    "sessions.end": (lambda f: sessions.end(f.site, ADA, 2), "user ada", ADA),
    "sessions.end_others": (lambda f: sessions.end_others(f.site, ADA, 9), "user ada", ADA),
    "sessions.end_of_user": (lambda f: sessions.end_of_user(f.site, OPERATOR, "ADA"), "user ada", OPERATOR),
    "organisations.add": (lambda f: organisations.add(f.site, OPERATOR, " Mill "), "organisation Mill", OPERATOR),
    "organisations.remove": (
        lambda f: organisations.remove(f.site, OPERATOR, "BARN"),
        "organisation Barn",
        OPERATOR,
    ),
    "tokens.add": (lambda f: tokens.add(f.site, ADA, " report ", Scope(), 5), "user ada", ADA),
    "tokens.end": (lambda f: tokens.end(f.site, ADA, 1), "user ada", ADA),
    "tokens.add_of_user": (
        lambda f: tokens.add_of_user(f.site, OPERATOR, "ADA", "report", Scope(), 5),
        "user ada",
        OPERATOR,
    ),
    "tokens.end_of_user": (lambda f: tokens.end_of_user(f.site, OPERATOR, "ADA", 1), "user ada", OPERATOR),
    "applications.add": (
        lambda f: applications.add(f.site, OPERATOR, " Solar ", ["https://a.example/"], secret=True),
        "application Solar",
        OPERATOR,
    ),
    "applications.end": (lambda f: applications.end(f.site, OPERATOR, "WIND"), "application Wind", OPERATOR),
    "consents.give": (
        lambda f: consents.give(f.site, ADA, wind(f), Scope(), 5, "a code", "https://a.example/", "x"),
        "user ada",
        ADA,
    ),
    "consents.end": (lambda f: consents.end(f.site, ADA, 1), "user ada", ADA),
    "people.log_out": (lambda f: people.log_out(f.site, ADA, 1), "user ada", ADA),
    "people.set_password": (lambda f: people.set_password(f.site, ADA, PASSWORD, 1), "user ada", ADA),
    "granting.grant": (
        lambda f: granting.grant(f.site, OPERATOR, "ada", SCOPE),
        "grant {made}",
        OPERATOR,
    ),
    "granting.narrow": (
        lambda f: granting.narrow(f.site, OPERATOR, 1, export=False) and None,
        "grant 1",
        OPERATOR,
    ),
    "granting.revoke": (lambda f: granting.revoke(f.site, OPERATOR, 1), "grant 1", OPERATOR),
    "places.move": (lambda f: places.move(f.site, OPERATOR, 7, "south/city-c"), "sensor 7", OPERATOR),
    "places.categorise": (lambda f: places.categorise(f.site, OPERATOR, 7, "public"), "sensor 7", OPERATOR),
    "places.label": (lambda f: places.label(f.site, OPERATOR, 7, ["new"], ["old"]), "sensor 7", OPERATOR),
    "places.begin_contract": (
        lambda f: places.begin_contract(f.site, OPERATOR, 8, "ada", 5) and None,
        "sensor 8",
        OPERATOR,
    ),
    "places.end_contract": (lambda f: places.end_contract(f.site, OPERATOR, 1, 9), "sensor 7", OPERATOR),
    "groups.add": (lambda f: groups.add(f.site, OPERATOR, "south", 60, None, 5), "group south", OPERATOR),
    "groups.change": (
        lambda f: groups.change(f.site, RUNNING, "north", period_s=7),
        "group north",
        ADA,
    ),
    "groups.remove": (lambda f: groups.remove(f.site, OPERATOR, "1"), "group north", OPERATOR),
    "groups.join": (lambda f: groups.join(f.site, OPERATOR, "north", [5]), "group north", OPERATOR),
    "groups.leave": (lambda f: groups.leave(f.site, OPERATOR, "north", [1]), "group north", OPERATOR),
    "groups.rotate": (lambda f: groups.rotate(f.site, OPERATOR, "north"), "group north", OPERATOR),
    "imports.take": (
        lambda f: imports.take(f.site, OPERATOR, 9, b"time,1-0:1.7.0\n1700000000,5\n", "own.csv") and None,
        "sensor 9",
        OPERATOR,
    ),
    "imports.take_back": (lambda f: imports.take_back(f.site, OPERATOR, 9, 1) and None, "sensor 9", OPERATOR),
    "undated.date": (lambda f: undated.date(f.site, OPERATOR, 8, 1, 1_700_000_000, 60), "sensor 8", OPERATOR),
    "orders.push_config": (
        lambda f: orders.push_config(f.site, OPERATOR, 7, json.dumps(CONFIG).encode()),
        "sensor 7",
        OPERATOR,
    ),
    "orders.push_firmware": (
        lambda f: orders.push_firmware(f.site, OPERATOR, [7], pack_set({"lib/gridecho_node/version.py": b"V = 2\n"})),
        "sensor 7",
        OPERATOR,
    ),
    "orders.withdraw": (lambda f: orders.withdraw(f.site, OPERATOR, 9), "sensor 9", OPERATOR),
    "quarantine.purge": (lambda f: quarantine.purge(f.site, OPERATOR, 7), "quarantine", OPERATOR),
    "orders.push_key": (lambda f: orders.push_key(f.site, OPERATOR, 7, 2, ROOT), "sensor 7", OPERATOR),
    "enrolment.enrol_sensor": (
        lambda f: enrolment.enrol_sensor(f.site, OPERATOR, 17, "x", "north", "public", ROOT, 1),
        "sensor 17",
        OPERATOR,
    ),
    "enrolment.take_flashed": (
        lambda f: enrolment.take_flashed(f.site, OPERATOR, 7, 1, ROOT, ("", "", "")),
        "sensor 7",
        OPERATOR,
    ),
    "enrolment.enrol_relay": (lambda f: enrolment.enrol_relay(f.site, OPERATOR, 9, "x", SECRET), "relay 9", OPERATOR),
    "enrolment.replace_relay": (
        lambda f: enrolment.replace_relay(f.site, OPERATOR, 1, "", SECRET),
        "relay 1",
        OPERATOR,
    ),
    "setting_up.describe": (lambda f: setting_up.describe(f.site, OPERATOR, "Mill Lane"), "site", OPERATOR),
    "enrolment.make_code": (lambda f: enrolment.make_code(f.site, OPERATOR, "barn", 24), "relay", OPERATOR),
}


def copied(fleet: Fleet) -> None:
    """The database, copied into another file."""
    key = fleet.folder / "remote.key"
    key.write_text(fleet.kek.hex())
    key.chmod(0o600)
    settings = RemoteSettings(database=str(fleet.folder / "copy.sqlite"), key_file=str(key))
    upkeep.copy(replace(fleet.site, settings=settings), OPERATOR, settings, 100, lambda *_: None)


# These say what they are about to do: it is many transactions, or comes later.
ASKED: dict[str, tuple[Case, str, Actor]] = {
    "quarantine.take_again": (lambda f: quarantine.take_again(f.site, OPERATOR), "quarantine", OPERATOR),
    "relays.pull_span": (lambda f: relays.pull_span(f.site, OPERATOR, 7, 0, None, 0), "sensor 7", OPERATOR),
    "upkeep.backup": (lambda f: upkeep.backup(f.site, OPERATOR, f.folder / "backup"), "database", OPERATOR),
    "upkeep.copy": (copied, "database", OPERATOR),
    "relays.pull_data": (lambda f: relays.pull_data(f.site, OPERATOR, 7, 1, 0, 9, 0), "sensor 7", OPERATOR),
}
# tests/system/remote/test_shards.py looks at its row.
ON_SERVERS = {"upkeep.spread"}
# tests/service/remote/test_audit_chain.py looks at its row.
OF_ITSELF = {"audit.cut"}
# test_first.py looks at its row: here there is somebody.
FOR_NOBODY = {"first.offer"}
# Nor is there a provider: test_openid.py looks at their rows.
BY_PROVIDER = {"openid.identify", "openid.forget"}
# test_asking.py looks at their rows: each is a step of a request.
OF_REQUESTS = {
    "requests.ask",
    "requests.confirm",
    "requests.draft",
    "requests.expire",
    "requests.grant",
    "requests.refuse",
    "requests.verify",
    "requests.withdraw",
}
# Others do them by what is above.
THROUGH = {"enrolment.import_file", "enrolment.import_text", "enrolment.take_entry"}
# No change that anybody decided on.
BROUGHT = {"calls.news", "heartbeats.take", "live.watch", "loads.take_carry", "notices.mark_read"}
# test_holes.py, and test_streams.py for who is told, look at the row of each relay that is asked.
OF_RELAYS = {"holes.ask", "holes.fill", "holes.fill_days", "holes.left"}
# tests/service/remote/test_looks.py looks at their rows, test_sums.py at that of sums, test_deciding_pages.py at an auditor's.
LOOKS = {
    "auditing.found",
    "auditing.verified",
    "green.export",
    "looks.look",
    "looks.failed_password",
    "looks.refused",
    "regions.mine",
    "sensors.energy",
    "sensors.export",
    "sensors.gaps",
    "sensors.latest",
    "sensors.look",
    "sensors.mine",
    "finding.find",
    "sensors.overviews",
    "sensors.readings",
    "sensors.routes",
    "sensors.some",
    "sensors.thinned",
    "sensors.undated_export",
    "sensors.undated_readings",
    "summary.summary",
    "sums.energy",
}
# What those above and the others ask for what somebody may see.
SHARED = {
    "exports.exported",
    "shared.holds",
    "shared.opened",
    "shared.scopes_of",
    "shared.sensor",
    "shared.sensors",
    "shared.some",
    "standings.mine",
}
READS = {
    "lookers.is_mine",
    "lookers.looks_at",
    "lookers.mine",
    "lookers.sums_over",
    "audit.newest",
    "audit.rows",
    "audit.verify",
    "audit.noted",
    "audit.note",
    "enrolment.all_sensors",
    "setting_up.progress",
    "enrolment.public_text",
    "fleet.alarms",
    "fleet.firmwares",
    "fleet.ordered",
    "fleet.relay_name",
    "fleet.that_run",
    "fleet.ways",
    "granting.all_grants",
    "granting.listed",
    "granting.look",
    "granting.mine",
    "granting.preview",
    "imports.all_of",
    "imports.may",
    "imports.preview",
    "groups.all_groups",
    "groups.relays_outside",
    "groups.show",
    "groups.show_term",
    "orders.all_orders",
    "organisations.all_organisations",
    "orders.sealed",
    "orders.waiting",
    "people.all_users",
    "people.listed",
    "people.look",
    "places.contracts",
    "people.is_password",
    "people.me",
    "notices.mine",
    "notices.unread",
    "requests.granted",
    "requests.inbox",
    "shared.granted",
    "requests.look",
    "requests.mine",
    "requests.would_see",
    "second.address",
    "second.mine",
    "quarantine.alarms",
    "quarantine.counts",
    "quarantine.not_kept",
    "relays.all_relays",
    "relays.keys",
    "sessions.mine",
    "applications.all_applications",
    "consents.mine",
    "consents.offered",
    "people.has_password",
    "sessions.of_user",
    "tokens.mine",
    "tokens.of_user",
    "undated.stretches",
    "upkeep.examine",
}


@pytest.fixture
def site(fleet: Fleet) -> Fleet:
    """With something of everything."""
    fleet.person()
    give_role(fleet.archive, "ada", "auditor")
    tokens.add(fleet.site, ADA, "first", Scope(), 5)
    applications.add(fleet.site, OPERATOR, "Wind", ["https://a.example/"], secret=False)
    consents.give(fleet.site, ADA, wind(fleet), Scope(), 5, "its code", "https://a.example/", "x")
    for name in ("Office", "Barn"):
        organisations.add(fleet.site, OPERATOR, name)
    begin(fleet.archive, 1, int(fleet.clock()), "", "")
    second.prepare(fleet.site, ADA)
    for name in ("mia", "kim"):
        fleet.person(name)
    second.prepare(fleet.site, person(3))
    second.confirm(fleet.site, person(3), code_now(fleet, 3, -1))
    granting.grant(fleet.site, OPERATOR, "ada", Scope(region="north"))
    places.begin_contract(fleet.site, OPERATOR, 7, "ada", 5)
    places.label(fleet.site, OPERATOR, 7, ["old"], [])
    make_group(fleet, [1, 2, 5])
    groups.leave(fleet.site, OPERATOR, "north", [5])
    fleet.send(fleet.frame(7, {42: 0, 43: 0, 51: 0}), fleet.frame(8, [Reading(0, {0: 5})]))
    fleet.send(fleet.frame(7, {42: 0}, root=SECRET))
    put(fleet.archive, [9], CONFIG_ORDER, b"{}", 0)
    imports.take(fleet.site, OPERATOR, 9, b"time,1-0:1.7.0\n1600000000,5\n", "")
    return fleet


def content(fleet: Fleet) -> dict[str, list[Any]]:
    return {model.__name__: sorted(map(repr, model.select().tuples().execute(fleet.archive.db))) for model in TABLES}


def last(fleet: Fleet) -> rows.Entry:
    return audit.newest(fleet.site, OPERATOR, 1)[0]


def test_every_use_case_of_somebody_is_here() -> None:
    found = set()
    for module in pkgutil.iter_modules(use.__path__):
        for name, one in inspect.getmembers(
            importlib.import_module(f"{use.__name__}.{module.name}"), inspect.isfunction
        ):
            mine = one.__module__ == f"{use.__name__}.{module.name}" and not name.startswith("_")
            if mine and list(inspect.signature(one).parameters)[:2] == ["site", "actor"]:
                found.add(f"{module.name}.{name}")
    assert (
        found
        == set(CHANGES)
        | set(ASKED)
        | ON_SERVERS
        | OF_ITSELF
        | FOR_NOBODY
        | BY_PROVIDER
        | OF_REQUESTS
        | THROUGH
        | BROUGHT
        | LOOKS
        | SHARED
        | OF_RELAYS
        | READS
    )


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_and_its_row_are_one(site: Fleet, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, subject, actor = CHANGES[what]
    before = content(site)
    with monkeypatch.context() as broken:
        broken.setattr(rows, "put", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
        with pytest.raises(ZeroDivisionError):
            change(site)
    assert content(site) == before, "nothing changes without its row"
    made = change(site)
    after = content(site)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} > {"Audit"}
    assert len(after["Audit"]) == len(before["Audit"]) + 1
    row = last(site)
    assert (row.what, row.subject) == (what, subject.format(made=made))
    assert (row.actor_kind, row.actor_id, row.at_ms) == (actor.kind, actor.id, site.site.now_ms())


@pytest.mark.parametrize("what", ASKED)
def test_what_is_asked_for_is_noted_before(site: Fleet, what: str) -> None:
    change, subject, _ = ASKED[what]
    change(site)
    assert (last(site).what, last(site).subject) == (what, subject)


def test_what_is_refused_leaves_no_row(site: Fleet) -> None:
    before = content(site)
    for refused in (
        lambda: groups.add(site.site, OPERATOR, "north", 60, None, 5),
        lambda: groups.join(site.site, OPERATOR, "north", [77]),
        lambda: people.reset(site.site, OPERATOR, "eve"),
        lambda: granting.revoke(site.site, OPERATOR, 9),
        lambda: enrolment.enrol_relay(site.site, OPERATOR, 1, "x", SECRET),
        lambda: undated.date(site.site, OPERATOR, 9, 1, 1_700_000_000, 60),
    ):
        with pytest.raises(RemoteError):
            refused()
    assert content(site) == before


def test_a_file_has_a_row_for_each_sensor(site: Fleet) -> None:
    file = entry_file(site)
    write_entry(file, entry(site, 18))
    enrolment.import_file(site.site, OPERATOR, file, frozenset())
    assert [row.subject for row in audit.newest(site.site, OPERATOR, 2)] == ["sensor 18", "sensor 17"]
    before = content(site)
    assert enrolment.import_file(site.site, OPERATOR, file, frozenset()).done == {17: "known", 18: "known"}
    assert content(site) == before
    newer = replace(entry(site), check=key_check(SECRET), replaces=(key_check(ROOT),))
    enrolment.take_entry(site.site, OPERATOR, seal(newer, SECRET, public_key(site.archive)))
    assert (last(site).what, last(site).subject) == ("enrolment.take_flashed", "sensor 17")


def test_a_relay_that_enrols_itself(site: Fleet) -> None:
    code = enrolment.make_code(site.site, OPERATOR, "barn", 24).code
    enrolled = enrolment.use_code(site.site, enrolment.Question(code=code, nonce="0" * 32))
    assert enrolled is not None
    row = last(site)
    assert (row.what, row.actor_kind, row.actor_id) == ("enrolment.use_code", Kind.RELAY, enrolled.relay_id)
    count = Audit.select().count(site.archive.db)
    assert enrolment.use_code(site.site, enrolment.Question(code="x" * 22, nonce="0" * 32)) is None
    assert Audit.select().count(site.archive.db) == count


def test_a_login_is_noted_if_it_uses_a_password_up(site: Fleet) -> None:
    once = people.reset(site.site, OPERATOR, "ada")
    assert people.log_in(site.site, "Ada", once) is not None
    row = last(site)
    assert (row.what, row.subject, row.actor_kind, row.actor_id) == ("people.log_in", "user ada", Kind.PERSON, 1)
    count = Audit.select().count(site.archive.db)
    assert people.log_in(site.site, "ada", once) is None
    assert (last(site).what, last(site).subject, last(site).actor_id) == ("people.log_in_failed", "user ada", 0)
    people.set_password(site.site, ADA, PASSWORD, 1)
    assert people.log_in(site.site, "ada", PASSWORD) is not None
    assert Audit.select().count(site.archive.db) == count + 2, "a new password is a change, a login with it is none"


def test_no_row_tells_a_secret(site: Fleet) -> None:
    apart = ("groups.", "sessions.", "people.log_out", "second.end", "tokens.end", "applications.end", "consents.end")
    told = [change(site) for what, (change, _, _) in CHANGES.items() if not what.startswith(apart)]
    said = repr(content(site)["Audit"])
    passwords = [one for one in told if isinstance(one, str)] + [one.code for one in told if hasattr(one, "code")]
    passwords += [one.token for one in told if hasattr(one, "token")]
    assert len(passwords) >= 3
    for secret in (ROOT.decode(), SECRET.decode(), ROOT.hex(), SECRET.hex(), WIFI, PASSWORD, *passwords):
        assert secret not in said
    hashes = [one for (one,) in users.User.select(users.User.password_hash).tuples().execute(site.archive.db) if one]
    assert not any(one in said for one in hashes)


def test_the_command(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(remote, [*words, "--config", str(tmp_path / "r/remote.toml")])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    assert run("audit") == "There are none yet.\n"
    run("user", "add", "ada")
    run("grant", "add", "ada", "--region", "north")
    listed = json.loads(run("audit", "--json"))
    assert [(row["by"], row["did"], row["to"]) for row in listed] == [
        ("operator", "granting.grant", "grant 1"),
        ("operator", "people.add", "user ada"),
    ]
    assert listed[0]["with"]["region"] == "north"
    assert listed[0]["time"].endswith("+00:00")
    assert [row["did"] for row in json.loads(run("audit", "--subject", "user ada", "--json"))] == ["people.add"]
    assert len(json.loads(run("audit", "--last", "1", "--json"))) == 1
    assert "granting.grant" in run("audit")

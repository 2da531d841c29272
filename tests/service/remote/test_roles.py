"""Organisations, users' addresses and roles: by command, and at the next request."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.roles import role
from gridecho_remote.use import organisations, people

from tests.rigs.fleet import Fleet

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, only_sqlite: None) -> Run:
    """Runs a command of a new remote."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(remote, [*words, "--config", str(tmp_path / "r/remote.toml")])

    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    return run


def test_a_role_counts_from_the_next_request_on_and_no_longer(fleet: Fleet) -> None:
    ada = fleet.person()
    for one, status in ((role("auditor"), 404), (role("administrator"), 404), (role("operator"), 200)):
        people.give_role(fleet.site, OPERATOR, "ada", one)
        people.give_role(fleet.site, OPERATOR, "ada", one)  # once more is no other
        assert ada.get("/groups").status_code == ada.get("/api/v1/groups").status_code == status
    assert 'href="/groups"' in ada.get("/").text
    people.take_role(fleet.site, OPERATOR, "ada", role("operator"))
    assert ada.get("/groups").status_code == ada.get("/api/v1/groups").status_code == 404
    assert 'href="/groups"' not in ada.get("/").text
    with pytest.raises(RemoteError, match="role-unknown"):
        people.take_role(fleet.site, OPERATOR, "ada", role("operator"))
    with pytest.raises(RemoteError, match="role-unknown"):
        people.take_role(fleet.site, OPERATOR, "ada", role("administrator", "north"))
    (listed,) = people.all_users(fleet.site, OPERATOR)
    assert listed.roles == [role("administrator"), role("auditor")]


def test_a_role_is_its_owners(fleet: Fleet) -> None:
    fleet.person()
    bob = fleet.person("bob")
    people.give_role(fleet.site, OPERATOR, "ada", role("operator"))
    assert bob.get("/groups").status_code == 404


def test_organisations(fleet: Fleet) -> None:
    fleet.person()
    organisations.add(fleet.site, OPERATOR, " Statistics Office ")
    with pytest.raises(RemoteError, match="organisation-taken"):
        organisations.add(fleet.site, OPERATOR, "STATISTICS OFFICE")
    for name in ("", " ", "x" * 101, "a\0b"):
        with pytest.raises(RemoteError, match="organisation-name"):
            organisations.add(fleet.site, OPERATOR, name)
    people.set_organisation(fleet.site, OPERATOR, "Ada", "statistics office")
    assert organisations.all_organisations(fleet.site, OPERATOR) == [("Statistics Office", 1)]
    assert people.all_users(fleet.site, OPERATOR)[0].organisation == "Statistics Office"
    with pytest.raises(RemoteError, match="organisation-needed"):
        organisations.remove(fleet.site, OPERATOR, "statistics office")
    people.set_organisation(fleet.site, OPERATOR, "ada", None)
    organisations.remove(fleet.site, OPERATOR, "statistics office")
    assert organisations.all_organisations(fleet.site, OPERATOR) == []
    with pytest.raises(RemoteError, match="organisation-unknown"):
        people.set_organisation(fleet.site, OPERATOR, "ada", "statistics office")


@pytest.mark.parametrize(
    "email", ["", "ada", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\r\nBcc: x", "ä@b", f"{'a' * 254}@b"]
)
def test_addresses_that_are_none(fleet: Fleet, email: str) -> None:
    fleet.person()
    with pytest.raises(RemoteError, match="email-form"):
        people.set_email(fleet.site, OPERATOR, "ada", email)


def test_the_commands(run: Run) -> None:
    assert run("user", "add", "ada", "--operator").exit_code == run("user", "add", "bob").exit_code == 0
    assert run("organisation", "add", "Office").exit_code == 0
    done = run("user", "change", "bob", "--organisation", "office", "--email", "bob@office.example")
    assert done.output == "bob is changed.\n"
    assert run("user", "change", "bob").exit_code == 2
    said = run("role", "give", "bob", "administrator", "--region", "north/").output
    assert said.endswith("gridecho remote role take bob administrator --region north\n")
    nobody = {"organisation": None, "email": None, "roles": []}
    in_office = {"organisation": "Office", "email": "bob@office.example"}
    assert json.loads(run("user", "list", "--json").output) == [
        {"name": "ada"} | nobody | {"roles": ["operator"]},
        {"name": "bob"} | in_office | {"roles": ["administrator of north"]},
    ]
    assert "administrator of north" in run("user", "list").output
    assert json.loads(run("organisation", "list", "--json").output) == [{"name": "Office", "users": 1}]
    assert run("role", "take", "bob", "administrator").exit_code == 1
    assert run("role", "take", "bob", "administrator", "--region", "north").exit_code == 0
    assert run("user", "change", "bob", "--organisation", "", "--email", "").exit_code == 0
    assert json.loads(run("user", "list", "--json").output)[1] == {"name": "bob"} | nobody
    assert run("organisation", "remove", "OFFICE").output == "OFFICE is removed.\n"
    for wrong in (
        ("role", "give", "eve", "operator"),
        ("role", "give", "ada", "operator", "--region", "north"),
        ("user", "change", "ada", "--organisation", "Office"),
        ("organisation", "remove", "Office"),
    ):
        done = run(*wrong)
        assert (done.exit_code, done.output[:7]) == (1, "Error: "), wrong
    assert run("role", "give", "ada", "king").exit_code == 2

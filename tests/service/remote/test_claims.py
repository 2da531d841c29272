"""A request is verified by what an OpenID Connect provider said at the login: if it says so, in the right form, within a day."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gridecho_remote.outside.registry import RegistryError
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.reasons import reason
from gridecho_remote.rules.requests import State
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.rules.verification import Claim
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import audit as rows
from gridecho_remote.store.models import Identity
from gridecho_remote.use import openid, requests

from tests.rigs.fleet import Fleet
from tests.rigs.providers import CLIENT, SECRET, HostileProvider

ADA = person(1)
CLAIM = Claim("Ada Wong", "Statistics Office", "analyst", "S-1001")
SAID = {"org": "statistics office", "title": ["clerk", "Analyst"], "email_verified": True}
PATHS = {"organisation": "org", "role": "title", "email_verified": "email_verified"}
Make = Callable[..., Fleet]


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    provider = HostileProvider(lambda: 1_800_000_000.0)
    provider.claims = SAID | {"salary": 12, "org2": "x"}
    yield provider
    provider.close()


@pytest.fixture
def made(make_fleet: Make, tmp_path: Path, provider: HostileProvider) -> Callable[..., Fleet]:
    """A remote at which Ada is known to the provider."""

    def make(**settings: object) -> Fleet:
        file = tmp_path / "oidc.secret"
        file.write_text(SECRET)
        file.chmod(0o600)
        named = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_secret_file": str(file)}
        fleet = make_fleet(**named, **{"oidc_claims": PATHS} | settings)
        fleet.person("ada")
        openid.identify(fleet.site, OPERATOR, "ada", "s-1")
        return fleet

    return make


def come_in(fleet: Fleet, provider: HostileProvider) -> None:
    assert provider.come_back(fleet.app.test_client()).status_code == 302


def asked(fleet: Fleet, claim: Claim = CLAIM) -> requests.RequestInfo:
    number = requests.draft(fleet.site, ADA, claim, "energy of homes", Scope(region="north"), 30)
    return requests.ask(fleet.site, ADA, number)


def kept(fleet: Fleet) -> dict[str, Any]:
    return json.loads(Identity.select(Identity.claims).scalar(fleet.archive.db))  # type: ignore[no-any-return]


def test_who_is_who_they_say_is_verified_and_it_is_kept_by_what(made: Make, provider: HostileProvider) -> None:
    fleet = made()
    come_in(fleet, provider)
    assert kept(fleet) == SAID, "what is mapped, and nothing else of it"
    one = asked(fleet)
    assert one.state is State.VERIFIED
    assert (one.finding["verified"], one.finding["how"]) == (True, "claims")
    assert one.finding["told"] == {
        "issuer": provider.issuer,
        "claimed_s": 1_800_000_000,
        "organisation": "statistics office",
        "role": ["clerk", "Analyst"],
        "email_verified": True,
    }
    row = next(row for row in rows.newest(fleet.archive, 5) if row.what == "requests.verify")
    assert row.fields["found"]["told"]["issuer"] == provider.issuer  # type: ignore[index]
    assert requests.grant(fleet.site, OPERATOR, one.id) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"org": "Another Office"},
        {"org": None},
        {"org": ""},
        {"org": []},
        {"org": ["Statistics Office", 5]},
        {"org": {"name": "Statistics Office"}},
        {"org": True},
        {"org": "x" * 5_000},
        {"title": "clerk"},
        {"title": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
    ],
    ids=str,
)
def test_what_is_missing_false_or_of_another_form_verifies_nobody(
    made: Make, provider: HostileProvider, said: dict[str, Any]
) -> None:
    fleet = made()
    provider.claims |= said
    come_in(fleet, provider)
    one = asked(fleet)
    assert one.state is State.UNVERIFIED
    assert one.finding["verified"] is False
    assert one.finding["reason"]
    assert len(json.dumps(kept(fleet))) <= 4_096


@pytest.mark.parametrize("field", ["organisation", "role"])
def test_what_they_say_themselves_has_to_be_the_same(made: Make, provider: HostileProvider, field: str) -> None:
    fleet = made()
    come_in(fleet, provider)
    told = {name: getattr(CLAIM, name) for name in ("name", "organisation", "role", "evidence")}
    assert asked(fleet, Claim(**told | {field: "another"})).state is State.UNVERIFIED
    assert asked(fleet, Claim(**told | {"name": "Any Name"})).state is State.VERIFIED, "which is not mapped"


def test_claims_of_an_older_login_or_of_none_verify_nobody(made: Make, provider: HostileProvider) -> None:
    fleet = made()
    assert asked(fleet).state is State.ASKED, "nobody could be asked"
    come_in(fleet, provider)
    fleet.clock.now_s += 86_399
    assert asked(fleet).state is State.VERIFIED
    fleet.clock.now_s += 1
    one = asked(fleet)
    assert one.state is State.UNVERIFIED
    assert one.finding["told"] == {"issuer": provider.issuer, "claimed_s": 1_800_000_000}
    fleet.clock.now_s -= 86_401
    assert asked(fleet).state is State.UNVERIFIED, "a clock that was set back"


def test_the_last_login_counts(made: Make, provider: HostileProvider) -> None:
    fleet = made()
    come_in(fleet, provider)
    provider.claims |= {"org": None}
    come_in(fleet, provider)
    assert asked(fleet).state is State.UNVERIFIED


def test_claims_are_the_persons_whom_the_provider_named(made: Make, provider: HostileProvider) -> None:
    fleet = made()
    fleet.person("eve")
    come_in(fleet, provider)
    number = requests.draft(fleet.site, person(2), CLAIM, "x", Scope(region="north"), 30)
    assert requests.ask(fleet.site, person(2), number).state is State.ASKED


def test_without_a_mapping_nothing_is_kept_and_nobody_verified(made: Make, provider: HostileProvider) -> None:
    fleet = made(oidc_claims={})
    come_in(fleet, provider)
    assert kept(fleet) == {}
    assert asked(fleet).state is State.ASKED


def test_names_of_claims_with_dots_and_claims_within_others(made: Make, provider: HostileProvider) -> None:
    fleet = made(oidc_claims={"organisation": "https://office.example/org", "role": "post.title"})
    provider.claims |= {"https://office.example/org": "Statistics Office", "post": {"title": "analyst", "since": 9}}
    come_in(fleet, provider)
    assert kept(fleet) == {"https://office.example/org": "Statistics Office", "post.title": "analyst"}
    assert asked(fleet).state is State.VERIFIED


class Away:
    """A register that is away."""

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        raise RegistryError(reason("verify-away", why="x"))


def test_who_is_not_verified_by_claims_is_looked_up_in_the_register(made: Make, provider: HostileProvider) -> None:
    fleet = made()
    object.__setattr__(fleet.site, "registry", Away())
    come_in(fleet, provider)
    assert asked(fleet).state is State.VERIFIED
    provider.claims |= {"org": "Another Office"}
    come_in(fleet, provider)
    one = asked(fleet)
    assert (one.state, one.finding["how"]) == (State.UNVERIFIED, "registry")


@pytest.mark.parametrize(
    "claims", [{"role": "title"}, {"email_verified": "email_verified"}, {"king": "x"}, {"organisation": ""}]
)
def test_mappings_that_verify_nobody(claims: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="oidc_claims"):
        RemoteSettings(oidc_issuer="https://x", oidc_client_id="x", oidc_secret_file="x", oidc_claims=claims)

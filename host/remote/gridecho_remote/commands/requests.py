"""`gridecho remote request ...`: who asks for access, and what becomes of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..rules.scope_words import words
from ..rules.sentences import said
from ..use import requests
from ..use.requests import RequestInfo, State
from ..use.site import Site
from .grants import scope_fields, scope_options
from .parts import config_option, json_option, opened, say_rows

_STATES = click.Choice([str(state) for state in State])


@click.group("request")
def request() -> None:
    """Requests for access. People make them on the remote's pages."""


@request.command("list")
@click.option(
    "--state", "states", type=_STATES, multiple=True, help="Only such; repeat for more. Without: what is open."
)
@config_option
@json_option
def request_list(states: tuple[str, ...], config: Path, as_json: bool) -> None:
    """List requests, the oldest first.

    Example: gridecho remote request list --state verified
    """
    with opened(config) as site:
        wanted = [State(state) for state in states]
        found = requests.inbox(site, OPERATOR, wanted) if wanted else requests.inbox(site, OPERATOR)
    say_rows(
        [
            {
                "id": one.id,
                "state": str(one.state),
                "user": one.user,
                "organisation": one.claim.organisation,
                "region": requests.region_of(one) or None,
                "since": _utc(one.changed_ms),
            }
            for one in found
        ],
        as_json,
    )


@request.command("show")
@click.argument("number", metavar="ID", type=int)
@config_option
@json_option
def request_show(number: int, config: Path, as_json: bool) -> None:
    """Show request ID: who asks, what for, what was found out of them, and what they would see.

    Example: gridecho remote request show 7
    """
    with opened(config) as site:
        told = _told(site, requests.look(site, OPERATOR, number))
    if as_json:
        click.echo(json.dumps(told))
        return
    for name, value in told.items():
        if value is not None:
            click.echo(f"{name + ':':<14}{value}")


@request.command("verify")
@click.argument("number", metavar="ID", type=int)
@config_option
@json_option
def request_verify(number: int, config: Path, as_json: bool) -> None:
    """Ask the register once more who asks by request ID.

    Example: gridecho remote request verify 7
    """
    with opened(config) as site:
        one = requests.verify(site, OPERATOR, number)
    _say(one, as_json)


@request.command("confirm")
@click.argument("number", metavar="ID", type=int)
@click.option("--how", required=True, help="How you know who it is, in a sentence; it is kept.")
@config_option
@json_option
def request_confirm(number: int, how: str, config: Path, as_json: bool) -> None:
    """Say that you know yourself who asks by request ID.

    Example: gridecho remote request confirm 7 --how "came to the office with a passport"
    """
    with opened(config) as site:
        one = requests.confirm(site, OPERATOR, number, how)
    _say(one, as_json)


@request.command("grant")
@click.argument("number", metavar="ID", type=int)
@click.option("--days", type=click.IntRange(1, requests.MOST_DAYS), help="For fewer days than were asked for.")
@scope_options
@config_option
@json_option
def request_grant(number: int, days: int | None, config: Path, as_json: bool, **options: Any) -> None:
    """Grant what request ID asks for; with options, only that part of it. Look before: gridecho remote request show ID

    Example: gridecho remote request grant 7 --resolution month --no-live --days 90
    """
    with opened(config) as site:
        made = requests.grant(site, OPERATOR, number, days, **scope_fields(options))
        state = requests.look(site, OPERATOR, number).state
    end = f"End it with: gridecho remote grant revoke {made}"
    click.echo(
        json.dumps({"id": number, "state": state, "grant": made}) if as_json else f"Request {number}: {state}. {end}"
    )


@request.command("refuse")
@click.argument("number", metavar="ID", type=int)
@click.option("--reason", required=True, help="Why, in a sentence; who asks is told.")
@config_option
def request_refuse(number: int, reason: str, config: Path) -> None:
    """Refuse request ID.

    Example: gridecho remote request refuse 7 --reason "homes are shared by month only"
    """
    with opened(config) as site:
        requests.refuse(site, OPERATOR, number, reason)
    click.echo(f"Request {number} is refused; who asked is told.")


def _told(site: Site, one: RequestInfo) -> dict[str, Any]:
    would = requests.would_see(site, OPERATOR, one)
    found = requests.finding_of(one)
    return {
        "request": one.id,
        "state": str(one.state),
        "user": one.user,
        "name": one.claim.name,
        "organisation": one.claim.organisation,
        "role": one.claim.role,
        "evidence": one.claim.evidence,
        "purpose": one.purpose,
        "asks for": words(requests.scope_of(one), would.sensors, site.days.zone, one.lasts_days),
        "verified": found[0] if found else None,
        "found": (said(found[1]) or json.dumps(found[2])) if found else None,
        "reason": one.reason or None,
        "grant": one.grant,
        "since": _utc(one.changed_ms),
    }


def _say(one: RequestInfo, as_json: bool) -> None:
    found = requests.finding_of(one)
    why = said(found[1]) if found else ""
    if as_json:
        click.echo(json.dumps({"id": one.id, "state": one.state, "why": why}))
    else:
        click.echo(f"Request {one.id}: {one.state}{f' ({why})' if why else ''}.")


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).isoformat()

"""`gridecho remote applications ...`: applications of others, which people may let see readings of theirs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from ..rules.actor import OPERATOR
from ..use import applications
from .parts import config_option, json_option, opened, say_rows


@click.group("applications")
def applications_() -> None:
    """Applications of others (OAuth 2.0), which people may let see readings of theirs."""


@applications_.command("add")
@click.argument("name")
@click.option(
    "--redirect",
    "addresses",
    multiple=True,
    required=True,
    help="To where people are led back: https://, or http://127.0.0.1 with any port; repeat for more.",
)
@click.option("--secret", is_flag=True, help="It runs on a server and can keep a secret, which is printed once.")
@config_option
@json_option
def applications_add(name: str, addresses: tuple[str, ...], secret: bool, config: Path, as_json: bool) -> None:
    """Make an application known: NAME is what people read when they are asked.

    Example: gridecho remote applications add "Solar planner" --redirect https://solar.example/back --secret
    """
    with opened(config) as site:
        made = applications.add(site, OPERATOR, name, list(addresses), secret=secret)
    if as_json:
        click.echo(json.dumps({"client_id": made.client_id, "client_secret": made.secret}))
        return
    click.echo(f"client_id: {made.client_id}")
    if made.secret is not None:
        click.echo(f"client_secret: {made.secret} (it is not shown again)")


@applications_.command("list")
@config_option
@json_option
def applications_list(config: Path, as_json: bool) -> None:
    """List all applications, those that have ended too.

    Example: gridecho remote applications list
    """
    with opened(config) as site:
        found = applications.all_applications(site, OPERATOR)
    rows = [
        {
            "name": one.name,
            "client_id": one.client_id,
            "redirects": one.redirects,
            "secret": one.secret is not None,
            "added": datetime.fromtimestamp(one.added_s, UTC).isoformat(),
            "ended": None if one.ended_s is None else datetime.fromtimestamp(one.ended_s, UTC).isoformat(),
        }
        for one in found
    ]
    say_rows(rows, as_json)


@applications_.command("end")
@click.argument("name")
@config_option
def applications_end(name: str, config: Path) -> None:
    """End application NAME and all that people let it see, from its next request on.

    Example: gridecho remote applications end "Solar planner"
    """
    with opened(config) as site:
        ended = applications.end(site, OPERATOR, name)
    click.echo(f"{name} has ended, with what {ended} had let it see.")

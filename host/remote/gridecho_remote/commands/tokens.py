"""`gridecho remote tokens ...`: tokens for programs, with which they see what a user sees, or a part of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..rules.scope_words import words_of_part
from ..rules.scopes import Scope
from ..use import tokens
from .grants import part_options, scope_fields
from .parts import config_option, json_option, opened, say_rows


@click.group("tokens")
def tokens_() -> None:
    """Tokens for programs: a part of what a user sees, for a time."""


@tokens_.command("add")
@click.argument("user_name", metavar="USER")
@click.option("--name", required=True, help="What it is for; the user sees it in their list.")
@click.option(
    "--days", type=int, default=90, show_default=True, help=f"How long it is good, {tokens.MOST_DAYS} at most."
)
@part_options
@config_option
@json_option
def tokens_add(user_name: str, name: str, days: int, config: Path, as_json: bool, **options: Any) -> None:
    """Make a token of USER's and print it, once. It opens what USER sees at that moment, or of that what the selectors say.

    Example: gridecho remote tokens add ada --name "report" --days 30 --sensor 7 --resolution day --no-export
    """
    with opened(config) as site:
        part = Scope(**scope_fields(options))
        made = tokens.add_of_user(site, OPERATOR, user_name, name, part, days)
    if as_json:
        click.echo(json.dumps({"id": made.id, "token": made.token}))
        return
    click.echo(made.token)
    what = words_of_part(part, site.days.zone)
    click.echo(f"Token {made.id} of {user_name}, for {days} days: {what}; it is not shown again.", err=True)
    click.echo(f"End it with: gridecho remote tokens end {user_name} {made.id}", err=True)


@tokens_.command("list")
@click.argument("user_name", metavar="USER")
@config_option
@json_option
def tokens_list(user_name: str, config: Path, as_json: bool) -> None:
    """List USER's tokens, the newest first, also those that are over.

    Example: gridecho remote tokens list ada
    """
    with opened(config) as site:
        found = tokens.of_user(site, OPERATOR, user_name)
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "opens": words_of_part(one.part, site.days.zone),
            "made": _utc(one.begun_s),
            "expires": _utc(one.expires_s),
            "used": None if one.used_s is None else _utc(one.used_s),
        }
        for one in found
    ]
    say_rows(rows, as_json)


@tokens_.command("end")
@click.argument("user_name", metavar="USER")
@click.argument("number", metavar="ID", type=int)
@config_option
def tokens_end(user_name: str, number: int, config: Path) -> None:
    """End USER's token ID; it holds from its next request.

    Example: gridecho remote tokens end ada 3
    """
    with opened(config) as site:
        tokens.end_of_user(site, OPERATOR, user_name, number)
    click.echo(f"Token {number} has ended.")


def _utc(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat()

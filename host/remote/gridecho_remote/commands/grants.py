"""`gridecho remote grant ...`: what users may see."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..rules.categories import labels_of
from ..rules.plain_scopes import quantity_mask, said
from ..rules.scope_words import words
from ..rules.scopes import METERED, Resolution, Scope
from ..use import granting
from .parts import Utc, config_option, json_option, opened, say_rows

_FINENESS = {one.name.lower(): one for one in Resolution}
_SELECTORS = (
    click.option("--region", help='A region and all that lies in it, as "province/city".'),
    click.option("--category", help="Sensors of one category."),
    click.option(
        "--label", "labels", multiple=True, help="Sensors with this label; repeat for more, of which one will do."
    ),
    click.option(
        "--sensor", "sensors", type=click.IntRange(1, 2**32 - 1), multiple=True, help="One sensor; repeat for more."
    ),
    click.option("--quantity", "quantities", multiple=True, help="An OBIS name, such as 1-0:1.7.0; repeat for more."),
    click.option(
        "--resolution", type=click.Choice(list(_FINENESS)), help="How finely at most; raw is every reading, by default."
    ),
    click.option("--from", "first_s", type=Utc(), help="The first moment of the readings, UTC."),
    click.option("--until", "until_s", type=Utc(), help="The first moment that is not open any more, UTC."),
    click.option("--no-export", is_flag=True, help="No files to take away."),
    click.option("--no-live", is_flag=True, help="Nothing of a day (of the site's zone) before it is over."),
)
_OF_GRANTS = (
    click.option(
        "--smallest-group",
        "k",
        type=click.IntRange(min=1),
        help="From 2 on: sums over at least so many, no sensor singly.",
    ),
    click.option("--starts", "starts_s", type=Utc(), help="When the grant begins to hold, UTC."),
    click.option("--expires", "expires_s", type=Utc(), help="The end of the grant, UTC."),
)


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What may be said of a scope, for `scope_fields`."""
    return _with(_SELECTORS + _OF_GRANTS, command)


def part_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What may be said of a part of what somebody sees, for `scope_fields`."""
    return _with(_SELECTORS, command)


def _with(options: tuple[Callable[..., Callable[..., Any]], ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def grant() -> None:
    """What users may see. Nobody sees anything without a grant."""


@grant.command("add")
@click.argument("user_name", metavar="USER")
@scope_options
@click.option("--preview", is_flag=True, help="Say what it would open, and give nothing.")
@config_option
@json_option
def grant_add(user_name: str, preview: bool, config: Path, as_json: bool, **options: Any) -> None:
    """Let USER see the sensors that match all of the selectors given; without --quantity, all they measure.

    Example: gridecho remote grant add ada --region north/city-a --category residential --resolution day --from 2026-01-01
    --no-export --expires 2027-01-01 --preview
    """
    with opened(config) as site:
        scope = Scope(**scope_fields(options))
        would = granting.preview(site, OPERATOR, user_name, scope)
        number = None if preview else granting.grant(site, OPERATOR, user_name, scope)
    what = f"{would.user} {'would see' if preview else 'sees'} {words(would.scope, would.sensors, site.days.zone)}."
    if as_json:
        told = {"user": would.user, "scope": said(would.scope), "sensors": would.sensors, "new": would.new}
        click.echo(json.dumps(told if preview else {"id": number}))
    elif preview:
        click.echo(f"{what} Of these sensors {would.new} they cannot see now.")
    else:
        click.echo(f"Grant {number}. {what} End it with: gridecho remote grant revoke {number}")


@grant.command("list")
@config_option
@json_option
def grant_list(config: Path, as_json: bool) -> None:
    """List all grants, revoked ones too.

    Example: gridecho remote grant list
    """
    with opened(config) as site:
        rows = [_row(info) for info in granting.all_grants(site, OPERATOR)]
    say_rows(rows, as_json)


@grant.command("narrow")
@click.argument("number", metavar="ID", type=int)
@scope_options
@config_option
@json_option
def grant_narrow(number: int, config: Path, as_json: bool, **options: Any) -> None:
    """Have grant ID open less; what is not said stays. It holds from the user's next request.

    Example: gridecho remote grant narrow 3 --no-export --until 2027-01-01
    """
    with opened(config) as site:
        info = granting.narrow(site, OPERATOR, number, **scope_fields(options))
        would = granting.preview(site, OPERATOR, info.user, info.scope)
    what = f"{info.user} sees {words(info.scope, would.sensors, site.days.zone)}"
    click.echo(json.dumps(_row(info)) if as_json else f"Grant {number}: {what}.")


@grant.command("revoke")
@click.argument("number", metavar="ID", type=int)
@config_option
def grant_revoke(number: int, config: Path) -> None:
    """End grant ID; it holds from the user's next request.

    Example: gridecho remote grant revoke 3
    """
    with opened(config) as site:
        granting.revoke(site, OPERATOR, number)
    click.echo(f"Grant {number} is revoked.")


def scope_fields(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a scope that were said."""
    found = {name: options[name] for name in ("region", "category", "k") if options.get(name) is not None}
    for name in ("first_s", "until_s", "starts_s", "expires_s"):
        if options.get(name) is not None:
            found[name] = int(options[name])
    if options["labels"]:
        found["labels"] = labels_of(options["labels"])
    if options["sensors"]:
        found["sensors"] = frozenset(options["sensors"])
    if options["quantities"]:
        found["quantities"] = quantity_mask(options["quantities"])
    if options["resolution"]:
        found["resolution"] = _FINENESS[options["resolution"]]
    return found | {name: False for name in ("export", "live") if options[f"no_{name}"]}


def _row(info: granting.GrantInfo) -> dict[str, Any]:
    scope = info.scope
    plain = said(scope)
    return {
        "id": info.id,
        "user": info.user,
        "region": scope.region,
        "category": scope.category,
        "labels": plain.get("labels"),
        "sensors": None if scope.sensors is None else [str(one) for one in sorted(scope.sensors)],
        "quantities": "all" if scope.quantities == METERED else plain["quantities"],
        "resolution": scope.resolution.name.lower(),
        "smallest_group": scope.k,
        "from": _utc(scope.first_s),
        "until": _utc(scope.until_s),
        "export": scope.export,
        "live": scope.live,
        "starts": _utc(scope.starts_s),
        "expires": _utc(scope.expires_s),
        "revoked": scope.revoked,
    }


def _utc(time_s: int | None) -> str | None:
    return None if time_s is None else datetime.fromtimestamp(time_s, UTC).isoformat()

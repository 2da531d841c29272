"""`gridecho remote audit`: who changed what."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..use import audit as audit_
from .parts import config_option, json_option, opened, say_rows


@click.command()
@click.option("--last", type=click.IntRange(1, 10_000), default=50, show_default=True, help="So many changes.")
@click.option("--subject", help='Changes of this only, such as "sensor 7" or "user ada".')
@config_option
@json_option
def audit(last: int, subject: str | None, config: Path, as_json: bool) -> None:
    """List who changed what, the newest change first.

    Example: gridecho remote audit --subject "sensor 7"
    """
    with opened(config) as site:
        say_rows([_row(one, as_json) for one in audit_.newest(site, OPERATOR, last, subject)], as_json)


def _row(one: audit_.Entry, as_json: bool) -> dict[str, Any]:
    at = datetime.fromtimestamp(one.at_ms / 1000, UTC)
    return {
        "time": at.isoformat(timespec="milliseconds"),
        "by": f"{one.actor_kind} {one.actor_id}" if one.actor_id else one.actor_kind,
        "did": one.what,
        "to": one.subject,
        "with": one.fields if as_json else json.dumps(one.fields),
    }

"""`gridecho remote audit`: who changed what, and whether that is all that was written."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..rules.sentences import sentence
from ..use import audit as audit_
from .parts import config_option, json_option, opened, say_rows


@click.group(invoke_without_command=True)
@click.option("--last", type=click.IntRange(1, 10_000), default=50, show_default=True, help="So many changes.")
@click.option("--subject", help='Changes of this only, such as "sensor 7" or "user ada".')
@config_option
@json_option
@click.pass_context
def audit(context: click.Context, last: int, subject: str | None, config: Path, as_json: bool) -> None:
    """List who changed what, the newest change first.

    Example: gridecho remote audit --subject "sensor 7"
    """
    if context.invoked_subcommand:
        return
    with opened(config) as site:
        say_rows([_row(one, as_json) for one in audit_.newest(site, OPERATOR, last, subject)], as_json)


@audit.command()
@click.option(
    "--anchors", type=click.Path(path_type=Path), help="A file of anchors, in place of the one that the settings name."
)
@config_option
@json_option
def verify(anchors: Path | None, config: Path, as_json: bool) -> None:
    """Look whether any row of the audit was changed, left out, put in or moved. Exit code 1 if so.

    Each row has a digest of itself and the row before. Who can change the database can make all of them anew; what was noted
    outside of it (anchors) shows that, too.

    Example: gridecho remote audit verify --anchors /media/safe/audit.anchors
    """
    with opened(config) as site:
        rows, problems, cut = audit_.verify(site, OPERATOR, anchors)
    said = [sentence(problem) for problem in problems]
    if as_json:
        click.echo(json.dumps({"rows": rows, "problems": said, "cut_up_to": cut}))
    else:
        after = f" after row {cut}, up to which they were cut off" if cut else ""
        click.echo(f"{rows:,} rows{after}: " + ("sound." if not said else "NOT sound:"))
        for line in said:
            click.echo(f"- {line}")
    if said:
        sys.exit(1)


@audit.command()
@config_option
def export(config: Path) -> None:
    """Write the whole audit, a line of JSON a row, with the digests.

    Example: gridecho remote audit export > audit.jsonl
    """
    with opened(config) as site:
        for row in audit_.rows(site, OPERATOR):
            click.echo(json.dumps(row))


def _row(one: audit_.Entry, as_json: bool) -> dict[str, Any]:
    at = datetime.fromtimestamp(one.at_ms / 1000, UTC)
    return {
        "time": at.isoformat(timespec="milliseconds"),
        "by": f"{one.actor_kind} {one.actor_id}" if one.actor_id else one.actor_kind,
        "did": one.what,
        "to": one.subject,
        "with": one.fields if as_json else json.dumps(one.fields),
    }

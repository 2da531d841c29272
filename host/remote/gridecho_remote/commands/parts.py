"""What the commands share: where the settings are, JSON or a table, an open database."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from ..rules.errors import RemoteError
from ..rules.sentences import at_terminal
from ..settings import read_remote_settings, usual_place
from ..use.site import Site, open_site, settled

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """`--config`, as `config`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=usual_place,
        show_default="remote.toml, or else /etc/gridecho/remote.toml",
        help="The remote's settings file.",
    )(command)


def json_option(command: F) -> F:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


class Utc(click.ParamType[float]):
    """A date or a time in ISO 8601, UTC if it does not say otherwise, as Unix seconds."""

    name = "utc time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2027-01-31 or 2027-01-31T12:00", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@contextmanager
def sentences() -> Iterator[None]:
    """What a use case refuses ends the command with its sentence, and what to type next."""
    try:
        yield
    except RemoteError as error:
        raise click.ClickException(at_terminal(error)) from None


@contextmanager
def opened(config: Path) -> Iterator[Site]:
    """The site that a settings file tells of, while it is open. Raises SettingsError; what a use case refuses is said as above."""
    site = open_site(read_remote_settings(config))
    try:
        with sentences(), settled(site.archive.engine):
            yield site
    finally:
        site.close()


def say_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """A table for people, or JSON."""
    if as_json:
        click.echo(json.dumps(rows))
        return
    if not rows:
        click.echo("There are none yet.")
        return
    cells = [list(rows[0])]
    for row in rows:
        values = (", ".join(value) if isinstance(value, list) else value for value in row.values())
        cells.append(["-" if value is None else str(value) for value in values])
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

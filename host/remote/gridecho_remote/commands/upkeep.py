"""`gridecho remote migrate|backup|restore|doctor|copy|shards`: looking after the database itself."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ..rules.actor import OPERATOR
from ..rules.sentences import at_terminal
from ..settings import read_remote_settings
from ..use import upkeep
from .parts import config_option, json_option, opened, say_rows, sentences

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@config_option
@json_option
def migrate(config: Path, as_json: bool) -> None:
    """Bring the database up to date after an update of gridecho; `run` and all other commands do so, too.

    Example: gridecho remote migrate --config /srv/gridecho/remote.toml
    """
    taken = []

    def told(step: upkeep.Step) -> None:
        taken.append(step.schema)
        if not as_json:
            click.echo(f"Schema {step.schema}: {step.name.replace('_', ' ')} ...")

    with sentences():
        schema = upkeep.migrate(read_remote_settings(config), OPERATOR, told)
    if as_json:
        click.echo(json.dumps({"schema": schema, "steps": taken}))
    else:
        click.echo(f"The database has schema {schema}, as this gridecho expects it.")


@click.command()
@click.argument("file", type=_FILE)
@config_option
@json_option
def backup(file: Path, config: Path, as_json: bool) -> None:
    """Write the whole database into FILE, as it is at one moment; the remote may run meanwhile. The key file is not in it.

    Example: gridecho remote backup /backups/2027-01-31.backup
    """
    with opened(config) as site:
        size = upkeep.backup(site, OPERATOR, file)
    said = f"{file}: {size:,} bytes. It needs the key file to be of use: keep a copy of that, too, in another place."
    click.echo(json.dumps({"file": str(file), "bytes": size}) if as_json else said)


@click.command()
@click.argument("file", type=_FILE)
@config_option
@json_option
def restore(file: Path, config: Path, as_json: bool) -> None:
    """Make the database from FILE, which `backup` wrote. There must be none yet: it never replaces one.

    Example: gridecho remote restore /backups/2027-01-31.backup --config /srv/gridecho/remote.toml
    """
    with sentences():
        schema = upkeep.restore(read_remote_settings(config), OPERATOR, file)
    click.echo(json.dumps({"schema": schema}) if as_json else "The database is restored. See: gridecho remote doctor")


@click.command()
@config_option
@json_option
def doctor(config: Path, as_json: bool) -> None:
    """Look whether the database is sound, and what fills it. Exit code 1 if something is wrong.

    Example: gridecho remote doctor --json
    """
    with opened(config) as site:
        report = upkeep.examine(site, OPERATOR)
    problems = [at_terminal(problem) for problem in report.problems]
    tables = [asdict(table) for table in report.tables]
    if as_json:
        said = {"database": report.database, "schema": report.schema, "problems": problems, "tables": tables}
        click.echo(json.dumps(said))
    else:
        say_rows(tables, as_json)
        click.echo(f"{report.database}: schema {report.schema}, " + ("sound." if not problems else "NOT sound:"))
        for problem in problems:
            click.echo(f"- {problem}")
    if problems:
        sys.exit(1)


@click.command()
@click.option("--to", type=_FILE, required=True, help="A copy of the settings file that names the other database.")
@click.option("--batch", type=click.IntRange(1, 100_000), default=5_000, show_default=True, help="Rows a transaction.")
@config_option
@json_option
def copy(to: Path, batch: int, config: Path, as_json: bool) -> None:
    """Copy the database into another one, as from SQLite to PostgreSQL, and compare both. Stop the remote first.

    One that is cut off goes on where it was when it is started again.

    Example: gridecho remote copy --config remote.toml --to postgresql.toml
    """

    def told(table: str, copied: int, there: int) -> None:
        if not as_json:
            click.echo(f"{table}: {copied:,} of {there:,} rows")

    with opened(config) as site:
        rows = upkeep.copy(site, OPERATOR, read_remote_settings(to), batch, told)
    said = f"All {rows:,} rows are copied and the same. From now on use: gridecho remote run --config {to}"
    click.echo(json.dumps({"rows": rows}) if as_json else said)


@click.command()
@click.argument("urls", nargs=-1, required=True)
@click.option("--parts", type=click.IntRange(1, 1_000), default=16, show_default=True, help="Of each table, over all.")
@config_option
@json_option
def shards(urls: tuple[str, ...], parts: int, config: Path, as_json: bool) -> None:
    """Spread the tables that grow with the data over data servers: URLS of empty databases, each "postgresql://...".

    Stop the remote first. Nothing is changed unless all rows are there in the end.

    Example: gridecho remote shards postgresql://gridecho@data-1/gridecho postgresql://gridecho@data-2/gridecho
    """
    moved = {}

    def told(table: str, rows: int) -> None:
        moved[table] = rows
        if not as_json:
            click.echo(f"{table}: {rows:,} rows")

    with opened(config) as site:
        upkeep.spread(site, OPERATOR, urls, parts, told)
    said = f"The data lie in {parts} parts on {len(urls)} servers. Start the remotes as before."
    click.echo(json.dumps({"servers": len(urls), "parts": parts, "rows": moved}) if as_json else said)

"""The command `gridecho bench lists`."""

import json
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .lists import PAGES, Plan, measure
from .lists_city import City
from .measuring import measured


@click.command()
@click.option(
    "--sensors", type=click.IntRange(100, 1_000_000), default=100_000, show_default=True, help="Enrolled ones."
)
@click.option("--relays", type=click.IntRange(10, 10_000), default=300, show_default=True, help="Enrolled ones.")
@click.option("--groups", type=click.IntRange(1, 1_000), default=30, show_default=True, help="Of ten relays each.")
@click.option("--grants", type=click.IntRange(2, 1_000_000), default=10_000, show_default=True, help="Two a reader.")
@click.option("--runs", type=click.IntRange(1, 999), default=15, show_default=True, help="The figures are medians.")
@click.option("--postgresql", "url", default="", help="URL of a server to use, in place of one started for this.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def lists(sensors: int, relays: int, groups: int, grants: int, runs: int, url: str, as_json: bool) -> None:
    """How soon the pages with lists come where there is much to list.

    A city is put into an empty database, a real remote is started on it, and somebody who may see all of it opens the overview and
    each list: its first page, a later one, what a search finds, in another order. On SQLite, then on PostgreSQL.

    \b
    Example:
      gridecho bench lists
      gridecho bench lists --sensors 10000 --json
    """
    city = City(sensors, relays, min(groups, -(-relays // 10)), grants)
    found = measured(partial(measure, Plan(city, runs, url)))
    if reason := found["postgresql"].get("reason"):
        click.echo(f"gridecho bench: no figures of postgresql: {reason}", err=True)
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table(found))


def _table(found: dict[str, Any]) -> Table:
    title = f"{found['sensors']:,} sensors, {found['relays']:,} relays, {found['grants']:,} grants; medians (the longest), ms"
    table = Table("page", "SQLite", "PostgreSQL", header_style="bold", title=title)
    engines = found["sqlite"], found["postgresql"]
    table.add_row("the first of all", *(f"{its['first_ms']:,.0f}" if "first_ms" in its else "" for its in engines))
    for page, path in PAGES.items():
        figures = [its.get(f"{page}_ms") for its in engines]
        table.add_row(path, *(f"{one['median']:,.0f} ({one['worst']:,.0f})" if one else "" for one in figures))
    table.caption = f"Each page {found['runs']} times. {found['cores']} cores, Python {found['python']}."
    return table

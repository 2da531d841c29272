"""`gridecho group ...`: groups of relays, of which one at a time, the proxy, brings the data of all."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..rules.actor import OPERATOR
from ..rules.sentences import said, with_reasons
from ..rules.units import ago
from ..use import groups
from .parts import config_option, json_option, opened, say_rows

_BLOCKS = " ▁▂▃▄▅▆▇█"
_CHART_COLUMNS = 60
_RELAYS = click.argument("relays", metavar="RELAY...", nargs=-1, required=True, type=click.IntRange(1, 2**32 - 1))
_AFTER = click.option("--after", "after_s", type=int, metavar="S", default=3600, help="A term ends after S seconds.")
_NO_AFTER = click.option("--no-after", is_flag=True, help="Time ends no term; for --after-forwards alone.")
_AFTER_FORWARDS = click.option("--after-forwards", type=int, metavar="N", help="A term ends after N forwards.")
_PERIOD = click.option(
    "--period", "period_s", type=int, metavar="S", default=60, help="The sampling period in seconds."
)


@click.group()
def group() -> None:
    """Groups of relays that take turns at bringing the data of all to the remote.

    Example: gridecho group add north --after 3600 && gridecho group join north 1 2 3
    """


@group.command()
@click.argument("name")
@_AFTER
@_NO_AFTER
@_AFTER_FORWARDS
@_PERIOD
@config_option
@json_option
def add(
    name: str, after_s: int, no_after: bool, after_forwards: int | None, period_s: int, config: Path, as_json: bool
) -> None:
    """Make the group NAME. Its terms end after an hour if nothing else is said.

    Example: gridecho group add north --after 7200 --period 60
    """
    with opened(config) as site:
        made = groups.add(site, OPERATOR, name, None if no_after else after_s, after_forwards, period_s)
    _say({"id": made.id, "name": made.name}, f"Made the group {made.name}, number {made.id}.", as_json)


@group.command("set")
@click.argument("name")
@_AFTER
@_NO_AFTER
@_AFTER_FORWARDS
@click.option("--no-after-forwards", is_flag=True, help="The number of forwards ends no term.")
@_PERIOD
@config_option
@json_option
@click.pass_context
def set_(
    ctx: click.Context,
    name: str,
    after_s: int | None,
    no_after: bool,
    after_forwards: int | None,
    no_after_forwards: bool,
    period_s: int,
    config: Path,
    as_json: bool,
) -> None:
    """Change when a term of NAME ends (at once), or its sampling period (from the next term on). The rest stays.

    Example: gridecho group set north --after 1800 --period 30
    """
    values = {"after_s": after_s, "after_forwards": after_forwards, "period_s": period_s}
    changed = {key: n for key, n in values.items() if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE}
    changed |= {"after_s": None} if no_after else {}
    changed |= {"after_forwards": None} if no_after_forwards else {}
    with opened(config) as site:
        found = groups.change(site, OPERATOR, name, **changed)
    done = {key: getattr(found, key) for key in ("id", "name", "after_s", "after_forwards", "period_s")}
    _say(done, f"Terms of {found.name} end {found.condition}; its sampling period is {found.period_s} s.", as_json)


@group.command()
@click.argument("name")
@config_option
@json_option
def remove(name: str, config: Path, as_json: bool) -> None:
    """Remove the group NAME and its history; its relays talk to the remote themselves from their next heartbeat on.

    Example: gridecho group remove north
    """
    with opened(config) as site:
        removed = groups.remove(site, OPERATOR, name)
    _say({"removed": removed}, f"Removed the group {removed}.", as_json)


@group.command()
@click.argument("name")
@_RELAYS
@config_option
@json_option
def join(name: str, relays: tuple[int, ...], config: Path, as_json: bool) -> None:
    """Put relays into the group NAME; who was in another group leaves that.

    Example: gridecho group join north 1 2 3
    """
    with opened(config) as site:
        _say_members(*groups.join(site, OPERATOR, name, relays), as_json)


@group.command()
@click.argument("name")
@_RELAYS
@config_option
@json_option
def leave(name: str, relays: tuple[int, ...], config: Path, as_json: bool) -> None:
    """Take relays out of the group NAME; they talk to the remote themselves from their next heartbeat on.

    Example: gridecho group leave north 3
    """
    with opened(config) as site:
        _say_members(*groups.leave(site, OPERATOR, name, relays), as_json)


@group.command("list")
@config_option
@json_option
def list_(config: Path, as_json: bool) -> None:
    """List the groups: members, those that are late, proxy, term and round.

    Example: gridecho group list
    """
    with opened(config) as site:
        say_rows(groups.all_groups(site, OPERATOR), as_json)


@group.command()
@click.argument("name")
@click.option("--term", "number", type=click.IntRange(1, 2**63 - 1), help="A past term, as it was decided at its end.")
@config_option
@json_option
def show(name: str, number: int | None, config: Path, as_json: bool) -> None:
    """Show the group NAME: members, present term, loads so far, past terms; or one term.

    Example: gridecho group show north --term 12
    """
    with opened(config) as site:
        told = groups.show_term(site, OPERATOR, name, number) if number else groups.show(site, OPERATOR, name)
    if as_json:
        click.echo(json.dumps(with_reasons(told)))
    elif number is None:
        _show_group(told)
    else:
        _show_term(told)


@group.command()
@click.argument("name")
@config_option
@json_option
def rotate(name: str, config: Path, as_json: bool) -> None:
    """End the present term of NAME now; the next proxy is chosen as always.

    Example: gridecho group rotate north
    """
    with opened(config) as site:
        term = groups.rotate(site, OPERATOR, name)
    done = {"term": term.number, "round": term.round, "proxy": term.proxy, "why": said(term.why)}
    _say(done, f"Term {term.number}, round {term.round}: relay {term.proxy} is the proxy, {said(term.why)}.", as_json)


def _show_group(told: dict[str, Any]) -> None:
    click.echo(f"{told['name']}, group {told['id']}: a term ends {told['condition']}; period {told['period_s']} s.")
    if not told["members"]:
        click.echo(f"It has no members yet; add some with: gridecho group join {told['name']} RELAY...")
        return
    term = told["term"]
    if term is None:
        click.echo("It has no proxy: none of its relays has sent a heartbeat.")
    else:
        click.echo(
            f"Term {term['number']}, round {term['round']}, since {_utc(term['began_ms'])}: relay {term['proxy']} is the "
            f"proxy, {said(term['why'])}; {term['forwards']:,} forwards."
        )
    click.echo()
    say_rows([_member_row(one) for one in told["members"]], False)
    if told["histograms"]:
        click.echo()
        _show_histograms(told["histograms"])
    if told["history"]:
        click.echo()
        say_rows([_term_row(one) for one in told["history"]], False)


def _show_term(term: dict[str, Any]) -> None:
    ended = f"ended {_utc(term['ended_ms'])}, {said(term['reason'])}" if term["ended_ms"] else "goes on"
    click.echo(
        f"Term {term['number']}, round {term['round']}: relay {term['proxy']}, {said(term['why'])}; {term['forwards']:,} forwards."
    )
    click.echo(f"Began {_utc(term['began_ms'])}, {ended}.")
    if term["ballot"]:
        click.echo()
        say_rows(term["ballot"], False)
    click.echo()
    if term["histograms"] is None:
        click.echo("Its bars are not kept any more.")
    else:
        _show_histograms(term["histograms"])


def _show_histograms(shown: dict[str, Any]) -> None:
    """A line a relay, all on one scale."""
    if not shown["periods"]:
        click.echo("No sampling period was reported whole by all, so there is no load to compare.")
        return
    click.echo(f"Readings in {shown['periods']} periods of {shown['period_s']} s, and the load score:")
    lines = [(one, _folded(one["bars"])) for one in shown["relays"]]
    top = max((height for _, bars in lines for height in bars), default=0.0) or 1.0
    width = max(len(str(one["relay"])) for one, _ in lines)
    for one, bars in lines:
        # What is there is seen, however little it is.
        blocks = "".join(_BLOCKS[max(1, round(8 * height / top)) if height else 0] for height in bars)
        click.echo(f"  relay {one['relay']:<{width}}  |{blocks}|  {one['score']:,.0f}")
    click.echo(f"  (a full block is {top:,.0f} readings a period)")


def _folded(bars: list[float]) -> list[float]:
    """At most 60 columns: the means of neighbours."""
    step = -(-len(bars) // _CHART_COLUMNS)
    parts = [bars[at : at + step] for at in range(0, len(bars), step)]
    return [sum(part) / len(part) for part in parts]


def _member_row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "relay": one["relay"],
        "name": one["name"],
        "is": "proxy" if one["proxy"] else "late" if one["late"] else "member",
        "heartbeat": None if one["seen_s"] is None else ago(one["seen_s"]),
        "served": "yes" if one["served"] else "not yet",
        "group_url": "yes" if one["reachable"] else "no",
        "says of the proxy": one["lost"] or None,
    }


def _term_row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "term": one["number"],
        "round": one["round"],
        "proxy": one["proxy"],
        "chosen": said(one["why"]),
        "began": _utc(one["began_ms"]),
        "ended": said(one["reason"]),
        "forwards": one["forwards"],
    }


def _say_members(name: str, relays: list[int], as_json: bool) -> None:
    listed = ", ".join(map(str, relays)) or "nobody"
    _say({"name": name, "members": relays}, f"In the group {name}: {listed}.", as_json)


def _say(done: dict[str, Any], sentence: str, as_json: bool) -> None:
    click.echo(json.dumps(done) if as_json else sentence)


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

"""`gridecho remote import` and `imports ...`: a household's own files, taken into a sensor, and taken back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..rules.sentences import at_terminal, said
from ..rules.units import obis
from ..use import imports
from ..use.imports import Taken
from .parts import config_option, json_option, opened, say_rows

_SENSOR = click.argument("sensor_id", metavar="SENSOR", type=click.IntRange(1, 2**32 - 1))


@click.command("import")
@_SENSOR
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--preview", is_flag=True, help="Only say what would be taken in.")
@config_option
@json_option
def import_(sensor_id: int, file: Path, preview: bool, config: Path, as_json: bool) -> None:
    """Take FILE, a household's own CSV or Green Button file, into SENSOR, marked as imported.

    What is there already stays. A CSV file has a line with the columns' names first: "time" (Unix seconds or ISO 8601), "utc" or
    "local", and quantities by OBIS name, as "1-0:1.8.0 [kWh]".

    Example: gridecho remote import 7 readings-2026.csv --preview
    """
    content = _content(file)
    with opened(config) as site:
        taken = imports.preview(site, OPERATOR, sensor_id, content)
        if not preview and not taken.bad and not taken.known and taken.readings:
            taken = imports.take(site, OPERATOR, sensor_id, content, file.name)
    if as_json:
        click.echo(json.dumps(told(taken)))
    else:
        for line in _lines(taken):
            click.echo(line)
    if taken.bad or not taken.readings:
        raise SystemExit(1)


@click.group("imports")
def imports_() -> None:
    """Files that were taken into a sensor."""


@imports_.command("list")
@_SENSOR
@config_option
@json_option
def list_(sensor_id: int, config: Path, as_json: bool) -> None:
    """List what was taken into SENSOR, the newest first.

    Example: gridecho remote imports list 7
    """
    with opened(config) as site:
        rows = [
            {
                "id": one.id,
                "file": one.name,
                "user": one.user,
                "readings": one.readings,
                "first": _utc(one.first_s),
                "last": _utc(one.last_s),
                "imported": _utc(one.imported_ms // 1000),
                "taken_back": None if one.taken_back_ms is None else _utc(one.taken_back_ms // 1000),
            }
            for one in imports.all_of(site, OPERATOR, sensor_id)
        ]
    say_rows(rows, as_json)


@imports_.command("take-back")
@_SENSOR
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@config_option
@json_option
def take_back(sensor_id: int, number: int, config: Path, as_json: bool) -> None:
    """Remove what import ID brought into SENSOR.

    Example: gridecho remote imports take-back 7 3
    """
    with opened(config) as site:
        days = imports.take_back(site, OPERATOR, sensor_id, number)
    if as_json:
        click.echo(json.dumps({"id": number, "days_left": days}))
        return
    click.echo(f"What import {number} brought is gone from sensor {sensor_id}.")
    if days:
        click.echo(
            f"Of {days} days sums stay as they are: the sensor's own readings in them are past their age and deleted, too."
        )


def told(taken: Taken) -> dict[str, Any]:
    """What came of a file, as plain data."""
    return {
        "id": taken.number,
        "known": taken.known,
        "readings": taken.readings,
        "first": None if taken.first_s is None else _utc(taken.first_s),
        "last": None if taken.last_s is None else _utc(taken.last_s),
        "quantities": [obis(code) for code in taken.codes],
        "left_out": [{"code": why.code, "why": said(why), "readings": count} for why, count in taken.left_out],
        "registers_made": [obis(code) for code in taken.differences],
        "by_order": taken.ambiguous,
        "bad_lines": taken.bad_count,
        "lines": [{"line": line, "code": error.code, "why": at_terminal(error)} for line, error in taken.bad],
    }


def _lines(taken: Taken) -> list[str]:
    all_ = told(taken)
    span = f"{taken.readings:,} readings" + (f" from {all_['first']} to {all_['last']}" if taken.readings else "")
    span += f" of {', '.join(all_['quantities'])}" if taken.codes else ""
    if taken.known:
        return [f"This file is in already, as import {taken.number}: {span}."]
    begin = f"Import {taken.number}: taken in are" if taken.number else "Nothing is taken in yet; there would be"
    lines = [f"{begin} {span}."]
    lines += [f"Left out: {one['readings']:,}, because {one['why']}." for one in all_["left_out"]]
    if taken.differences:
        lines.append(f"Registers were made of what the file says they rose by: {', '.join(all_['registers_made'])}.")
    if taken.ambiguous:
        lines.append(f"Times of the hour that comes twice, told apart by their order only: {taken.ambiguous}.")
    lines += [f"Line {one['line']}: {one['why']}." for one in all_["lines"]]
    if taken.bad:
        lines.append(f"Lines that cannot be read: {taken.bad_count}. Nothing is taken in before they are right.")
    return lines


def _content(file: Path) -> bytes:
    """Of a file that is too long, as much as shows that it is."""
    with file.open("rb") as opened_file:
        return opened_file.read(imports.MOST_BYTES + 1)


def _utc(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

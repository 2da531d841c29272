"""/api/v1/sensors/ID/imports: a household's own files, taken into a sensor and taken back."""

from typing import Any

from flask import request
from pydantic import Field

from ..rules.sentences import said, sentence
from ..rules.units import obis
from ..use import imports
from ..use.imports import ImportInfo, Taken
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Time
from .parameters import Query
from .sensors import api


class ImportQuery(Query):
    """Whether, and under which name."""

    preview: int = Field(0, ge=0, le=1, description="1: only say what would be taken in.", examples=[1])
    name: str = Field("", max_length=imports.MOST_NAME, description="What the file is called.", examples=["own.csv"])


class LeftOut(Answer):
    """Readings of which something is not taken."""

    code: str = Field(examples=["import-there"])
    why: str = Field(description="The same, for people.", examples=["there are readings of these times already"])
    readings: int = Field(examples=[96])


class BadLine(Answer):
    """A line of a CSV file, or an interval of a Green Button file, that cannot be."""

    line: int = Field(examples=[7])
    code: str = Field(examples=["import-time"])
    why: str = Field(examples=["A time was expected, in whole seconds."])


class FileTaken(Answer):
    """What came of a file, or would come of it."""

    id: int | None = Field(description="The import's number; null: nothing was taken in.", examples=[1])
    known: bool = Field(description="It is in already, and nothing was changed.", examples=[False])
    readings: int = Field(description="How many are taken.", examples=[35_040])
    first: Time | None
    last: Time | None
    quantities: list[str] = Field(examples=[["1-0:1.8.0"]])
    left_out: list[LeftOut]
    registers_made: list[str] = Field(description="Of what the file says that they rose by.", examples=[["1-0:1.8.0"]])
    by_order: int = Field(description="Times of the hour that comes twice, told apart by their order.", examples=[0])
    bad_lines: int = Field(description="How many lines cannot be; with one, nothing is taken in.", examples=[0])
    lines: list[BadLine] = Field(description="The first of them.")


class Import(Answer):
    """A file that was taken in."""

    id: int = Field(examples=[1])
    file: str = Field(description="What it was called.", examples=["own.csv"])
    user: str | None = Field(description="Who took it in; null: who runs the remote.", examples=["kim"])
    readings: int = Field(examples=[35_040])
    quantities: list[str] = Field(examples=[["1-0:1.8.0"]])
    first: Time
    last: Time
    imported: Time
    taken_back: Time | None = Field(description="Since when they are gone.")


class ImportList(Answer):
    """The newest first."""

    imports: list[Import]


class ImportGone(Answer):
    """What was taken back."""

    id: int = Field(examples=[1])
    days_left: int = Field(
        description="Of so many days sums stay as they are: what they are of is deleted.", examples=[0]
    )


@api.get("/sensors/<int:sensor_id>/imports")
@needs(Need.LOGIN)
@api.output(ImportList)
def sensor_imports(sensor_id: int) -> dict[str, Any]:
    """The files that one took into a sensor, also those that were taken back; for who runs the remote, everybody's."""
    found = imports.all_of(the_site(), the_actor(), sensor_id)
    return {"imports": list(map(_import, found))}


@api.post("/sensors/<int:sensor_id>/imports")
@needs(Need.LOGIN)
@api.input(ImportQuery, "query", arg_name="asked")
@api.output(FileTaken)
def import_file(sensor_id: int, asked: ImportQuery) -> dict[str, Any]:
    """Takes a household's own CSV or Green Button file into a sensor, marked as imported.

    For its subject, by contract and within its span, and for who runs the remote. The body is the file, as it is or by gzip
    (`Content-Encoding`). What is there already stays.
    """
    content = _content()
    if asked.preview:
        return told(imports.preview(the_site(), the_actor(), sensor_id, content))
    return told(imports.take(the_site(), the_actor(), sensor_id, content, asked.name))


@api.delete("/sensors/<int:sensor_id>/imports/<int:number>")
@needs(Need.LOGIN)
@api.output(ImportGone)
def take_import_back(sensor_id: int, number: int) -> dict[str, Any]:
    """Removes what a file brought, by who took it in or who runs the remote."""
    days_left = imports.take_back(the_site(), the_actor(), sensor_id, number)
    return {"id": number, "days_left": days_left}


def told(taken: Taken) -> dict[str, Any]:
    """What came of a file, for JSON."""
    return {
        "id": taken.number,
        "known": taken.known,
        "readings": taken.readings,
        "first": taken.first_s,
        "last": taken.last_s,
        "quantities": [obis(code) for code in taken.codes],
        "left_out": [{"code": why.code, "why": said(why), "readings": count} for why, count in taken.left_out],
        "registers_made": [obis(code) for code in taken.differences],
        "by_order": taken.ambiguous,
        "bad_lines": taken.bad_count,
        "lines": [{"line": line, "code": error.code, "why": sentence(error)} for line, error in taken.bad],
    }


def _import(one: ImportInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "file": one.name,
        "user": one.user,
        "readings": one.readings,
        "quantities": [obis(code) for code in one.codes],
        "first": one.first_s,
        "last": one.last_s,
        "imported": one.imported_ms // 1000,
        "taken_back": None if one.taken_back_ms is None else one.taken_back_ms // 1000,
    }


def _content() -> bytes:
    """The body, unpacked. Raises RemoteError."""
    content = request.get_data()
    is_packed = request.headers.get("Content-Encoding", "identity") != "identity"
    return imports.unpacked(content) if is_packed else content

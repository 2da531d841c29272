"""Whether somebody is who they say they are: what was found out of them, held against what they say. Without I/O.

Only what is there, has the right form and agrees is "verified"; everything else is not, each with its reason.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from .names import key_of
from .reasons import Reason, reason

COMPARED = ("name", "organisation", "role")
PLACEHOLDERS = (*COMPARED, "evidence")  # of what a claim says, in the URL of a register
KNOWN_FIELDS = (*COMPARED, "active", "valid_until")
KNOWN_CLAIMS = (*COMPARED, "email_verified")  # of what an OpenID Connect provider may say
_TRUE = ("active", "email_verified")
MOST_CLAIMS = 4_096  # characters, as JSON
_MOST = 500  # characters of a value, and values of a list


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says of themselves; `evidence` is what a register finds them by, such as a staff number."""

    name: str
    organisation: str
    role: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a claim is verified; if not, why; and what was found, of the fields that count."""

    verified: bool
    reason: Reason = field(default_factory=Reason)
    told: dict[str, Any] = field(default_factory=dict)


class FormError(Exception):
    """What was found lacks a field, or has one of another form than it should have."""


def judged(claim: Claim, record: Mapping[str, Any] | None, paths: Mapping[str, str], today: date) -> Finding:
    """The finding of a record (None: there is none). `paths` says where in it each field is, as "post.department"."""
    if record is None:
        return Finding(False, reason("verify-nobody"))
    told: dict[str, Any] = {}
    wrong = Reason()
    for name in (*KNOWN_FIELDS, "email_verified"):
        if name not in paths:
            continue
        value = _at(record, paths[name])
        try:
            agrees = _agrees(name, value, claim, today)
        except FormError:
            return Finding(False, reason("verify-form", field=paths[name]), told)
        told[name] = value
        if not agrees and not wrong.code:
            wrong = reason("verify-over") if name == "valid_until" else reason("verify-differs", field=name)
    return Finding(not wrong.code, wrong, told)


def _agrees(name: str, value: Any, claim: Claim, today: date) -> bool:
    """Raises FormError."""
    if name in _TRUE:
        if not isinstance(value, bool):
            raise FormError
        return value
    if name == "valid_until":
        return today <= _date(value)
    said = key_of(getattr(claim, name))
    return bool(said) and said in {key_of(one) for one in _texts(value)}


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise FormError from None


def _texts(value: Any) -> list[str]:
    """One text or a list of them: somebody may have several posts."""
    found = value if isinstance(value, list) else [value]
    if not 0 < len(found) <= _MOST or not all(isinstance(one, str) and 0 < len(one) <= _MOST for one in found):
        raise FormError
    return found


def mapped(claims: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """What is kept of a provider's claims: those that `paths` names, by that; none if they are longer than anybody's are."""
    found = {path: _at(claims, path) for path in paths.values()}
    found = {path: value for path, value in found.items() if value is not None}
    try:
        return found if len(json.dumps(found)) <= MOST_CLAIMS else {}
    except (ValueError, RecursionError):
        return {}


def _at(record: Any, path: str) -> Any:
    if isinstance(record, Mapping) and path in record:  # names of claims may have dots
        return record[path]
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record

"""What is asked for in an address of the API: numbers, dates, quantities. A wrong one raises RemoteError."""

from datetime import date

from flask import request
from gridecho.registers import CODE_OF

from ..rules.errors import RemoteError


def quantities() -> int:
    """The quantities that are asked for; all if none is named. One that is not granted is as one that was never sent."""
    asked = request.args.get("quantities")
    if not asked:
        return -1
    mask = 0
    for name in asked.split(","):
        if name not in CODE_OF:
            raise RemoteError("query-quantity", name=repr(name))
        mask |= 1 << CODE_OF[name]
    return mask


def date_of(name: str, default: date) -> date:
    """A day, as "2026-01-31"."""
    text = request.args.get(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RemoteError("query-date", name=name) from None


def number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most or len(text) > 20:
        raise RemoteError("query-number", name=name, least=least, most=most)
    return number

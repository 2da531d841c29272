"""What pages and API of the groups ask for alike; what is not there is 404."""

from typing import Any

from flask import abort

from ..rules.errors import RemoteError
from ..store import groups
from ..store.models import Group
from ..use import group_view
from .context import the_site
from .problems import NOT_FOUND

_MOST_NUMBER = (1 << 63) - 1  # SQLite's


def found(group_id: int) -> Group:
    """The group with this number, or 404."""
    try:
        return groups.find_group(the_site().archive, str(min(group_id, _MOST_NUMBER)))
    except RemoteError:
        abort(404, NOT_FOUND)


def whole(group_id: int, before: int | None) -> dict[str, Any]:
    """All of a group, or 404."""
    return group_view.whole(the_site().archive, found(group_id), the_site().now_ms(), before)


def term(group: Group, number: int) -> dict[str, Any]:
    """A term of the group, or 404."""
    try:
        return group_view.one_term(the_site().archive, group, min(number, _MOST_NUMBER), the_site().now_ms())
    except RemoteError:
        abort(404, NOT_FOUND)

"""/api/v1/groups: how the groups of relays are, for administrators. What changes them: `gridecho group`, or the pages."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from flask_login import current_user

from ..rules.errors import RemoteError
from ..store import groups
from ..store.models import Group
from ..use import group_view
from ..web.context import the_remote
from ..web.problems import NOT_FOUND, problem

group_api = Blueprint("group_api", __name__, url_prefix="/api/v1/groups")
MOST_NUMBER = (1 << 63) - 1  # SQLite's


@group_api.before_request
def require_admin() -> Response | None:
    """For who is no administrator there are no groups."""
    if not current_user.is_authenticated:
        return problem(401, "Log in first.")
    if current_user.must_change:
        return problem(403, "Change the one-time password first.")
    if not current_user.admin:
        return problem(404, NOT_FOUND)
    return None


@group_api.get("")
def all_groups() -> Response:
    """A line for each group, at most 1,000."""
    remote = the_remote()
    return jsonify({"groups": group_view.all_groups(remote.archive, now_ms())})


@group_api.get("/<int:group_id>")
def one_group(group_id: int) -> Response:
    """All of a group; `before` gives the terms before that number."""
    before = request.args.get("before")
    if before is not None and not (before.isascii() and before.isdecimal() and 0 < len(before) <= 18):
        return problem(400, '"before": the number of a term was expected.')
    return jsonify(whole(group_id, None if before is None else int(before)))


@group_api.get("/<int:group_id>/terms/<int:number>")
def one_term(group_id: int, number: int) -> Response:
    """One term with its histograms, as they were compared at its end."""
    return jsonify(term(found(group_id), number))


def found(group_id: int) -> Group:
    """The group with this number, or 404."""
    try:
        return groups.find_group(the_remote().archive, str(min(group_id, MOST_NUMBER)))
    except RemoteError:
        abort(404, NOT_FOUND)


def whole(group_id: int, before: int | None) -> dict[str, Any]:
    """All of a group, or 404."""
    return group_view.whole(the_remote().archive, found(group_id), now_ms(), before)


def term(group: Group, number: int) -> dict[str, Any]:
    """A term of the group, or 404."""
    try:
        return group_view.one_term(the_remote().archive, group, min(number, MOST_NUMBER), now_ms())
    except RemoteError:
        abort(404, NOT_FOUND)


def now_ms() -> int:
    """The remote's time."""
    return int(the_remote().clock() * 1000)

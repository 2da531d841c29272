"""/api/v1/groups: how the groups of relays are, for operators. What changes them: `gridecho group`, or the pages."""

from flask import Blueprint, Response, jsonify, request

from ..rules.errors import RemoteError
from ..rules.sentences import with_reasons
from ..use import groups
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs

group_api = Blueprint("group_api", __name__, url_prefix="/api/v1/groups")


@group_api.get("")
@needs(Need.OPERATOR)
def all_groups() -> Response:
    """A line for each group, at most 1,000."""
    return jsonify({"groups": groups.all_groups(the_site(), the_actor())})


@group_api.get("/<int:group_id>")
@needs(Need.OPERATOR)
def one_group(group_id: int) -> Response:
    """All of a group; `before` gives the terms before that number."""
    before = request.args.get("before")
    if before is not None and not (before.isascii() and before.isdecimal() and 0 < len(before) <= 18):
        raise RemoteError("query-before")
    return jsonify(
        with_reasons(groups.show(the_site(), the_actor(), str(group_id), None if before is None else int(before)))
    )


@group_api.get("/<int:group_id>/terms/<int:number>")
@needs(Need.OPERATOR)
def one_term(group_id: int, number: int) -> Response:
    """One term with its histograms, as they were compared at its end."""
    return jsonify(with_reasons(groups.show_term(the_site(), the_actor(), str(group_id), number)))

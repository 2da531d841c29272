"""/api/v1/groups: how the groups of relays are, for operators. What changes them: `gridecho group`, or the pages."""

from typing import Any

from apiflask import APIBlueprint
from pydantic import Field

from ..rules.sentences import with_reasons
from ..use import groups
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .group_answers import Group, GroupList, Term
from .parameters import Query

group_api = APIBlueprint("group_api", __name__, url_prefix="/api/v1/groups", tag="Groups")


class HistoryQuery(Query):
    """Which of the past terms."""

    before: int | None = Field(None, ge=0, le=10**18 - 1, description="Those before the term with this number.")


@group_api.get("")
@needs(Need.OPERATOR)
@group_api.output(GroupList)
def all_groups() -> dict[str, Any]:
    """A line for each group of relays, at most 1,000. For operators."""
    return {"groups": groups.all_groups(the_site(), the_actor())}


@group_api.get("/<int:group_id>")
@needs(Need.OPERATOR)
@group_api.input(HistoryQuery, "query", arg_name="asked")
@group_api.output(Group)
def one_group(group_id: int, asked: HistoryQuery) -> dict[str, Any]:
    """All of a group of relays; `before` gives its terms before that number. For operators."""
    found: dict[str, Any] = with_reasons(groups.show(the_site(), the_actor(), str(group_id), asked.before))
    return found


@group_api.get("/<int:group_id>/terms/<int:number>")
@needs(Need.OPERATOR)
@group_api.output(Term)
def one_term(group_id: int, number: int) -> dict[str, Any]:
    """One term of a group with its histograms, as they were compared at its end. For operators."""
    found: dict[str, Any] = with_reasons(groups.show_term(the_site(), the_actor(), str(group_id), number))
    return found

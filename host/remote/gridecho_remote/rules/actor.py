"""Who asks for something: what a use case decides by, whichever way they came in."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .errors import NotAllowedError
from .regions import inside
from .roles import EVERYWHERE, Role, RoleKind
from .scopes import Scope


class Kind(StrEnum):
    """What somebody is."""

    PERSON = "person"
    RELAY = "relay"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that a program shows in a person's stead: of what that person sees, `part`.

    `consent`, `application`: if it is a named application's, to which the person has consented. Then it is for what is theirs only.
    """

    token: int
    part: Scope
    consent: int | None = None
    application: str | None = None

    @property
    def said(self) -> dict[str, object]:
        """What the audit has of it."""
        if self.consent is None:
            return {"token": self.token}
        return {"consent": self.consent, "application": self.application}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who logged in, a relay that proved itself, or the operator at the terminal, who has the database in hand.

    `operator`: runs the fleet. `regions`: those whose grants they decide on. `auditor`: reads the audit. `by`: the token with
    which a program comes for a person; it brings none of their roles.
    """

    kind: Kind
    id: int = 0
    operator: bool = False
    regions: tuple[str, ...] = ()
    auditor: bool = False
    by: Bearer | None = None

    def require_person(self) -> None:
        """Raises NotAllowedError for everybody but people, who see what was granted to them, and programs with their tokens."""
        if self.kind is not Kind.PERSON:
            raise NotAllowedError("for-people")

    def require_themselves(self) -> None:
        """Raises NotAllowedError for everybody but people who logged in."""
        if self.kind is not Kind.PERSON or self.by is not None:
            raise NotAllowedError("for-people")

    def require_terminal(self) -> None:
        """Raises NotAllowedError for everybody but who has the database in hand."""
        if self.kind is not Kind.OPERATOR:
            raise NotAllowedError("for-terminal")

    def require_operator(self) -> None:
        """Raises NotAllowedError for who does not run the fleet, at the terminal or by their role."""
        if not self.operator:
            raise NotAllowedError("for-operators")

    def administers(self, region: str) -> bool:
        """Whether they decide on all of a region."""
        return any(inside(region, one) for one in self.regions)

    def require_administrator(self, region: str | None = None) -> None:
        """Raises NotAllowedError for who administers no region; with a region, for who does not administer all of that."""
        if not (self.regions if region is None else self.administers(region)):
            raise NotAllowedError("for-administrators")

    def require_staff(self) -> None:
        """Raises NotAllowedError for who neither runs the fleet nor decides on all grants: those see who there is."""
        if not self.operator and not self.administers(EVERYWHERE):
            raise NotAllowedError("for-operators")

    def require_auditor(self) -> None:
        """Raises NotAllowedError for who does not read the audit."""
        if not self.auditor:
            raise NotAllowedError("for-auditors")

    def require_relay(self, relay_id: int | None = None) -> None:
        """Raises NotAllowedError for everybody but relays; with an id, but that one."""
        if self.kind is not Kind.RELAY or relay_id not in (None, self.id):
            raise NotAllowedError("for-relays")


OPERATOR = Actor(Kind.OPERATOR, operator=True, regions=(EVERYWHERE,), auditor=True)


def person(user_id: int, roles: Iterable[Role] = ()) -> Actor:
    """A person who logged in, with their roles."""
    has = sorted(roles)
    kinds = {one.kind for one in has}
    regions = tuple(one.region for one in has if one.kind is RoleKind.ADMINISTRATOR)
    return Actor(Kind.PERSON, user_id, RoleKind.OPERATOR in kinds, regions, RoleKind.AUDITOR in kinds)

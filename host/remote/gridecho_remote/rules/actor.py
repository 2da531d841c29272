"""Who asks for something: what a use case decides by, whichever way they came in."""

from dataclasses import dataclass
from enum import StrEnum

from .errors import NotAllowedError


class Kind(StrEnum):
    """What somebody is."""

    PERSON = "person"
    RELAY = "relay"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who logged in, a relay that proved itself, or the operator at the terminal, who has the database in hand."""

    kind: Kind
    id: int = 0
    admin: bool = False

    def require_person(self) -> None:
        """Raises NotAllowedError for everybody but people, who see what was granted to them."""
        if self.kind is not Kind.PERSON:
            raise NotAllowedError("for-people")

    def require_admin(self) -> None:
        """Raises NotAllowedError for everybody else."""
        if not self.admin:
            raise NotAllowedError("for-administrators")

    def require_operator(self) -> None:
        """Raises NotAllowedError for everybody but who has the database in hand."""
        if self.kind is not Kind.OPERATOR:
            raise NotAllowedError("for-operator")

    def require_relay(self, relay_id: int | None = None) -> None:
        """Raises NotAllowedError for everybody but relays; with an id, but that one."""
        if self.kind is not Kind.RELAY or relay_id not in (None, self.id):
            raise NotAllowedError("for-relays")


OPERATOR = Actor(Kind.OPERATOR, admin=True)


def person(user_id: int, *, admin: bool = False) -> Actor:
    """A person who logged in."""
    return Actor(Kind.PERSON, user_id, admin)

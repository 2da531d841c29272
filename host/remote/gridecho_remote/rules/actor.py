"""Who asks for something: what a use case decides by, whichever way they came in."""

from dataclasses import dataclass

from .errors import NotAllowedError


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who logged in, or the operator at the terminal, who has the database in hand and is `user_id` 0."""

    user_id: int
    admin: bool

    def require_admin(self) -> None:
        """Raises NotAllowedError for everybody else."""
        if not self.admin:
            raise NotAllowedError("this is for administrators")

    def require_operator(self) -> None:
        """Raises NotAllowedError for everybody but who has the database in hand."""
        if self.user_id:
            raise NotAllowedError("this is for the operator at the terminal")


OPERATOR = Actor(0, admin=True)

"""What a person may do beyond looking at what was granted to them: roles, each given and taken by itself."""

from dataclasses import dataclass
from enum import StrEnum

from . import regions
from .errors import RemoteError

EVERYWHERE = ""  # the region that all others lie in


class RoleKind(StrEnum):
    """What a role is for."""

    OPERATOR = "operator"  # runs the fleet: relays, groups
    ADMINISTRATOR = "administrator"  # decides who may see what lies in a region
    AUDITOR = "auditor"  # reads the audit


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """A role; an administrator's is for a region and all that lies in it."""

    kind: RoleKind
    region: str = EVERYWHERE

    def covers(self, region: str) -> bool:
        """Whether all of a region lies in the role's."""
        return regions.inside(region, self.region)

    def __str__(self) -> str:
        return f"{self.kind} of {self.region}" if self.region else str(self.kind)


def role(kind: str, region: str = EVERYWHERE) -> Role:
    """The role that was asked for. Raises RemoteError for a region that it cannot have."""
    found = RoleKind(kind)
    if region and found is not RoleKind.ADMINISTRATOR:
        raise RemoteError("role-region", kind=kind)
    return Role(found, regions.parsed(region) if region else EVERYWHERE)

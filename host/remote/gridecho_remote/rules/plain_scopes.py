"""A scope as plain data: for the audit, for JSON, and for what a request keeps."""

from collections.abc import Mapping
from typing import Any

from gridecho.registers import CODE_OF

from .errors import RemoteError
from .scopes import Resolution, Scope
from .units import codes_of, obis


def said(scope: Scope) -> dict[str, Any]:
    """What is set in a scope."""
    plain = Scope()
    fields = scope._replace(revoked=False)._asdict()
    found = {name: value for name, value in fields.items() if value != getattr(plain, name)}
    for name in found.keys() & {"labels", "sensors"}:
        found[name] = sorted(found[name])
    if "resolution" in found:
        found["resolution"] = scope.resolution.name.lower()
    if "quantities" in found:
        found["quantities"] = [obis(code) for code in codes_of(scope.quantities)]
    return found


def scope_from(plain: Mapping[str, Any]) -> Scope:
    """The scope of which `said` gave this."""
    fields = dict(plain)
    for name in fields.keys() & {"labels", "sensors"}:
        fields[name] = frozenset(fields[name])
    if "resolution" in fields:
        fields["resolution"] = Resolution[fields["resolution"].upper()]
    if "quantities" in fields:
        fields["quantities"] = quantity_mask(fields["quantities"])
    return Scope(**fields)


def quantity_mask(names: Any) -> int:
    """The mask of OBIS names. Raises RemoteError for one that no meter measures."""
    mask = 0
    for name in names:
        code = CODE_OF.get(name)
        if code is None:
            raise RemoteError("quantity-unknown", name=name, known=", ".join(CODE_OF))
        mask |= 1 << code
    return mask

"""Where a form of a login leads to."""


def local_target(target: str | None) -> str | None:
    """The target if it is a path of this remote: a login form must not lead elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return None
    return target

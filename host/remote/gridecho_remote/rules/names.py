"""When two names are the same."""

import unicodedata


def key_of(name: str) -> str:
    """What makes a name the same as another: spaces around it and upper or lower case do not count."""
    return unicodedata.normalize("NFKC", name).strip().casefold()

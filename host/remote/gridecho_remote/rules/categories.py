"""What a sensor measures: one of a few kinds. What was enrolled with another text before there were these keeps it."""

from collections.abc import Iterable

from .errors import RemoteError

CATEGORIES = ("residential", "commercial", "industrial", "public", "generation")
MOST_LABELS = 50  # of one sensor
_MOST_CHARACTERS = 100


def checked(category: str) -> str:
    """The category. Raises RemoteError for another text."""
    if category not in CATEGORIES:
        raise RemoteError("category-unknown", name=category, known=", ".join(CATEGORIES))
    return category


def labels_of(texts: Iterable[str]) -> frozenset[str]:
    """Labels without the blanks around them. Raises RemoteError for what is none."""
    labels = frozenset(text.strip() for text in texts)
    if not all(0 < len(label) <= _MOST_CHARACTERS and label.isprintable() for label in labels):
        raise RemoteError("label-wrong", most=_MOST_CHARACTERS)
    return labels

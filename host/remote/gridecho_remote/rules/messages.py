"""What pages say that stands in no call as a text: the sentences of codes, and words that are kept or sent as keys."""

from collections.abc import Iterator

from .actor import Kind
from .categories import CATEGORIES
from .looks import LOOKS
from .requests import State, Step
from .roles import RoleKind
from .scope_words import HOW_FINE
from .sentences import SENTENCES
from .units import LABELS, TOLD

GRANT_STATES = ("comes", "holds", "ended", "revoked")  # scopes.Scope.state
STANDINGS = ("chosen", "candidate", "lost", "late", "served", "unreachable")  # of a term's ballot
ORDERS = (
    "settings",
    "firmware",
    "key",
    "waiting",
    "taken",
    "failed",
    "replaced",
    "withdrawn",
)  # their kinds and states
SET_ASIDE = (  # why a frame was (store/quarantine.py)
    "unknown sensor",
    "does not open",
    "same data id, other content",
    "same data id as in a damaged block",
    "tells a state that cannot be",
)
PERIODS = ("month", "day", "hour", "quarter", "raw")
SPANS = ("5 min", "1 h", "6 h", "1 d", "7 d", "All")  # buttons of a chart


def messages() -> Iterator[str]:
    """Each of them; a test holds the catalogues against them and against what the code says."""
    for table in (SENTENCES, LABELS, TOLD, LOOKS, HOW_FINE):
        yield from table.values()
    for words in (State, Step, Kind, RoleKind, CATEGORIES, GRANT_STATES, STANDINGS, ORDERS, SET_ASIDE, PERIODS, SPANS):
        yield from map(str, words)

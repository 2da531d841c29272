"""Requests for access: their states, what may be done in which, and what a request says. Without I/O."""

import re
from enum import StrEnum

from .errors import RemoteError
from .verification import Claim

MOST_PURPOSE = 2_000  # characters
_MOST_TEXT = 200
_EVIDENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}")  # it goes into an address of a register


class State(StrEnum):
    """How far a request is."""

    DRAFT = "draft"
    ASKED = "asked"
    VERIFIED = "verified"
    UNVERIFIED = "not verified"
    GRANTED = "granted"
    PARTLY = "granted in part"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Step(StrEnum):
    """What may be done to a request."""

    ASK = "ask"
    VERIFY = "verify"
    DOUBT = "doubt"
    GRANT = "grant"
    GRANT_PART = "grant in part"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


# Nothing is granted to who is not verified; who was verified may turn out not to be while nothing is granted yet.
_LOOKED_AT = {
    Step.VERIFY: State.VERIFIED,
    Step.DOUBT: State.UNVERIFIED,
    Step.REFUSE: State.REFUSED,
    Step.WITHDRAW: State.WITHDRAWN,
    Step.EXPIRE: State.EXPIRED,
}
_STEPS = {
    State.DRAFT: {Step.ASK: State.ASKED, Step.WITHDRAW: State.WITHDRAWN, Step.EXPIRE: State.EXPIRED},
    State.ASKED: _LOOKED_AT,
    State.UNVERIFIED: _LOOKED_AT,
    State.VERIFIED: _LOOKED_AT | {Step.GRANT: State.GRANTED, Step.GRANT_PART: State.PARTLY},
}
OPEN = frozenset(_STEPS)  # all others are ends


def after(state: State, step: Step) -> State:
    """The state that a step leads to. Raises RemoteError where it leads nowhere."""
    try:
        return _STEPS[state][step]
    except KeyError:
        raise RemoteError("request-step", state=state, step=step) from None


def checked(claim: Claim, purpose: str) -> tuple[Claim, str]:
    """What somebody says, without spaces around it. Raises RemoteError for what is missing, too long or of a wrong form."""
    texts = {name: getattr(claim, name).strip() for name in ("name", "organisation", "role", "evidence")}
    for name, text in texts.items():
        if not 0 < len(text) <= _MOST_TEXT or not text.isprintable():
            raise RemoteError("request-text", field=name, most=_MOST_TEXT)
    if not _EVIDENCE.fullmatch(texts["evidence"]):
        raise RemoteError("request-evidence")
    purpose = "\n".join(purpose.strip().splitlines())
    if not 0 < len(purpose) <= MOST_PURPOSE or not purpose.replace("\n", "").isprintable():
        raise RemoteError("request-text", field="purpose", most=MOST_PURPOSE)
    return Claim(**texts), purpose

"""What a password that somebody chooses has to be: long enough, and none that is guessed early."""

from collections.abc import Iterable

from zxcvbn import zxcvbn

from .errors import RemoteError

LEAST, MOST = 10, 1000  # characters
_WEIGHED = 72  # of its characters; more take long, and what begins so badly is not saved by them
_LEAST_SCORE = 3  # of 4: beyond 10^8 guesses, common passwords, words, names, dates and keyboard walks first
_OURS = ("gridecho",)


def checked(password: str, words: Iterable[str] = ()) -> str:
    """The password. `words` are those of the place, and of whose it is. Raises RemoteError."""
    if not LEAST <= len(password) <= MOST:
        raise RemoteError("password-short", least=LEAST)
    if zxcvbn(password[:_WEIGHED], user_inputs=[*_OURS, *words])["score"] < _LEAST_SCORE:
        raise RemoteError("password-weak")
    return password

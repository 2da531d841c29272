"""What the remote's functions raise at their callers: a code and fields. The sentence is made where it is shown (sentences.py)."""


class StorageFullError(Exception):
    """Nothing was stored, for want of room; who sent it must keep it."""


class StorageAwayError(Exception):
    """The database can not be reached, read or written now; nothing was stored, and who sent something must keep it."""


class RemoteError(Exception):
    """What was asked for cannot be done: a name that is taken, someone who is not there. `code` says why, `fields` with what."""

    def __init__(self, code: str, **fields: str | int) -> None:
        super().__init__(code, fields)
        self.code = code
        self.fields = fields

    def __str__(self) -> str:
        """For a log or a traceback."""
        return " ".join((self.code, *(f"{name}={value!r}" for name, value in self.fields.items())))


class NotFoundError(RemoteError):
    """What was asked for is not there."""


class DamagedError(RemoteError):
    """What was asked for is stored, but not as it was written."""


class UnprovenError(RemoteError):
    """Who asks did not show who they are, or has to do something before."""


class NotAllowedError(RemoteError):
    """Who asks may not; over HTTP it is as if there were no such thing."""

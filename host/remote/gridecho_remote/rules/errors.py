"""What the remote's functions raise at their callers; each message is one sentence for a person."""

import click


class StorageFullError(Exception):
    """Nothing was stored, for want of room; who sent it must keep it."""


class RemoteError(click.ClickException):
    """What was asked for cannot be done: a name that is taken, someone who is not there."""

    exit_code = 1


class NotFoundError(RemoteError):
    """What was asked for is not there."""


class NotAllowedError(RemoteError):
    """Who asks may not; over HTTP it is as if there were no such thing."""

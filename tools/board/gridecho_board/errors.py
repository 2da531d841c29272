"""The one error that this package raises."""


class BoardError(Exception):
    """A board that cannot start or go on; its text is one sentence for the user."""

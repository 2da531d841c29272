"""What can go wrong over a port; each message is one sentence for the person who holds the board."""


class FlashingError(Exception):
    """A board that was not brought to what was asked for. `exit_code` is the command's."""

    exit_code = 1


class SetupError(FlashingError):
    """What was asked for cannot be, and no board was touched: a port, an option, a file, a missing interpreter."""

    exit_code = 2


class OnBoardError(FlashingError):
    """Code on the board raised; `reason` is the last line of its traceback."""

    def __init__(self, port: str, reason: str) -> None:
        super().__init__(f"{port}: the board says {reason}")
        self.reason = reason


class BrokenLinkError(FlashingError):
    """The connection to a board broke off in the middle of something."""

"""What can be wrong with what a board holds, apart from the modules that find it, which are not kept in its heap."""


class FlashError(Exception):
    """Flash does not hold what was just written."""


class MeterError(Exception):
    """The meter cannot go on; the message says why."""

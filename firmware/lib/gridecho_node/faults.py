"""What can be wrong with what a board holds, apart from the modules that find it, which are not kept in its heap."""


class ConfigError(Exception):
    """The settings cannot be used; `key` says where and `expected` what should stand there."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__("config.json: " + key + ": expected " + expected)
        self.key = key
        self.expected = expected


class FlashError(Exception):
    """Flash does not hold what was just written."""


class MeterError(Exception):
    """The meter cannot go on; the message says why."""

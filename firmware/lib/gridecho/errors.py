"""What a peer sent is wrong (`ProtocolError`), a sensor's settings are (`ConfigError`), or our own caller is (`MisuseError`)."""


class ProtocolError(Exception):
    """Bytes from a peer that are not what the protocol says. `where` names the part, `what` says what is wrong."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(where + ": " + what)
        self.where = where
        self.what = what


class FrameError(ProtocolError):
    """A datagram or batch whose form is wrong: length, version, type, a field out of range."""


class AuthError(ProtocolError):
    """A tag or SIV that does not belong to these bytes under this key."""


class CodecError(ProtocolError):
    """Readings that do not decode: cut short, with a tail, out of range, not in the shortest form."""


class ConfigError(Exception):
    """A sensor's config.json cannot be used; `key` says where and `expected` what should stand there."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__("config.json: " + key + ": expected " + expected)
        self.key = key
        self.expected = expected


class MisuseError(Exception):
    """Our own caller asked for what cannot be: a value out of range, a key of the wrong length."""

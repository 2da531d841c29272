"""To where an application may have people led back: exactly where it said, over https; on their own machine to any port.

RFC 9700, 2.1 and RFC 8252, 7.3: a program there cannot say beforehand which port it gets.
"""

from urllib.parse import SplitResult, urlsplit

from .errors import RemoteError

_LOOPBACK = ("127.0.0.1", "::1")  # a name could be another machine's
_MOST = 500


def checked(address: str) -> str:
    """The address. Raises RemoteError for one to which nobody may be led back."""
    parts = _parts(address)
    if parts is None or not parts.hostname or "@" in parts.netloc or "#" in address:
        raise RemoteError("redirect-form", address=address[:_MOST])
    if parts.scheme != "https" and not _is_here(parts):
        raise RemoteError("redirect-form", address=address[:_MOST])
    return address


def leads_to(known: str, asked: str) -> bool:
    """Whether an address that is asked for is the known one; on this machine the port does not count."""
    if known == asked:
        return True
    one, other = _parts(known), _parts(asked)
    if one is None or other is None or not _is_here(one) or "@" in other.netloc or "#" in asked:
        return False
    return _is_here(other) and _but_port(one) == _but_port(other)


def form_target(address: str) -> str:
    """What a content security policy calls the place of an address; it knows no numbers of IPv6."""
    parts = urlsplit(address)
    return "http:" if parts.hostname == "::1" else f"{parts.scheme}://{parts.netloc}"


def _parts(address: str) -> SplitResult | None:
    if len(address) > _MOST or not address.isascii() or not address.isprintable() or " " in address or "\\" in address:
        return None
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - it raises for what is none
    except ValueError:
        return None
    return parts


def _is_here(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _but_port(parts: SplitResult) -> tuple[str | None, str, str]:
    return parts.hostname, parts.path, parts.query

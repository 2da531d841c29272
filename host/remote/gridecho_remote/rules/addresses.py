"""Addresses that secrets and facts about people may be sent to."""

from urllib.parse import urlsplit

_HERE = ("127.0.0.1", "::1", "localhost")


def secure(url: str) -> bool:
    """Whether nobody on the way can read or change what is sent there: https, or plain http to this machine itself.

    One with a user before an @ is not: what stands there looks like the host, and is none.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or "\\" in url or " " in url or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _HERE)

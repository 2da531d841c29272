"""Somebody on the LAN of a relay who has no key: looks at its page, under names of his own, and at what it answers."""

import http.client
import json

# What people's browsers may send when a name of somebody else is resolved to the relay's address.
NAMES = (
    "attacker.example",
    "attacker.example:4691",
    "relay.example.attacker.example",
    "",
    "[",
    "a b",
    "127.0.0.1.attacker.example",
)
PAGES = ("/", "/status.json", "/metrics", "/static/relay.css", "/nothing")


class Stranger:
    """Asks at `port` of a relay on this machine; from another address of it, if that is given."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._port = port
        self._source = source

    def ask(
        self, path: str, host: str | None = None, method: str = "GET", body: bytes = b"", **headers: str
    ) -> tuple[int, str]:
        """(status, text) under this Host."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30, source_address=(self._source, 0))
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", f"127.0.0.1:{self._port}" if host is None else host)
            connection.putheader("Content-Length", str(len(body)))
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def everything(self) -> str:
        """All that he is told, in one text."""
        return json.dumps([self.ask(path) for path in PAGES])

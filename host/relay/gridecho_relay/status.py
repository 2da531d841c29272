"""The relay's status page, and the thread that serves it. It shows counts only: a relay cannot read readings."""

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request
from flask_bootstrap import Bootstrap5
from gridecho.holdings import MAX_PULL_BYTES
from gridecho_common.settings import SettingsError, split_address
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from waitress import wasyncore

from .door import Door
from .entrance import Entrance
from .shown import ago, count, hours, rate, size, span

# The bars of the page have style attributes.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_SPARE_THREADS, _MOST_THREADS = 4, 512

Report = Callable[[], dict[str, Any]]


def create_app(
    report: Report, metrics: CollectorRegistry, more: Sequence[Blueprint] = (), door: Door | None = None
) -> Flask:
    """/ for people, /status.json for programs, /metrics for Prometheus, /healthz for whoever watches the process.

    `report` gives what they say. `more`: addresses for the remote and for the relays of the group, where each request proves
    itself; all others are for whom `door` lets in.
    """
    at_door, proving = door or Door(), {blueprint.name for blueprint in more}
    app = Flask(__name__)
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.json.sort_keys = False  # type: ignore[attr-defined]
    Bootstrap5(app)
    for blueprint in more:
        app.register_blueprint(blueprint)
    for shape in (count, size, rate, span, ago, hours):
        app.add_template_filter(shape)

    @app.before_request
    def let_in() -> Response | None:
        return None if request.blueprint in proving else at_door.refusal(request)

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @app.get("/")
    def page() -> str:
        return render_template("relay.html", relay=report())

    @app.get("/status.json")
    def status() -> dict[str, Any]:
        return report()

    @app.get("/healthz")
    def healthz() -> tuple[str, dict[str, str]]:
        return "ok\n", {"Content-Type": "text/plain; charset=utf-8"}

    @app.get("/metrics")
    def scraped() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(metrics), content_type=content_type)

    return app


class StatusServer(threading.Thread):
    """Serves the page with waitress in a thread of its own."""

    def __init__(
        self,
        address: str,
        report: Report,
        metrics: CollectorRegistry,
        more: Sequence[Blueprint] = (),
        most_bytes: int = MAX_PULL_BYTES,
        door: Door | None = None,
    ) -> None:
        """Binds `host:port`; bodies have `most_bytes` at most. Raises SettingsError if the address is in use."""
        super().__init__(name="status", daemon=True)
        host, port = split_address(address)
        try:
            family, kind, proto, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._sock = socket.socket(family, kind, proto)
        except OSError as error:
            raise SettingsError(f'status = "{address}": cannot be used ({error.strerror})') from None
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._sock.bind(where)
        except OSError as error:
            self._sock.close()
            raise SettingsError(
                f'status = "{address}": cannot be bound ({error.strerror}); choose another port'
            ) from None
        self._sock.listen(64)
        host, port = self._sock.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._server = Entrance(create_app(report, metrics, more, door), self._sock, _SPARE_THREADS, most_bytes)
        self._threads = _SPARE_THREADS
        self._growing = threading.Lock()
        self._closing = threading.Lock()

    def run(self) -> None:
        self._server.run()

    def busy_with(self, requests: int) -> None:
        """So many requests wait here for something: there are always threads for others beside them, up to a limit."""
        with self._growing:
            wanted = min(requests + _SPARE_THREADS, _MOST_THREADS)
            if wanted > self._threads:
                self._threads = wanted
                self._server.task_dispatcher.set_thread_count(wanted)

    def stop(self) -> None:
        """Ends the thread; requests under way are cut off."""
        self._server.task_dispatcher.shutdown(timeout=1)
        # The loop's own thread closes its sockets: a poll never has one taken from under it.
        # Another pull may wake it first: it must not close the trigger under this one.
        with self._closing:
            self._server.trigger.pull_trigger(self._close)

    def _close(self) -> None:
        with self._closing:
            wasyncore.close_all(self._server._map)

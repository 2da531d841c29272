"""Serving the application with waitress."""

from threading import Event
from typing import Any

from gridecho.groups import CARRY_MARGIN_BYTES
from gridecho_common.settings import SettingsError, split_address
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server

from .app import create_app
from .use.site import Site
from .web.connections import Address
from .web.context import connections_of
from .web.metrics import Metrics


class Server:
    """A bound server; `url` is where it is reached. Raises SettingsError if the address cannot be had."""

    def __init__(self, site: Site) -> None:
        settings = site.settings
        host, port = split_address(settings.listen)
        self._sockets: dict[int, Any] = {}
        self._stopping = Event()
        try:
            app = create_app(site)
            self.connections = connections_of(app)
            self.connections.open_now = self._open_connections
            self._waitress = create_server(
                app,
                map=self._sockets,
                host=host,
                port=port,
                threads=settings.threads,
                ident=None,
                clear_untrusted_proxy_headers=False,  # proxies.py says whom it believes
                max_request_body_size=settings.max_batch_bytes + CARRY_MARGIN_BYTES,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsError(
                f'cannot listen on {settings.listen} ({reason}); stop what uses it, or change "listen" in the settings'
            ) from None
        self.metrics = Metrics(settings.metrics, self.connections) if settings.metrics else None
        # A name may stand for several addresses; the first is told.
        addresses = getattr(self._waitress, "effective_listen", None)
        host, port = addresses[0] if addresses else (self._waitress.effective_host, self._waitress.effective_port)
        self.url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def run(self) -> None:
        """Serves in this thread until `stop` or Ctrl-C, then frees the port."""
        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=0.5, use_poll=True, map=self._sockets, count=1)
        finally:
            self._waitress.task_dispatcher.shutdown()
            for one in list(self._sockets.values()):
                if isinstance(one, HTTPChannel):
                    one.handle_close()  # also the file that a long answer waited in
            wasyncore.close_all(self._sockets)
            if self.metrics:
                self.metrics.close()

    def _open_connections(self) -> set[Address]:
        # The map changes in the serving thread meanwhile; a copy in one step does not mind.
        return {one.addr[:2] for one in list(self._sockets.values()) if isinstance(one, HTTPChannel)}

    def stop(self) -> None:
        """Makes `run` return within a second; any thread may call it."""
        self._stopping.set()

"""Serving the application with waitress."""

from dataclasses import dataclass
from typing import Any

from gridecho_common.settings import SettingsError, split_address
from waitress.server import create_server

from .app import create_app
from .database import Archive
from .settings import RemoteSettings


@dataclass(frozen=True, slots=True)
class Server:
    """A bound server: `url` is where it is reached, `run` serves until interrupted, `close` frees the port."""

    url: str
    _waitress: Any

    def run(self) -> None:
        """Serves in this thread."""
        self._waitress.run()

    def close(self) -> None:
        """Stops listening."""
        self._waitress.close()


def make_server(settings: RemoteSettings, archive: Archive) -> Server:
    """A server that is bound to `settings.listen`. Raises SettingsError if that address cannot be had."""
    host, port = split_address(settings.listen)
    try:
        waitress = create_server(
            create_app(settings, archive),
            host=host,
            port=port,
            threads=settings.threads,
            ident=None,
            max_request_body_size=settings.max_batch_bytes,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f'cannot listen on {settings.listen} ({reason}); stop what uses it, or change "listen" in the settings'
        ) from None
    address = waitress.effective_host if ":" not in host else f"[{host}]"
    return Server(f"http://{address}:{waitress.effective_port}/", waitress)

"""Serving the application with waitress."""

from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from threading import Event
from typing import Any
from urllib.parse import parse_qs

from gridecho.groups import CARRY_MARGIN_BYTES
from gridecho_common.open_files import connections_possible
from gridecho_common.settings import SettingsError, split_address
from waitress import wasyncore

from .app import create_app
from .doors import BUFFERED_BYTES, Channel, Door, Guests, adjusted
from .lanes import Lanes
from .live.hub import live_of
from .parked import NotKnownError, Parked
from .rules.errors import StorageAwayError
from .use import calls
from .use.site import Site
from .web.connections import Address
from .web.context import connections_of
from .web.guard import relay_that_shows
from .web.metrics import Metrics
from .web.parties import Parties, parties_of
from .web.running import running_of

_OTHER_FILES = 256  # that this process has open beside connections: database, log, requests and answers on disk


class Server:
    """A bound server; `url` is where it is reached. Raises SettingsError if the address cannot be had."""

    def __init__(self, site: Site) -> None:
        settings = site.settings
        host, port = split_address(settings.listen)
        self._sockets: dict[int, Any] = {}
        self._stopping = Event()
        proxies = [ip_network(one) for one in settings.trusted_proxies]
        guests = Guests(
            connections_possible(settings.max_connections, _OTHER_FILES), settings.max_connections_per_address, proxies
        )
        try:
            app = create_app(site)
            is_relay = partial(_is_relay, site)
            self._lanes = Lanes(
                partial(_whose, parties_of(app)), lambda go: Parked(is_relay, partial(_all_news, site), go)
            )
            self._running, self._live = running_of(app), live_of(app)
            self.connections = connections_of(app)
            self.connections.open_now = self._open_connections
            told = adjusted(host, port, settings.max_batch_bytes + CARRY_MARGIN_BYTES, is_relay)
            doors = [Door(guests, app, self._sockets, True, None, self._lanes, told, one) for one in told.listen]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsError(
                f'cannot listen on {settings.listen} ({reason}); stop what uses it, or change "listen" in the settings'
            ) from None
        self.metrics = Metrics(settings.metrics, self.connections, site) if settings.metrics else None
        self._lanes.set_thread_counts(settings.threads, settings.relay_threads)
        host, port = doors[0].effective_host, doors[0].effective_port  # a name may stand for several addresses
        self.url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def run(self) -> None:
        """Serves in this thread until `stop` or Ctrl-C, then frees the port."""
        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=0.5, use_poll=True, map=self._sockets, count=1)
        finally:
            self._live.stop()
            for one in self._channels():
                if one.streams:
                    one.handle_write()  # what its reader takes at once of why it ends
                if one.total_outbufs_len > BUFFERED_BYTES:
                    one.handle_close()  # a thread waits until it is read
            self._lanes.shutdown()
            for one in self._channels():
                one.handle_close()  # also the file that a long answer waited in
            self._running.stop()  # it wakes this thread until then
            wasyncore.close_all(self._sockets)
            if self.metrics:
                self.metrics.close()

    def _open_connections(self) -> set[Address]:
        return {one.addr[:2] for one in self._channels()}

    def _channels(self) -> list[Channel]:
        # The map changes in the serving thread meanwhile; a copy in one step does not mind.
        return [one for one in list(self._sockets.values()) if isinstance(one, Channel)]

    def stop(self) -> None:
        """Makes `run` return within a second; any thread may call it."""
        self._stopping.set()


def _whose(parties: Parties, channel: Channel) -> str:
    """Whose the next request of a channel is: of whom the guard knows by what it shows, else of its address."""
    shown = channel.requests[0].headers  # of one that could not be parsed there are none
    return parties.of(shown.get("AUTHORIZATION", ""), shown.get("COOKIE", "")) or channel.site


def _all_news(site: Site) -> Callable[[int], str]:
    away: tuple[type[Exception], ...] = (StorageAwayError, *site.archive.engine.errors)
    try:
        return calls.all_news(site)
    except away:
        raise NotKnownError from None
    finally:
        site.archive.give_back()


def _is_relay(site: Site, query: str, authorization: str) -> bool:
    """Whether a request shows a relay's token; where the database does not say, that is for its answer to tell."""
    relay = parse_qs(query).get("relay", [""])[0]
    try:
        return relay_that_shows(site, relay, authorization) is not None
    except site.archive.engine.errors:
        return True
    finally:
        site.archive.give_back()

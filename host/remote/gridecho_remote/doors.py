"""The remote's way in by TCP, on waitress: who gets a connection, and how long somebody may be silent or unread.

Whoever comes is let in. If there are too many connections, or too many of one address, one of those goes that nothing is being
done for: one that never had an answer, else the one that had its last answer longest ago; of that address, or else of the one with
the most.
"""

import socket
import struct
import termios
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext, suppress
from copy import copy
from errno import EMFILE, ENFILE
from fcntl import ioctl
from ipaddress import IPv6Address, ip_address
from socket import IPPROTO_TCP, SO_ERROR, SO_LINGER, SOL_SOCKET
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from .lanes import RELAYS
from .web.proxies import Network
from .web.running import LINE

FORM_BYTES = 1 << 20  # more than any page or API takes; a longer body is received from proven relays only
HEADER_BYTES = 32 << 10
IDLE_S = 120  # a connection without a request is closed
HEAD_S, SLOWEST_BYTES_S = 20.0, 1_024  # so long a request may be under way to here, and for its bytes so much more
UNREAD_S, LEAST_READ_BYTES = 60.0, 64 << 10  # so much of a waiting answer is to be taken in each such time
LOOKED_AT_S = 5
BUFFERED_BYTES = 1 << 20  # of an answer that is made while it is sent
_V6_SITE_BITS = 64  # one customer has all of these
_TCP_INFO, _OVER = getattr(socket, "TCP_INFO", 11), 7  # Linux's alone: neither end says anything more
_NOTHING_LEFT = struct.pack("ii", 1, 0)  # of SO_LINGER: what the system has not sent yet is dropped at the end


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        long = self.chunked or self.content_length > FORM_BYTES
        shown = self.query, self.headers.get("AUTHORIZATION", "")
        if not self.path.startswith(RELAYS) or (long and not self.adj.proven(*shown)):
            self.adj: Any = self.adj.of_people


class _Task(WSGITask):  # type: ignore[misc]
    wrote_header: bool

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[LINE] = self.channel
        return environ

    def write(self, data: bytes) -> None:
        if data and self.complete and self.has_body and not self.wrote_header:
            self.channel.head = self.build_response_header()
            self.wrote_header = True
        super().write(data)

    def finish(self) -> None:
        if self.channel.head:
            self.channel.write_soon(b"")
        if self.channel.streams:
            self.channel.goes_on(self.chunked_response)
        else:
            super().finish()


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection, which knows of its last answer, since when a request is coming in, and what was taken of its answers.

    It is a `Line` (web/running.py) and a `Wire` (live/hub.py), too.
    """

    parser_class = _Parser
    task_class = _Task
    _closes = False
    _held = 0
    _had_all = False
    head = b""  # of an answer, to be sent with the first of its body: one call of the system less
    streams = False  # its answer goes on, by another thread
    _chunked = False
    _begin: Callable[[], None] | None = None

    def __init__(self, door: "Door", sock: Any, addr: Any, adj: Adjustments, map: Any = None) -> None:
        self.site = site_of(addr[0])
        self.served = False, time.time()  # whether it ever had an answer, and since when it waits for something to do
        self._begun_s: float | None = None  # of the request that is coming in
        self._came_bytes = 0
        self._taken_bytes = 0
        self._looked: tuple[float, int] | None = None  # when how much had been taken, of an answer that waits
        super().__init__(door, sock, addr, adj, map)

    def add_channel(self, map: Any = None) -> None:
        """It is open."""
        super().add_channel(map)
        self.server.guests.add(self)

    def del_channel(self, map: Any = None) -> None:
        """It is closed."""
        super().del_channel(map)
        self.server.guests.discard(self)

    def leave(self) -> None:
        """Ends it at the next turn of the serving thread. waitress itself would wait until the other end reads."""
        self.will_close = True
        self.server.guests.leaving.append(self)

    def hold(self) -> None:
        """Does not end by itself before the other end has taken all; to be undone by `release`."""
        self._held += 1

    def release(self) -> None:
        """May end again."""
        self._held -= 1
        self.server.pull_trigger()

    @property
    def is_open(self) -> bool:
        """Whether the other end is there, as far as is known."""
        return bool(self.connected and not self.will_close)

    @property
    def waiting_bytes(self) -> int:
        """What was given and is not taken by the other end."""
        return int(self.total_outbufs_len) + self._unsent_bytes()

    def stream(self, begin: Callable[[], None]) -> None:
        """The answer that is made now goes on by `put`, once `begin` is called; it is, whatever becomes of the answer."""
        self.hold()
        self.streams, self._begin = True, begin

    def goes_on(self, chunked: bool) -> None:
        """The answer is a stream, with its head given; `chunked`: what is put is to be framed."""
        self._chunked = chunked

    def put(self, data: bytes) -> None:
        """Sends more of a stream, as much as the other end takes now; the serving thread sends the rest."""
        with suppress(ClientDisconnected):
            self.write_soon(b"%X\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end_stream(self) -> None:
        """There is no more of it: it ends once all is taken."""
        if self._chunked:
            with suppress(ClientDisconnected):
                self.write_soon(b"0\r\n\r\n")
        self.release()

    def is_over(self) -> bool:
        """Whether the other end has all that was given so far, or is gone."""
        return not (self.connected and (self.total_outbufs_len or self._unsent_bytes()))

    def has_all(self) -> bool:
        """Whether the other end has all that was given so far; if it is gone: whether it had. As far as its system told."""
        return self._has_all() if self.connected else self._had_all

    def handle_close(self) -> None:
        """Ends it now."""
        if self.connected:
            self._had_all = self._has_all()
        super().handle_close()

    def _has_all(self) -> bool:
        try:
            # Who goes without having read all closes it so that it is over at once, whatever their system had taken.
            if self.socket.getsockopt(IPPROTO_TCP, _TCP_INFO, 1)[0] == _OVER:
                return False
            return not self.total_outbufs_len and not self._queued_bytes()
        except OSError:
            return False

    def cut_off(self) -> None:
        """Ends with what waits to be sent."""
        if not self.connected or self.will_close:
            return
        with suppress(OSError):
            self.socket.setsockopt(SOL_SOCKET, SO_LINGER, _NOTHING_LEFT)
        self.leave()
        self.server.pull_trigger()

    def _unsent_bytes(self) -> int:
        """What the system has still, because the other end has not confirmed it."""
        try:
            if self.socket.getsockopt(SOL_SOCKET, SO_ERROR):
                return 0
            return self._queued_bytes()
        except OSError:
            return 0

    def _queued_bytes(self) -> int:
        return int.from_bytes(ioctl(self.socket, termios.TIOCOUTQ, bytes(4)), "little")

    @property
    def close_when_flushed(self) -> bool:
        """Whether it ends once all is with the system: waitress sets it, and looks."""
        return self._closes and self._held <= 0

    @close_when_flushed.setter
    def close_when_flushed(self, closes: bool) -> None:
        self._closes = closes

    def readable(self) -> bool:
        """Whether another request may come; of a stream, whether to look if its reader is there."""
        return (self.streams and not self.will_close) or (not self._closes and bool(super().readable()))

    def writable(self) -> bool:
        """Whether the serving thread is to look at it when it can be written to; not while another thread is sending.

        It could do nothing then, would be told at once that it can, and so on: a loop that takes the interpreter from who sends.
        """
        if not (self.connected and super().writable()):
            return False
        if self.total_outbufs_len and not self.will_close:
            free: bool = self.outbuf_lock.acquire(blocking=False)
            if not free:
                return False
            self.outbuf_lock.release()
        return True

    def write_soon(self, data: Any) -> int:
        """Gives more of an answer, and sends what the other end takes now; the serving thread is woken for the rest."""
        if self.head:
            data, self.head = self.head + data, b""
        given: int = super().write_soon(data)
        if self.total_outbufs_len:
            self.server.pull_trigger()
        return given

    def received(self, data: bytes) -> bool:
        """Bytes of a request, or of several."""
        if self.streams:
            return False
        before = self.request
        more: bool = super().received(data)
        if self.request is None:
            self._begun_s = None
        elif self.request is before:
            self._came_bytes += len(data)
        else:
            self._begun_s, self._came_bytes = time.time(), len(data)
        return more

    def send(self, data: bytes, do_close: bool = True) -> int:
        """How many bytes the other end takes now."""
        taken: int = super().send(data, do_close)
        self._taken_bytes += taken
        return taken

    def service(self) -> None:
        """Answers a request, in a thread."""
        super().service()
        self.served = True, time.time()
        if self._begin is not None:
            begin, self._begin = self._begin, None
            begin()

    def handle_write(self) -> None:
        """Sends what waits; of a stream another thread may be at it."""
        with self.outbuf_lock if self.streams else nullcontext():
            super().handle_write()

    def late(self, now_s: float) -> bool:
        """Whether the other end keeps this one waiting for too long: with a request, or with an answer."""
        if self._begun_s is not None and now_s > self._begun_s + HEAD_S + self._came_bytes / SLOWEST_BYTES_S:
            return True
        unsent_bytes = self._unsent_bytes() if self._held > 0 else 0
        taken_bytes = self._taken_bytes - unsent_bytes
        if not self.total_outbufs_len + unsent_bytes:
            self._looked = None
        elif self._looked is None or taken_bytes >= self._looked[1] + (1 if self.streams else LEAST_READ_BYTES):
            self._looked = now_s, taken_bytes
        return self._looked is not None and now_s > self._looked[0] + UNREAD_S


class Guests:
    """The open connections, by the site that they come from; used by the serving thread only."""

    def __init__(self, most: int, most_of_a_site: int, proxies: list[Network]) -> None:
        self._most, self._most_of_a_site, self._proxies = most, most_of_a_site, proxies
        self._of: defaultdict[str, set[Channel]] = defaultdict(set)
        self._count = 0
        self.leaving: list[Channel] = []

    def add(self, channel: Channel) -> None:
        """One more."""
        self._of[channel.site].add(channel)
        self._count += 1

    def discard(self, channel: Channel) -> None:
        """One less."""
        here = self._of[channel.site]
        if channel in here:
            here.remove(channel)
            self._count -= 1
        if not here:
            del self._of[channel.site]

    def make_room(self, site: str) -> bool:
        """Whether there is room for one more of a site; some other one is told to go for it, if need be."""
        here = self._of.get(site, set())
        if len(here) >= self._most_of_a_site and not self._is_proxy(site):
            return self._one_goes(here)
        return self._count < self._most or self.make_room_anywhere()

    def make_room_anywhere(self) -> bool:
        """Tells one of the site with the most to go; whether there was one that can."""
        return self._one_goes(max(self._of.values(), key=len, default=set()))

    def _one_goes(self, crowd: set[Channel]) -> bool:
        idle = [one for one in crowd if not one.requests and not one.streams and not one.will_close]
        if not idle:
            return False
        min(idle, key=lambda one: one.served).leave()
        return True

    def _is_proxy(self, site: str) -> bool:
        address = ip_address(site.partition("/")[0])
        return any(address in network for network in self._proxies)


class Door(TcpWSGIServer):  # type: ignore[misc]
    """A bound address of waitress that lets in as `Guests` allow."""

    channel_class = Channel

    def __init__(self, guests: Guests, *args: Any, **more: Any) -> None:
        self.guests = guests
        super().__init__(*args, **more)

    def handle_accept(self) -> None:
        """Somebody comes."""
        try:
            accepted = self.accept()
            if accepted is None:
                return
            sock, address = accepted
            self.set_socket_options(sock)
        except OSError as error:  # they are gone again
            if error.errno in (EMFILE, ENFILE):
                self.guests.make_room_anywhere()
            return
        if self.guests.make_room(site_of(address[0])):
            self.channel_class(self, sock, address, self.adj, map=self._map)
        else:
            sock.close()

    def readable(self) -> bool:
        """Whether to wait for somebody to come; the serving thread asks at each turn before it looks at any connection."""
        may_come: bool = super().readable()
        while self.guests.leaving:
            self.guests.leaving.pop().handle_close()
        return may_come

    def maintenance(self, now: float) -> None:
        """Closes what is idle or late; waitress calls it now and then."""
        super().maintenance(now)
        for channel in self.active_channels.values():
            if not channel.will_close and channel.late(now):
                channel.leave()


def site_of(address: str) -> str:
    """An address, of IPv6 the network that one customer has."""
    parsed = ip_address(address.partition("%")[0])
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _V6_SITE_BITS << _V6_SITE_BITS)}/{_V6_SITE_BITS}"


def adjusted(host: str, port: int, most_bytes: int, proven: Callable[[str, str], bool]) -> Adjustments:
    """What waitress is told: an address, and the longest body of a relay's request.

    `proven` says of a query and an Authorization header whether they are a relay's: who shows less brings less.
    """
    settings = {
        "ident": None,
        "clear_untrusted_proxy_headers": False,  # proxies.py says whom it believes
        "connection_limit": 1 << 20,  # `Guests` says who is let in
        "channel_timeout": IDLE_S,
        "cleanup_interval": LOOKED_AT_S,
        "max_request_header_size": HEADER_BYTES,
        "outbuf_high_watermark": BUFFERED_BYTES,
        "log_socket_errors": False,
    }
    made = Adjustments(host=host, port=port, max_request_body_size=most_bytes, **settings)
    made.proven = proven
    made.of_people = copy(made)
    made.of_people.max_request_body_size = FORM_BYTES
    return made

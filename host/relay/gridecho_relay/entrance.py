"""The relay's way in by TCP, on waitress: connections for the members of a large group, and a share of them for each address."""

import socket
from typing import Any

from gridecho_common.open_files import connections_possible
from gridecho_common.shares import fair
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

MOST_CONNECTIONS = 2_000
_OTHER_FILES = 128  # that this process has open beside them


class Entrance(TcpWSGIServer):  # type: ignore[misc]
    """A server on a bound socket. An address holds its share of the connections: a new one beyond it is closed."""

    def __init__(self, app: Any, sock: socket.socket, threads: int, most_bytes: int) -> None:
        """Bodies have `most_bytes` at most; waitress would keep a gigabyte."""
        self.most = connections_possible(MOST_CONNECTIONS, _OTHER_FILES)
        told = Adjustments(
            sockets=[sock],
            asyncore_use_poll=True,
            ident=None,
            max_request_body_size=most_bytes,
            connection_limit=self.most + 3,  # waitress counts its own sockets as well
            clear_untrusted_proxy_headers=False,  # the door looks whether there are any
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        where = (sock.family, sock.type, sock.proto, sock.getsockname())
        super().__init__(app, {}, True, sock, dispatcher=dispatcher, adj=told, bind_socket=False, sockinfo=where)

    def accept(self) -> tuple[socket.socket, Any] | None:
        """The next connection; None if there is none, or its address has its share."""
        taken: tuple[socket.socket, Any] | None = super().accept()
        if taken is None:
            return None
        host = taken[1][0]
        its = sum(one.addr[0] == host for one in self.active_channels.values())
        if not fair(its, 1, self.most - len(self.active_channels)):
            taken[0].close()
            return None
        return taken

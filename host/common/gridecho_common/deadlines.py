"""Requests over HTTP that have an end: a name that is not found, a peer that drips bytes, in its headers or in its body, is
waited for no longer than that."""

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from .names import addresses_of


class _Bytes(io.RawIOBase):
    """What comes from a socket. A time limit of the socket's own is for each part; `left_s` gives the time for all of them."""

    def __init__(self, sock: socket.socket, left_s: Callable[[], float]) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._left_s = left_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s, silent_s = self._left_s(), self._sock.gettimeout()
        if left_s <= 0:
            raise TimeoutError("the deadline is over")
        self._sock.settimeout(left_s if silent_s is None else min(left_s, silent_s))
        try:
            found: int | None = self._raw.readinto(buffer)
            return found
        finally:
            if not self._raw.closed:
                self._sock.settimeout(silent_s)

    def close(self) -> None:
        self._raw.close()
        super().close()


def until(
    left_s: Callable[[], float], pool: urllib3.PoolManager, may: Callable[[str], bool] = lambda _: True
) -> urllib3.PoolManager:
    """The pool, whose answers end with a ReadTimeoutError when `left_s` is not above 0 any more. One request at a time.

    A name is looked up once, within that time, and only numbers that `may` be called are: else there is a NewConnectionError.
    """

    def connect(one: Any, to_host: Callable[[], socket.socket]) -> socket.socket:
        name: str = one.host
        try:
            numbers = [number for number in addresses_of(name, left_s()) if may(number)]
        except OSError as error:
            raise NewConnectionError(one, str(error)) from error
        failed = NewConnectionError(one, "no address that may be called")
        try:
            for number in numbers:
                one.host = number
                try:
                    return to_host()
                except NewConnectionError as error:
                    failed = error
        finally:
            one.host = name
        raise failed

    class Answer(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_Bytes(sock, left_s))

    class Plain(HTTPConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return connect(self, super()._new_conn)

    class Tls(HTTPSConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return connect(self, super()._new_conn)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Tls

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return pool

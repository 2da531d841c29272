"""Answers over HTTP that have an end: a peer that drips bytes, in its headers or in its body, is waited for no longer than that."""

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


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


def until(left_s: Callable[[], float], pool: urllib3.PoolManager) -> urllib3.PoolManager:
    """The pool, whose answers end with a ReadTimeoutError when `left_s` is not above 0 any more. One request at a time."""

    class Answer(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_Bytes(sock, left_s))

    class Plain(HTTPConnection):
        response_class = Answer

    class Tls(HTTPSConnection):
        response_class = Answer

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Tls

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return pool

"""HTTP on virtual time: pools of connections as urllib3's, which end at the real applications of the hosts that serve them."""

import io
import sys
from collections import deque
from itertools import count
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError

_FAR_S = 3_600.0


class Connection:
    """From a client to a server; open until one of the two closes it or is killed."""

    def __init__(self, client, server, port):
        self.client, self.server = client, server
        self.address = ("10.0.0.1", port)
        self.answer = None  # of the request that is on its way


class Web:
    """Servers by host and port of their URL. A request is `one_way_s` on its way, and so is its answer."""

    def __init__(self, time, one_way_s):
        self.time = time
        self.one_way_s, self.one_way_us = one_way_s, round(1_000_000 * one_way_s)
        self.open = set()
        self.on_request = lambda connection, path: None  # a request arrives
        self._servers = {}
        self._ports = count(1)

    def serve(self, url, app, host=None):
        """`app` answers at `url`: as a task of `host`; without one it answers at once and never fails."""
        self._servers[urlsplit(url).netloc] = app, host

    def cut(self, host):
        """A host is gone, and what was served there."""
        for place in [place for place, (_, its) in self._servers.items() if its is host]:
            del self._servers[place]
        for one in [one for one in self.open if host in (one.client, one.server)]:
            self.close(one)

    def pools(self, host):
        """What makes pools for a host, in place of urllib3.PoolManager."""
        return lambda **settings: Pool(self, host, **settings)

    def connect(self, client, url):
        """A new connection; None if nobody is there."""
        self.time.sleep(2 * self.one_way_s)
        if urlsplit(url).netloc not in self._servers:
            return None
        made = Connection(client, self._servers[urlsplit(url).netloc][1], next(self._ports))
        self.open.add(made)
        return made

    def close(self, connection):
        """One of its ends closes it."""
        self.open.discard(connection)
        if connection.answer is not None:
            connection.answer.broken()

    def ask(self, connection, method, url, body, headers, answer):
        """A request arrives: the answer's parts come to `answer`."""
        app, host = self._servers[urlsplit(url).netloc]
        self.on_request(connection, urlsplit(url).path)
        environ = _environ(connection, method, url, body, headers)
        if host is None:
            answer.run(app, environ)
        else:
            host.spawn(lambda: answer.run(app, environ))


class Pool:
    """The part of urllib3.PoolManager that relays use."""

    def __init__(self, web, host, timeout=None, block=False, **_):
        self.web = web
        self._host = host
        self._timeout = timeout
        self._idle = {}
        self._alone = block  # one request at a time; others wait
        self._busy = False
        self._free = web.time.condition()

    def request(self, method, url, body=None, headers=None, timeout=None, **_):
        place = urlsplit(url).netloc
        if self._alone:
            self._free.wait_for(lambda: not self._busy)
            self._busy = True
        try:
            return self._request(method, url, place, body, headers or {}, timeout or self._timeout)
        except BaseException:
            self._is_free()
            raise

    def _request(self, method, url, place, body, headers, timeout):
        web = self.web
        connection = self._idle.pop(place, None)
        if connection not in web.open:
            connection = web.connect(self._host, url)
        if connection is None:
            raise NewConnectionError(None, f"nobody is at {place}")
        answer = connection.answer = Answer(self, place, connection, timeout.read_timeout or _FAR_S)
        body = b"" if body is None else body if isinstance(body, bytes) else b"".join(body)
        web.time.sleep(web.one_way_s)
        if connection in web.open:
            web.ask(connection, method, url, body, headers, answer)
        try:
            answer.wait_head()
        except BaseException:
            web.close(connection)
            raise
        return answer

    def clear(self):
        """Closes what is idle."""
        for connection in self._idle.values():
            self.web.close(connection)
        self._idle.clear()

    def give_back(self, place, connection):
        """A connection is free for the next request."""
        connection.answer = None
        self._is_free()
        if connection in self.web.open and self._idle.setdefault(place, connection) is not connection:
            self.web.close(connection)

    def drop(self, connection):
        """A connection is not used any more."""
        self.web.close(connection)
        self._is_free()

    def _is_free(self):
        self._busy = False
        self._free.notify()


class Answer:
    """The part of urllib3.BaseHTTPResponse that relays use, and the other end of it."""

    def __init__(self, pool, place, connection, read_timeout_s):
        self.status = 0
        self.headers = urllib3.HTTPHeaderDict()
        self._pool, self._place, self._connection = pool, place, connection
        self._web = pool.web
        self._timeout_s = read_timeout_s
        self._parts = deque()  # (when it arrives in us, part): first the head as None, last of all b""
        self._rest = b""
        self._ended = False
        self._came = self._web.time.condition()

    # --- the server's end ---

    def run(self, app, environ):
        """Serves the request."""

        def start(status, headers, exc_info=None):
            self.status = int(status.split()[0])
            for name, value in headers:
                self.headers.add(name, value)

        parts = app(environ, start)
        try:
            self._put(None)
            for part in parts:
                if part:
                    self._put(part)
            self._put(b"")
        finally:
            parts.close()

    def _put(self, part):
        self._parts.append((self._web.time.us + self._web.one_way_us, part))
        self._came.notify_all()

    # --- the client's end ---

    @property
    def chunked(self):
        return "Content-Length" not in self.headers

    def wait_head(self):
        """Until the server has begun to answer."""
        assert self._next() is None

    def read(self, most):
        while len(self._rest) < most and not self._ended:
            self._take()
        found, self._rest = self._rest[:most], self._rest[most:]
        return found

    def read1(self, most):
        if not self._rest and not self._ended:
            self._take()
        found, self._rest = self._rest[:most], self._rest[most:]
        return found

    def release_conn(self):
        self._pool.give_back(self._place, self._connection)

    def close(self):
        self._pool.drop(self._connection)

    def broken(self):
        """The connection was closed by the other end."""
        self._came.notify_all()

    def _take(self):
        part = self._next()
        self._ended = not part
        self._rest += part

    def _next(self):
        def there():
            return self._parts or self._connection not in self._web.open

        if not self._came.wait_for(there, self._timeout_s):
            raise ReadTimeoutError(None, self._place, "no answer in time")
        if self._connection not in self._web.open:
            raise ProtocolError("connection broken")
        arrives_us, part = self._parts.popleft()
        if arrives_us > self._web.time.us:
            self._web.time.sleep((arrives_us - self._web.time.us) / 1_000_000)
        return part


def _environ(connection, method, url, body, headers):
    parts = urlsplit(url)
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": connection.address[0],
        "REMOTE_PORT": str(connection.address[1]),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            environ["HTTP_" + key] = value
    return environ

"""How a member hands a load to the proxy of its group over HTTP, and notices within 3 seconds that the proxy fails it."""

from collections.abc import Iterator

import urllib3
from gridecho.errors import FrameError
from gridecho.groups import ANSWERED, MAX_ANSWER_BYTES, Handed, Turn, read_answer

from .upstream import MOVED, Http

_CONNECT_S = 1.0
_SILENT_S = 1.6  # a proxy gives a sign of life every half second
_CUT_OFF_TENTHS = 20  # so long the remote may be silent to the proxy
_BLOCK_BYTES = 64 << 10  # a time limit is for each block, so a slow LAN is not taken for a dead proxy
_MOST_BYTES = 600 + 8 + MAX_ANSWER_BYTES  # signs of five minutes and an answer


class ProxyLostError(Exception):
    """The proxy does not do its work. `why` is for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class CutOffError(ProxyLostError):
    """The proxy is there, but the remote does not answer it."""


class HandOver:
    """A member's connection to the proxies that it has, one after the other."""

    def __init__(self, http: Http = urllib3.PoolManager) -> None:
        self._pool = http(num_pools=2, maxsize=1, retries=False)

    def __call__(self, turn: Turn, load: tuple[int, bytes]) -> tuple[int, int, bytes]:
        """The remote's answer to a load: status, seconds to wait, body; nothing of it is verified. Raises ProxyLostError."""
        body = Handed(turn.group_id, turn.term, turn.appointment, load).pack()
        try:
            response = self._pool.request(
                "POST",
                turn.url + "/carry",
                body=_blocks(body),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(len(body))},
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=_SILENT_S),
                preload_content=False,
                redirect=False,
            )
            try:
                if response.status == 401:
                    return MOVED, 0, b""
                if response.status == 503:
                    return 503, 1, b""
                if response.status != 200:
                    raise ProxyLostError(f"it answers HTTP {response.status}")
                return _answer(response)
            finally:
                response.close() if response.status != 200 or response.chunked else response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise ProxyLostError(f"it does not answer ({type(error).__name__})") from None

    def close(self) -> None:
        """Closes what is open."""
        self._pool.clear()


def _answer(response: urllib3.BaseHTTPResponse) -> tuple[int, int, bytes]:
    found = b""
    while True:
        part = response.read1(_MOST_BYTES)
        found += part
        signs = found.split(bytes([ANSWERED]), 1)[0]
        if len(signs) < len(found):
            break
        if not part or len(found) > _MOST_BYTES:
            raise ProxyLostError("it broke off")
        if signs and signs[-1] >= _CUT_OFF_TENTHS:
            raise CutOffError("the remote does not answer it")
    found += response.read(_MOST_BYTES)
    try:
        return read_answer(found[len(signs) + 1 :])
    except FrameError:
        raise ProxyLostError("it answers junk") from None


def _blocks(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), _BLOCK_BYTES):
        yield body[at : at + _BLOCK_BYTES]

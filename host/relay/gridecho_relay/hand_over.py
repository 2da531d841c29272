"""How a member hands a load to the proxy of its group over HTTP, and notices within 3 seconds that the proxy fails it.

Only the remote's answer counts. What a proxy says beside it only ends the waiting earlier: it may lie.
"""

from collections.abc import Iterator

import urllib3
from gridecho.errors import FrameError
from gridecho.groups import ANSWERED, MAX_ANSWER_BYTES, Handed, Turn, read_answer
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.deadlines import until

from .upstream import MOVED, Http

_ANSWER_S = 3.0  # from the beginning to the end, and the time that a long load needs at
_LEAST_BYTES_PER_S = 512 << 10
_CONNECT_S = 1.0
_SILENT_S = 1.6  # a proxy gives a sign of life every half second
_CUT_OFF_TENTHS = 20  # so long the remote may be silent to the proxy
_BLOCK_BYTES = 64 << 10  # a time limit is for each block, so a slow LAN is not taken for a dead proxy
_MOST_BYTES = 600 + 8 + MAX_ANSWER_BYTES  # signs and an answer


class ProxyLostError(Exception):
    """The proxy does not do its work. `why` is for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class CutOffError(ProxyLostError):
    """The proxy is there, but brings no answer of the remote: whose fault that is, the remote itself shows."""


class HandOver:
    """A member's connection to the proxies that it has, one after the other."""

    def __init__(self, http: Http = urllib3.PoolManager, clock: Clock = MACHINE) -> None:
        self._clock = clock
        self._end_s = 0.0  # of the load that is under way
        self._pool = until(self._left_s, http(num_pools=2, maxsize=1, retries=False))

    def __call__(self, turn: Turn, load: tuple[int, bytes]) -> tuple[int, int, bytes]:
        """The remote's answer to a load: status, seconds to wait, body; nothing of it is verified. Raises ProxyLostError."""
        body = Handed(turn.group_id, turn.term, turn.appointment, load).pack()
        self._end_s = self._clock.now_s() + _ANSWER_S + len(body) / _LEAST_BYTES_PER_S
        try:
            response = self._pool.request(
                "POST",
                turn.url + "/carry",
                body=self._blocks(body),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(len(body))},
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=_SILENT_S),
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
            whole = False
            try:
                if response.status == 401:
                    return MOVED, 0, b""
                if response.status == 503:
                    return 503, 1, b""
                if response.status != 200:
                    raise ProxyLostError(f"it answers HTTP {response.status}")
                answer = self._answer(response)
                whole = not response.chunked
                return answer
            finally:
                response.release_conn() if whole else response.close()
        except urllib3.exceptions.HTTPError as error:
            self._check_time()
            raise ProxyLostError(f"it does not answer ({type(error).__name__})") from None

    def close(self) -> None:
        """Closes what is open."""
        self._pool.clear()

    def _answer(self, response: urllib3.BaseHTTPResponse) -> tuple[int, int, bytes]:
        found = b""
        while True:
            self._check_time()
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

    def _blocks(self, body: bytes) -> Iterator[bytes]:
        for at in range(0, len(body), _BLOCK_BYTES):
            self._check_time()
            yield body[at : at + _BLOCK_BYTES]

    def _left_s(self) -> float:
        return self._end_s - self._clock.now_s()

    def _check_time(self) -> None:
        if self._left_s() <= 0:
            raise CutOffError("it brings no answer in time")

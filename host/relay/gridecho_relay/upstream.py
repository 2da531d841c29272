"""The relay's connections to the remote over HTTP: data out, answers, keys and requests in. Every answer is bounded."""

import ipaddress
import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlsplit

import urllib3
from gridecho import relay_keys
from gridecho.errors import FrameError
from gridecho.groups import (
    DEFLATED_BATCH,
    MAX_ANSWER_BYTES,
    MAX_CARRIED_BYTES,
    MAX_TURN_BYTES,
    PIECE,
    Carried,
    read_carried,
)
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.logs import Seldom
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from .latency import Latency

log = logging.getLogger(__name__)

_MOST_KEY_BYTES = 256 << 20
_MOST_ORDERS_BYTES = 64 << 20
_MOST_ORDER_BYTES = 1 << 20
_MOST_HEARTBEAT_BYTES = 1 << 20
_MOST_RETRY_S = 300
_MOST_NAMED = 5  # entries that are none, of a list
_MOST_SAID = 300  # characters of somebody else's words
_TIMEOUT = urllib3.Timeout(connect=3, read=30)
_CALL_TIMEOUT = urllib3.Timeout(connect=3, read=45)  # a call takes half a minute if there is nothing
_MOST_CALL_BYTES = 1_000
_BINARY = {"Content-Type": "application/octet-stream"}
_NO_HEADERS: dict[str, str] = {}

_U32 = Annotated[int, Field(ge=0, lt=1 << 32)]
_U63 = Annotated[int, Field(ge=0, lt=1 << 63)]
_Hex16 = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]

TOO_LARGE, MOVED = 413, 409  # statuses: fewer at once; this relay is not the proxy

Http = Callable[..., urllib3.PoolManager]  # makes a pool of connections

_Form = TypeVar("_Form", bound=BaseModel)


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


def _those(form: type[_Checked]) -> BeforeValidator:
    """Of a list only the entries of this form: one sensor's entry spoils no other's. The context, a Counter, counts the others."""

    def fitting(entries: object, info: ValidationInfo) -> object:
        if not isinstance(entries, list):
            return entries
        found = []
        left_out: Any = info.context
        for entry in entries:
            try:
                found.append(form.model_validate(entry))
            except ValidationError:
                if left_out[form] < _MOST_NAMED:
                    log.warning("entry-left-out form=%s entry=%.80r", form.__name__, entry)
                left_out[form] += 1
        return found

    return BeforeValidator(fitting)


class SensorKeys(_Checked):
    """One sensor's link keys for this relay."""

    sensor_id: _U32
    key_id: Annotated[int, Field(ge=0, lt=256)]
    up: _Hex16
    down: _Hex16


class KeyList(_Checked):
    """All sensors that may use this relay; `version` changes whenever they do."""

    version: _U63
    sensors: Annotated[list[SensorKeys], _those(SensorKeys)]


class WaitingOrder(_Checked):
    """A sensor that has an order waiting, and the order's version."""

    sensor_id: _U32
    key_id: Annotated[int, Field(ge=0, lt=256)]
    version: _U32


class OrderList(_Checked):
    """All sensors that have an order waiting; `version` changes whenever they do."""

    version: _U63
    orders: Annotated[list[WaitingOrder], _those(WaitingOrder)]


class Beat(_Checked):
    """The remote's answer to a heartbeat. `pulls` and `turn` are as gridecho.holdings and gridecho.groups pack them, in hex,
    `live` are sensors; whoever reads one of them checks it, so that one that is none spoils no other.
    """

    utc_ms: _U63
    keys_version: _U63
    orders_version: _U63
    pulls: list[Any] = []
    group: str | None = None
    proxy: str | None = None
    turn: Annotated[str, Field(max_length=2 * MAX_TURN_BYTES)] = ""
    live: list[Any] = []
    news: Annotated[str, Field(max_length=100)] = ""


class News(BaseModel):
    """What stands for what the next heartbeat would bring."""

    news: Annotated[str, Field(max_length=100)]


class UpstreamError(Exception):
    """The remote did not do what was asked; nothing may be deleted. `status` is 0 where no HTTP answer came."""

    def __init__(self, what: str, status: int = 0, retry_after_s: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.status = status
        self.retry_after_s = retry_after_s


class Upstream:
    """One relay's connections to its remote, kept alive; any thread may use it. Data have one connection of their own."""

    def __init__(
        self, url: str, relay_id: int, secret: bytes, clock: Clock = MACHINE, http: Http = urllib3.PoolManager
    ) -> None:
        self.reachable = False  # whether the last answer was one of a remote, a refusal or not
        self.problem = ""  # why it is not; empty: it is, or nothing was asked yet
        self.refusals: dict[str, str] = {}  # what the remote refuses now, by what was asked, and why
        self.left_out: dict[str, int] = {}  # entries of the last list of keys, of orders, that were none
        self.rtt_s = 0.0  # of the last heartbeat; 0: none yet
        self.rtts = Latency()  # of all heartbeats
        self.relay_id = relay_id
        self._url = url
        self._bearer = {"Authorization": f"Bearer {relay_keys.relay_token(secret, relay_id).hex()}"}
        self._clock = clock
        self._pool = http(maxsize=4, timeout=_TIMEOUT, retries=False)
        self._data = http(maxsize=1, block=True, timeout=_TIMEOUT, retries=False)
        self._data_open = False
        self._calls = http(maxsize=1, timeout=_CALL_TIMEOUT, retries=False)
        self._lock = threading.Lock()
        self._seldom = Seldom()

    def deliver(self, load: tuple[int, bytes]) -> bytes:
        """The answer to a load that goes straight to the remote; if it is genuine, say so by `took`. Raises UpstreamError."""
        kind, body = load
        headers = _BINARY | {"Content-Encoding": "deflate"} if kind == DEFLATED_BATCH else _BINARY
        path = "/relay/v1/" + word_of(kind)
        _, answer = self._ask("POST", path, MAX_ANSWER_BYTES, body, headers, pool=self._data)
        return answer

    def carry(self, body: bytes) -> bytes:
        """The remote's answer to a carry, also to one that came for a term that is over. Raises UpstreamError."""
        status, answer = self._ask("POST", "/relay/v1/carry", MAX_CARRIED_BYTES, body, _BINARY, MOVED, self._data)
        try:
            read_carried(answer)
        except FrameError as error:
            raise self._failed(f"no answer to a carry ({error})") from None
        self.took("carry")
        return answer if status == 200 else Carried(0, 0, []).pack()

    def release_data(self) -> None:
        """Closes the connection for data, if it is open and not in use: another relay carries them now."""
        if self._data_open:
            self._data_open = False
            self._data.clear()

    def beat(self, state: dict[str, Any]) -> Beat:
        """Says how this relay is, and hears what is new. Raises UpstreamError."""
        body = json.dumps({"relay": self.relay_id} | state).encode()
        headers = {"Content-Type": "application/json"}
        asked_s = self._clock.now_s()
        status, answer = self._ask("POST", "/relay/v1/heartbeat", _MOST_HEARTBEAT_BYTES, body, headers)
        rtt_s = self._clock.now_s() - asked_s
        beat = self._checked(Beat, answer, "a heartbeat", status)
        self.rtt_s = rtt_s
        self.rtts.add(rtt_s)
        self.took("heartbeat")
        return beat

    def hear(self, seen: str) -> str:
        """Waits for the remote to call: what its news are, as soon as they are others than `seen`, or after half a minute.

        What fails here is no state of the relay, whose heartbeats say more. Raises UpstreamError.
        """
        url = f"{self._url}/relay/v1/calls?relay={self.relay_id}&seen={quote(seen, safe='')}"
        try:
            response = self._calls.request("GET", url, headers=self._bearer, preload_content=False, redirect=False)
            answer = _read(response, _MOST_CALL_BYTES)
        except urllib3.exceptions.HTTPError as error:
            raise UpstreamError(f"not reachable ({type(error).__name__})") from None
        if response.status != 200:
            raise UpstreamError("no call", response.status)
        try:
            return News.model_validate_json(answer).news
        except ValidationError:
            raise UpstreamError("no call", response.status) from None

    def fetch_keys(self, have: int) -> KeyList | None:
        """The keys if they are not version `have`, else None. Raises UpstreamError."""
        path = f"/relay/v1/keys?have={have}"
        status, answer = self._ask("GET", path, _MOST_KEY_BYTES, none_is=304)
        found = None if status == 304 else self._checked(KeyList, answer, "keys", status)
        self.took("keys")
        return found

    def fetch_orders(self, have: int) -> OrderList | None:
        """Which sensors have an order waiting, if that is not version `have`, else None. Raises UpstreamError."""
        path = f"/relay/v1/orders?have={have}"
        status, answer = self._ask("GET", path, _MOST_ORDERS_BYTES, none_is=304)
        found = None if status == 304 else self._checked(OrderList, answer, "orders", status)
        self.took("orders")
        return found

    def fetch_order(self, sensor_id: int) -> bytes | None:
        """The sealed order of a sensor; None if none waits. Raises UpstreamError."""
        path = f"/relay/v1/orders/{sensor_id}"
        status, answer = self._ask("GET", path, _MOST_ORDER_BYTES, none_is=404)
        return None if status == 404 else answer

    def close(self) -> None:
        """Closes the idle connections."""
        self._pool.clear()
        self._data.clear()

    def _ask(
        self,
        method: str,
        path: str,
        most: int,
        body: bytes | None = None,
        headers: dict[str, str] = _NO_HEADERS,
        none_is: int = 200,
        pool: urllib3.PoolManager | None = None,
    ) -> tuple[int, bytes]:
        # (status, answer): 200, or `none_is`, which says that there is nothing. Raises UpstreamError for everything else.
        address, _, query = path.partition("?")
        url = f"{self._url}{address}?relay={self.relay_id}" + (f"&{query}" if query else "")
        try:
            response = (pool or self._pool).request(
                method,
                url,
                body=body,
                headers=self._bearer | headers,
                preload_content=False,
                redirect=False,
            )
            try:
                answer = _read(response, most)
            finally:
                if pool is self._data:
                    self._data_open = True
        except urllib3.exceptions.HTTPError as error:
            raise self._failed(f"not reachable ({type(error).__name__})") from None
        if len(answer) > most and response.status == 200:
            raise self._failed("an answer longer than any should be", response.status)
        if response.status not in (200, none_is):
            after = response.headers.get("Retry-After", "")
            retry_s = min(int(after), _MOST_RETRY_S) if after.isdecimal() else 0
            detail = _problem_in(response, answer[:most])
            said = _said(response, detail)
            word = address.removeprefix("/relay/v1/")
            if detail is not None and "/" not in word:  # one sensor's order is no state of the relay
                self.refuses(word, said)
            raise self._failed(said, response.status, retry_s, of_a_remote=detail is not None)
        return response.status, answer

    def _checked(self, form: type[_Form], answer: bytes, what: str, status: int) -> _Form:
        left_out: Counter[type] = Counter()
        try:
            found = form.model_validate_json(answer, context=left_out)
        except ValidationError as error:
            raise self._failed(f"{what} in another form ({error.error_count()} errors)", status) from None

        self.left_out[what] = left_out.total()
        return found

    def failed(self, what: str) -> UpstreamError:
        """The error of an answer that is not to be believed: it says nothing of what the remote did."""
        return self._failed(what)

    def refuses(self, word: str, why: str) -> None:
        """The remote refused what was asked by this last word of an address."""
        with self._lock:
            self.refusals[word] = why

    def took(self, word: str) -> None:
        """A genuine answer came to what was asked by this last word of an address."""
        with self._lock:
            self.refusals.pop(word, None)
            if not self.reachable:
                log.info("remote-reached remote=%s", self._url)
            self.reachable, self.problem = True, ""

    def _failed(
        self, what: str, status: int = 0, retry_after_s: int = 0, *, of_a_remote: bool = False
    ) -> UpstreamError:
        with self._lock:
            self.reachable, self.problem = of_a_remote, "" if of_a_remote else what
            if self._seldom.now(what):
                log.warning("remote-failed remote=%s what=%r; readings are kept and it is tried again", self._url, what)
        return UpstreamError(what, status, retry_after_s)


def word_of(kind: int) -> str:
    """The last word of the address for loads of this kind."""
    return "index" if kind == PIECE else "batch"


def is_loopback(url: str) -> bool:
    """Whether this URL's host is this machine, by its name or number."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(response: urllib3.BaseHTTPResponse, most: int) -> bytes:
    """An answer, one byte longer than `most` if there is more; its connection is free again, or closed then."""
    try:
        answer = response.read(most + 1)
        if len(answer) > most:
            response.close()
    finally:
        response.release_conn()
    return answer


def _problem_in(response: urllib3.BaseHTTPResponse, answer: bytes) -> str | None:
    """What a remote says of its refusal (problem details, RFC 9457); None: this is no answer of a remote."""
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/problem+json":
        return None
    try:
        said = json.loads(answer)
        return str(said.get("detail", ""))[:_MOST_SAID]
    except (ValueError, AttributeError):
        return None


def _said(response: urllib3.BaseHTTPResponse, detail: str | None) -> str:
    status = response.status
    if status in (401, 403):
        return f"HTTP {status}: it does not know this relay or its secret; enrol the relay there"
    if to := response.headers.get("Location", "")[:_MOST_SAID]:
        return f"HTTP {status}: it sends on to {to}; if the remote is there, that is what belongs into relay.toml as remote"
    if detail is None and status < 500 and status != TOO_LARGE:
        return f"HTTP {status}, which is no answer of a gridecho remote; is it the remote's address?"
    return f"HTTP {status}: {detail}" if detail else f"HTTP {status}"

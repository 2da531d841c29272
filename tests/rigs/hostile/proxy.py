"""A proxy of a group that was changed: it drops, drips, replays, forges, refuses, lies or keeps back what members hand it.

Built on the core and on plain HTTP, so that it fails otherwise than the product's own proxy may.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3
from gridecho import batch, groups, relay_keys
from gridecho.crypto import Cmac

from tests.rigs.waiting import HANG_S

# What it does to whoever hands it something; each is a name of a method of EvilProxy.
BAD = (
    "drops",
    "is_silent",
    "talks_junk",
    "replays",
    "forges",
    "changes_a_receipt",
    "refuses",
    "says_it_is_too_large",
    "says_the_disk_is_full",
    "says_it_is_busy",
    "says_it_is_not_the_proxy",
    "says_the_remote_is_away",
    "keeps_back",
    "drips_signs_of_life",
    "drips_its_headers",
)
DRIP_S = 0.2  # sooner than silence is taken for death
_BLOCK_BYTES = 64 << 10

Answer = bytes | None | Iterator[bytes]


class EvilProxy:
    """Stands in front of a real relay that is the proxy. `behave` gives what a member is told: a whole answer, its parts one after
    the other, or None: the line is cut.
    """

    def __init__(self, drip_s: float = DRIP_S) -> None:
        self.behave: Callable[[bytes], Answer] = self.honest
        self.loads: list[bytes] = []  # as they were handed over
        self.genuine: list[tuple[int, int, bytes]] = []  # the remote's answers to loads that went through
        self.real_url = ""
        self.relay_id, self.secret = 0, b""
        self.silence_over = threading.Event()
        self._drip_s = drip_s
        evil = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                slow = evil.behave == evil.reads_slowly
                body = b""
                while left := int(self.headers["Content-Length"]) - len(body):
                    part = self.rfile.read(min(left, _BLOCK_BYTES) if slow else left)
                    if not part:
                        return
                    body += part
                    if slow:
                        time.sleep(evil._drip_s)
                evil.loads.append(body)
                answer = evil.behave(body)
                if answer is None:
                    self.close_connection = True
                elif isinstance(answer, bytes):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                else:
                    self.close_connection = True
                    with contextlib.suppress(OSError):  # the member hung up
                        for part in answer:
                            self.wfile.write(part)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a member hung up

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.silence_over.set()
        self._server.shutdown()
        self._server.server_close()

    def honest(self, body: bytes) -> bytes:
        answer = urllib3.request("POST", self.real_url + "/carry", body=body, timeout=HANG_S, retries=False).data
        if answer[:1] == bytes([groups.ANSWERED]):
            self.genuine.append(groups.read_answer(answer[1:]))
        return answer

    def drops(self, body: bytes) -> Answer:
        return None

    def is_silent(self, body: bytes) -> Answer:
        self.silence_over.wait(HANG_S)
        return None

    def talks_junk(self, body: bytes) -> Answer:
        return bytes([groups.ANSWERED]) + b"all is well"

    def replays(self, body: bytes) -> Answer:
        old = [answer for answer in self.genuine if answer[0] == 200]
        return _answer(*old[-1])

    def forges(self, body: bytes) -> Answer:
        """A receipt that is right but for the key: the proxy has its own only."""
        kind, load = groups.read_handed(body).load
        own = Cmac(relay_keys.receipt_key(self.secret, self.relay_id))
        if kind == groups.PIECE:
            return _answer(200, 0, b"GEK\x01" + load[4:24] + bytes(16))
        receipt = batch.Receipt(batch.batch_sender(load), load[8:24], int.from_bytes(load[24:28], "big"), 0, 0)
        return _answer(200, 0, receipt.pack(own))

    def changes_a_receipt(self, body: bytes) -> Answer:
        """Throws the load away, and makes an old receipt one for it."""
        old = next(answer[2] for answer in self.genuine if answer[2][:4] == b"GER\x01")
        _, load = groups.read_handed(body).load
        return _answer(200, 0, old[:8] + load[8:24] + old[24:])

    def refuses(self, body: bytes) -> Answer:
        return _answer(400, 0, b"")

    def says_it_is_too_large(self, body: bytes) -> Answer:
        return _answer(413, 0, b"")

    def says_the_disk_is_full(self, body: bytes) -> Answer:
        return _answer(507, 300, b"")

    def says_it_is_busy(self, body: bytes) -> Answer:
        """With the status of HTTP."""
        return iter([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"])

    def says_it_is_not_the_proxy(self, body: bytes) -> Answer:
        return _answer(409, 0, b"")

    def says_the_remote_is_away(self, body: bytes) -> Answer:
        return _answer(0, 0, b"")

    def keeps_back(self, body: bytes) -> Answer:
        """Throws the load away for now; `bring_all` brings it to the remote much later."""
        return None

    def bring_all(self) -> None:
        for body in self.loads:
            self.honest(body)

    def drips_signs_of_life(self, body: bytes) -> Iterator[bytes]:
        """It lives, and the remote has just answered it: for ever."""
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        yield from self._drip(bytes(1_000_000))

    def drips_its_headers(self, body: bytes) -> Iterator[bytes]:
        yield from self._drip(b"HTTP/1.1 200 OK\r\nX-Patience: " + b"a" * 60_000)

    def reads_slowly(self, body: bytes) -> Answer:
        """A block now and then, which the Handler does; whoever waits for that gets a sign of life at the end."""
        return bytes(1)

    def _drip(self, them: bytes) -> Iterator[bytes]:
        for at in range(len(them)):
            yield them[at : at + 1]
            if self.silence_over.wait(self._drip_s):
                return


def _answer(status: int, wait_s: int, body: bytes) -> bytes:
    return bytes([groups.ANSWERED]) + groups.pack_answer((status, wait_s, body))

"""A proxy that was changed to drop, replay, forge, refuse or keep back: no member deletes anything that is not at the remote."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest
import urllib3
from gridecho import batch, groups, relay_keys
from gridecho.crypto import Cmac

from tests.rigs.group_site import Site, running
from tests.rigs.processes import frames_in
from tests.rigs.waiting import HANG_S, wait_for

MEMBER, EVIL = 1, 2
GROUP = "north"


class EvilProxy:
    """Stands in front of a real relay that is the proxy; `behave` gives what a member is told, or None: the line is cut."""

    def __init__(self) -> None:
        self.behave: Callable[[bytes], bytes | None] = self.honest
        self.loads: list[bytes] = []  # as they were handed over
        self.genuine: list[tuple[int, int, bytes]] = []  # the remote's answers to loads that went through
        self.real_url = ""
        self.silence_over = threading.Event()
        evil = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                evil.loads.append(body)
                answer = evil.behave(body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

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
        self._server.shutdown()
        self._server.server_close()

    def honest(self, body: bytes) -> bytes | None:
        answer = urllib3.request("POST", self.real_url + "/carry", body=body, timeout=HANG_S, retries=False).data
        if answer[:1] == bytes([groups.ANSWERED]):
            self.genuine.append(groups.read_answer(answer[1:]))
        return answer

    def drops(self, body: bytes) -> bytes | None:
        return None

    def is_silent(self, body: bytes) -> bytes | None:
        self.silence_over.wait(HANG_S)
        return None

    def talks_junk(self, body: bytes) -> bytes | None:
        return bytes([groups.ANSWERED]) + b"all is well"

    def replays(self, body: bytes) -> bytes | None:
        old = [answer for answer in self.genuine if answer[0] == 200]
        return _answer(*old[-1])

    def forges(self, body: bytes) -> bytes | None:
        """A receipt that is right but for the key: the proxy has its own only."""
        kind, load = groups.read_handed(body).load
        own = Cmac(relay_keys.receipt_key(self.secret, EVIL))
        if kind == groups.PIECE:
            return _answer(200, 0, b"GEK\x01" + load[4:24] + bytes(16))
        receipt = batch.Receipt(batch.batch_sender(load), load[8:24], int.from_bytes(load[24:28], "big"), 0, 0)
        return _answer(200, 0, receipt.pack(own))

    def changes_a_receipt(self, body: bytes) -> bytes | None:
        """Throws the load away, and makes an old receipt one for it."""
        old = next(answer[2] for answer in self.genuine if answer[2][:4] == b"GER\x01")
        _, load = groups.read_handed(body).load
        return _answer(200, 0, old[:8] + load[8:24] + old[24:])

    def refuses(self, body: bytes) -> bytes | None:
        return _answer(400, 0, b"")

    def says_it_is_too_large(self, body: bytes) -> bytes | None:
        return _answer(413, 0, b"")

    def says_the_disk_is_full(self, body: bytes) -> bytes | None:
        return _answer(507, 300, b"")

    def says_it_is_not_the_proxy(self, body: bytes) -> bytes | None:
        return _answer(409, 0, b"")

    def says_the_remote_is_away(self, body: bytes) -> bytes | None:
        return _answer(0, 0, b"")

    def keeps_back(self, body: bytes) -> bytes | None:
        """Throws the load away for now; `bring_all` brings it to the remote much later."""
        return None

    def bring_all(self) -> None:
        for body in self.loads:
            self.honest(body)

    secret = b""


def _answer(status: int, wait_s: int, body: bytes) -> bytes:
    return bytes([groups.ANSWERED]) + groups.pack_answer((status, wait_s, body))


@pytest.fixture(scope="module")
def evil() -> Iterator[EvilProxy]:
    made = EvilProxy()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(evil: EvilProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("bad-proxy")
    site = Site(folder, {GROUP: [MEMBER, EVIL]}, after_s=3600, group_urls={EVIL: evil.url})
    evil.real_url, evil.secret = site.urls[EVIL], site.relays[EVIL].secret
    with running(site):
        yield site


_BAD = (
    "drops",
    "is_silent",
    "talks_junk",
    "replays",
    "forges",
    "changes_a_receipt",
    "refuses",
    "says_it_is_too_large",
    "says_the_disk_is_full",
    "says_it_is_not_the_proxy",
    "says_the_remote_is_away",
    "keeps_back",
)


@pytest.mark.parametrize("behaviour", _BAD)
def test_no_member_deletes_what_the_remote_did_not_sign_for(site: Site, evil: EvilProxy, behaviour: str) -> None:
    evil.behave = evil.honest
    epoch = 1 + _BAD.index(behaviour)
    # First it does its work, so that there is something genuine to replay.
    epochs = count(100 * epoch)

    def did_its_work() -> bool:
        _wait_for_its_turn(site)
        through = len(evil.genuine)
        honest = site.load(MEMBER, most=5, sends=1.0, again=0.0, epoch=next(epochs))
        honest.start()
        honest.finish()
        wait_for(lambda: set(honest.acked) <= site.stored(), "an honest proxy's work")
        return any(answer[2][:4] == b"GER\x01" for answer in evil.genuine[through:])

    wait_for(did_its_work, "a receipt that came through the proxy")

    before = len(evil.loads)
    evil.behave = getattr(evil, behaviour)
    load = site.load(MEMBER, most=60, rate=60, sends=0.5, again=0.0, epoch=epoch)
    evil.silence_over.clear()
    load.start()

    def ended() -> bool:
        _check_nothing_is_gone(site, load.acked)
        return not load.is_alive()

    wait_for(ended, "an ACK for everything", every_s=0.05)
    load.finish()

    def handed() -> bool:
        if len(evil.loads) > before:
            return True
        # On a busy machine its turn may have been over, or it was held for lost, when all of that went.
        _wait_for_its_turn(site)
        more = site.load(MEMBER, most=5, sends=1.0, again=0.0, epoch=next(epochs))
        more.start()
        more.finish()
        load.acked.update(more.acked)
        return len(evil.loads) > before

    wait_for(handed, "that the bad proxy is handed something")
    _check_nothing_is_gone(site, load.acked)
    # And it does not stay there for the proxy's sake: what was to be sent at once arrives.
    wait_for(lambda: not site.relays[MEMBER].report()["outbox"], "the way around the proxy")
    _check_nothing_is_gone(site, load.acked)
    evil.silence_over.set()
    if behaviour == "keeps_back":
        evil.bring_all()
    site.relays[MEMBER].flush()
    wait_for(lambda: set(load.acked) <= site.stored(), "all of it at the remote")
    wait_for(lambda: site.query("SELECT COUNT(*) FROM holding WHERE relay_id = ?", MEMBER) == [(0,)], "a true index")
    assert site.query("SELECT COUNT(*) FROM quarantine") == [(0,)]
    site.check_logs()


def _wait_for_its_turn(site: Site) -> None:
    """Until the bad one is the proxy and the member has heard of it; a term that the member holds for lost ends meanwhile."""

    def heard() -> bool:
        site.make_proxy(GROUP, EVIL)
        report, term = site.relays[MEMBER].report(), site.term_of(GROUP)
        return term is not None and term.proxy == EVIL and (report["term"], report["proxy_lost"]) == (term.number, "")

    wait_for(heard, "that the member hears of its proxy", every_s=0.05)


def _check_nothing_is_gone(site: Site, acked: dict[bytes, float]) -> None:
    # In this order: what leaves the relay meanwhile is at the remote then.
    known = set(acked)
    held = {frame[4:16] for frame in frames_in(site.relays[MEMBER].database)}
    gone = known - held - site.stored()
    assert not gone, f"{len(gone)} data were deleted that the remote does not have"

"""A member and a proxy over real HTTP: quick answers, slow ones, and how soon a member notices that a proxy fails it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import urllib3
from gridecho.crypto import Cmac
from gridecho.groups import BATCH, MAX_HANDED_BYTES, Turn, appointment_of
from gridecho_relay.carrier import Carrier
from gridecho_relay.carry_api import carry_api
from gridecho_relay.hand_over import CutOffError, HandOver, ProxyLostError
from gridecho_relay.status import StatusServer
from gridecho_relay.upstream import MOVED
from gridecho_relay.way import Way
from prometheus_client import CollectorRegistry

from tests.service.relay.test_carrier import PROXY, FakeUpstream

MAC = Cmac(bytes(32))
_NOTICE_S = 3.0


class Proxy:
    """The proxy's address on a real port, over a carrier with a remote that a test holds up."""

    def __init__(self) -> None:
        self.upstream = FakeUpstream()
        self.carrier = Carrier(PROXY, self.upstream)
        api = carry_api(self.carrier, Way(PROXY, MAC).appointed, lambda n: self.page.busy_with(n))
        self.page = StatusServer("127.0.0.1:0", dict, CollectorRegistry(), [api], MAX_HANDED_BYTES)
        self.carrier.start()
        self.page.start()

    def turn(self, term: int = 1, url: str = "") -> Turn:
        return Turn(7, 0, 3, term, PROXY, 0, 60, appointment_of(PROXY, 3, term, MAC), url or self.page.url)

    def close(self) -> None:
        self.upstream.open.set()
        self.carrier.stop()
        self.page.stop()
        self.carrier.join(5)
        self.page.join(5)


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.close()


@pytest.fixture
def hand_over():
    made = HandOver()
    yield made
    made.close()


def lost_after(hand_over, turn, kind=ProxyLostError):
    begun = time.monotonic()
    with pytest.raises(kind) as found:
        hand_over(turn, (BATCH, b"load"))
    took_s = time.monotonic() - begun
    assert took_s < _NOTICE_S, found.value.why
    return found.value.why


def test_a_quick_answer(proxy, hand_over):
    for _ in range(3):
        assert hand_over(proxy.turn(), (BATCH, b"load and more")) == (200, 0, b"load")
    assert hand_over(proxy.turn(), (BATCH, os.urandom(5 << 20)))[0] == 200


def test_a_slow_remote_is_waited_for_while_the_proxy_shows_progress(proxy, hand_over):
    proxy.upstream.open.clear()
    threading.Timer(1.8, proxy.upstream.open.set).start()
    assert hand_over(proxy.turn(), (BATCH, b"load")) == (200, 0, b"load")


def test_many_wait_and_the_page_answers_all_the_same(proxy):
    proxy.upstream.open.clear()
    found = []

    def member():
        hand_over = HandOver()
        found.append(hand_over(proxy.turn(), (BATCH, b"load")))
        hand_over.close()

    threads = [threading.Thread(target=member) for _ in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    begun = time.monotonic()
    assert urllib3.request("GET", proxy.page.url + "/healthz", timeout=2, retries=False).status == 200
    assert time.monotonic() - begun < 1.0
    proxy.upstream.open.set()
    for thread in threads:
        thread.join(10)
    assert found == [(200, 0, b"load")] * 40


def test_the_remote_is_silent_to_the_proxy(proxy, hand_over):
    proxy.upstream.open.clear()
    assert lost_after(hand_over, proxy.turn(), CutOffError) == "the remote does not answer it"


def test_nobody_is_there(hand_over, proxy):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{sock.getsockname()[1]}"
    assert "NewConnectionError" in lost_after(hand_over, proxy.turn(url=closed))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "ReadTimeout" in lost_after(hand_over, proxy.turn(url=url))


def test_a_process_that_is_stopped(hand_over, proxy, tmp_path):
    """The kernel still takes connections for it, and bytes."""
    script = tmp_path / "stopped.py"
    script.write_text(
        "import socket, sys, time\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "print(s.getsockname()[1], flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        process.send_signal(signal.SIGSTOP)
        lost_after(hand_over, proxy.turn(url=f"http://127.0.0.1:{port}"))
    finally:
        process.kill()
        process.communicate()


def test_a_line_that_is_cut_in_the_middle(hand_over, proxy):
    def serve(server, sent):
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(sent)
        connection.close()

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"
    for sent in (b"", b"HTTP/1.1 200", head, head + b"\x01\x02", head + b"\xff\x00\xc8", b"HTTP/1.1 418 No\r\n\r\n"):
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=serve, args=(server, sent), daemon=True).start()
            lost_after(hand_over, proxy.turn(url=f"http://127.0.0.1:{server.getsockname()[1]}"))


def test_what_is_not_from_a_member_of_the_term_is_refused(proxy, hand_over):
    wrong = proxy.turn()
    wrong.term = 2
    assert hand_over(wrong, (BATCH, b"load")) == (MOVED, 0, b""), "its appointment is for another term"
    assert proxy.upstream.carries == []
    for body in (b"", b"junk", b"GEH\x01" + bytes(26)):
        answer = urllib3.request("POST", proxy.page.url + "/carry", body=body, timeout=5, retries=False)
        assert answer.status in (400, 401), body
    answer = urllib3.request(
        "POST", proxy.page.url + "/carry", body=bytes(MAX_HANDED_BYTES + 1), timeout=20, retries=False
    )
    assert answer.status == 413

"""A member and a proxy over real HTTP: quick answers, slow ones, and that a member notices when a proxy fails it."""

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
import urllib3
from gridecho.batch import MAX_BATCH_BYTES
from gridecho.groups import BATCH, MAX_HANDED_BYTES, pack_answer
from gridecho_relay import carry_api as carry_api_module
from gridecho_relay import hand_over as hand_over_module
from gridecho_relay.hand_over import CutOffError, HandOver, ProxyLostError
from gridecho_relay.upstream import MOVED

from tests.rigs.hostile.proxy import EvilProxy
from tests.rigs.proxy import Proxy
from tests.rigs.waiting import HANG_S, wait_for

# A member's limits, as they are; the tests have shorter ones where one is to be reached, and else none that could be.
ANSWER_S = hand_over_module._ANSWER_S
CONNECT_S, SILENT_S = hand_over_module._CONNECT_S, hand_over_module._SILENT_S
CUT_OFF_S = hand_over_module._CUT_OFF_TENTHS / 10
AT_ONCE_S, SIGN_EVERY_S = carry_api_module._AT_ONCE_S, carry_api_module._SIGN_EVERY_S


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """Sets a limit; those of a member are out of reach until then, and signs come often."""

    def change(**limits):
        for name, value in limits.items():
            monkeypatch.setattr(hand_over_module, f"_{name.upper()}", value)

    change(connect_s=HANG_S, silent_s=HANG_S, cut_off_tenths=255, answer_s=10 * HANG_S)
    monkeypatch.setattr(carry_api_module, "_AT_ONCE_S", 0.05)
    monkeypatch.setattr(carry_api_module, "_SIGN_EVERY_S", 0.05)
    return change


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


def why_lost(hand_over, turn, kind=ProxyLostError):
    with pytest.raises(kind) as found:
        hand_over(turn, (BATCH, b"load"))
    return found.value.why


def test_a_member_notices_within_3_s_that_a_proxy_fails_it():
    """What its limits add up to; that each of them works is tested below."""
    assert ANSWER_S <= 3, "whatever it says, and however slowly"
    assert CONNECT_S + SILENT_S <= 3
    assert CUT_OFF_S + SIGN_EVERY_S <= 3
    assert AT_ONCE_S < SILENT_S, "the first sign comes before silence is taken for death"
    assert 2 * SIGN_EVERY_S < SILENT_S, "and so does the next one, if it is late"


def test_a_quick_answer(proxy, hand_over):
    for _ in range(3):
        assert hand_over(proxy.turn(), (BATCH, b"load and more")) == (200, 0, b"load")
    assert hand_over(proxy.turn(), (BATCH, os.urandom(5 << 20)))[0] == 200


def test_a_slow_remote_is_waited_for_while_the_proxy_shows_progress(proxy, hand_over):
    proxy.upstream.open.clear()
    found = []
    member = threading.Thread(target=lambda: found.append(hand_over(proxy.turn(), (BATCH, b"load"))))
    member.start()
    wait_for(lambda: proxy.carrier.signs >= 6)
    assert found == []
    proxy.upstream.open.set()
    member.join(HANG_S)
    assert found == [(200, 0, b"load")]


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
    wait_for(lambda: proxy.most_waiting == 40)
    assert urllib3.request("GET", proxy.page.url + "/healthz", timeout=HANG_S, retries=False).status == 200
    assert found == [], "all of them still wait"
    proxy.upstream.open.set()
    for thread in threads:
        thread.join(HANG_S)
    assert found == [(200, 0, b"load")] * 40


def test_the_remote_is_silent_to_the_proxy(proxy, hand_over, limits):
    limits(cut_off_tenths=3)
    proxy.upstream.open.clear()
    assert why_lost(hand_over, proxy.turn(), CutOffError) == "the remote does not answer it"


def test_nobody_is_there(hand_over, proxy, limits):
    limits(silent_s=0.2)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{sock.getsockname()[1]}"
    assert "NewConnectionError" in why_lost(hand_over, proxy.turn(url=closed))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "ReadTimeout" in why_lost(hand_over, proxy.turn(url=url))


def test_a_process_that_is_stopped(hand_over, proxy, tmp_path, limits):
    """The kernel still takes connections for it, and bytes."""
    limits(silent_s=0.2)
    script = tmp_path / "stopped.py"
    script.write_text(
        "import socket, sys\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "print(s.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        process.send_signal(signal.SIGSTOP)
        why_lost(hand_over, proxy.turn(url=f"http://127.0.0.1:{port}"))
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
            why_lost(hand_over, proxy.turn(url=f"http://127.0.0.1:{server.getsockname()[1]}"))


@pytest.mark.parametrize("behaviour", ["drips_signs_of_life", "drips_its_headers"])
def test_a_drip_is_no_answer(hand_over, proxy, limits, behaviour):
    """It was, for 1,632 signs and for a header of any length: with one byte a second, half an hour."""
    limits(answer_s=1.0)
    evil = EvilProxy(drip_s=0.05)
    evil.behave = getattr(evil, behaviour)
    try:
        turn = proxy.turn(url=evil.url)
        assert why_lost(hand_over, turn, CutOffError) == "it brings no answer in time"
        assert why_lost(hand_over, turn, CutOffError) == "it brings no answer in time", (
            "and the next load has its own time"
        )
        evil.behave = lambda body: b"\xff" + pack_answer((200, 0, b"load"))
        assert hand_over(turn, (BATCH, b"load")) == (200, 0, b"load")
    finally:
        evil.close()


def test_who_reads_slowly_is_not_waited_for(hand_over, proxy, limits):
    """Every block goes in time; all of them would not."""
    limits(answer_s=1.0, least_bytes_per_s=1 << 30)
    evil = EvilProxy(drip_s=0.3)
    evil.behave = evil.reads_slowly
    try:
        with pytest.raises(CutOffError):
            hand_over(proxy.turn(url=evil.url), (BATCH, bytes(MAX_BATCH_BYTES)))
    finally:
        evil.close()
    assert evil.loads == []


def test_a_long_load_has_more_time(hand_over, proxy, limits):
    limits(answer_s=0.0, least_bytes_per_s=5_000_000 / HANG_S)
    assert hand_over(proxy.turn(), (BATCH, bytes(5_000_000)))[0] == 200


def test_what_is_not_from_a_member_of_the_term_is_refused(proxy, hand_over):
    wrong = proxy.turn()
    wrong.term = 2
    assert hand_over(wrong, (BATCH, b"load")) == (MOVED, 0, b""), "its appointment is for another term"
    assert proxy.upstream.carries == []
    for body in (b"", b"junk", b"GEH\x01" + bytes(26)):
        answer = urllib3.request("POST", proxy.page.url + "/carry", body=body, timeout=HANG_S, retries=False)
        assert answer.status in (400, 401), body
    answer = urllib3.request(
        "POST", proxy.page.url + "/carry", body=bytes(MAX_HANDED_BYTES + 1), timeout=HANG_S, retries=False
    )
    assert answer.status == 413

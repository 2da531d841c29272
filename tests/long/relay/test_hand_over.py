"""A member notices within 3 s that a proxy fails it; that it notices at all is in tests/service/relay."""

import socket
import time

import pytest
from gridecho.groups import BATCH
from gridecho_relay.hand_over import CutOffError, HandOver, ProxyLostError

from tests.rigs.proxy import Proxy

MOST_S = 3.0


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


def lost_after_s(hand_over, turn, kind):
    begun_s = time.monotonic()
    with pytest.raises(kind):
        hand_over(turn, (BATCH, b"load"))
    return time.monotonic() - begun_s


def test_that_takes_connections_and_says_nothing(proxy, hand_over):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        turn = proxy.turn(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert lost_after_s(hand_over, turn, ProxyLostError) < MOST_S


def test_that_gets_no_answer_from_the_remote(proxy, hand_over):
    proxy.upstream.open.clear()
    assert lost_after_s(hand_over, proxy.turn(), CutOffError) < MOST_S

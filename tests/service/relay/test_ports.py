"""Both ways to receive and answer datagrams do the same; recvmmsg and sendmmsg are Linux's."""

import socket

import pytest
from gridecho_relay import mmsg
from gridecho_relay.mmsg import DRAIN, MmsgPort, PlainPort

from tests.rigs.waiting import HANG_S, wait_for

PORTS = [
    PlainPort,
    pytest.param(MmsgPort, marks=pytest.mark.skipif(mmsg.LIBC is None, reason="no recvmmsg on this system")),
]


def pair(port, family, where):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind((where, 0))
    server.setblocking(False)
    clients = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(3)]
    for client in clients:
        client.connect(server.getsockname())
        client.settimeout(HANG_S)
    return server, port(server), clients


def received(port, n):
    got = []

    def all_of_them():
        got.extend(port.receive(len(got)))
        return len(got) >= n

    wait_for(all_of_them)
    return got


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"])
def where(request):
    try:
        with socket.socket(request.param[0], socket.SOCK_DGRAM) as probe:
            probe.bind((request.param[1], 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    return request.param


@pytest.mark.parametrize("kind", PORTS)
def test_each_reply_goes_to_where_its_request_came_from(kind, where):
    server, port, clients = pair(kind, *where)
    try:
        assert port.receive(0) == []
        sizes = (0, 1, 36, 1200)
        for i, client in enumerate(clients):
            for size in sizes:
                client.send(bytes([i]) * size)
        got = received(port, 12)
        assert got == [bytes([i]) * size for i in range(3) for size in sizes]
        # In another order, some twice, some not at all.
        port.send([(9, b"c"), (0, b"a" * 1200), (5, b"b" * 36), (10, b"C")])
        assert [clients[0].recv(2000), clients[1].recv(2000)] == [b"a" * 1200, b"b" * 36]
        assert {clients[2].recv(2000), clients[2].recv(2000)} == {b"c", b"C"}
        assert port.lost == 0
    finally:
        for sock in (server, *clients):
            sock.close()


@pytest.mark.parametrize("kind", PORTS)
def test_a_group_has_a_most_and_what_is_too_long_is_seen_as_such(kind, where):
    server, port, (client, *others) = pair(kind, *where)
    try:
        for n in range(DRAIN + 10):
            client.send(n.to_bytes(4, "big"))
        client.send(bytes(1201))
        client.send(bytes(1400))
        first = port.receive(0)
        assert len(first) == DRAIN
        rest = received(port, 12)
        assert [int.from_bytes(datagram, "big") for datagram in first + rest[:10]] == list(range(DRAIN + 10))
        assert [len(datagram) > 1200 for datagram in rest[10:]] == [True, True]
    finally:
        for sock in (server, client, *others):
            sock.close()


@pytest.mark.parametrize("kind", PORTS)
def test_one_reply_that_cannot_go_holds_up_no_other(kind):
    server, port, (gone, stays, other) = pair(kind, socket.AF_INET, "127.0.0.1")
    try:
        gone.send(b"1")
        stays.send(b"2")
        assert len(received(port, 2)) == 2
        gone.close()
        for _ in range(3):
            port.send([(0, b"nobody is there"), (1, b"here")])
            assert stays.recv(100) == b"here"
        stays.send(b"3")
        assert received(port, 1) == [b"3"]
    finally:
        for sock in (server, stays, other):
            sock.close()

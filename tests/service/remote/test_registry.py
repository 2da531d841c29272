"""A register as a process, and such as are away, slow, false or lie in form: none of these is ever taken for an answer."""

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from gridecho_remote.outside.registry import HttpRegistry, RegistryError, filled
from gridecho_remote.rules.verification import Claim

ADA = Claim("Ada Wong", "Statistics Office", "analyst", "S-1001")
RECORD = {"name": "Ada Wong", "department": "Statistics Office"}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server of one answer a connection, given as bytes; its URL, and the requests that came."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                    asked.append(stream.recv(65536))
                    stream.sendall(answer)
            except OSError:
                continue  # who asked did not trust it, or had heard enough

    thread = threading.Thread(target=serve)
    thread.start()
    scheme = "https" if tls else "http"
    try:
        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/staff/{{evidence}}", asked
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def of_json(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_the_register_of_the_demo_as_a_process(tmp_path: Path) -> None:
    people = tmp_path / "staff.json"
    people.write_text(json.dumps({"S-1001": RECORD}))
    command = [sys.executable, "-m", "gridecho_demo.registry", str(people)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            registry = HttpRegistry(process.stdout.readline().strip(), Clock())
            assert registry.look_up(ADA) == RECORD
            assert registry.look_up(Claim("Ada Wong", "Statistics Office", "analyst", "S-1002")) is None
        finally:
            process.terminate()


def test_answers_are_kept_for_a_while_and_failures_are_not() -> None:
    clock = Clock()
    busy = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with answering(busy, of_json(b'{"name": "Ada"}'), of_json(b'{"name": "Eva"}')) as (url, asked):
        registry = HttpRegistry(url, clock, keep_s=600)
        with pytest.raises(RegistryError, match="verify-away"):
            registry.look_up(ADA)
        assert registry.look_up(ADA) == {"name": "Ada"}
        clock.now_s = 599
        assert registry.look_up(ADA) == {"name": "Ada"}
        clock.now_s = 601
        assert registry.look_up(ADA) == {"name": "Eva"}
        assert len(asked) == 3


def test_the_token_goes_along_and_what_one_says_stays_in_its_place() -> None:
    sly = Claim("x", "y", "z", "../../admin?all=1#\r\nX: 1")
    with answering(of_json(b"{}")) as (url, asked):
        HttpRegistry(url, Clock(), token="a secret").look_up(sly)
    line, *headers = asked[0].decode().splitlines()
    assert line == "GET /staff/..%2F..%2Fadmin%3Fall%3D1%23%0D%0AX%3A%201 HTTP/1.1"
    assert "Authorization: Bearer a secret" in headers
    assert not any(header.startswith("X:") for header in headers)


def test_braces_of_a_claim_are_no_places() -> None:
    assert filled("http://r/{evidence}?d={organisation}", Claim("", "{name}", "", "{role}")) == (
        "http://r/%7Brole%7D?d=%7Bname%7D"
    )


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "verify-away"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "verify-away"),
        (b"220 mail.example ESMTP\r\n", "verify-away"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "verify-away"),
        (b"HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n", "verify-away"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "verify-answer"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "verify-answer"),
        (b"HTTP/1.1 204 Empty\r\n\r\n", "verify-answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", "verify-answer"),
        (of_json(b"no JSON"), "verify-answer"),
        (of_json(b"[]"), "verify-answer"),
        (of_json(b"\xff{}"), "verify-answer"),
        (of_json(b'{"name": "Ada", "name": "Eva"}'), "verify-answer"),
        (of_json(b'{"a":' * 20_000), "verify-answer"),
        (of_json(b'{"a": "' + b"x" * 70_000 + b'"}'), "verify-answer"),
    ],
)
def test_what_is_no_answer(answer: bytes, code: str) -> None:
    with answering(answer) as (url, _), pytest.raises(RegistryError) as failed:
        HttpRegistry(url, Clock()).look_up(ADA)
    assert failed.value.reason.code == code


def test_nobody_is_there() -> None:
    with answering() as (url, _):
        pass
    with pytest.raises(RegistryError, match="verify-away"):
        HttpRegistry(url, Clock()).look_up(ADA)


def test_one_that_drips_is_given_up_when_its_time_is_over() -> None:
    clock = Clock()
    server = socket.create_server(("127.0.0.1", 0))
    gone = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(OK + b"Content-Length: 60000\r\n\r\n")
            while not gone.wait(0.001):
                clock.now_s += 0.1
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/{{evidence}}"
        with pytest.raises(RegistryError, match="verify-away"):
            HttpRegistry(url, clock, timeout_s=5).look_up(ADA)
        assert clock.now_s < 60_000 * 0.1
    finally:
        gone.set()
        thread.join()
        server.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def of_host(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def trusting(authority: trustme.CA, tmp_path: Path) -> Callable[[str], HttpRegistry]:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return lambda url: HttpRegistry(url, Clock(), ca_file=file)


def test_tls_with_the_authority_that_was_named(authority: trustme.CA, tmp_path: Path) -> None:
    with answering(of_json(json.dumps(RECORD).encode()), tls=of_host(authority, "127.0.0.1")) as (url, _):
        assert trusting(authority, tmp_path)(url).look_up(ADA) == RECORD


def test_tls_of_another_authority_or_host_is_no_register(authority: trustme.CA, tmp_path: Path) -> None:
    for context in (of_host(trustme.CA(), "127.0.0.1"), of_host(authority, "127.0.0.2")):
        with (
            answering(of_json(json.dumps(RECORD).encode()), tls=context) as (url, asked),
            pytest.raises(RegistryError, match="verify-away"),
        ):
            trusting(authority, tmp_path)(url).look_up(ADA)
        assert asked == []

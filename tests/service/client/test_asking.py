"""How the client asks: again when the remote is busy, and with its token at no other place."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from gridecho_client import AnswerError, Client, RefusedError, UnreachableError
from gridecho_client.asking import Asker

TOKEN = "a-token-of-somebody"
Answer = tuple[int, dict[str, str], bytes]


class Server:
    """Answers from a list, the last for ever; keeps what it was asked."""

    def __init__(self, tls: trustme.LeafCert | None = None) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization")))
                status, headers, body = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            import ssl

            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class Pauses:
    """A clock that goes on by what is slept."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    def asker(self, url: str, **given: object) -> Asker:
        return Asker(url, TOKEN, sleep=self.sleep, clock=lambda: self.now_s, **given)


def told(status: int, wait_s: str = "", **members: object) -> Answer:
    return status, {"Retry-After": wait_s} if wait_s else {}, json.dumps(members).encode()


def test_a_busy_remote_is_asked_again_after_the_time_it_says(server: Server) -> None:
    server.answers = [told(429, "7", code="downloads-yours"), told(503, "later"), told(200, sensors=[])]
    pauses = Pauses()
    assert pauses.asker(server.url).json("/api/v1/sensors") == {"sensors": []}
    assert server.asked == [("/api/v1/sensors", f"Bearer {TOKEN}")] * 3
    assert pauses.slept[0] == 7
    assert 0.25 <= pauses.slept[1] <= 2


def test_patience_ends_with_the_reason(server: Server) -> None:
    server.answers = [told(503, detail="Not now.")]
    pauses = Pauses()
    with pytest.raises(UnreachableError, match="Not now") as ended:
        pauses.asker(server.url, patience_s=100).json("/x")
    assert 50 < pauses.now_s <= 100
    assert TOKEN not in str(ended.value)
    server.close()
    with pytest.raises(UnreachableError):
        pauses.asker(server.url).json("/x")


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_other_refusals_are_told_at_once(server: Server, status: int) -> None:
    server.answers = [told(status, code="query-unit", fields={"units": "day"}, detail="No such unit.")]
    with pytest.raises(RefusedError) as refused:
        Pauses().asker(server.url).json("/x")
    assert (refused.value.status, refused.value.code, refused.value.fields) == (status, "query-unit", {"units": "day"})
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed(server: Server) -> None:
    other = Server()
    other.answers = [told(200)]
    server.answers = [(302, {"Location": f"{other.url}/api/v1/sensors"}, b"")]
    with pytest.raises(AnswerError, match="redirect"):
        list(Client(server.url, TOKEN).sensors())
    server.answers = [told(200, sensors=[], next=f"{other.url}/api/v1/sensors")]
    for leads in (f"{other.url}/x", f"//{other.url[7:]}/x", "x", "@evil/"):
        server.answers = [told(200, sensors=[], next=leads)]
        with pytest.raises(AnswerError, match="leads away"):
            list(Client(server.url, TOKEN).sensors())
    other.close()
    assert other.asked == []


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"sensors": [{}]}', b'{"sensors": 5}', b'{"next": 7}'])
def test_what_is_no_remote_is_said(server: Server, body: bytes) -> None:
    server.answers = [(200, {}, body)]
    with pytest.raises(AnswerError):
        list(Client(server.url, TOKEN).sensors())


def test_a_remote_below_a_path(server: Server) -> None:
    server.answers = [told(200, sensors=[], next="/grid/api/v1/sensors?after=7"), told(200, sensors=[])]
    assert list(Client(f"{server.url}/grid/", TOKEN).sensors()) == []
    assert [path for path, _ in server.asked] == ["/grid/api/v1/sensors", "/grid/api/v1/sensors?after=7"]


@pytest.mark.parametrize("url", ["readings.example", "http://readings.example", "ftp://127.0.0.1", "https://a:b@c.de"])
def test_addresses_that_a_token_is_not_sent_to(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|https only"):
        Client(url, TOKEN)


def test_who_is_not_proven_by_a_certificate_gets_no_token(tmp_path) -> None:
    authority = trustme.CA()
    server = Server(authority.issue_cert("127.0.0.1"))
    server.answers = [told(200, sensors=[])]
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with pytest.raises(UnreachableError, match="certificate"):
        list(Client(server.url, TOKEN).sensors())
    assert server.asked == []
    assert list(Client(server.url, TOKEN, ca_file=str(tmp_path / "ca.pem")).sensors()) == []
    server.close()


def test_the_token_is_in_no_log_and_no_text(server: Server, caplog: pytest.LogCaptureFixture, monkeypatch) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers = [told(200, sensors=[])]
    monkeypatch.setenv("GRIDECHO_TOKEN", TOKEN)
    client = Client(server.url)
    assert list(client.sensors()) == []
    assert server.asked[0][1] == f"Bearer {TOKEN}"
    assert TOKEN not in caplog.text + repr(client)
    with pytest.raises(ValueError, match="character") as refused:
        Client(server.url, f"{TOKEN}\r\nX: y")
    assert TOKEN not in str(refused.value)


def test_a_token_of_a_file(server: Server, tmp_path, monkeypatch) -> None:
    server.answers = [told(200, sensors=[])]
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    monkeypatch.setenv("GRIDECHO_TOKEN_FILE", str(path))
    for client in (Client(server.url), Client(server.url, token_file=path)):
        assert list(client.sensors()) == []
    assert {shown for _, shown in server.asked} == {f"Bearer {TOKEN}"}


def test_a_file_whose_end_cannot_be_told_is_no_file(server: Server, tmp_path) -> None:
    body = b"time,utc,epoch,seq,item\r\n1,x,1,1,1\r\n"
    server.answers = [(200, {}, body)]
    client = Client(server.url, TOKEN, progress=False)
    assert client.download(7, tmp_path / "a.csv").rows == 1
    server.answers = [(200, {"Content-Length": ""}, body)]
    with pytest.raises(AnswerError, match="end"):
        client.download(7, tmp_path / "b.csv")
    server.answers = [(200, {}, body + b"2,x,1,")]
    with pytest.raises(AnswerError, match="within a row"):
        client.download(7, tmp_path / "c.csv")
    server.answers = [(200, {}, b"something else\r\n")]
    with pytest.raises(AnswerError, match="no table"):
        client.download(7, tmp_path / "d.csv")
    assert not (tmp_path / "b.csv").exists()

"""OpenID Connect providers on loopback: a real one as a process, and one whose answers a test makes wrong."""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import urllib3
from flask.testing import FlaskClient
from gridecho_bench.ports import free_port
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from tests.rigs.waiting import HANG_S, wait_for

CLIENT, SECRET = "grid echo", "a secret: of 100 % + more"


@contextmanager
def real_provider() -> Iterator[str]:
    """The issuer's address of oidc-provider-mock, which runs as a process and believes whoever says to be somebody."""
    port = free_port(socket.SOCK_STREAM)
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def is_up() -> bool:
        assert process.poll() is None, "it ended"
        try:
            return urllib3.request("GET", f"{url}/jwks", retries=False, timeout=HANG_S).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        wait_for(is_up)
        yield url
    finally:
        process.terminate()
        process.wait(HANG_S)


def log_in_there(location: str, subject: str) -> str:
    """Where the real provider sends the browser of who says to be this subject."""
    page = urllib3.request("GET", location, timeout=HANG_S)
    assert page.status == 200, page.data
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = urllib3.request("POST", location, body=urlencode({"sub": subject}), headers=form, redirect=False)
    return str(answer.headers["Location"])


class HostileProvider:
    """A provider that is right in all, but for what a test changes.

    `claims` are put into the ID token, None leaves one out; `signed` makes the token of them; `facts` are put into what it
    publishes; `answers` replaces the answer (status, body) at a path. `asked` are the paths that were asked for.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "1", "use": "sig"})
        self.claims: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.signed: Callable[[dict[str, Any]], str] = self.sign
        self._now_s = now_s
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.give(*provider.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.give(*provider.post(self.path, dict(parse_qsl(body)), self.headers.get("Authorization", "")))

            def give(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}/realm"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(HANG_S)

    def come_back(self, client: FlaskClient, subject: str = "s-1", **changed: str | None) -> TestResponse:
        """The answer of this remote after a login at the provider, from the first click on; `changed` is what comes back."""
        return client.get(self.back(client, subject, **changed))

    def back(self, client: FlaskClient, subject: str = "s-1", target: str = "", **changed: str | None) -> str:
        """The address here that the provider sends the browser to."""
        there = client.get("/login/openid", query_string={"next": target} if target else {}).location
        asked = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
        assert there.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        code = f"code {len(self._codes)}"
        self._codes[code] = asked | {"sub": subject}
        fields = {"code": code, "state": asked["state"]} | changed
        query = urlencode({k: v for k, v in fields.items() if v is not None})
        return f"{urlsplit(asked['redirect_uri']).path}?{query}"

    def get(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/realm/.well-known/openid-configuration":
            facts = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            }
            return 200, json.dumps(facts | self.facts).encode()
        if path == "/realm/keys":
            return 200, json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()
        return 404, b"{}"

    def post(self, path: str, fields: dict[str, str], authorization: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        asked = self._codes.get(fields.get("code", ""))
        challenge = (
            base64.urlsafe_b64encode(sha256(fields.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        )
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        given = (
            list(map(_unquoted, pair.split(":"))) if pair else [fields.get("client_id"), fields.get("client_secret")]
        )
        if asked is None or given != [CLIENT, SECRET] or challenge != asked["code_challenge"]:
            return 400, b'{"error": "invalid_grant"}'
        if fields["redirect_uri"] != asked["redirect_uri"]:
            return 400, b'{"error": "invalid_grant"}'
        claims = {
            "iss": self.issuer,
            "sub": asked["sub"],
            "aud": CLIENT,
            "exp": int(self._now_s()) + 300,
            "iat": int(self._now_s()),
            "nonce": asked["nonce"],
        } | self.claims
        token = self.signed({name: value for name, value in claims.items() if value is not None})
        return 200, json.dumps({"access_token": "a", "token_type": "Bearer", "id_token": token}).encode()

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)


def _unquoted(text: str) -> str:
    return parse_qs(f"x={text}", keep_blank_values=True)["x"][0]

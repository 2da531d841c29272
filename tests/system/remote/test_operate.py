"""docs/operate.md, as it stands there: the systemd unit, a real nginx and a real Caddy in front, gunicorn with TLS in its place."""

import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
import urllib3
from click.testing import CliRunner
from gridecho import relay_keys
from gridecho.readings import Reading
from gridecho_bench.ports import free_port
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.server import Server
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.users import add_user
from gridecho_remote.use import audit
from gridecho_remote.use.site import site_of

from tests.rigs.fleet import PASSWORD, Fleet
from tests.rigs.places import REPOSITORY
from tests.rigs.systemd import check_unit
from tests.rigs.waiting import HANG_S, wait_for

DOCUMENT = (REPOSITORY / "docs/operate.md").read_text(encoding="utf-8")
NAME, CLIENT = "readings.example", "127.0.0.77"
CERTIFICATE = f"/etc/ssl/{NAME}.pem", f"/etc/ssl/{NAME}.key"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # where Debian keeps daemons


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    """The files of a certificate and its key."""
    leaf = authority.issue_cert(NAME)
    chain, key = tmp_path / "chain.pem", tmp_path / "chain.key"
    for one in leaf.cert_chain_pems:
        one.write_to_path(str(chain), append=True)
    leaf.private_key_pem.write_to_path(str(key))
    return chain, key


@pytest.fixture
def browser(authority: trustme.CA, tmp_path: Path) -> "Browser":
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return Browser(tmp_path / "ca.pem")


class Browser:
    """Somebody at https://readings.example, which is a port of this machine; CLIENT is their address."""

    def __init__(self, ca: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(ca))
        self.cookies: dict[str, str] = {}
        self.port = 0

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: object
    ) -> urllib3.BaseHTTPResponse:
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.port,
            ssl_context=self._context,
            server_hostname=NAME,
            assert_hostname=NAME,
            source_address=(CLIENT, 0),
            timeout=HANG_S,
        )
        cookies = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        with pool:
            answer = pool.request(
                method, path, headers={"Host": NAME} | cookies | (headers or {}), redirect=False, retries=False, **more
            )
        for one in answer.headers.getlist("Set-Cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def send(self, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """A form of a page, filled in and sent."""
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.ask("GET", path).data.decode())
        assert token
        return self.ask("POST", path, fields={"csrf_token": token[1]} | fields, encode_multipart=False)

    def there(self) -> bool:
        try:
            return self.ask("GET", "/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False


@contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[None]:
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=said,
            stderr=said,
            env=os.environ | {"PATH": PATH, "HOME": str(folder)} | environment,
        )
        try:
            yield
        except BaseException:
            print((folder / "said").read_text()[-3_000:])
            raise
        finally:
            process.terminate()
            process.wait(HANG_S)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, listen="127.0.0.1:0", secure_cookies=True, trusted_proxies=["127.0.0.1"])
    yield fleet
    fleet.close()


@pytest.fixture
def upstream(fleet: Fleet) -> Iterator[str]:
    """Where the remote listens."""
    server = Server(site_of(fleet.settings, fleet.archive))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.url.removeprefix("http://").rstrip("/")
    server.stop()
    thread.join(HANG_S)
    assert not thread.is_alive()


def nginx(folder: Path, port: int, upstream: str, certificate: tuple[Path, Path]) -> list[str]:
    server = block("nginx").replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8080", upstream)
    for there, here in zip(CERTIFICATE, certificate, strict=True):
        server = server.replace(there, str(here))
    paths = "".join(f"{kind}_temp_path temp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = folder / "nginx.conf"
    file.write_text(f"pid pid; error_log stderr; events {{}} http {{ access_log off; {paths} {server} }}")
    return ["nginx", "-p", str(folder), "-c", str(file), "-e", "stderr", "-g", "daemon off; master_process off;"]


def caddy(folder: Path, port: int, upstream: str, certificate: tuple[Path, Path]) -> list[str]:
    site = block("caddyfile").replace("127.0.0.1:8080", upstream)
    site = site.replace(
        f"{NAME} {{", f"https://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate[0]} {certificate[1]}", 1
    )
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_behind_a_proxy(proxy, fleet: Fleet, upstream: str, certificate, browser: Browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    if not shutil.which(proxy.__name__, path=PATH):
        pytest.skip(f"{proxy.__name__} is not installed")
    once = add_user(fleet.archive, "ada")
    add_grant(fleet.archive, "ada", sensor_id=7)
    browser.port = free_port()
    with running(proxy(tmp_path, browser.port, upstream, certificate), tmp_path):
        wait_for(browser.there)
        assert browser.send("/login", name="ada", password=once).status == 302
        assert browser.send("/password", password=PASSWORD, again=PASSWORD).status == 302
        page = browser.ask("GET", "/sensors/7", {"X-Forwarded-For": "192.0.2.1", "X-Request-ID": "mine"})
        assert page.status == 200
        assert len(page.headers["X-Request-ID"]) >= 32, "it is the proxy's, of which its log tells, too"
        frame = fleet.frame(7, [Reading(1_800_000_000 + 7 * n, {0: 1_000 + n * n, 2: n}) for n in range(200)])
        batch = fleet.batch(1, [frame] * (2_000_000 // len(frame)))  # more than a proxy takes that is told nothing
        token = relay_keys.relay_token(fleet.relays[1], 1).hex()
        brought = browser.ask(
            "POST",
            "/relay/v1/batch?relay=1",
            {"Authorization": f"Bearer {token}"},
            body=batch,
        )
        assert brought.status == 200, brought.data
        (login,) = [row for row in audit.newest(fleet.site, OPERATOR, 20) if row.what == "sessions.begin"]
        assert login.fields["address"] == CLIENT


def test_gunicorn_with_tls_in_place_of_a_proxy(certificate, browser: Browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder, data = tmp_path / "etc", tmp_path / "var"
    made = CliRunner().invoke(remote, ["init", "--dir", str(folder), "--data", str(data)])
    assert made.exit_code == 0, made.output
    assert sorted(one.name for one in folder.iterdir()) == ["remote.toml"]
    assert {"remote.key", "remote.sqlite"} <= {one.name for one in data.iterdir()}
    settings = folder / "remote.toml"
    settings.write_text(settings.read_text() + "secure_cookies = true\n")
    added = CliRunner().invoke(remote, ["user", "add", "ada", "--config", str(settings), "--json"])
    once = re.search(r'"one_time_password": "([^"]+)"', added.output)
    assert once, added.output
    typed = next(one for one in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL) if "gunicorn" in one)
    browser.port = free_port()
    typed = typed.replace("/etc/gridecho/remote.toml", str(settings)).replace(
        "0.0.0.0:8443", f"127.0.0.1:{browser.port}"
    )
    typed = typed.replace("\ngunicorn ", f"\nexec {Path(sys.executable).with_name('gunicorn')} ")
    for there, here in zip(CERTIFICATE, certificate, strict=True):
        typed = typed.replace(there, str(here))
    with running(["sh", "-c", typed], tmp_path):
        wait_for(browser.there)
        assert browser.send("/login", name="ada", password=once[1]).status == 302
        assert browser.send("/password", password=PASSWORD, again=PASSWORD).status == 302
        assert "Overview" in browser.ask("GET", "/").data.decode()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_unit(tmp_path: Path) -> None:
    check_unit(block("ini"), tmp_path / "gridecho-remote.service")

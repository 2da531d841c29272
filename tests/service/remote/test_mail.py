"""Messages to a real server of mail on loopback: taken, refused for now or for good, with TLS and a login."""

import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from gridecho_bench.ports import free_port
from gridecho_remote.outside.mail import MailError, SmtpPost

TO, FROM = "ada@office.example", "gridecho@site.example"


class Box:
    """What a server was given; it answers recipients with `says`, if that is not empty."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.says = ""

    async def handle_RCPT(  # noqa: N802 - a name of aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.says:
            envelope.rcpt_tos.append(address)
        return self.says or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = cast(bytes, envelope.content)
        self.messages.append(cast(EmailMessage, message_from_bytes(content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return authority


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def serving(box: Box, **options: Any) -> Iterator[int]:
    port = free_port()  # aiosmtpd calls itself at the port that it was told, also at 0
    controller = Controller(box, "127.0.0.1", port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def plain(box: Box) -> Iterator[int]:
    yield from serving(box)


@pytest.fixture
def careful(box: Box, tls: ssl.SSLContext) -> Iterator[int]:
    def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"gridecho", b"a secret"), handled=False)

    yield from serving(box, tls_context=tls, require_starttls=True, auth_required=True, authenticator=login)


def test_a_message_arrives_as_it_was_written(plain: int, box: Box) -> None:
    SmtpPost("127.0.0.1", plain, FROM, tls="none").send(TO, "Genehmigt: Stadt Ä", "Grüße\n", "notice-7", 1.8e9)
    (message,) = box.messages
    assert (message["To"], message["From"], message["Subject"]) == (TO, FROM, "Genehmigt: Stadt Ä")
    assert (message["Message-ID"], message["Auto-Submitted"]) == ("<notice-7@site.example>", "auto-generated")
    assert message.get_content().splitlines() == ["Grüße"]


def test_a_login_over_tls(careful: int, box: Box, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    SmtpPost("127.0.0.1", careful, FROM, login=("gridecho", "a secret"), ca_file=ca_file).send(TO, "s", "t", "1", 0)
    assert len(box.messages) == 1
    with pytest.raises(MailError, match="SMTPAuthenticationError"):
        SmtpPost("127.0.0.1", careful, FROM, login=("gridecho", "x"), ca_file=ca_file).send(TO, "s", "t", "1", 0)


def test_no_password_goes_to_a_server_that_the_site_does_not_trust(careful: int, box: Box) -> None:
    with pytest.raises(MailError, match="SSLCertVerificationError"):
        SmtpPost("127.0.0.1", careful, FROM, login=("gridecho", "a secret")).send(TO, "s", "t", "1", 0)
    assert box.messages == []


def test_no_password_goes_to_a_server_without_tls(plain: int, box: Box) -> None:
    with pytest.raises(MailError, match="SMTPNotSupportedError"):
        SmtpPost("127.0.0.1", plain, FROM, login=("gridecho", "a secret")).send(TO, "s", "t", "1", 0)
    assert box.messages == []


@pytest.mark.parametrize(("says", "for_good"), [("550 no such user", True), ("450 try again later", False)])
def test_a_recipient_that_is_refused(plain: int, box: Box, says: str, for_good: bool) -> None:
    box.says = says
    with pytest.raises(MailError) as failed:
        SmtpPost("127.0.0.1", plain, FROM, tls="none").send(TO, "s", "t", "1", 0)
    assert failed.value.for_good is for_good


def test_a_line_break_in_an_address_makes_no_header(plain: int, box: Box) -> None:
    with pytest.raises(MailError) as failed:
        SmtpPost("127.0.0.1", plain, FROM, tls="none").send("a@b.example\r\nBcc: c@d.example", "s", "t", "1", 0)
    assert failed.value.for_good
    assert box.messages == []


def test_nobody_is_there(plain: int) -> None:
    with pytest.raises(MailError, match="ConnectionRefusedError") as failed:
        SmtpPost("127.0.0.2", plain, FROM, tls="none").send(TO, "s", "t", "1", 0)
    assert not failed.value.for_good

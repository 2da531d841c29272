"""E-mail by SMTP: a message is with the server of the site's mail, or it is not and may be tried again."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Protocol

_TIMEOUT_S = 20.0  # for each answer of the server


class MailError(Exception):
    """The message was not taken. `for_good`: nor will it ever be, such as for an address that there is not."""

    def __init__(self, why: str, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


class Post(Protocol):
    """Where messages are given up."""

    def send(self, to: str, subject: str, text: str, number: str, at_s: float) -> None:
        """Hands over a message; one with the same number is the same message. Raises MailError."""


class SmtpPost:
    """A server of mail. `tls`: "starttls", "tls" from the first byte on, or "none"."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        tls: str = "starttls",
        login: tuple[str, str] | None = None,
        ca_file: Path | str | None = None,
    ) -> None:
        self._place = host, port
        self._sender = sender
        self._tls = tls
        self._login = login
        self._context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None) if tls != "none" else None

    def send(self, to: str, subject: str, text: str, number: str, at_s: float) -> None:
        """As in Post."""
        try:
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = self._sender, to, subject
            message["Date"] = formatdate(at_s)
            message["Message-ID"] = f"<{number}@{self._sender.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(text)
        except ValueError as error:  # a line break in an address
            raise MailError(type(error).__name__, for_good=True) from None
        try:
            with self._server() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise MailError(f"recipient refused: {codes}", for_good=all(code >= 500 for code in codes)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailError(type(error).__name__) from None

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        if self._tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*self._place, timeout=_TIMEOUT_S, context=self._context)
        else:
            server = smtplib.SMTP(*self._place, timeout=_TIMEOUT_S)
        with server:
            if self._tls == "starttls":
                server.starttls(context=self._context)
            if self._login:
                server.login(*self._login)
            yield server

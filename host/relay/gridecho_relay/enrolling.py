"""Enrolling with a one-time code: the remote makes the relay's number and secret, and hands them out once.

The answer may get lost on its way while the code is used up. So a nonce is kept beside the secret until that is on disk: with
the same nonce the remote gives the same answer again for ten minutes.
"""

import json
import re
import secrets
from pathlib import Path
from typing import Annotated

import click
import urllib3
from gridecho_common.secrets import private, read_secret, write_secret
from gridecho_common.settings import SettingsError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .upstream import is_loopback

_NONCE_FILE = "relay.enrolling"
_MOST_ANSWER_BYTES = 4096
_TIMEOUT = urllib3.Timeout(connect=5, read=20)


class Enrolled(BaseModel):
    """What the remote made of a code."""

    model_config = ConfigDict(strict=True, frozen=True)

    relay_id: Annotated[int, Field(ge=1, lt=1 << 32)]
    secret: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    name: Annotated[str, Field(max_length=64)] = ""


def enrol(folder: Path, remote: str, code: str, name: str, *, insecure: bool = False) -> Enrolled:
    """Enrols with `code` and writes relay.secret into `folder`. It may be called again until `done` is, after a lost answer too.

    Raises SettingsError for what has to be set otherwise, ClickException for what the remote did not do.
    """
    if remote.startswith("http:") and not is_loopback(remote) and not insecure:
        raise SettingsError(
            f"{remote}: the answer holds the relay's secret, and plain HTTP shows it to everyone on the way; "
            "use https://, or say --insecure if you trust this network"
        )
    secret_file, nonce_file = folder / "relay.secret", folder / _NONCE_FILE
    if secret_file.exists() and not nonce_file.exists():
        raise SettingsError(f"{secret_file}: is there already; a code is for a relay without a secret")
    nonce = _nonce(nonce_file)
    given = _ask(remote, {"code": code.strip(), "name": name, "nonce": nonce})
    secret = bytes.fromhex(given.secret)
    if not secret_file.exists():
        write_secret(secret_file, secret)
    elif read_secret(secret_file) != secret:
        raise SettingsError(f"{secret_file}: is another secret than the remote gave; move it away and try again")
    return given


def done(folder: Path) -> None:
    """The relay has all it was given: the code is of no use any more."""
    (folder / _NONCE_FILE).unlink(missing_ok=True)


def _nonce(path: Path) -> str:
    private(path)
    try:
        kept = path.read_text(encoding="ascii", errors="replace").strip()
        if re.fullmatch("[0-9a-f]{32}", kept):
            return kept
        made = secrets.token_hex(16)
        path.write_text(made + "\n", encoding="ascii")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None
    return made


def _ask(remote: str, what: dict[str, str]) -> Enrolled:
    try:
        answer = urllib3.request(
            "POST",
            f"{remote}/relay/v1/enrol",
            body=json.dumps(what).encode(),
            headers={"Content-Type": "application/json"},
            timeout=_TIMEOUT,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        body = answer.read(_MOST_ANSWER_BYTES)
        answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(
            f"{remote} does not answer ({type(error).__name__}); is it the remote's URL? "
            "The same command may be given again: for ten minutes the code stays good for it"
        ) from None
    if answer.status == 403:
        raise click.ClickException(
            f"{remote} does not take this code: it is wrong, used or expired; get another one there with: "
            "gridecho remote enrol relay-code --name NAME, or --replace ID in place of a lost relay"
        )
    if answer.status == 429:
        raise click.ClickException(
            f"{remote} was asked too often; try again in {answer.headers.get('Retry-After', '60')} s"
        )
    try:
        if answer.status == 200:
            return Enrolled.model_validate_json(body)
    except ValidationError:
        pass
    raise click.ClickException(f"{remote}: HTTP {answer.status}, which is no answer of a gridecho remote to a code")

"""An OpenID Connect provider, to which people are sent to show who they are (OpenID Connect Core 1.0, 3.1; RFC 6749, 7636).

The browser carries a code back, which the provider gives an ID token for. What that says counts only if it is signed by a key of
the provider, made for this remote, for this very login, and not old.
"""

import base64
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from threading import Lock
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from ..rules.addresses import secure
from ..rules.errors import RemoteError, UnprovenError
from ..rules.verification import mapped
from .fetching import NoAnswerError, NoRecordError, fetched

log = logging.getLogger("gridecho.remote.openid")

# Signatures that need the provider's private key: none by a shared secret, and not "none".
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_SCOPE = "openid profile email"
_LEEWAY_S = 60  # by which two clocks may differ
_WITHIN_S = 10.0
_MOST_BYTES = 1 << 20
_KEPT_S, _KEYS_OFTEN_S = 3600.0, 60.0
_MOST_SUBJECT = 255  # characters (Core, 2)


@dataclass(frozen=True, slots=True)
class Asked:
    """A login that was begun: where the browser goes, and what it must bring the answer to; the browser keeps that."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is, as the provider says. `email` is one that it verified; `told`: those of its claims that were asked for."""

    issuer: str
    subject: str
    name: str | None
    email: str | None
    told: dict[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """Somebody who says who people are. Each raises RemoteError if it is away, or makes no sense."""

    def begin(self, back: str) -> Asked:
        """A new login; `back` is the address here that the browser returns to."""

    def finish(self, asked: Asked, back: str, code: str, now_s: float) -> Claims:
        """What the provider gives for the code. Raises UnprovenError for what does not prove anything."""


class OpenIdProvider:
    """The provider at an issuer's address, by what it publishes there (OpenID Connect Discovery 1.0)."""

    def __init__(self, issuer: str, client_id: str, secret: str, wanted: Mapping[str, str] | None = None) -> None:
        """`wanted`: which claims are to be told, by what they are for here (rules/verification.py)."""
        self._wanted = wanted or {}
        self._issuer, self._client_id, self._secret = issuer, client_id, secret
        self._lock = Lock()
        self._facts: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def begin(self, back: str) -> Asked:
        """As in Provider."""
        facts, state, nonce, verifier = self._found(), generate_token(43), generate_token(43), generate_token(64)
        url = prepare_grant_uri(
            _address(facts, "authorization_endpoint"),
            self._client_id,
            "code",
            back,
            _SCOPE,
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Asked(url, state, nonce, verifier)

    def finish(self, asked: Asked, back: str, code: str, now_s: float) -> Claims:
        """As in Provider."""
        facts = self._found()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": asked.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if "client_secret_basic" in facts.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            fields |= {"client_id": self._client_id, "client_secret": self._secret}
        token = _asked("POST", _address(facts, "token_endpoint"), urlencode(fields), headers)
        text = token.get("id_token")
        if not isinstance(text, str):
            raise UnprovenError("openid-refused")
        try:
            return self._claims(facts, text, token.get("access_token"), asked.nonce, now_s)
        except (JoseError, ValueError, TypeError, KeyError) as error:  # whatever is wrong in it
            log.warning("openid-refused reason=%r", str(error))
            raise UnprovenError("openid-refused") from error

    def _claims(self, facts: dict[str, Any], text: str, access_token: object, nonce: str, now_s: float) -> Claims:
        """What the ID token says (Core, 3.1.3.7). Raises JoseError and other errors of what is not as it must be."""
        published = facts.get("id_token_signing_alg_values_supported", ["RS256"])
        algorithms = [one for one in ALGORITHMS if one in published]
        try:
            decoded = jwt.decode(text, self._key_set(facts), algorithms=algorithms)
        except InvalidKeyIdError:
            decoded = jwt.decode(text, self._key_set(facts, newer=True), algorithms=algorithms)
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": self._issuer},
            # Authlib alone would take one for somebody else, if it says that it was given to us.
            "aud": {"essential": True, "value": self._client_id},
            "sub": {"essential": True},
        }
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now=int(now_s), leeway=_LEEWAY_S)
        subject = claims["sub"]
        if not 0 < len(subject) <= _MOST_SUBJECT or not compare_digest(str(claims["nonce"]), nonce):
            raise ValueError("sub or nonce")
        names = (claims.get(key) for key in ("preferred_username", "name", "email"))
        name = next((one for one in names if isinstance(one, str) and one.strip()), None)
        email = claims.get("email") if claims.get("email_verified") is True else None
        told = mapped(claims, self._wanted)
        return Claims(self._issuer, subject, name, email if isinstance(email, str) else None, told)

    def _found(self) -> dict[str, Any]:
        """What the provider publishes of itself, kept for an hour."""
        with self._lock:
            if self._facts is not None and time.monotonic() < self._facts[0] + _KEPT_S:
                return self._facts[1]
        facts = _asked("GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if facts.get("issuer") != self._issuer:
            log.error("openid-issuer expected=%s said=%r", self._issuer, facts.get("issuer"))
            raise RemoteError("openid-away")
        with self._lock:
            self._facts = time.monotonic(), facts
        return facts

    def _key_set(self, facts: dict[str, Any], *, newer: bool = False) -> KeySet:
        """The provider's keys, kept for an hour; `newer`: one is missing, so they are asked for again, once a minute at most."""
        with self._lock:
            kept_s = _KEYS_OFTEN_S if newer else _KEPT_S
            if self._keys is not None and time.monotonic() < self._keys[0] + kept_s:
                return self._keys[1]
        keys = KeySet.import_key_set(_asked("GET", _address(facts, "jwks_uri")))  # type: ignore[arg-type]
        with self._lock:
            self._keys = time.monotonic(), keys
        return keys


def _address(facts: dict[str, Any], name: str) -> str:
    url = facts.get(name)
    if not isinstance(url, str) or not secure(url):
        log.error("openid-address name=%s said=%r", name, url)
        raise RemoteError("openid-away")
    return url


def _asked(method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The object in an answer. Raises UnprovenError where a code is refused, RemoteError for no answer or nonsense."""
    try:
        answer = fetched(method, url, most_bytes=_MOST_BYTES, within_s=_WITHIN_S, headers=headers or {}, body=body)
        if method == "POST" and answer.status in (400, 401):
            log.warning("openid-code-refused status=%d", answer.status)
            raise UnprovenError("openid-refused")
        if answer.status != 200:
            raise NoRecordError(f"HTTP {answer.status}")
        return answer.record()
    except (NoAnswerError, NoRecordError) as error:
        log.warning("openid-away url=%s reason=%r", url, error.why)
        raise RemoteError("openid-away") from error

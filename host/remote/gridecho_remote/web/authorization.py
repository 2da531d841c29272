"""OAuth 2.0 by Authlib's server: authorization code with PKCE by S256 (RFC 7636) and rotated refresh tokens, and nothing else.

Authlib parses and checks; what is given, used up and ended are use cases (use/consents.py).
"""

from dataclasses import dataclass
from typing import Any, cast

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Flask, Response, current_app, request, url_for

from ..rules.actor import Actor
from ..rules.redirects import leads_to
from ..rules.scopes import Scope
from ..use import applications, consents
from ..use.applications import ApplicationInfo
from ..use.consents import Fresh, Given, Renewal
from .context import the_site

_NAME = "gridecho_remote.authorization"
SCOPE = "readings"  # the one word that applications ask with; the person chooses what it means
_METHODS = ["none", "client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]
    """An application, as Authlib asks about it."""

    info: ApplicationInfo

    @property
    def client_id(self) -> str:
        """By what it calls itself."""
        return self.info.client_id

    def get_client_id(self) -> str:
        """The same."""
        return self.info.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: it says each time to where people are led back."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        """What it may ask for."""
        return SCOPE

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether people may be led back to there."""
        return any(leads_to(known, redirect_uri) for known in self.info.redirects)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is its secret."""
        return self.info.has_secret(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it proves itself so: with its secret, if it has one."""
        return (method == "none") == (self.info.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may ask for this."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may get tokens so."""
        return grant_type in ("authorization_code", "refresh_token")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose on the page that named the application."""

    actor: Actor
    part: Scope
    days: int


@dataclass(frozen=True, slots=True)
class Code:
    """A code that an application showed, as Authlib asks about it."""

    given: Given

    @property
    def code_challenge(self) -> str:
        """What the verifier has to hash to."""
        return self.given.challenge

    @property
    def code_challenge_method(self) -> str:
        """How it is hashed."""
        return "S256"

    def get_redirect_uri(self) -> str:
        """To where the person was led back."""
        return self.given.redirect

    def get_scope(self) -> str:
        """What was asked for."""
        return SCOPE


@dataclass(frozen=True, slots=True)
class Shown:
    """A token for the next ones, as Authlib asks about it."""

    renewal: Renewal

    def check_client(self, client: Client) -> bool:
        """Whether it is this application's."""
        return self.renewal.consent.application_id == client.info.id

    def get_scope(self) -> str:
        """What was asked for."""
        return SCOPE


class _S256(CodeChallenge):  # type: ignore[misc]
    """Authlib lets a request without a challenge through, and takes one without a method for a plain one."""

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("A 'code_challenge' by S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def generate_authorization_code(self) -> str:
        return consents.new_secret()

    def save_authorization_code(self, code: str, request: Any) -> None:
        choice, client = cast(Choice, request.user), cast(Client, request.client)
        challenge = request.payload.data["code_challenge"]
        redirect = request.payload.redirect_uri
        consents.give(the_site(), choice.actor, client.info, choice.part, choice.days, code, redirect, challenge)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = consents.of_code(the_site(), client.info, code)
        return None if found is None else Code(found)

    def authenticate_user(self, authorization_code: Code) -> Given:
        return authorization_code.given

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is used up with the tokens that it gave."""


class _Renewing(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Shown | None:
        client = cast(Client, self.request.client)
        found = consents.renewal(the_site(), client.info, refresh_token)
        return None if found is None else Shown(found)

    def authenticate_user(self, refresh_token: Shown) -> Given:
        return refresh_token.renewal.consent

    def revoke_old_credential(self, refresh_token: Shown) -> None:
        """It is used up with the tokens that it gave."""


class _Revoking(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = _METHODS

    def authenticate_token(self, request: Any, client: Client) -> None:
        """Of a token that is another's, or none, nothing is said (RFC 7009, 2.2)."""
        self.check_params(request, client)
        consents.revoke(the_site(), client.info, request.form["token"])


class _Issuer(IssuerParameter):  # type: ignore[misc]
    def get_issuer(self) -> str:
        return issuer()


def attach_authorization(app: Flask) -> None:
    """Has `app` give codes and tokens to applications."""
    server = AuthorizationServer(app, query_client=_client, save_token=_save)
    server.scopes_supported = [SCOPE]
    server.register_token_generator("default", _fresh)
    server.register_grant(_CodeGrant, [_S256(required=True)])
    server.register_grant(_Renewing)
    server.register_endpoint(_Revoking)
    server.register_extension(_Issuer())
    app.extensions[_NAME] = server


def the_server() -> AuthorizationServer:
    """That of the application that serves this request."""
    return current_app.extensions[_NAME]


def issuer() -> str:
    """By what the remote calls itself (RFC 8414, 2)."""
    return (the_site().settings.public_url or request.host_url).rstrip("/")


def answer_to(grant: Any, chosen: Choice | None) -> Response:
    """What leads a person back: with a code for what they chose, or with the word that they did not allow anything."""
    answer: Response = the_server().create_authorization_response(grant=grant, grant_user=chosen)
    return answer


def add_issuer(response: Response) -> Response:
    """Says in an answer that leads back who gave it (RFC 9207)."""
    _Issuer().add_issuer_parameter(the_server(), response)
    return response


def metadata() -> dict[str, object]:
    """What there is, and where (RFC 8414)."""
    at = issuer()
    return {
        "issuer": at,
        "authorization_endpoint": at + url_for("pages.authorize"),
        "token_endpoint": at + url_for("oauth.token"),
        "revocation_endpoint": at + url_for("oauth.revoke"),
        "scopes_supported": [SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": _METHODS,
        "revocation_endpoint_auth_methods_supported": _METHODS,
        "authorization_response_iss_parameter_supported": True,
    }


def _client(client_id: str) -> Client | None:
    found = applications.find(the_site(), client_id)
    return None if found is None else Client(found)


def _fresh(user: Given, **_: object) -> dict[str, object]:
    # Authlib's own would be good for ten days.
    return {
        "token_type": "Bearer",
        "access_token": consents.new_secret(),
        "expires_in": consents.lasts_s(the_site(), user),
        "refresh_token": consents.new_secret(),
        "scope": SCOPE,
    }


def _save(token: dict[str, Any], request: Any) -> None:
    fresh = Fresh(token["access_token"], token["refresh_token"], token["expires_in"])
    if request.refresh_token is None:
        good = consents.take_up(the_site(), request.authorization_code.given, fresh)
    else:
        good = consents.renew(the_site(), request.refresh_token.renewal, fresh)
    if not good:
        raise InvalidGrantError("It was used.")

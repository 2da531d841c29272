#!/bin/sh
# One would guess: CodeChallenge(required=True) refuses a request for a code without a challenge, and tokens of a code last an hour.
# What happens: Authlib 1.9.10 asks for it of clients without a secret only, and at the token endpoint; one with a secret gets a code and a
# token without. A challenge without a method is taken for a plain one. Tokens of a code last ten days. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check authlib==1.9.10 flask==3.1.3
cat > "$folder/seen.py" <<'PY'
from urllib.parse import parse_qs, urlsplit

import authlib
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask

CODES = {}


class Client(ClientMixin):
    client_id = "one"
    get_client_id = get_default_redirect_uri = lambda self: None
    get_allowed_scope = lambda self, scope: ""
    check_redirect_uri = check_response_type = check_grant_type = lambda self, value: True
    check_client_secret = lambda self, secret: secret == "secret"
    check_endpoint_auth_method = lambda self, method, endpoint: method == "client_secret_post"


class Code:
    def __init__(self, data):
        self.code_challenge, self.code_challenge_method = data.get("code_challenge"), data.get("code_challenge_method")
        self.get_redirect_uri = lambda: data["redirect_uri"]
        self.get_scope = lambda: ""


class Grant(AuthorizationCodeGrant):
    def save_authorization_code(self, code, request):
        CODES[code] = Code(request.payload.data)

    def query_authorization_code(self, code, client):
        return CODES.get(code)

    def authenticate_user(self, code):
        return "ada"

    def delete_authorization_code(self, code):
        pass


app = Flask("server")
server = AuthorizationServer(app, query_client=lambda client_id: Client(), save_token=lambda token, request: None)
server.register_grant(Grant, [CodeChallenge(required=True)])


@app.get("/authorize")
def authorize():
    return server.create_authorization_response(grant=server.get_consent_grant(end_user="ada"), grant_user="ada")


@app.post("/token")
def token():
    return server.create_token_response()


def token_by(**challenge):
    query = {"response_type": "code", "client_id": "one", "redirect_uri": "https://a.example/"} | challenge
    led = app.test_client().get("/authorize", query_string=query).location
    fields = {"grant_type": "authorization_code", "code": parse_qs(urlsplit(led).query)["code"][0]}
    fields |= {"client_id": "one", "client_secret": "secret", "redirect_uri": "https://a.example/"}
    if challenge:
        fields["code_verifier"] = challenge["code_challenge"]
    return app.test_client().post("/token", data=fields).json


print("authlib", authlib.__version__)
without, plain = token_by(), token_by(code_challenge="c" * 43)
print("without a challenge:", without)
print("by a plain one that nobody asked for:", plain)
assert without["access_token"] and plain["access_token"], "it is required now"
assert without["expires_in"] == 864_000, "tokens of a code do not last ten days any more"
PY
"$folder/venv/bin/python" "$folder/seen.py"

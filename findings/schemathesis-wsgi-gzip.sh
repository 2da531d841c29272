#!/bin/sh
# One would guess: who calls a WSGI application with schemathesis gets answers as the application meant them, as over the network.
# What happens: schemathesis 4.32.5 asks for gzip (Accept-Encoding) over WSGI, too, and does not unpack what comes compressed: the answer's
# text cannot be decoded and its schema check fails (ContentDeserializationError). "Accept-Encoding: identity" helps. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5 flask==3.1.3 flask-compress==1.25
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

import schemathesis
from flask import Flask, jsonify
from flask_compress import Compress
from hypothesis import given, settings
from schemathesis.core.failures import FailureGroup

schema = {"schema": {"type": "object", "properties": {"text": {"type": "string"}}}}
answers = {"200": {"description": "", "content": {"application/json": schema}}}
document = {
    "openapi": "3.1.0",
    "info": {"title": "", "version": ""},
    "paths": {"/": {"get": {"responses": answers}}},
}
app = Flask("app")
app.config.update(COMPRESS_ALGORITHM=["gzip"])
Compress(app)
app.get("/")(lambda: jsonify(text="a" * 5_000))
api = schemathesis.openapi.from_dict(document)
api.app = app
(operation,) = [one.ok() for one in api.get_all_operations()]


def call(**headers):
    @settings(max_examples=1)
    @given(operation.as_strategy())
    def once(case):
        case.validate_response(case.call(headers=headers))

    once()


print("schemathesis", version("schemathesis"))
call(**{"Accept-Encoding": "identity"})
try:
    call()
except FailureGroup as found:
    print(str(found.exceptions[0]).splitlines()[0])
else:
    raise SystemExit("it is unpacked now")
PY
"$folder/venv/bin/python" "$folder/seen.py"

#!/bin/sh
# One would guess: a body that is documented as an object of a pydantic model, and is `null`, is refused.
# What happens: APIFlask 3.1.2 takes `null` for {}: where all fields of the model have defaults it is a good body. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apiflask==3.1.2 pydantic
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

from apiflask import APIFlask
from pydantic import BaseModel


class Sent(BaseModel):
    days: int = 30


app = APIFlask("app")


@app.post("/")
@app.input(Sent, arg_name="sent")
def post(sent):
    return {"days": sent.days}


print("apiflask", version("apiflask"))
client = app.test_client()
print("documented:", client.get("/openapi.json").json["components"]["schemas"]["Sent"]["type"])
for body in ("null", "[]", "5"):
    print(body, client.post("/", data=body, content_type="application/json").status_code)
assert client.post("/", data="null", content_type="application/json").status_code == 200, "null is refused now"
PY
"$folder/venv/bin/python" "$folder/seen.py"

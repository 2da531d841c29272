#!/bin/sh
# One would guess: decode_content=False is about gzip only; read(1000) of a body that ends too soon raises with it as it does without.
# What happens: with it the short body is given as if it were whole, and only the read after it raises. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check urllib3==2.8.0
cat > "$folder/seen.py" <<'PY'
import socket, threading
import urllib3

print("urllib3", urllib3.__version__)
server = socket.create_server(("127.0.0.1", 0))


def serve():
    while True:
        client, _ = server.accept()
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")


threading.Thread(target=serve, daemon=True).start()
url = "http://127.0.0.1:%d/" % server.getsockname()[1]
pool = urllib3.PoolManager(retries=False)


def said(call):
    try:
        return repr(call())
    except urllib3.exceptions.HTTPError as error:
        return type(error).__name__


as_they_are = pool.request("GET", url, preload_content=False)
found = [said(lambda: as_they_are.read(1000, decode_content=False)) for _ in range(2)]
decoded = pool.request("GET", url, preload_content=False)
other = [said(lambda: decoded.read(1000))]
print("read(1000, decode_content=False), twice:", found, " read(1000):", other)
assert found == ["b'{}'", "ProtocolError"] and other == ["ProtocolError"], "urllib3 changed"
PY
"$folder/venv/bin/python" "$folder/seen.py"

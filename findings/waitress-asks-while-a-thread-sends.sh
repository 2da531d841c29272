#!/bin/sh
# One would guess: while threads send answers, waitress's main loop waits until it has something to do.
# What happens: waitress 3.0.2 asks for each connection with something to send whether it can be written to, also while a thread holds its
# lock and sends on it. It can, the main loop finds it locked, and asks again, as fast as it goes: here for as long as a file takes to be
# read. What would do: to ask only for those whose lock is free, as `Asking` does. Seen 2026-11-29.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check waitress==3.0.2
cat > "$folder/seen.py" <<'PY'
import io
import logging
import socket
import threading
import time
from importlib.metadata import version

from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel

logging.disable()  # of a task that waits for its thread


class Slow(io.BytesIO):
    """A file on a slow disk."""

    def read(self, *size):
        time.sleep(1)
        return super().read(*size)


class Asking(HTTPChannel):
    """Asks for a connection only while no other thread is sending on it."""

    def writable(self):
        if not super().writable() or not self.outbuf_lock.acquire(False):
            return False
        self.outbuf_lock.release()
        return True


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "1000")])
    return environ["wsgi.file_wrapper"](Slow(bytes(1000)))


def read(port):
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while sock.recv(1 << 16):
            pass


def turns(kind):
    """How often the main loop turns while somebody is sent the file."""
    there = {}
    server = create_server(app, map=there, host="127.0.0.1", port=0, threads=1)
    server.channel_class = kind
    reader = threading.Thread(target=read, args=(server.effective_port,))
    reader.start()
    count, begun_s = 0, time.process_time()
    while reader.is_alive():
        wasyncore.loop(timeout=0.2, map=there, count=1)
        count += 1
    print(f"{kind.__name__}: {count} turns, {time.process_time() - begun_s:.2f} s of CPU")
    server.task_dispatcher.shutdown()
    server.close()
    return count


print("waitress", version("waitress"))
assert turns(HTTPChannel) > 10 * turns(Asking), "it waits now"
PY
"$folder/venv/bin/python" "$folder/seen.py"

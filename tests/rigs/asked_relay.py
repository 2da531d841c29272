"""A relay that a remote under test asks for what it holds, over HTTP on loopback; well or badly."""

import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gridecho import batch, relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import read_pull

from tests.rigs.waiting import HANG_S


class Relay:
    """A relay's /pull and /pull/receipt; `behave` says how it answers."""

    def __init__(self, fleet, relay_id, frames, behave="well"):
        self.behave, self.receipts, self.asked, self.drips = behave, Counter(), 0, 0
        self.ended, self.go = threading.Event(), threading.Event()
        secret, relay = fleet.relays[relay_id], self
        self.bodies = [fleet.batch(relay_id, frames[at : at + 3]) for at in range(0, len(frames), 3)]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/pull/receipt":
                    receipt = batch.read_receipt(body, Cmac(relay_keys.receipt_key(secret, relay_id)))
                    relay.receipts[receipt.batch_id] += 1
                    self.send_response(204)
                    self.end_headers()
                    return
                relay.asked += 1
                read_pull(body, Cmac(relay_keys.pull_key(secret, relay_id)))
                with suppress(OSError):
                    relay.stream(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stream(self, handler):
        if self.behave == "refuses":
            handler.send_response(401)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if self.behave == "drips its headers":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Patience: ")
            while not self.ended.wait(0.02):
                handler.wfile.write(b"a")
                self.drips += 1
        if self.behave == "hangs":
            self.ended.wait(HANG_S)
        if self.behave == "waits":
            self.go.wait(HANG_S)
        handler.send_response(200)
        handler.end_headers()
        write = handler.wfile.write
        if self.behave == "too long":
            write((1 << 31).to_bytes(4, "big"))
        if self.behave == "drips":
            while not self.ended.wait(0.02):
                write(b"\0\0\1")
                self.drips += 1
        for body in self.bodies:
            if self.behave == "forges":
                body = body[:-1] + bytes((body[-1] ^ 1,))
            write(len(body).to_bytes(4, "big") + body)
            if self.behave == "dies":
                return
        write(bytes(4))

    def close(self):
        self.ended.set()
        self.go.set()
        self._server.shutdown()
        self._server.server_close()

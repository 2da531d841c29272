"""A relay in wrong hands. Its secret is a real one, so its token and its MACs verify; what it brings and tells are lies.

It packs by itself what the core would not: counts that are not so, ids out of order, numbers beyond all. `Request`s go to a remote
over a socket (`post`) or into its app (`ask`).
"""

import http.client
import json
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from gridecho import groups, relay_keys
from gridecho.crypto import Cmac

TOP32, TOP63, TOP64 = (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1
BATCH, INDEX, CARRY, HEARTBEAT = (f"/relay/v1/{word}" for word in ("batch", "index", "carry", "heartbeat"))


@dataclass(frozen=True, slots=True)
class Request:
    """A POST to a remote."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class HostileRelay:
    """Makes requests in the name of one relay."""

    def __init__(self, relay_id: int, secret: bytes, seed: int = 0) -> None:
        self.relay_id = relay_id
        self.token = relay_keys.relay_token(secret, relay_id).hex()
        self.mac = Cmac(relay_keys.batch_key(secret, relay_id))
        self.bearer = {"Authorization": f"Bearer {self.token}"}
        self.chance = random.Random(seed)

    def request(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Request:
        """Anything, brought with the relay's own token."""
        return Request(f"{path}?relay={self.relay_id}", body, self.bearer | (headers or {}))

    def sealed(self, body: bytes) -> bytes:
        """Any bytes with a MAC that verifies."""
        return body + self.mac.tag(body)

    def batch_body(self, frames: list[bytes], count: int | None = None, batch_id: bytes | None = None) -> bytes:
        """A batch of any frames; `count` and `batch_id` are what it says of them."""
        content = b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)
        batch_id = sha256(content).digest()[:16] if batch_id is None else batch_id
        count = len(frames) if count is None else count
        return self.sealed(struct.pack(">4sI16sI", b"GEB\x01", self.relay_id, batch_id, count) + content)

    def batch(self, frames: list[bytes], deflated: bool = False) -> Request:
        """A batch of frames, which is what it says."""
        body = self.batch_body(frames)
        return (
            self.request(BATCH, zlib.compress(body, 1), {"Content-Encoding": "deflate"})
            if deflated
            else self.request(BATCH, body)
        )

    def piece_body(
        self, listing: int, start: int, end: int, runs: list[tuple[int, ...]], count: int | None = None
    ) -> bytes:
        """A piece of an index with any runs of six numbers of 32 bits; `count` is how many it says there are."""
        count = len(runs) if count is None else count
        head = struct.pack(">4sIQQQI", b"GEI\x01", self.relay_id, listing, start, end, count)
        return self.sealed(head + b"".join(struct.pack(">IIIIII", *run) for run in runs))

    def piece(self, listing: int, start: int, end: int, runs: list[tuple[int, ...]]) -> Request:
        """The same as a request."""
        return self.request(INDEX, self.piece_body(listing, start, end, runs))

    def flood_of_runs(self, sensor_id: int, listing: int, rows: int, a_piece: int = 20_000) -> Iterator[Request]:
        """Pieces that say so many runs are held, none of which goes on where another ended."""
        for start in range(0, rows, a_piece):
            end = min(rows, start + a_piece)
            yield self.piece(
                listing, start, end, [(sensor_id, 1, 2 * n, 1, 1_700_000_000 + n, 0) for n in range(start, end)]
            )

    def carry(self, group_id: int, term: int, loads: list[tuple[int, bytes]]) -> Request:
        """A carry, as the proxy of a group."""
        body = groups.Carry(self.relay_id, group_id, term, loads).pack()
        return self.request(CARRY, body)

    def beat(self, **said: Any) -> Request:
        """A heartbeat that says this."""
        body = json.dumps({"relay": self.relay_id} | said).encode()
        return self.request(HEARTBEAT, body, {"Content-Type": "application/json"})

    def lying_pieces(self, sensor_id: int) -> dict[str, Request]:
        """Pieces of the index by what is wrong with them; each begins a listing."""
        runs = {
            "of nobody": (TOP32, 1, 0, 9, 1_700_000_000, 60),
            "more than there can be": (sensor_id, 1, 0, TOP32, 0, 0),
            "beyond the last seq": (sensor_id, 1, TOP32, 2, 0, 0),
            "beyond the last second": (sensor_id, 1, 0, 2, TOP32, TOP32),
            "epoch 0": (sensor_id, 0, 0, 1, 0, 0),
            "the last epoch": (sensor_id, TOP32, 0, 1, 0, 0),
        }
        pieces = {said: self.piece(n + 1, 0, 9, [run]) for n, (said, run) in enumerate(runs.items())}
        one = (sensor_id, 1, 0, 1, 0, 0)
        pieces["row ids beyond all"] = self.request(INDEX, self.piece_body(99, TOP64, TOP64, [one]))
        pieces["a listing beyond all"] = self.request(INDEX, self.piece_body(TOP64, 0, 1, [one]))
        pieces["the last listing"] = self.request(INDEX, self.piece_body(TOP63, 0, TOP63, [one]))
        pieces["another count"] = self.request(INDEX, self.piece_body(99, 0, 1, [one], 2))
        return pieces

    def lying_beats(self) -> dict[str, Request]:
        """Heartbeats by what is wrong with them."""
        word = {"group": 1, "term": 1, "run": 1, "periods": 0, "bars": [], "lost": ""}
        said: dict[str, dict[str, Any]] = {
            "pull ids beyond all": {"pulled": [{"id": str(TOP63 + 1), "frames": 1}, {"id": "9" * 19}]},
            "frames beyond all": {"pulled": [{"id": "1", "frames": 1 << 62}]},
            "counts beyond all": {"store_bytes": 10**400, "held_frames": -1, "outbox_frames": TOP64},
            "counts that are none": {
                "store_bytes": "much",
                "store_free_bytes": [1],
                "held_frames": {},
                "readings_held": 0.5,
            },
            "nothing stored, some free": {"store_bytes": 0, "store_free_bytes": 5},
            "never": {"every_s": 1e300},
            "no time": {"every_s": 0},
            "a NUL in an address": {"pull_url": "http://a\x00b", "group_url": "http://a\x00b"},
            "letters in an address": {"group_url": "http://h/" + "\u00e9" * 240},
            "numbers of terms beyond all": {"word": word | {"group": TOP64, "term": TOP64}},
            "bars beyond all": {"word": word | {"bars": [[0, TOP63], [1, TOP63]]}},
            "NUL as a reason": {"word": word | {"lost": "a\x00b"}},
            "deep": {"more": json.loads("[" * 150 + "]" * 150)},
        }
        return {name: self.beat(**one) for name, one in said.items()}

    def mutated(self, request: Request) -> Request:
        """The request with bytes of its body changed, cut or added; half of the binary ones verify all the same."""
        made = bytearray(request.body)
        for _ in range(self.chance.choice((1, 1, 2, 5))):
            if made:
                made[self.chance.randrange(len(made))] = self.chance.choice((0, 0x7F, 0xFF, self.chance.randrange(256)))
        if made and self.chance.random() < 0.2:
            del made[self.chance.randrange(len(made)) :]
        if self.chance.random() < 0.1:
            made += self.chance.randbytes(self.chance.randrange(1, 60))
        body = bytes(made)
        if (
            request.path.partition("?")[0] in (BATCH, INDEX)
            and "Content-Encoding" not in request.headers
            and self.chance.random() < 0.5
        ):
            # Its own id, else all of them would end at whose it is.
            body = self.sealed((body[:4] + self.relay_id.to_bytes(4, "big") + body[8:])[:-16])
        return Request(request.path, body, request.headers)

    def mutants(self, frames: list[bytes], sensor_id: int) -> Iterator[Request]:
        """Requests without end, of every kind."""
        run = (sensor_id, 1, 0, 5, 1_700_000_000, 60)
        body = self.batch_body(frames)
        bases = [
            self.batch(frames),
            self.batch(frames, deflated=True),
            self.piece(1, 0, 5, [run, run]),
            self.carry(
                1, 1, [(groups.BATCH, body), (groups.DEFLATED_BATCH, zlib.compress(body)), (groups.PIECE, b"x")]
            ),
            self.beat(pulled=[{"id": "1", "frames": 1}], every_s=2.0, held_frames=5, store_bytes=9, store_free_bytes=5),
            *self.lying_pieces(sensor_id).values(),
            *self.lying_beats().values(),
        ]
        while True:
            for base in bases:
                yield self.mutated(base)


def post(host: str, port: int, request: Request, timeout_s: float = 30.0) -> tuple[int, bytes]:
    """(status, answer) of a remote at an address."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("POST", request.path, request.body, request.headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask(app: Any, request: Request) -> Any:
    """The answer of a Flask app."""
    return app.test_client().post(request.path, data=request.body, headers=request.headers)

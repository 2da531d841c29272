"""What people put behind a broker: paho-mqtt, batches into SQLite, PUBACK after the commit. A process of its own.

A persistent session (clean_session False), QoS 1 and manual acknowledgement. Messages are kept as they came, up to 512 or those of
10 ms in one transaction, WAL and synchronous=FULL, as a relay has it; then each is acknowledged. The client is driven by paho's
calls for an external event loop, which was the fastest of its three ways. It prints `ready`, and an `Outcome` as JSON at the end.
"""

import json
import select
import sqlite3
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

_BATCH = 512
_BATCH_S = 0.01


@dataclass(frozen=True, slots=True)
class Spec:
    """Ends when `count` messages were stored, or nothing came for `idle_s` after the first."""

    port: int
    database: str
    count: int
    idle_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many messages were stored, in how many commits, and when the last of these ended (CLOCK_MONOTONIC, seconds)."""

    stored: int
    commits: int
    last_s: float


class Subscriber:
    """One paho client and the batch that waits for its commit."""

    def __init__(self, spec: Spec) -> None:
        self.received = self.stored = self.commits = 0
        self.last_s = self.batch_s = time.monotonic()
        self.subscribed = False
        self._batch: list[mqtt.MQTTMessage] = []
        self._database = sqlite3.connect(spec.database, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE reading (id INTEGER PRIMARY KEY, topic TEXT, payload TEXT)")
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="bench-subscriber", clean_session=False, manual_ack=True
        )
        self.client.on_message = self._on_message
        self.client.on_subscribe = self._on_subscribe
        self.client.connect("127.0.0.1", spec.port, keepalive=600)
        self.client.subscribe("meters/#", qos=1)

    def _on_subscribe(self, *_: Any) -> None:
        self.subscribed = True

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not self._batch:
            self.batch_s = time.monotonic()
        self._batch.append(message)
        self.received += 1
        if len(self._batch) >= _BATCH:
            self.commit()

    def idle_for(self, seconds: float) -> bool:
        """Whether something was stored, and nothing more for so long."""
        return self.stored > 0 and time.monotonic() - self.last_s > seconds

    def commit(self) -> None:
        """Stores the batch, then acknowledges it."""
        rows = [(message.topic, message.payload) for message in self._batch]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO reading (topic, payload) VALUES (?, ?)", rows)
        self._database.execute("COMMIT")
        for message in self._batch:
            self.client.ack(message.mid, message.qos)
        self.stored += len(rows)
        self.commits += 1
        self.last_s = time.monotonic()
        self._batch = []

    def commit_if_due(self) -> None:
        """Commits what has waited for 10 ms."""
        if self._batch and time.monotonic() - self.batch_s >= _BATCH_S:
            self.commit()


def serve(subscriber: Subscriber, spec: Spec) -> None:
    """Runs until all is stored or nothing comes any more; says `ready` when the broker has confirmed the subscription."""
    client, ready = subscriber.client, False
    while subscriber.stored < spec.count and not subscriber.idle_for(spec.idle_s):
        sock = client.socket()
        if sock is None:
            raise ConnectionError("the broker closed the subscriber's connection")
        if select.select([sock], [], [], _BATCH_S)[0]:
            for _ in range(_BATCH):
                before = subscriber.received
                client.loop_read()
                if subscriber.received == before:
                    break
        subscriber.commit_if_due()
        if client.want_write():
            client.loop_write()
        client.loop_misc()
        if subscriber.subscribed and not ready:
            ready = True
            print("ready", flush=True)


def main() -> None:
    """See the top of this file."""
    spec = Spec(**json.loads(sys.argv[1]))
    subscriber = Subscriber(spec)
    serve(subscriber, spec)
    print(json.dumps(asdict(Outcome(subscriber.stored, subscriber.commits, subscriber.last_s))), flush=True)
    subscriber.client.disconnect()


if __name__ == "__main__":
    main()

"""Orders that wait for sensors: which there are, and the sealed pieces of those that were asked for, in bounded memory only."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

from gridecho.errors import FrameError
from gridecho.orders import Fetch, Order, split_order

Sensor = tuple[int, int]  # sensor id, key id

MAX_BYTES = 16 << 20


class Shelf:
    """Any thread may use it. `on_wanted` is called when a sensor asks for an order that is not here yet."""

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self.on_wanted: Callable[[], None] = lambda: None
        self._most_bytes = most_bytes
        self._waiting: Mapping[Sensor, int] = {}
        self._wanted: set[Sensor] = set()
        self._sealed: OrderedDict[Sensor, tuple[Order, list[bytes]]] = OrderedDict()  # asked for longest ago first
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def waits(self, sensor: Sensor) -> bool:
        """Whether the remote has an order for this sensor."""
        return sensor in self._waiting

    def piece(self, fetch: Fetch) -> bytes | None:
        """The piece that a FETCH is answered with, without link tag; None if there is none at hand."""
        sensor = (fetch.sensor_id, fetch.key_id)
        version = self._waiting.get(sensor)
        if version is None:
            return None
        with self._lock:
            kept = self._sealed.get(sensor)
            if kept is None or kept[0].version != version:
                self._wanted.add(sensor)
            else:
                self._sealed.move_to_end(sensor)
        if kept is None or kept[0].version != version:
            self.on_wanted()
            return None
        if fetch.version != version:
            return kept[1][0]
        return kept[1][fetch.index] if fetch.index < len(kept[1]) else None

    def replace(self, waiting: Mapping[Sensor, int]) -> None:
        """What waits now: the versions by sensor. Pieces of other orders are dropped."""
        with self._lock:
            self._waiting = waiting
            self._wanted &= waiting.keys()
            for sensor in list(self._sealed):
                if waiting.get(sensor) != self._sealed[sensor][0].version:
                    self._drop(sensor)

    def wanted(self) -> list[Sensor]:
        """The sensors that asked for an order that is not here; each is told once."""
        with self._lock:
            wanted, self._wanted = list(self._wanted), set()
            return wanted

    def put(self, sensor: Sensor, sealed: bytes) -> None:
        """The pieces of a sensor's order, as the remote gave them. Raises FrameError if they are not an order of this sensor."""
        order, pieces = split_order(sealed)
        if (order.sensor_id, order.key_id) != sensor:
            raise FrameError("order", "for another sensor")
        with self._lock:
            self._drop(sensor)
            self._sealed[sensor] = (order, pieces)
            self._bytes += len(sealed)
            while self._bytes > self._most_bytes and len(self._sealed) > 1:
                self._drop(next(iter(self._sealed)))

    def _drop(self, sensor: Sensor) -> None:
        kept = self._sealed.pop(sensor, None)
        if kept is not None:
            self._bytes -= sum(map(len, kept[1]))

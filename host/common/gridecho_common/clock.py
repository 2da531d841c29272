"""Time as the services have it: what it is now, and waiting. It is handed in, so that it may be another than the machine's."""

import threading
import time


class Clock:
    """The machine's own. Whoever waits by what it makes waits in its time."""

    def now_s(self) -> float:
        """Seconds that only grow, from any beginning."""
        return time.monotonic()

    def utc_ms(self) -> int:
        """Unix time in ms."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Lets so much time pass."""
        time.sleep(seconds)

    def condition(self) -> threading.Condition:
        """A condition to wait for."""
        return threading.Condition()

    def event(self) -> threading.Event:
        """An event to wait for."""
        return threading.Event()


MACHINE = Clock()

"""What one sensor said on its console, counted: which reading got which data id, when it was made, when it was acknowledged."""

import time
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Made:
    """One reading as the sensor made it."""

    op: str
    at_ms: int  # Unix ms by the sensor's clock; by ours while it had none
    acked: bool = False


@dataclass
class Ledger:
    """Fed line by line from a board's console, by the board's thread; read by the demo's."""

    made: dict[int, Made] = field(default_factory=dict)
    sends_under_way: dict[int, int] = field(default_factory=dict)  # number: at_ms; whoever saw it arrive takes it out
    data_ids: dict[tuple[int, int], list[int | None]] = field(default_factory=dict)  # (epoch, seq): numbers in order
    rtt_us: list[int] = field(default_factory=list)
    routes: list[tuple[int, int]] = field(default_factory=list)  # (relay id, RTT in us), one each round of probes
    lost: int = 0
    missing: int = 0  # acknowledgements that did not come in time
    epoch: int = 0
    ended: bool = False
    strange: list[str] = field(default_factory=list)  # lines that are no event: what a person should see
    lock: Lock = field(default_factory=Lock)

    def line(self, text: str) -> None:
        """Takes one console line, as firmware/lib/gridecho_node/sensor.py writes them."""
        event, _, rest = text.strip().partition(" ")
        values = dict(part.split("=", 1) for part in rest.split() if "=" in part)
        with self.lock:
            try:
                self._take(event, values, text.strip())
            except (KeyError, ValueError):
                self._keep_strange(text.strip())

    def acked(self) -> int:
        """How many of the meter's readings were acknowledged."""
        with self.lock:
            return sum(made.acked for made in self.made.values())

    def number_of(self, epoch: int, seq: int, item: int) -> int | None:
        """The number of the reading with this data id and place in its datagram; None if the sensor never said so."""
        with self.lock:
            numbers = self.data_ids.get((epoch, seq), [])
        return numbers[item] if item < len(numbers) else None

    def _take(self, event: str, values: dict[str, str], text: str) -> None:
        if event == "boot":
            self.epoch = int(values["epoch"])
        elif event == "reading":
            made = Made(values["op"], int(values["at"]) or time.time_ns() // 1_000_000)
            self.made[int(values["n"])] = made
            if made.op == "SEND":
                self.sends_under_way[int(values["n"])] = made.at_ms
        elif event == "sealed":
            self.data_ids[self.epoch, int(values["seq"])] = _numbers(values["n"])
        elif event == "acked":
            self.rtt_us.append(int(values["rtt_us"]))
            for number in _numbers(values["n"]):
                if number is not None:
                    self.made[number].acked = True
        elif event == "route":
            self.routes.append((int(values["relay"]), int(values["rtt_us"])))
        elif event == "lost":
            self.lost += 1
        elif event == "dropped":
            self.lost += int(values["count"])
        elif event == "missing":
            self.missing += 1
        elif event == "meter" and text == "meter ended":
            self.ended = True
        elif event not in ("slow", "busy", "status"):
            self._keep_strange(text)

    def _keep_strange(self, text: str) -> None:
        if text and len(self.strange) < 50:
            self.strange.append(text)


def _numbers(text: str) -> list[int | None]:
    return [None if number == "-" else int(number) for number in text.split(",")]

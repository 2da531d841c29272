"""Frames out of a stream of bytes: after anything wrong it looks for the next good frame from the very next byte."""

MORE = 0  # what `_measure` says beside a frame's length: it may become one,
NOISE = -1  # none begins here,
BAD = -2  # one begins here, but its checksum or form is wrong


class Framer:
    """The base of the parsers: takes any pieces of bytes, never raises, never holds more than `size` bytes.

    `good` counts frames that were right, `bad` those that were refused and `refused` these by reason, `heard` all bytes and
    `noise` those outside good frames.
    A parser is a subclass that says in `_measure` where a frame ends and in `_values` what it means.
    """

    def __init__(self, size: int, first: bytes, filler: bytes = b"") -> None:
        """`first`: what every frame begins with; `filler`: bytes that may stand between frames and are no noise."""
        self.good = 0
        self.bad = 0
        self.noise = 0
        self.heard = 0
        self.refused: dict[str, int] = {}
        self.why = ""  # a parser that refuses a frame for another reason than its checksum or form says it here
        self._buffer = bytearray(size)
        self._used = 0
        self._first = first
        self._filler = filler
        self._searched = 0  # how far into the frame `_measure` has looked: it may go on there

    def feed(self, data: "bytes | bytearray | memoryview") -> "list[dict[int, int]]":
        """The readings of the frames that these bytes complete: values by quantity code, in the order of the frames."""
        readings: list[dict[int, int]] = []
        self.heard += len(data)
        at = 0
        while at < len(data):
            count = min(len(data) - at, len(self._buffer) - self._used)
            self._buffer[self._used : self._used + count] = data[at : at + count]
            self._used += count
            at += count
            self._scan(readings)
        return readings

    def reset(self) -> None:
        """Drops what was begun: it is not going to be completed."""
        self._skip(0, self._used)
        self._used = 0
        self._searched = 0

    def _measure(self, start: int, end: int) -> int:
        """The length of the good frame at `start` of the buffer, of which bytes up to `end` are there; or MORE, NOISE, BAD."""
        raise NotImplementedError

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        """The values in a frame whose checksum is right; None if its form is wrong."""
        raise NotImplementedError

    def _scan(self, readings: "list[dict[int, int]]") -> None:
        start, end = 0, self._used
        while start < end:
            begin = self._find_first(start, end)
            self._skip(start, begin)
            start = begin
            if end - start < max(1, len(self._first)):
                break
            length = self._measure(start, end)
            if length == MORE:
                if end - start < len(self._buffer):
                    break
                length, self.why = BAD, "form"  # longer than any frame
            self._searched = 0
            if length > 0:
                values = self._values(start, start + length)
                if values is None:
                    self._refuse("form")
                    self._skip(start, start + length)
                else:
                    self.good += 1
                    if values:
                        readings.append(values)
                start += length
            else:
                if length == BAD:
                    self._refuse("checksum")
                self._skip(start, start + 1)
                start += 1
        if start:
            self._buffer[: end - start] = self._buffer[start:end]
            self._used = end - start

    def _refuse(self, why: str) -> None:
        self.bad += 1
        why = self.why or why
        self.refused[why] = self.refused.get(why, 0) + 1
        self.why = ""

    def _find_first(self, start: int, end: int) -> int:
        """Where `first` stands, or begins to stand at the end of what is there, or `end`."""
        at = self._buffer.find(self._first, start, end)
        if at >= 0:
            return at
        for at in range(max(start, end - len(self._first) + 1), end):
            if self._first.startswith(bytes(self._buffer[at:end])):
                return at
        return end

    def _skip(self, start: int, end: int) -> None:
        for i in range(start, end):
            self.noise += self._buffer[i] not in self._filler

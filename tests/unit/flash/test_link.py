"""How long a board may be silent: the wait follows its signs of life. The clock is the test's own."""

import pytest
from gridecho_flash import link
from gridecho_flash.errors import BrokenLinkError
from gridecho_flash.link import Link


class Port:
    """A serial port: what comes on it as (seconds of silence before, bytes), and nothing after that."""

    def __init__(self, *comes: tuple[float, bytes]) -> None:
        self.now = 0.0
        self._bytes = [(wait if n == 0 else 0.0, data[n : n + 1]) for wait, data in comes for n in range(len(data))]

    def monotonic(self) -> float:
        return self.now

    def read(self, _: int = 1) -> bytes:
        if not self._bytes or self._bytes[0][0] > 1:  # its timeout is a second
            self.now += 1
            if self._bytes:
                self._bytes[0] = (self._bytes[0][0] - 1, self._bytes[0][1])
            return b""
        wait, byte = self._bytes.pop(0)
        self.now += wait
        return byte

    def exec_raw(self, _: str, timeout: float) -> tuple[bytes, bytes]:
        """As SerialTransport's: output and error, each up to its Ctrl-D."""
        both = []
        for _ in range(2):
            both.append(self.link._read_until(1, b"\x04", timeout))
            if not both[-1].endswith(b"\x04"):
                raise OSError("timeout")
        return both[0][:-1], both[1][:-1]


def on(port: Port, monkeypatch: pytest.MonkeyPatch) -> Link:
    """A Link to it, in whose module the port's clock goes."""
    monkeypatch.setattr(link, "time", port)
    made = object.__new__(Link)
    made.port, made._serial, made._transport = "/dev/ttyUSB0", port, port  # type: ignore[assignment]
    port.link = made  # type: ignore[attr-defined]
    return made


def test_a_slow_board_that_gives_signs_of_life_may_take_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(*[(100, b"\x06")] * 100, (100, b"done\x04\x04"))
    assert on(port, monkeypatch).run("walk()") == "done"
    assert port.now > 10_000


def test_a_step_of_its_file_system_may_take_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on(Port((60, b"1\x04\x04")), monkeypatch).run("remove()") == "1"


def test_a_silent_board_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port((100, b"\x06"), (1000, b"1\x04\x04"))
    with pytest.raises(BrokenLinkError, match="run the same command again"):
        on(port, monkeypatch).run("remove()")
    assert 200 < port.now < 500


def test_a_sensor_that_runs_again_there_is_given_up_however_much_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(*[(30, b"status up_s=9\r\n")] * 1000)
    with pytest.raises(BrokenLinkError):
        on(port, monkeypatch).run("look([])")
    assert port.now < 1500

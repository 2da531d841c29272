"""The board: this module and hw_lines.py are the only ones that import `machine` and `network`."""

import time

import machine
import network


class Radio:
    """The Wi-Fi station; without an SSID there is none to join, and the board is on its network by other means.

    Each call of the driver may fail: OSError, or RuntimeError for codes that MicroPython has no name for, such as no memory.
    """

    def __init__(self, ssid: str, password: str) -> None:
        self._ssid = ssid
        self._password = password

    def join(self, wait_s: int) -> bool:
        """Joins the network; False if it did not happen within `wait_s` (the radio goes on trying by itself)."""
        if not self._ssid:
            return True
        station = network.WLAN(network.STA_IF)
        station.active(True)
        if not station.isconnected():
            station.connect(self._ssid, self._password)
        for _ in range(wait_s * 10):
            if station.isconnected():
                return True
            time.sleep(0.1)
        return bool(station.isconnected())

    def rejoin(self) -> None:
        """Leaves and joins again, whatever the station says of itself; returns at once."""
        if self._ssid:
            station = network.WLAN(network.STA_IF)
            station.active(False)
            station.active(True)
            station.connect(self._ssid, self._password)

    def restart(self) -> None:
        """Starts the board anew."""
        machine.reset()


def watchdog(timeout_ms: int):  # type: ignore[no-untyped-def]
    """A watchdog to `feed()`; it cannot be stopped again."""
    return machine.WDT(timeout=timeout_ms)


def reset_cause() -> int:
    """Why the board started, as one of machine's *_RESET numbers."""
    return int(machine.reset_cause())

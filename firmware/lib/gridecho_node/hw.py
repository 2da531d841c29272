"""The board: the one module that imports `machine` and `network`."""

import time

import machine
import network


def connect_wifi(ssid: str, password: str, wait_s: int) -> bool:
    """Joins the network; False if it did not happen within `wait_s` (the radio goes on trying by itself)."""
    station = network.WLAN(network.STA_IF)
    station.active(True)
    if not station.isconnected():
        station.connect(ssid, password)
    for _ in range(wait_s * 10):
        if station.isconnected():
            return True
        time.sleep(0.1)
    return bool(station.isconnected())


def watchdog(timeout_ms: int):  # type: ignore[no-untyped-def]
    """A watchdog to `feed()`; it cannot be stopped again."""
    return machine.WDT(timeout=timeout_ms)


def reset_cause() -> int:
    """Why the board started, as one of machine's *_RESET numbers."""
    return int(machine.reset_cause())

"""A storm on the LAN: how bad it is, and how it is seen that it was so."""

from collections.abc import Mapping

LOSS, DUPLICATES, JITTER_MS = 30, 10, 40
DELAYS_MS = {3: 4.0, 2: 15.0, 1: 30.0}


def check_weather(seen: Mapping[str, int], readings: int) -> None:
    """The weather was as bad as it should be, with so many readings on their way."""
    assert seen["carried"] > readings
    leaving = seen["carried"] + seen["doubled"]
    assert 0.25 < seen["lost"] / leaving < 0.35
    assert 0.06 < seen["doubled"] / seen["carried"] < 0.14
    assert seen["overtaken"] > 20

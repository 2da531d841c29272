"""The hours that the status line promises: a day and more without relays is delivered whole, in order, once; and no hour too much.

On a virtual clock, with the sensor's own loop, ring and spool.
"""

import pytest

from tests.rigs.simring import METERS, Flash, check_promised_hours, check_status_line, flash

__all__ = ["flash"]

KB = 64


@pytest.mark.parametrize("meter", METERS)
def test_the_promised_hours_arrive_whole(meter: str, flash: Flash) -> None:
    check_promised_hours(meter, KB, flash)


@pytest.mark.parametrize("meter", METERS)
def test_the_status_line_is_right_within_a_segment(meter: str, flash: Flash) -> None:
    check_status_line(meter, KB, flash)

"""An order of firmware with which no relay is reached."""

from gridecho.orders import FIRMWARE
from ordering import run_with
from wanted import FIRMWARE as CONTENT


def run(number):
    run_with(FIRMWARE, CONTENT, number, reached=False)

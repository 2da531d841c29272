"""An order of firmware, and relays that are reached with it."""

from gridecho.orders import FIRMWARE
from ordering import run_with
from wanted import FIRMWARE as CONTENT


def run(number):
    run_with(FIRMWARE, CONTENT, number)

"""An order of settings, and relays that are reached with it."""

from gridecho.orders import CONFIG
from ordering import run_with
from wanted import CONFIG as CONTENT


def run(number):
    run_with(CONFIG, CONTENT, number)

"""An order of settings with which no relay is reached."""

from gridecho.orders import CONFIG
from ordering import run_with
from wanted import CONFIG as CONTENT


def run(number):
    run_with(CONFIG, CONTENT, number, reached=False)

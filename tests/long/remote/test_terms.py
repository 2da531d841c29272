"""Terms and rounds at length: tests/unit/remote has them in short."""

import multiprocessing

from hypothesis import settings

from tests.rigs.lives import Lives, check_life, check_race
from tests.rigs.terms import make_empty


def test_several_processes_race_and_there_is_one_choice(tmp_path):
    context = multiprocessing.get_context("spawn")
    check_race(tmp_path, context.Process, context.Barrier, rounds=5)


def test_several_processes_race_at_a_server(tmp_path, postgres):
    context = multiprocessing.get_context("spawn")
    database = postgres.filled(make_empty)
    check_race(tmp_path, context.Process, context.Barrier, rounds=5, database=database)


class ManyLives(Lives.TestCase):
    settings = settings(max_examples=12, stateful_step_count=25)


def test_a_long_life_of_chance(tmp_path):
    check_life(tmp_path, terms_of_it=120)

"""Some lives of a remote that shares, against the model of them; tests/long has ten thousand steps, and leaks that are planted."""

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.rigs.fleet import Fleet
from tests.rigs.sharing.life import Sharing


def test_lives_go_as_the_model_says(make_fleet: Callable[..., Fleet], engine: str) -> None:
    lives = type("Lives", (Sharing,), {"make": staticmethod(make_fleet)})
    examples, steps = (8, 50) if engine == "sqlite" else (3, 50)
    fewer = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lives, settings=fewer)

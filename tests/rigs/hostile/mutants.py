"""Requests of a hostile relay, changed at random, at a whole remote in this process."""

import itertools
import logging
import resource
from collections import Counter
from pathlib import Path

import pytest
from gridecho.quantities import POWER_IMPORT

from tests.rigs.fleet import Fleet
from tests.rigs.hostile.relay import HostileRelay
from tests.rigs.hostile.sensor import HostileSensor

NOW_S = 1_800_000_000
_A_FRAME = 5_000  # so often an honest relay brings something
_MOST_GROWTH_KB = 64 << 10


def check_mutants(folder: Path, count: int, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Asks so many: none is the remote's own fault, and what is honest is stored meanwhile."""
    caplog.set_level(logging.ERROR)
    fleet = Fleet(folder)
    relay, sensor = HostileRelay(2, fleet.relays[2], seed), HostileSensor(9, fleet.roots[9], seed=seed)
    frames = [*sensor.lies(NOW_S).values(), fleet.frame(8, {POWER_IMPORT: 1})]
    client = fleet.app.test_client()
    warm_kb, statuses = 0, Counter[int]()
    for n, request in enumerate(itertools.islice(relay.mutants(frames, 7), count)):
        answer = client.post(request.path, data=request.body, headers=request.headers)
        assert answer.status_code < 500, (seed, n, request)
        statuses[answer.status_code] += 1
        if n % _A_FRAME == 0:
            assert fleet.send(fleet.frame(7, {POWER_IMPORT: n})).stored == 1
        if n == count // 2:
            warm_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - warm_kb < _MOST_GROWTH_KB
    assert statuses[200] and statuses[400], "most of it is looked at, not refused for a token"
    assert not [record for record in caplog.records if record.exc_info]
    fleet.close()

"""The uplink under many random networks and failures: whatever happens, once a relay is there again all is delivered, once."""

import pytest
from gridecho.frames import SEND, STORE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rigs.simdriver import Driver
from tests.rigs.simnet import SECOND_US, Net, Relay

_SECONDS = 40
_STATES = (Relay.UP, Relay.DEAD, Relay.FROZEN, Relay.BUSY)

_troubles = st.lists(
    st.tuples(
        st.integers(0, _SECONDS * 10),  # when, in tenths of a second
        st.integers(1, 4),  # which relay
        st.sampled_from(_STATES),
        st.integers(0, 9),  # the pause that a busy one asks for, in seconds
        st.integers(0, 400),  # the way to it from then on, in ms
    ),
    max_size=20,
)


def _replay(driver: Driver, recorded: list[bytes]) -> None:
    # Whoever listens on the LAN sends again what relays said before.
    datagram = recorded[driver.net.dice(len(recorded))] if recorded else b"\x12" * 36
    driver.uplink.receive(driver.net.us, datagram)


def _heal(net: Net) -> None:
    net.loss = 0
    for relay in net.relays.values():
        relay.delay_us = min(relay.delay_us, 100_000)
        net.state(relay.relay_id, Relay.UP)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    delays_ms=st.lists(st.integers(0, 120), min_size=1, max_size=4),
    loss=st.sampled_from((0, 10, 30, 60)),
    duplicates=st.sampled_from((0, 10, 50)),
    jitter_ms=st.integers(0, 80),
    period_ms=st.sampled_from((50, 500, 1000, 3000)),
    queue=st.sampled_from((4, 32, 1000)),
    per_datagram=st.sampled_from((1, 3, 32, 255)),
    troubles=_troubles,
)
def test_whatever_happens(
    seed: int,
    delays_ms: list[int],
    loss: int,
    duplicates: int,
    jitter_ms: int,
    period_ms: int,
    queue: int,
    per_datagram: int,
    troubles: list[tuple[int, int, int, int, int]],
) -> None:
    net = Net([Relay(i + 1, ms * 1000) for i, ms in enumerate(delays_ms)], seed, loss, duplicates, jitter_ms * 1000)
    driver = Driver(net, queue_readings=queue, readings_per_datagram=per_datagram)
    recorded: list[bytes] = []
    net.inject = lambda datagram: recorded.append(datagram) or datagram  # type: ignore[func-returns-value]
    for tenths, relay_id, state, pause_s, delay_ms in troubles:
        if relay_id <= len(delays_ms):
            net.at(tenths * 100_000, net.state, relay_id, state, pause_s)
            net.at(tenths * 100_000, net.delay, relay_id, delay_ms * 1000)
    for second in range(1, _SECONDS):
        net.at(second * SECOND_US, _replay, driver, recorded)
    count = _SECONDS * 1000 // period_ms
    driver.every(period_ms * 1000, count, lambda i: SEND if net.dice(4) == 0 else STORE)
    driver.run(_SECONDS)
    _heal(net)
    # A minute of back-off at most, a last pause, one more round, the retries.
    driver.run_until(driver.drained, 150)
    assert len(driver.submitted) == count
    assert driver.check(clock_error_ms=400 + jitter_ms) == count - len(driver.lost)
    assert driver.acked == set(driver.submitted) - set(driver.lost)
    if queue >= count:
        assert not driver.lost


@pytest.mark.parametrize("seed", range(40))
def test_a_third_lost_a_tenth_twice_out_of_order(seed: int) -> None:
    net = Net([Relay(1, 4_000), Relay(2, 15_000), Relay(3, 30_000)], seed, loss=30, duplicates=10, jitter_us=60_000)
    driver = Driver(net)
    driver.every(SECOND_US, 60, lambda i: SEND if i % 7 == 0 else STORE)
    driver.run(60)
    driver.run_until(driver.drained, 30)
    assert driver.check(clock_error_ms=95) == 60
    assert not driver.lost

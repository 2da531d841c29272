"""The time that a relay tells: the remote's, its own where nothing speaks against it, else none."""

import pytest
from gridecho_common.clock import Clock
from gridecho_relay.utc import LEAST_UTC_MS, NONE, OWN, REMOTE, Utc

TRUE_MS = 1_800_000_000_000
WEEKS_MS = 10 * 7 * 86_400_000


class Set(Clock):
    """A machine whose counter and clock a test sets."""

    def __init__(self, wrong_ms=0):
        self.s = 1_000.0
        self.wrong_ms = wrong_ms

    def now_s(self):
        return self.s

    @property
    def true_ms(self):
        return TRUE_MS + round(1000 * self.s)

    def utc_ms(self):
        return self.true_ms + self.wrong_ms


def beat(utc, clock, rtt_s=0.02):
    asked_s = clock.s
    clock.s += rtt_s / 2
    true_ms = clock.true_ms
    clock.s += rtt_s / 2
    utc.heard(asked_s, clock.s, true_ms)


@pytest.mark.parametrize("wrong_ms", [-WEEKS_MS, WEEKS_MS, 0])
def test_the_remotes_time_counts_whatever_this_clock_says_and_does(wrong_ms):
    clock = Set(wrong_ms)
    utc = Utc(clock)
    assert (utc.ms(), utc.source) == (0, NONE), "the remote is being asked"
    beat(utc, clock)
    assert (utc.ms(), utc.source) == (clock.true_ms, REMOTE if wrong_ms else OWN)
    clock.s += 20
    clock.wrong_ms = 0  # NTP
    assert utc.ms() == clock.true_ms
    utc.not_heard()
    clock.wrong_ms = -5_000_000
    clock.s += 86_400
    assert (utc.ms(), utc.source) == (clock.true_ms, REMOTE)


def test_without_the_remote_its_own_if_nothing_speaks_against_it():
    clock = Set()
    utc = Utc(clock, noted_ms=clock.true_ms - 60_000)
    assert utc.ms() == 0
    clock.s += 2.9
    assert utc.ms() == 0
    clock.s += 0.2
    assert (utc.ms(), utc.source) == (clock.true_ms, OWN)
    utc = Utc(clock)
    utc.not_heard()
    assert utc.ms() == clock.true_ms


@pytest.mark.parametrize(
    ("wrong_ms", "noted_ms"), [(-WEEKS_MS, TRUE_MS), (LEAST_UTC_MS - TRUE_MS - 2_000_000, 0), (-TRUE_MS, 0)]
)
def test_a_clock_behind_what_was_known_or_older_than_this_program_is_no_clock(wrong_ms, noted_ms):
    clock = Set(wrong_ms)
    utc = Utc(clock, noted_ms)
    utc.not_heard()
    clock.s += 100
    assert (utc.ms(), utc.source) == (0, NONE)
    clock.wrong_ms = 0  # NTP
    assert (utc.ms(), utc.source) == (clock.true_ms, OWN)
    clock.wrong_ms = wrong_ms
    beat(utc, clock)
    assert (utc.ms(), utc.source) == (clock.true_ms, REMOTE)


def test_a_clock_that_is_kept_right_is_better_than_an_answer_over_http():
    clock = Set(700)
    utc = Utc(clock)
    beat(utc, clock)
    assert (utc.ms(), utc.source) == (clock.true_ms + 700, OWN)


def test_what_is_kept_for_the_next_start_follows_the_remote_back_too():
    kept = []
    clock = Set()
    utc = Utc(clock, TRUE_MS + WEEKS_MS, kept.append)
    for _ in range(200):
        beat(utc, clock)
        clock.s += 2
    assert len(kept) == 7
    assert all(abs(ms - TRUE_MS - 1_000_000) < 500_000 for ms in kept)


def test_a_slow_answer_does_not_spoil_what_a_quick_one_said():
    clock = Set(WEEKS_MS)
    utc = Utc(clock)
    beat(utc, clock, 0.02)
    asked_s = clock.s
    clock.s += 20
    utc.heard(asked_s, clock.s, clock.true_ms)  # 20 s there, nothing back
    assert utc.ms() == clock.true_ms

"""The demo's counting: it must find what is lost, doubled or changed, or its zeros mean nothing."""

import pytest
from gridecho_demo.ledger import Ledger
from gridecho_demo.report import Seen, least_delay, percentiles, tally

LINES = """\
boot sensor=1 epoch=4 reset_cause=1
reading n=0 op=STORE at=0
route relay=2 rtt_us=4100
sealed seq=0 op=SEND n=-
sealed seq=1 op=STORE n=0
acked seq=0 relay=2 rtt_us=5000 n=-
acked seq=1 relay=2 rtt_us=6000 n=0
reading n=1 op=STORE at=1700000001000
reading n=2 op=STORE at=1700000002000
missing seq=1 relay=2
sealed seq=2 op=STORE n=1,2
acked seq=2 relay=2 rtt_us=7000 n=1,2
reading n=3 op=SEND at=1700000003000
sealed seq=3 op=SEND n=3
meter ended
Traceback (most recent call last):
"""
ROWS = [{0: 10}, {0: 11}, {0: 12}, {0: 13}]
WHOLE = [Seen(4, 1, 0, {0: 10}), Seen(4, 2, 0, {0: 11}), Seen(4, 2, 1, {0: 12}), Seen(4, 3, 0, {0: 13})]


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    for line in LINES.splitlines():
        ledger.line(line + "\r\n")
    return ledger


def test_the_ledger_reads_a_console(ledger: Ledger) -> None:
    assert len(ledger.made) == 4
    assert ledger.acked() == 3
    assert ledger.rtt_us == [5000, 6000, 7000]
    assert ledger.routes == [(2, 4100)]
    assert ledger.number_of(4, 2, 1) == 2
    assert ledger.number_of(4, 0, 0) is None
    assert ledger.number_of(4, 9, 0) is None
    assert ledger.sends_under_way == {3: 1700000003000}
    assert ledger.ended
    assert ledger.strange == ["Traceback (most recent call last):"]


@pytest.mark.parametrize(
    ("at_remote", "lost", "duplicates", "mismatches"),
    [
        (WHOLE, 0, 0, 0),
        (WHOLE[:3], 1, 0, 0),
        ([*WHOLE, WHOLE[0]], 0, 1, 0),
        ([*WHOLE[:3], Seen(4, 3, 0, {0: 14})], 1, 0, 1),  # one integer differs
        ([*WHOLE[:3], Seen(4, 3, 0, {0: 13, 2: 1})], 1, 0, 1),  # a value too many
        ([*WHOLE, Seen(4, 7, 0, {0: 10})], 0, 0, 1),  # a data id that the sensor never named
        ([], 4, 0, 0),
    ],
)
def test_the_tally_finds_each_fault(
    ledger: Ledger, at_remote: list[Seen], lost: int, duplicates: int, mismatches: int
) -> None:
    counts = tally({1: ROWS}, {1: ledger}, {1: at_remote})
    assert (counts.lost, counts.duplicates, counts.value_mismatches) == (lost, duplicates, mismatches)
    assert counts.readings_generated == 4


def test_percentiles_and_the_least_delay() -> None:
    assert percentiles([]) == {"p50": None, "p99": None}
    assert percentiles(list(range(100))) == {"p50": 50, "p99": 99}
    assert least_delay({1: 9.0, 2: 3.0, 3: 4.0}) == 2

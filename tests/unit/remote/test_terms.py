"""Terms and rounds of a group over a real database: who is proxy, when that ends and why, and who is next."""

import json
import threading

import pytest
from gridecho.groups import MAX_BAR, MAX_RUNS, appointment_of
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.reasons import kept_reason, reason
from gridecho_remote.rules.sentences import said
from gridecho_remote.store import terms
from gridecho_remote.store.groups import add_group, change_group, find_group, group_of, join, remove_group
from gridecho_remote.store.models import Bar, Group, Member, Term
from hypothesis import settings
from pydantic import ValidationError

from tests.rigs.lives import Lives, check_life, check_race
from tests.rigs.terms import LATE_MS, MAC, Bench, make_empty


def words(kept: str) -> str:
    return said(kept_reason(kept))


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def ballot(term):
    return {relay_id: (standing, score) for relay_id, standing, score in json.loads(term.ballot)}


def to_term(bench, proxy):
    """Rotates until this relay is proxy."""
    bench.beat(*bench.members)
    for _ in range(2 * len(bench.members)):
        if bench.term.proxy == proxy:
            return
        terms.rotate(bench.archive, bench.group, bench.now_ms)
    raise AssertionError(f"relay {proxy} does not become proxy")


def test_the_first_heartbeat_begins_the_first_term(bench):
    assert bench.term is None
    assert (bench.turn(1).group_id, bench.turn(1).proxy) == (bench.group.id, 0)
    bench.beat(2)
    term = bench.term
    assert (term.number, term.round, term.proxy, term.why) == (1, 1, 2, reason("chosen-first").kept())
    turn = bench.turn(1)
    assert (turn.term, turn.proxy, turn.url, turn.period_s) == (1, 2, bench.url[2], 10)
    assert turn.began_s == bench.now_ms // 1000
    assert turn.appointment == appointment_of(2, bench.group.id, 1, MAC)
    assert bench.turn(2).url == "", "a proxy needs no way to itself"
    assert bench.turn(9).group_id == 0
    bench.beat(1, 3)
    assert bench.term.number == 1


def test_a_term_ends_after_its_time_at_a_forward(bench):
    to_term(bench, 1)
    number = bench.term.number
    bench.wait(60)
    bench.beat(1, 2, 3)
    assert bench.term.number == number, "nothing was forwarded"
    bench.wait(-1)
    bench.forward()
    assert (bench.term.number, bench.term.forwards) == (number, 1)
    bench.wait(1)
    bench.forward()
    assert bench.term.number == number + 1
    ended = bench.history[-2]
    assert (ended.reason, ended.forwards, ended.ended_ms) == (
        reason("ended-seconds", seconds=60).kept(),
        2,
        bench.now_ms,
    )
    assert bench.term.began_ms == bench.now_ms
    bench.forward(number)
    assert bench.term.forwards == 0, "a forward of a term that is over counts for none"


@pytest.mark.parametrize(("after_s", "forwards", "wait_s"), [(None, 5, 0), (60, 5, 1), (60, 500, 13)])
def test_a_term_ends_after_so_many_forwards_or_its_time_whichever_is_first(tmp_path, after_s, forwards, wait_s):
    bench = Bench(tmp_path, after_s=after_s, after_forwards=forwards)
    to_term(bench, 1)
    number = bench.term.number
    for _ in range(5):
        assert bench.term.number == number
        bench.wait(wait_s)
        bench.beat(1, 2, 3)
        bench.forward(number)
    assert bench.term.number == number + 1
    assert words(bench.history[-2].reason) == ("after 60 s" if forwards == 500 else "after 5 forwards")
    bench.close()


def test_the_least_loaded_of_those_that_have_not_served_is_next(bench):
    to_term(bench, 1)
    bench.archive.connection().execute("UPDATE group_term SET round = 7 WHERE ended_ms IS NULL")
    bench.beat(1, bars=[(0, 0), (1, 1)], periods=2)
    bench.beat(2, bars=[(0, 5), (1, 5), (2, 999)], periods=2)
    bench.beat(3, bars=[(0, 3), (1, 8)], periods=3)
    bench.wait(60)
    bench.beat(1, 2, 3, periods=2)
    bench.forward()
    assert (bench.term.proxy, bench.term.round) == (2, 7)
    assert words(bench.term.why) == "the least load among 2: 10 readings"
    ended = bench.history[-2]
    assert ended.periods == 2, "the third period is not whole for all"
    assert ballot(ended) == {1: ("served", None), 2: ("chosen", 10.0), 3: ("candidate", 11.0)}
    bench.wait(60)
    bench.beat(1, 2, 3)
    bench.forward()
    assert (bench.term.proxy, bench.term.round) == (3, 7)
    bench.wait(60)
    bench.beat(1, 2, 3)
    bench.forward()
    assert bench.term.round == 8
    assert bench.term.proxy in (1, 2)


def test_bars_told_again_count_once_and_two_runs_of_a_relay_add_up(bench):
    to_term(bench, 1)
    for _ in range(3):
        bench.beat(2, bars=[(0, 5), (1, 2)], periods=2)
    bench.beat(2, bars=[(1, 4)], periods=2)  # more of the same period
    bench.beat(2, bars=[(1, 7)], periods=2, run=2)  # started anew in the middle of it
    bars = terms.bars_of(bench.archive, bench.term, [1, 2], 3)
    assert bars == {1: [0, 0, 0], 2: [5, 11, 0]}


def test_words_of_another_term_or_group_are_passed_over(bench):
    to_term(bench, 1)
    bench.beat(2, bars=[(0, 5)], periods=1, term=bench.term.number - 1, lost="gone")
    bench.beat(3, bars=[(0, 5)], periods=1, group=bench.group.id + 1, lost="gone")
    assert Bar.select().count(bench.archive.db) == 0
    assert bench.term.proxy == 1
    assert terms.whole_periods(bench.term, terms.members_of(bench.archive, bench.group.id), bench.now_ms) == 0


def test_a_dead_relay_has_the_least_load_of_all_and_is_not_chosen(bench):
    to_term(bench, 1)
    bench.wait(60)
    bench.beat(1, 2, bars=[(0, 50)], periods=5)  # relay 3 was last heard of a minute ago
    bench.archive.connection().execute("UPDATE group_term SET round = 7 WHERE ended_ms IS NULL")
    bench.forward()
    assert bench.term.proxy == 2
    assert ballot(bench.history[-2])[3] == ("late", None)


def test_a_relay_that_nobody_reaches_is_member_but_not_proxy(bench):
    bench.url[3] = ""
    bench.beat(1, 2, 3)
    for _ in range(6):
        terms.rotate(bench.archive, bench.group, bench.now_ms)
        assert bench.term.proxy != 3
    assert ballot(bench.history[-2])[3] == ("unreachable", None)


def test_a_proxy_without_an_address_yields_to_one_with_it(bench):
    bench.url[1] = ""
    bench.beat(1)
    assert bench.term.proxy == 1, "who is alone needs none"
    bench.beat(2)
    assert bench.term.proxy == 2
    assert words(bench.history[0].reason) == "no group_url"


def test_one_member_stays(tmp_path):
    bench = Bench(tmp_path, members=[4])
    bench.beat(4)
    for _ in range(3):
        bench.wait(100)
        bench.beat(4)
        bench.forward()
    assert [(term.number, term.proxy, term.forwards) for term in bench.history] == [(1, 4, 3)]
    with pytest.raises(RemoteError, match="no-other-proxy"):
        terms.rotate(bench.archive, bench.group, bench.now_ms)
    bench.close()


@pytest.mark.parametrize("heard_by", ["heartbeat", "forward"])
def test_a_proxy_that_is_silent_loses_its_turn(bench, heard_by):
    to_term(bench, 1)
    number = bench.term.number
    for _ in range(4):
        bench.wait(5)
        bench.beat(2, 3)
        if heard_by == "forward":
            bench.forward()
        else:
            bench.beat(1)
        assert bench.term.number == number
    bench.wait(LATE_MS / 1000 - 1)
    bench.beat(2)
    bench.wait(1.001)
    bench.beat(2)
    assert bench.term.number == number + 1
    assert bench.term.proxy == 2, "relay 3 is late too"
    assert words(bench.history[-2].reason) == "heartbeat late"
    assert ballot(bench.history[-2])[1] == ("lost", None)


def test_half_of_the_others_have_to_say_that_the_proxy_is_lost(tmp_path):
    bench = Bench(tmp_path, members=[1, 2, 3, 4])
    to_term(bench, 1)
    number = bench.term.number
    bench.beat(2, lost="it does not answer")
    assert bench.term.number == number, "one of three"
    bench.beat(2)
    bench.beat(3, lost="it does not answer")
    assert bench.term.number == number, "relay 2 took it back"
    bench.beat(4, lost="it broke off")
    assert bench.term.number == number + 1
    assert bench.term.proxy != 1
    ended = words(bench.history[-2].reason)
    assert ended == "lost: relay 3 says it does not answer, relay 4 says it broke off"
    bench.beat(3, lost="it does not answer", term=number)
    assert bench.term.number == number + 1, "that was of the last term"
    bench.close()


def test_a_proxy_that_leaves_or_was_removed(bench):
    to_term(bench, 1)
    bench.leave(1)
    assert (bench.turn(1).group_id, group_of(bench.archive, 1)) == (0, None)
    bench.beat(1, 2)
    assert words(bench.history[-2].reason) == "left the group"
    assert bench.term.proxy in (2, 3)
    remove_group(bench.archive, bench.group)
    assert [model.select().count(bench.archive.db) for model in (Group, Member, Term, Bar)] == [0] * 4
    assert bench.turn(2).group_id == 0
    bench.beat(2)


def test_all_are_gone_and_come_back(bench):
    to_term(bench, 1)
    number, its_round = bench.term.number, bench.term.round
    bench.wait(100)
    with pytest.raises(RemoteError, match="no-other-proxy"):
        terms.rotate(bench.archive, bench.group, bench.now_ms)
    bench.beat(1)
    assert bench.term.number == number, "it is there again, and nobody took its turn"
    bench.wait(100)
    bench.beat(2)
    assert bench.term.number == number, "perhaps the remote was away, and the proxy calls in a moment"
    bench.wait(2)
    bench.beat(2)
    assert (bench.term.number, bench.term.proxy) == (number + 1, 2)
    assert bench.term.round in (its_round, its_round + 1)


def test_another_condition_holds_at_once_and_another_period_from_the_next_term_on(bench):
    to_term(bench, 1)
    change_group(bench.archive, bench.group, after_s=5, after_forwards=None, period_s=2)
    assert bench.turn(2).period_s == 10
    bench.wait(5)
    bench.forward()
    assert words(bench.history[-2].reason) == "after 5 s"
    assert bench.turn(2).period_s == 2


def test_groups_are_checked_and_found(bench):
    for wrong in ("", " ", "x" * 65, "12", "north"):
        with pytest.raises(RemoteError):
            add_group(bench.archive, wrong, 0)
    for after_s, after_forwards, period_s in (
        (None, None, 60),
        (0, None, 60),
        (60, None, 60),
        (3600, 0, 60),
        (7200, None, 3601),
        (10, None, 0),
        (10**9, None, 60),
    ):
        with pytest.raises(RemoteError):
            add_group(bench.archive, "south", 0, after_s, after_forwards, period_s)
    south = add_group(bench.archive, " south ", 0, None, 5, 3600)
    assert find_group(bench.archive, "south").id == find_group(bench.archive, str(south.id)).id == south.id
    with pytest.raises(RemoteError, match="group-unknown name='west"):
        find_group(bench.archive, "west")
    with pytest.raises(RemoteError, match="relay-unknown relay_id=77"):
        join(bench.archive, south, [3, 77], 0)
    assert group_of(bench.archive, 3) == bench.group.id, "all or none"
    join(bench.archive, south, [3], 0)
    assert group_of(bench.archive, 3) == south.id
    with pytest.raises(RemoteError, match="relay-no-member relay_id=3 name='north"):
        bench.leave(3)


def test_old_terms_are_forgotten_but_not_those_of_the_round(tmp_path, monkeypatch):
    monkeypatch.setattr(terms, "_KEPT_TERMS", 4)
    monkeypatch.setattr(terms, "_KEPT_BARS", 2)
    bench = Bench(tmp_path, members=range(1, 8))
    bench.beat(*range(1, 8))
    for _ in range(40):
        bench.beat(*range(1, 8), bars=[(0, 1)], periods=1)
        terms.rotate(bench.archive, bench.group, bench.now_ms)
        kept = [term.number for term in bench.history]
        last = bench.term
        assert kept == list(range(kept[0], last.number + 1))
        assert len(kept) >= min(last.number, 4)
        in_round = [term.proxy for term in bench.history if term.round == last.round]
        assert len(in_round) == (last.number - 1) % 7 + 1, "who served in this round is known"
        assert {bar.term for bar in Bar.select().execute(bench.archive.db)} <= {last.number - 1, last.number}
    assert len(bench.history) <= 11
    bench.close()


def test_several_race_and_there_is_one_choice(tmp_path):
    """As threads; tests/long has processes."""
    check_race(tmp_path, threading.Thread, threading.Barrier, rounds=5)


def test_several_race_at_a_server(tmp_path, postgres):
    check_race(tmp_path, threading.Thread, threading.Barrier, rounds=5, database=postgres.filled(make_empty))


class SomeLives(Lives.TestCase):
    """A few short ones; tests/long has more."""

    settings = settings(max_examples=4, stateful_step_count=12)


def test_a_life_of_chance(tmp_path):
    check_life(tmp_path, terms_of_it=18)


def test_a_group_that_is_made_after_one_was_removed_has_another_id(bench):
    to_term(bench, 1)
    kept = bench.turn(1)
    remove_group(bench.archive, bench.group)
    after = add_group(bench.archive, "another", bench.now_ms)
    join(bench.archive, after, [1, 2, 3], bench.now_ms)
    assert after.id not in (0, kept.group_id), "or a turn of the old one would hold in the new one"
    with pytest.raises(RemoteError, match="group-taken name='another"):
        add_group(bench.archive, "another", bench.now_ms)
    assert add_group(bench.archive, "a third", bench.now_ms).id == after.id + 1


def test_a_term_in_which_nothing_is_brought_ends_with_a_heartbeat_too(bench):
    """Its proxy says that it lives, and brings nothing. Its next forward has the first say, so heartbeats wait for one."""
    to_term(bench, 1)
    number = bench.term.number
    bench.wait(60)
    for _ in range(7):
        bench.beat(1, 2, 3)
        assert bench.term.number == number
        bench.wait(1)
    bench.beat(2)
    assert (bench.term.number, bench.history[-2].reason) == (
        number + 1,
        reason("ended-seconds", seconds=60).kept(),
    )
    assert bench.term.proxy != 1


def test_a_turn_that_cannot_be_packed_names_no_proxy(bench):
    """Such an address may be there from before it was checked; it had 255 letters at most, and twice as many bytes."""
    bench.url[1] = "http://" + 240 * "é" + ":4691"
    bench.beat(1)
    assert bench.term.proxy == 1, "who is alone needs none"
    turn = bench.turn(2)
    assert (turn.group_id, turn.term, turn.proxy, turn.url) == (bench.group.id, 1, 0, "")
    bench.beat(2)
    assert bench.term.proxy == 2, "one that can be reached takes over"
    assert words(bench.history[0].reason) == "no group_url"


def test_bars_that_an_earlier_version_took_break_no_election_and_no_sum(bench):
    to_term(bench, 1)
    huge = [(bench.group.id, bench.term.number, 2, 0, run, (1 << 63) - 1) for run in (1, 2)]
    bench.archive.connection().executemany("INSERT INTO group_bar VALUES (?, ?, ?, ?, ?, ?)", huge)
    bench.beat(1, 2, 3, periods=1)
    assert terms.bars_of(bench.archive, bench.term, [2], 1) == {2: [2 * MAX_BAR]}
    bench.wait(60)
    bench.beat(1, 2, 3, periods=1)
    bench.forward()
    assert bench.term.proxy == 3
    assert ballot(bench.history[-2])[2] == ("candidate", 2.0 * MAX_BAR)


def test_what_a_member_says_of_its_bars_takes_so_many_rows_at_most(bench, monkeypatch):
    monkeypatch.setattr(terms, "MOST_PERIODS", 50)
    to_term(bench, 1)

    def rows():
        return Bar.select().count(bench.archive.db)

    for periods in (1_000_000, 500, 0, 2_000, 2_040):
        bench.beat(2, bars=[(period, 1) for period in range(max(0, periods - 60), periods + 100)], periods=periods)
        assert rows() <= 2 * 53, "of those that are compared, and what was true before its clock was set"
    assert terms.bars_of(bench.archive, bench.term, [2], 2_040) == {2: [1] * 50}
    for run in range(40):
        bench.beat(2, bars=[(2_040, 5)], periods=2_040, run=run)
    assert sum(terms.bars_of(bench.archive, bench.term, [2], 2_041)[2]) == 49 + 5 * MAX_RUNS
    bench.beat(2, bars=[(2_040, 6)], periods=2_040, run=0)
    assert terms.bars_of(bench.archive, bench.term, [2], 2_041)[2][-1] == 6 + 5 * (MAX_RUNS - 1), "it is known"
    for wrong in ({"bars": [(0, MAX_BAR + 1)]}, {"bars": [(0, -1)]}, {"bars": [(1 << 31, 0)]}, {"run": 1 << 63}):
        with pytest.raises(ValidationError):
            terms.Word(group=1, term=1, **wrong)

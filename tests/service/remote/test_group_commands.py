"""`gridecho group`: what it makes, what it shows, and one sentence for what cannot be."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result
from gridecho_remote.commands import groups as group_commands
from gridecho_remote.commands import parts
from gridecho_remote.store import terms
from gridecho_remote.store.groups import find_group
from gridecho_remote.use.site import open_site

from tests.rigs.fleet import Fleet
from tests.rigs.group_bars import PERIODS, bars_of, beat, make_group, report_bars


@pytest.fixture
def site(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A remote whose settings file the commands can be given, and whose clock they go by."""
    key = fleet.folder / "remote.key"
    key.write_text(fleet.kek.hex())
    key.chmod(0o600)
    (fleet.folder / "remote.toml").write_text("")
    monkeypatch.setattr(parts, "open_site", lambda settings: replace(open_site(settings), clock=fleet.clock))
    return fleet


def run(site: Fleet, *words: str) -> Result:
    return CliRunner().invoke(group_commands.group, [*words, "--config", str(site.folder / "remote.toml")])


def told(site: Fleet, *words: str) -> dict:
    done = run(site, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_a_group_is_made_filled_changed_and_removed(site: Fleet) -> None:
    assert "There are none yet" in run(site, "list").output
    assert told(site, "add", "north", "--after", "7200", "--period", "30")["name"] == "north"
    assert told(site, "join", "north", "1", "2") == {"name": "north", "members": [1, 2]}
    assert "In the group north: 2." in run(site, "leave", "north", "1").output
    changed = told(site, "set", "north", "--after-forwards", "50")
    assert (changed["after_s"], changed["after_forwards"], changed["period_s"]) == (7200, 50, 30)
    assert told(site, "set", "north", "--no-after")["after_s"] is None
    assert told(site, "set", "north", "--after", "600", "--no-after-forwards")["after_forwards"] is None
    (line,) = told(site, "list")
    assert (line["name"], line["members"], line["proxy"]) == ("north", 1, None)
    assert "none of its relays has sent a heartbeat" in run(site, "show", "north").output
    assert told(site, "remove", "north") == {"removed": "north"}
    assert told(site, "list") == []


def test_show_has_members_loads_and_history(site: Fleet) -> None:
    group = make_group(site, [1, 2, 3], turns=4)
    report_bars(site, group, [1, 2, 3])
    shown = told(site, "show", "north")
    present = terms.open_term(site.archive, group.id)
    assert present is not None
    assert shown["term"]["number"] == present.number == 5
    assert [one["relay"] for one in shown["members"] if one["proxy"]] == [present.proxy]
    assert not any(one["late"] for one in shown["members"])
    assert [one["number"] for one in shown["history"]] == [4, 3, 2, 1]
    scores = {one["relay"]: one["score"] for one in shown["histograms"]["relays"]}
    assert scores == {one: pytest.approx(sum(bars_of(one, 5)), abs=0.01) for one in (1, 2, 3)}
    assert len(shown["histograms"]["relays"][0]["bars"]) == PERIODS
    assert min(min(one["curve"]) for one in shown["histograms"]["relays"]) >= 0
    text = run(site, "show", "north").output
    assert "Term 5, round 2" in text
    assert "█" in text
    assert f"{sum(bars_of(3, 5)):,}" in text


def test_a_past_term_is_shown_as_it_was_decided(site: Fleet) -> None:
    make_group(site, [1, 2, 3], turns=2)
    shown = told(site, "show", "north", "--term", "1")
    chosen = [one for one in shown["ballot"] if one["standing"] == "chosen"]
    after = told(site, "show", "north", "--term", "2")
    assert [one["relay"] for one in chosen] == [after["proxy"]]
    areas = {one["relay"]: one["score"] for one in shown["histograms"]["relays"]}
    assert chosen[0]["score"] == pytest.approx(areas[after["proxy"]], abs=0.01)
    assert chosen[0]["score"] == pytest.approx(sum(bars_of(after["proxy"], 1)))
    text = run(site, "show", "north", "--term", "1").output
    assert "by hand" in text
    assert "chosen" in text


def test_bars_that_are_forgotten_are_said_to_be(site: Fleet) -> None:
    make_group(site, [1, 2], turns=22)
    assert told(site, "show", "north", "--term", "1")["histograms"] is None
    assert "not kept" in run(site, "show", "north", "--term", "1").output
    assert len(told(site, "show", "north")["history"]) == 20


def test_late_and_unreachable_members_are_marked(site: Fleet) -> None:
    group = make_group(site, [1, 2])
    site.clock.now_s += 600
    assert all(one["late"] for one in told(site, "show", "north")["members"])
    assert told(site, "list")[0]["late"] == 2
    assert "late" in run(site, "show", "north").output
    assert find_group(site.archive, "north").id == group.id


def test_rotate_says_who_is_next(site: Fleet) -> None:
    group = make_group(site, [1, 2])
    first = terms.open_term(site.archive, group.id)
    done = told(site, "rotate", "north")
    assert first is not None
    assert (done["term"], {done["proxy"], first.proxy}) == (2, {1, 2})
    assert f"relay {first.proxy} is the proxy" in run(site, "rotate", str(group.id)).output


def test_more_periods_than_a_screen_is_wide(site: Fleet) -> None:
    group = make_group(site, [1])
    term = terms.open_term(site.archive, group.id)
    assert term is not None
    bars = [(i, 10) for i in range(500)]
    beat(site, 1, terms.Word(group=group.id, term=term.number, run=1, periods=500, bars=bars))
    shown = told(site, "show", "north")["histograms"]
    assert (shown["periods"], shown["step"], len(shown["relays"][0]["bars"])) == (500, 3, 167)
    assert set(shown["relays"][0]["bars"]) == {10}
    assert shown["relays"][0]["score"] == pytest.approx(5000)
    assert max(map(len, run(site, "show", "north").output.splitlines())) < 120


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "south"), "there is no group south"),
        (("show", "north", "--term", "9"), "no term 9"),
        (("add", "north"), "a group north already"),
        (("add", "12"), "not a number"),
        (("add", "x", "--after", "30"), "shorter than the term"),
        (("add", "x", "--no-after"), "say one at least"),
        (("add", "x", "--period", "0"), "1 second to an hour"),
        (("set", "north", "--after", "0"), "1 second to 366 days"),
        (("join", "north", "99"), "relay 99 is not enrolled"),
        (("leave", "north", "2"), "relay 2 is not in the group"),
        (("rotate", "north"), "no other relay"),
    ],
)
def test_what_cannot_be_is_one_sentence(site: Fleet, words: tuple[str, ...], said: str) -> None:
    make_group(site, [1])
    done = run(site, *words)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output
    assert len(done.output.strip().splitlines()) == 1

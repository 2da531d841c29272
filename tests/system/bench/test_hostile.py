"""`gridecho bench hostile`: every party runs, nothing is lost, and docs/bench.md names the keys. Not how much honest ones get."""

import json
import re

import pytest
from click.testing import CliRunner
from gridecho_bench.hostile_parties import PARTIES
from gridecho_cli import main

from tests.rigs.places import REPOSITORY

DOCUMENTED = (REPOSITORY / "docs/bench.md").read_text().split("## Hostile parties")[1].split("\n## ")[0]


@pytest.mark.parametrize("party", PARTIES)
def test_a_short_run(party: str) -> None:
    outcome = CliRunner().invoke(main, ["bench", "hostile", "--party", party, "--seconds", "2", "--json"])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout.splitlines()[-1])
    one = found.pop(party)
    assert one["lost"] == 0
    for phase in ("alone", "beside"):
        assert 0 < one[f"acked_{phase}"] <= one[f"sent_{phase}"]
        assert 0 < one[f"answered_{phase}"] <= one[f"asked_{phase}"]
    assert one["acked_ratio"] > 0 < one["answered_ratio"]
    named = {re.sub("_(alone|beside)$", "", key) for key in one} | set(found) | set(PARTIES)
    assert set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)*)`", DOCUMENTED)) == named


def test_an_unknown_party() -> None:
    outcome = CliRunner().invoke(main, ["bench", "hostile", "--party", "nobody-else"])
    assert (outcome.exit_code, "there are: sensor" in outcome.output) == (2, True)

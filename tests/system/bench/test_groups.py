"""`gridecho bench groups`: the same load both times, nothing lost, and the keys that docs/bench.md names. Not how fast."""

import json
import re

from click.testing import CliRunner
from gridecho_cli import main

from tests.rigs.places import REPOSITORY


def test_a_short_run() -> None:
    wanted = ["--relays", "4", "--groups", "2", "--seconds", "5", "--rate", "8", "--after", "2", "--json"]
    outcome = CliRunner().invoke(main, ["bench", "groups", *wanted])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout.splitlines()[-1])
    assert (found["connections_without_groups"], found["connections_with_groups"]) == (4, 2)
    assert (found["lost_without_groups"], found["lost_with_groups"]) == (0, 0)
    assert (found["terms_without_groups"], found["terms_with_groups"] > 1) == (0, True)
    for way in ("without_groups", "with_groups"):
        assert 0 < found[f"acked_{way}"] <= 200  # 5 s of 4 relays with 8 data a second each
        assert 0 < found[f"send_p50_ms_{way}"] <= found[f"send_p99_ms_{way}"]
        assert found[f"remote_cpu_{way}"] > 0 < found[f"relays_cpu_{way}"]
        assert found[f"requests_per_s_{way}"] > 0
    assert found["scoring_ms"] > 0
    documented = (REPOSITORY / "docs/bench.md").read_text().split("## Groups of relays")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)*)`", documented)) == {
        re.sub(r"_with(out)?_groups$", "", key) for key in found
    }


def test_more_groups_than_relays() -> None:
    outcome = CliRunner().invoke(main, ["bench", "groups", "--relays", "2", "--groups", "3"])
    assert outcome.exit_code == 2
    assert "more groups than relays" in outcome.output

"""`gridecho bench live`: who looks has every reading, and docs/bench.md names the keys. Not how soon."""

import json
import re

from click.testing import CliRunner
from gridecho_cli import main

from tests.rigs.places import REPOSITORY

DOCUMENTED = (REPOSITORY / "docs/bench.md").read_text().split("## Readings as they come")[1].split("\n## ")[0]


def test_a_short_run() -> None:
    sizes = {"viewers": 12, "sensors": 6, "relays": 3}
    words = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    outcome = CliRunner().invoke(main, ["bench", "live", *words, "--seconds", "2", "--json"])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout.splitlines()[-1])
    assert found.items() >= sizes.items()
    assert found["lost"] == 0
    assert found["events"] >= 12
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["worst_ms"]
    assert set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)*)`", DOCUMENTED)) == set(found)

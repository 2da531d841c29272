"""`gridecho bench api`: each question is answered by the remote and as a file, and its keys are those of docs/bench.md."""

import json
import re

from click.testing import CliRunner
from gridecho_cli import main

from tests.rigs.places import REPOSITORY

SMALL = ["--readings", "6000", "--sensors", "20", "--seconds", "1"]


def test_json_is_one_line_with_the_documented_keys() -> None:
    done = CliRunner().invoke(main, ["bench", "api", *SMALL, "--json"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    for question in ("latest", "day", "year", "region_day"):
        for clients in ("1", "8", "64"):
            one = found[question][clients]
            assert one["ratio"] > 0
            for party in ("api", "file"):
                assert one[party]["per_s"] > 0
                assert 0 < one[party]["p50_ms"] <= one[party]["p99_ms"]
            assert one["api"]["body_bytes"] == one["file"]["body_bytes"] > 20
    documented = (REPOSITORY / "docs/bench.md").read_text().split("`gridecho bench api`")[1].split("\n## ")[0]
    named = set(re.findall(r"`([a-z0-9_]+)`", documented))
    assert named >= {"readings", "sensors", "seconds", "threads", "cores", "latest", "day", "year", "region_day"}
    assert named >= set(found["latest"]["1"]["api"]) | {"ratio"}


def test_a_table_for_people() -> None:
    done = CliRunner().invoke(main, ["bench", "api", *SMALL])
    assert done.exit_code == 0, done.output
    assert "a year in 200 points" in done.stdout

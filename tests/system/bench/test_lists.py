"""`gridecho bench lists`: every page of a small city comes on both engines, and docs/bench.md names the keys. Not how soon."""

import json
import re

import pytest
from click.testing import CliRunner
from gridecho_bench import lists
from gridecho_bench.lists import PAGES
from gridecho_bench.remote_postgresql import missing
from gridecho_cli import main

from tests.rigs.places import REPOSITORY

SMALL = ["--sensors", "1300", "--relays", "20", "--groups", "2", "--grants", "60", "--runs", "1"]


def test_json_is_one_line_with_the_documented_keys() -> None:
    done = CliRunner().invoke(main, ["bench", "lists", *SMALL, "--json"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert (found["sensors"], found["relays"], found["groups"], found["grants"], found["runs"]) == (1300, 20, 2, 60, 1)
    engines = ["sqlite"] if missing() else ["sqlite", "postgresql"]
    documented = (REPOSITORY / "docs/bench.md").read_text().split("`gridecho bench lists`")[1].split("\n## ")[0]
    for engine in engines:
        its = found[engine]
        assert set(its) == {"made_s", "first_ms"} | {f"{page}_ms" for page in PAGES}
        for page in PAGES:
            assert 0 < its[f"{page}_ms"]["median"] <= its[f"{page}_ms"]["worst"]
    named = set(re.findall(r"`([a-z0-9_]+)`", documented))
    assert named >= set(found) | {"made_s", "first_ms", "median", "worst"} | {f"{page}_ms" for page in PAGES}


def test_a_table_for_people_and_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "missing", lambda _: "there is no PostgreSQL server here")
    done = CliRunner().invoke(main, ["bench", "lists", *SMALL])
    assert done.exit_code == 0, done.output
    assert "/sensors?sort=power" in done.stdout
    assert "no figures of postgresql: there is no PostgreSQL server here" in done.stderr

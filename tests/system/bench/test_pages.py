"""`gridecho bench pages`: a browser has the curve, and the keys are those of docs/bench.md. Not how soon."""

import json
import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from gridecho_bench import chromium
from gridecho_cli import main

from tests.rigs.places import REPOSITORY

SMALL = ["--minutes", "3000", "--runs", "1"]
NO_GIT = subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"], capture_output=True).returncode

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="Debian's packages chromium and chromium-driver are not installed",
)


@needs_browser
@pytest.mark.skipif(NO_GIT, reason="no checkout of a repository here")
def test_json_is_one_line_with_the_documented_keys() -> None:
    done = CliRunner().invoke(main, ["bench", "pages", *SMALL, "--vs-commit", "HEAD", "--json"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    for party in (found, found["vs"]):
        assert party["first_curve_ms"] > 0
        assert 20 < party["page_kb"] < 10_000
    assert 0 < found["zoom_ms"] <= found["zoom_worst_ms"]
    assert found["pan_draws_per_s"] > 0
    assert found["vs"]["ratio_of_first_curve"] > 0
    documented = (REPOSITORY / "docs/bench.md").read_text().split("`gridecho bench pages`")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z0-9_]+)`", documented)) >= set(found) | set(found["vs"])


@needs_browser
def test_a_table_for_people() -> None:
    done = CliRunner().invoke(main, ["bench", "pages", *SMALL])
    assert done.exit_code == 0, done.output
    assert "first curve, ms" in done.stdout


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium.shutil, "which", lambda _: None)
    done = CliRunner().invoke(main, ["bench", "pages", *SMALL])
    assert done.exit_code == 2
    assert "chromium and chromium-driver are not installed" in done.stderr
    monkeypatch.setitem(__import__("sys").modules, "selenium", None)
    done = CliRunner().invoke(main, ["bench", "pages", *SMALL])
    assert done.exit_code == 2
    assert "pip install 'gridecho[dev]'" in done.stderr

"""Each command of the README and of the manual is typed, page by page, in a new folder; what cannot be has a reason."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.rigs.manual import Item, Reader, items_of, last, reader
from tests.rigs.manual_site import ROOT, make_site
from tests.rigs.places import REPOSITORY

PAGES = [
    path for path in sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]) if ".zh." not in path.name
]
# Pages that a test of their own reads from the first line to the last.
OWN = {"docs/quickstart.md": "test_quickstart.py", "docs/share.md": "tests/system/remote/test_share.py"}
MOST_NOT_RUN = 45  # a new one has to be worth it

SERVE = ("gridecho remote run", "gridecho remote: http")
HERE = "http://127.0.0.1:8080"
TOKEN = "gridecho remote tokens add ada --name test > reader.token\nchmod 600 reader.token\ntoken=$(cat reader.token)\n"
SETTINGS = """cat > config.json <<'END'
{"sensor_id": 7, "relays": [{"id": 1, "host": "127.0.0.1"}], "meter": {"type": "s0", "pin": 4, "pulses_per_kwh": 1000}}
END
"""
A_FILE = "printf 'utc,1-0:1.8.0 [kWh]\\n2026-04-01T00:00:00Z,100\\n2026-04-01T01:00:00Z,101\\n' > readings-2026.csv\n"


@dataclass(frozen=True)
class Start:
    """What a page begins with: a site in the folder `inside`, which may run, typed commands, and what placeholders stand for."""

    inside: str | None = None
    people: tuple[str, ...] = ("ada", "bob")
    serve: bool = False
    typed: str = ""
    means: Mapping[str, str | Callable[[str], str]] = field(default_factory=dict)


STARTS = {
    "docs/api.md": Start(".", serve=True, typed=TOKEN),
    "docs/board.md": Start(
        ".",
        typed=f"{SETTINGS}printf '{ROOT.hex()}' > sensor.key\nchmod 600 sensor.key\n",
        means={"/dev/pts/5": last(r"(/dev/pts/\d+)")},
    ),
    "docs/data.md": Start(
        ".",
        serve=True,
        typed=f"{TOKEN}{A_FILE}export GRIDECHO_TOKEN_FILE=reader.token\n",
        means={"https://readings.example": HERE},
    ),
    "docs/groups.md": Start(".", people=("bob",)),
    "docs/relay.md": Start(
        "remote",
        serve=True,
        means={"https://remote.example": HERE, "/var/lib/gridecho": "relay", "CODE": last(r"(?m)^([\w-]{22})$")},
    ),
    "docs/remote.md": Start(".", people=("kim", "office"), means={"/backups": "."}),
    "docs/run.md": Start(),
    "docs/sensor.md": Start(".", typed=SETTINGS),
    "docs/upgrade.md": Start("."),
}


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def typed(page: Path) -> list[Item]:
    return [item for item in items_of(page) if item.kind in ("typed", "terminal", "file")]


def test_every_page_with_commands_is_typed_by_a_test() -> None:
    assert {name_of(page) for page in PAGES if typed(page)} == set(STARTS) | set(OWN)


@pytest.mark.parametrize("name", STARTS)
def test_what_a_page_shows_can_be_typed(name: str, tmp_path: Path) -> None:
    start, folder = STARTS[name], tmp_path / "empty"
    if start.inside is not None:
        make_site(folder / start.inside, start.people)
    with reader(folder, start.means) as typist:
        settle(typist, start, folder)
        for item in typed(REPOSITORY / name):
            typist.does(item)


def settle(typist: Reader, start: Start, folder: Path) -> None:
    """The site's ports are those that are free here; it runs, and what the page takes for granted is typed."""
    page = REPOSITORY / "docs"
    for settings in folder.glob("**/remote.toml"):
        settings.write_text(typist.meant(settings.read_text()))
    if start.serve:
        typist.does(Item(page, 0, "terminal", f"cd {start.inside} && {SERVE[0]}\n", SERVE[1]))
    if start.typed:
        typist.does(Item(page, 0, "typed", start.typed))


def test_what_is_not_run_has_a_reason_and_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    left = [item for page in PAGES for item in items_of(page) if item.kind == "not run"]
    for item in left:
        assert len(item.mark.split()) >= 4, f"{item}: why is it not run?"
    run = sum(len(typed(page)) for page in PAGES)
    with capsys.disabled():
        print(f"\n{run} blocks of the manual are typed by tests, {len(left)} are not:")
        for reason, count in Counter(item.mark for item in left).most_common():
            print(f"  {count} x {reason}")
    assert len(left) <= MOST_NOT_RUN
    assert run > len(left)

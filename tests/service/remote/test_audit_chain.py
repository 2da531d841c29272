"""The audit's chain: whatever is done to its rows shows, and several processes write one."""

import json
import multiprocessing
import random
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gridecho_common.secrets import write_secret
from gridecho_remote import create_archive, open_archive
from gridecho_remote.commands.remote import remote
from gridecho_remote.jobs.tidying import Tidier
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.chain import START, Head, Row, linked
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import anchors, doctor
from gridecho_remote.store import audit as rows_
from gridecho_remote.use import audit
from gridecho_remote.use.site import Site, site_of

from tests.rigs.fleet import Fleet
from tests.rigs.waiting import HANG_S, wait_for

DAY_S = 86_400
Rows = list[tuple[Any, ...]]


def fill(fleet: Fleet, count: int = 30) -> None:
    """Rows of all sorts; a few are alike but for their number."""
    for n in range(count):
        with audit.noted(fleet.site, person(n % 3), "test.did", f"subject {n % 4}\0", more=["\0", "\u00e9", n % 2]):
            pass


def stored(fleet: Fleet) -> Rows:
    return fleet.archive.connection().execute("SELECT * FROM audit ORDER BY id").fetchall()


def store(fleet: Fleet, rows: Rows) -> None:
    connection = fleet.archive.connection()
    connection.execute("DELETE FROM audit")
    connection.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def said(fleet: Fleet, file: Path | None = None) -> list[str]:
    return [problem.code for problem in audit.verify(fleet.site, OPERATOR, file)[1]]


def test_a_chain_is_what_its_export_says(fleet: Fleet) -> None:
    fill(fleet)
    assert said(fleet) == []
    digest = bytes(32)
    rows = list(audit.rows(fleet.site, OPERATOR))
    assert [row["id"] for row in rows] == list(range(1, 31))
    for row in rows:
        theirs = row.pop("digest")
        digest = sha256(digest + json.dumps(list(row.values()), separators=(",", ":")).encode()).digest()
        assert theirs == digest.hex()
    assert audit.verify(fleet.site, OPERATOR)[0] == 30


def test_what_is_undone_leaves_no_hole(fleet: Fleet) -> None:
    fill(fleet, 3)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), fleet.archive.writing():
            fill(fleet, 2)
            raise ZeroDivisionError
    fill(fleet, 3)
    assert [row[0] for row in stored(fleet)] == [1, 2, 3, 4, 5, 6]
    assert said(fleet) == []


def test_1000_changes_are_each_found(fleet: Fleet) -> None:
    fill(fleet)
    rows, chance = stored(fleet), random.Random(1)
    ends = fleet.archive.meta("audit_head") or ""
    found = set()
    for _ in range(1_000):
        made, head = changed(list(rows), ends, chance)
        store(fleet, made)
        fleet.archive.set_meta("audit_head", head)
        problems = said(fleet)
        assert problems, (made, head)
        found |= set(problems)
    assert found == {"audit-changed", "audit-missing"}
    store(fleet, rows)
    fleet.archive.set_meta("audit_head", ends)
    assert said(fleet) == []


def changed(rows: Rows, head: str, chance: random.Random) -> tuple[Rows, str]:
    """The rows with an edit, a cut, a swap or a row more."""
    at, what = chance.randrange(len(rows)), chance.randrange(6)
    if what == 0:
        row, column = list(rows[at]), chance.randrange(1, 8)
        was = row[column]
        row[column] = was + 1 if isinstance(was, int) else was + "x" if isinstance(was, str) else bytes(was) + b"x"
        rows[at] = tuple(row)
    elif what == 1:
        del rows[at : at + chance.randrange(1, 4)]
    elif what == 2:
        other = chance.choice([n for n in range(len(rows)) if n != at])
        rows[at], rows[other] = (rows[at][0], *rows[other][1:]), (rows[other][0], *rows[at][1:])
    elif what == 3:
        rows.append((len(rows) + 1, *rows[at][1:]))
    elif what == 4:
        rows = [(n + 1, *row[1:]) for n, row in enumerate(rows[:at] + rows[at + 1 :])]
    else:
        head = chance.choice([f"{len(rows) - 1} {rows[-2][-1].hex()}", f"{len(rows)} {bytes(32).hex()}", "none", ""])
    return rows, head


def anew(rows: Rows) -> tuple[Rows, str]:
    """What who can write the database can do: all digests made anew."""
    digest, made = START, []
    for number, row in enumerate(rows, 1):
        fields = Row(number, *row[1:-1])
        digest = linked(digest, fields)
        made.append((number, *row[1:-1], digest))
    return made, str(Head(len(made), digest))


@pytest.mark.parametrize("cut", [slice(0, 20), slice(1, None), slice(0, 0)], ids=["tail", "first", "all"])
def test_a_chain_that_was_made_anew_is_found_by_what_is_outside(fleet: Fleet, cut: slice) -> None:
    file = fleet.folder / "audit.anchors"
    site = replace(fleet.site, settings=fleet.site.settings.model_copy(update={"audit_anchors": str(file)}))
    noted = None
    for _ in range(3):
        fill(fleet, 10)
        noted = audit.anchor(site, noted)
        assert audit.anchor(site, noted) == noted
        audit.anchor(site, None)  # another process, on the same day
        fleet.clock.now_s += DAY_S
    assert len(file.read_text().splitlines()) == 3
    assert said(fleet, file) == []
    rows, head = anew(stored(fleet)[cut])
    store(fleet, rows)
    fleet.archive.set_meta("audit_head", head)
    assert said(fleet) == []
    assert set(said(fleet, file)) & {"audit-anchor", "audit-missing"}
    assert audit.verify(site, OPERATOR)[1], "without being told of the file, the settings name it"


@pytest.mark.parametrize("text", ["2027-01-01 x y\n", "2027-01-01 1\n", "x 1 " + "0" * 64, "2027-01-01 1 00", "\udcff"])
def test_a_file_that_holds_no_anchors(tmp_path: Path, text: str) -> None:
    file = tmp_path / "audit.anchors"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RemoteError) as raised:
        anchors.read(file)
    assert raised.value.code == "anchors-wrong"
    with pytest.raises(RemoteError) as raised:
        anchors.read(tmp_path / "none")
    assert raised.value.code == "file-unreadable"


def test_the_tidier_notes_where_it_ends(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    fill(fleet, 2)
    file = fleet.folder / "audit.anchors"
    changed = fleet.site.settings.model_copy(update={"tidy_every_s": 0.01, "audit_anchors": str(file)})
    tidier = Tidier(replace(fleet.site, settings=changed))
    with caplog.at_level("INFO"):
        tidier.start()
        try:
            wait_for(file.exists, "an anchor")
        finally:
            tidier.stop()
    [(number, digest)] = anchors.read(file).items()
    assert (number, digest) == (2, stored(fleet)[-1][-1])
    assert digest.hex() in caplog.text
    assert date.fromisoformat(file.read_text()[:10])


def test_the_doctor_looks_at_it(fleet: Fleet) -> None:
    fill(fleet)
    fleet.archive.connection().execute("UPDATE audit SET subject = 'another' WHERE id = 7")
    assert [(one.code, one.fields) for one in doctor.problems(fleet.archive)] == [("audit-changed", {"id": 7})]


def test_the_commands(tmp_path: Path, only_sqlite: None) -> None:
    archive = create_archive(tmp_path / "remote.sqlite", write_secret(tmp_path / "remote.key"))
    config = tmp_path / "remote.toml"
    config.write_text("")
    archive.close()

    def run(*words: str) -> Any:
        return CliRunner().invoke(remote, [*words, "--config", str(config)])

    for name in ("ada", "bob"):
        assert run("user", "add", name).exit_code == 0
    done = run("audit", "verify")
    assert (done.exit_code, done.output) == (0, "2 rows: sound.\n")
    assert [json.loads(line)["subject"] for line in run("audit", "export").output.splitlines()] == [
        "user ada",
        "user bob",
    ]
    assert "user bob" in run("audit").output
    archive = open_archive(tmp_path / "remote.sqlite", bytes.fromhex((tmp_path / "remote.key").read_text()))
    archive.connection().execute("DELETE FROM audit WHERE id = 1")
    archive.close()
    done = run("audit", "verify", "--json")
    assert (done.exit_code, json.loads(done.output)) == (
        1,
        {"rows": 2, "problems": ["Rows 1 to 1 of the audit are missing."], "cut_up_to": 0},
    )
    done = run("audit", "verify", "--anchors", str(tmp_path / "none"))
    assert (done.exit_code, "cannot be read" in done.output) == (1, True)


def write(database: str, kek: bytes, count: int, gate: Any, done: Any) -> None:
    """One process of several that write."""
    archive = open_archive(database, kek)
    site = site_of(RemoteSettings(), archive)
    gate.wait(HANG_S)
    for n in range(count):
        with audit.noted(site, OPERATOR, "test.raced", f"subject {n}"):
            pass
        done.value += 1
    archive.close()


def test_several_processes_of_which_one_is_killed_write_one_chain(fleet: Fleet) -> None:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(3)
    counts = [context.Value("q", 0) for _ in range(3)]
    writers = [
        context.Process(target=write, args=(fleet.database, fleet.kek, most, gate, count))
        for most, count in zip((150, 150, 1 << 30), counts, strict=True)
    ]
    for writer in writers:
        writer.start()
    wait_for(lambda: counts[2].value > 20, "a third one at work")
    writers[2].kill()
    for writer, exit_code in zip(writers, (0, 0, -9), strict=True):
        writer.join(HANG_S)
        assert writer.exitcode == exit_code
    rows, problems, _ = audit.verify(fleet.site, OPERATOR)
    assert problems == []
    assert 0 <= rows - 300 - counts[2].value <= 1
    assert len(rows_.newest(fleet.archive, 10_000)) == rows


def by_day(fleet: Fleet, days: int, each: int = 3) -> None:
    for _ in range(days):
        fill(fleet, each)
        fleet.clock.now_s += DAY_S


def keeping(fleet: Fleet, days: int, **more: object) -> Site:
    return replace(fleet.site, settings=fleet.site.settings.model_copy(update={"audit_keep_days": days, **more}))


@pytest.mark.parametrize("at_once", [4, 10_000])
def test_the_oldest_rows_are_cut_off_and_the_chain_stays_whole(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(rows_, "_AT_ONCE", at_once)
    by_day(fleet, 10)
    assert audit.cut(fleet.site, OPERATOR) == 0, "nothing is said of how long it is kept"
    digest = bytes(stored(fleet)[14][-1])
    for _ in range(2):
        assert audit.cut(keeping(fleet, 5), OPERATOR) in (15, 0)
        kept, problems, cut = audit.verify(fleet.site, OPERATOR)
        assert (problems, cut, kept) == ([], 15, len(stored(fleet)))
    first, *_, last = audit.rows(fleet.site, OPERATOR)
    assert (first["id"], last["what"], last["subject"]) == (16, "audit.cut", "audit")
    assert json.loads(str(last["fields"])) == {"digest": digest.hex(), "last": 15}
    theirs = first.pop("digest")
    said_to_be = sha256(digest + json.dumps(list(first.values()), separators=(",", ":")).encode()).hexdigest()
    assert theirs == said_to_be, "from what the row says the chain can be made anew"
    by_day(fleet, 10)
    assert audit.cut(keeping(fleet, 5), OPERATOR) > 15, "what told of the first cut goes, too"
    assert said(fleet) == []
    fleet.clock.now_s += 30 * DAY_S
    assert audit.cut(keeping(fleet, 1), OPERATOR) > 15, "all"
    assert (said(fleet), [row[4] for row in stored(fleet)][-1]) == ([], "audit.cut")
    fill(fleet, 3)
    assert said(fleet) == []
    assert list(doctor.problems(fleet.archive)) == []


def test_1000_changes_of_a_chain_that_was_cut_are_each_found(fleet: Fleet) -> None:
    by_day(fleet, 12)
    audit.cut(keeping(fleet, 6), OPERATOR)
    rows, chance = stored(fleet), random.Random(2)
    ends = {name: fleet.archive.meta(name) or "" for name in ("audit_head", "audit_cut")}
    for _ in range(1_000):
        made, head = list(rows), ends["audit_head"]
        at, what = chance.randrange(len(rows)), chance.randrange(5)
        begin = ends["audit_cut"]
        if what == 0:  # more is cut off, and nothing says so
            gone = chance.randrange(1, len(rows))
            begin, made = f"{made[gone - 1][0]} {bytes(made[gone - 1][-1]).hex()}", made[gone:]
        elif what == 1:
            begin = chance.choice(["", "0 " + bytes(32).hex(), begin[:-1] + "g", f"{rows[at][0]} {bytes(32).hex()}"])
        elif what == 2:
            del made[at]
        elif what == 3:
            made[at] = (*made[at][:5], made[at][5] + "x", *made[at][6:])
        else:
            made = made[: max(1, at)]
        store(fleet, made)
        fleet.archive.set_meta("audit_head", head)
        fleet.archive.set_meta("audit_cut", begin)
        assert said(fleet), (what, at, begin)
    store(fleet, rows)
    for name, end in ends.items():
        fleet.archive.set_meta(name, end)
    assert said(fleet) == []


def test_a_cut_that_is_another_than_it_was_is_found_by_what_is_outside(fleet: Fleet) -> None:
    file = fleet.folder / "audit.anchors"
    site = keeping(fleet, 5, audit_anchors=str(file))
    by_day(fleet, 4)
    audit.anchor(site, None)
    by_day(fleet, 6)
    audit.cut(site, OPERATOR)
    assert audit.verify(site, OPERATOR)[1:] == ([], 15), "rows up to an anchor are gone, as was said"
    lines = file.read_text().splitlines()
    file.write_text(lines[0].replace(" 12 ", " 15 ")[:-1] + ("0" if lines[0][-1] != "0" else "1") + "\n")
    assert [one.code for one in audit.verify(site, OPERATOR)[1]] == ["audit-anchor"]


def test_once_a_day_what_is_too_old_is_cut_off(fleet: Fleet) -> None:
    by_day(fleet, 10)
    tidier = Tidier(keeping(fleet, 5, tidy_every_s=0.01))
    tidier.start()
    try:
        wait_for(lambda: len(stored(fleet)) < 30)
        wait_for(lambda: stored(fleet)[0][0] == 16)
    finally:
        tidier.stop()
    assert said(fleet) == []

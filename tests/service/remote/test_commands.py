"""The commands: what they make, what they say, and that wrong settings end them with one sentence and exit code 2."""

import io
import json
import logging
import sqlite3
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gridecho_common.secrets import read_secret, write_secret
from gridecho_remote.commands.remote import remote
from gridecho_remote.settings import RemoteSettings, read_remote_settings
from gridecho_remote.store import enrol
from gridecho_remote.store.database import open_archive
from gridecho_remote.store.models import SCHEMA_VERSION, Holding, Route
from gridecho_remote.use.enrolment_files import Entry, key_check, public_key, seal, write_entry

from tests.rigs.fleet import PASSWORD, Fleet, log_in

ROOT, NEW_ROOT = b"r" * 32, b"n" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "r"
    assert run("init", "--dir", str(place)).exit_code == 0
    return place


def run(*words: str, folder: Path | None = None) -> Result:
    more = ["--config", str(folder / "remote.toml")] if folder else []
    return CliRunner().invoke(remote, [*words, *more])


def test_init_makes_files_that_run_and_only_once(folder: Path) -> None:
    assert (folder / "remote.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "remote.sqlite").stat().st_mode & 0o077 == 0
    settings = read_remote_settings(folder / "remote.toml")
    defaults = RemoteSettings()
    assert settings.model_copy(update={"database": defaults.database, "key_file": defaults.key_file}) == defaults
    again = run("init", "--dir", str(folder))
    assert again.exit_code == 2
    assert "already" in again.output


def test_every_setting_is_explained_in_the_template(folder: Path) -> None:
    text = (folder / "remote.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines() if " = " in line]
    (folder / "all.toml").write_text("\n".join(lines))
    assert {line.split(" = ")[0] for line in lines} == set(RemoteSettings.model_fields)
    assert read_remote_settings(folder / "all.toml") == read_remote_settings(folder / "remote.toml")


def test_enrol_grant_and_list(folder: Path) -> None:
    root = folder / "s7.key"
    words = ("enrol", "sensor", "--id", "7", "--name", "Mill Lane", "--region", "north/a", "--category", "residential")
    assert run(*words, "--root-file", str(root), folder=folder).exit_code == 0
    assert root.stat().st_mode & 0o777 == 0o600
    assert "enrolled already" in run(*words, "--root-file", str(root), folder=folder).output
    secret = write_secret(folder / "r1.key")
    relay = ("enrol", "relay", "--id", "1", "--name", "Roof", "--secret-file", str(folder / "r1.key"), "--json")
    assert json.loads(run(*relay, folder=folder).output)["id"] == 1
    assert secret.hex() not in run("relays", folder=folder).output
    sensor = {"id": 7, "name": "Mill Lane", "region": "north/a", "category": "residential", "key_id": 1}
    assert json.loads(run("sensors", "--json", folder=folder).output) == [sensor]
    assert len(json.loads(run("user", "add", "ada", "--json", folder=folder).output)["one_time_password"]) == 24
    grant = ("grant", "add", "ada", "--region", "north", "--quantity", "1-0:1.7.0", "--expires", "2027-01-01")
    assert run(*grant, folder=folder).exit_code == 0
    listed = json.loads(run("grant", "list", "--json", folder=folder).output)[0]
    assert (listed["quantities"], listed["expires"]) == (["1-0:1.7.0"], "2027-01-01T00:00:00+00:00")
    assert run("grant", "revoke", "1", folder=folder).exit_code == 0
    assert run("grant", "revoke", "1", folder=folder).exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "add", " "), "user name"),
        (("user", "reset", "bob"), "no user bob"),
        (("grant", "add", "bob", "--region", "x"), "no user bob"),
        (("grant", "add", "ada"), "names a region"),
        (("grant", "add", "ada", "--region", "x", "--quantity", "power"), "unknown quantity"),
        (("grant", "add", "ada", "--region", "x", "--expires", "soon"), "is not a time"),
        (("enrol", "sensor", "--id", "4294967296", "--name", "x"), "1<=x<=4294967295"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(folder: Path, words: tuple[str, ...], said: str) -> None:
    run("user", "add", "ada", folder=folder)
    result = run(*words, folder=folder)
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("listn = 1", 'unknown key "listn"'),
        ("threads = 'many'", '"threads"'),
        ("listen = 'here'", "host:port"),
        ("database = 'mysql://ada:hidden@there/gridecho'", "postgresql://"),
        ("database = 'postgresql://ada:hidden@there:many/gridecho'", "cannot be reached"),
        ("database = 'postgresql://ada:hidden@[there/gridecho'", "%XX"),
        ("max_batch_bytes = 5", '"max_batch_bytes"'),
        ("secure_cookies = 1", '"secure_cookies"'),
        ("this is no toml", "not a TOML file"),
        ("key_file = 'other.key'", "other.key"),
        ("database = 'other.sqlite'", "gridecho remote init"),
    ],
)
def test_wrong_settings_are_one_sentence_and_exit_code_2(folder: Path, line: str, said: str) -> None:
    (folder / "remote.toml").write_text(line)
    result = run("run", folder=folder)
    assert result.exit_code == 2
    assert said in result.output
    assert str(folder) in result.output or "postgresql" in line
    assert "hidden" not in result.output


def test_keys_and_databases_that_do_not_fit(folder: Path) -> None:
    key = folder / "remote.key"
    key.chmod(0o644)
    assert "chmod 600" in run("sensors", folder=folder).output
    key.unlink()
    write_secret(key)
    wrong = run("sensors", folder=folder)
    assert (wrong.exit_code, "another key file" in wrong.output) == (2, True)
    (folder / "remote.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 100)
    assert "not a database" in run("sensors", folder=folder).output


def test_a_database_of_a_newer_version_is_refused(folder: Path) -> None:
    connection = sqlite3.connect(folder / "remote.sqlite")
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(SCHEMA_VERSION + 1),))
    connection.commit()
    connection.close()
    result = run("sensors", folder=folder)
    assert result.exit_code == 2
    assert "newer gridecho" in result.output


@pytest.mark.parametrize("table", [Holding, Route])
def test_import_warns_of_a_sensor_whose_epochs_are_ahead_of_the_clock(folder: Path, table: type) -> None:
    archive = open_archive(folder / "remote.sqlite", read_secret(folder / "remote.key"))
    enrol.enrol_sensor(archive, 7, "Seven", "north", "residential", ROOT)
    entry = Entry(7, "Seven", "north", "residential", 1, key_check(NEW_ROOT), (key_check(ROOT),))
    write_entry(folder / "site.enrol", seal(entry, NEW_ROOT, public_key(archive)))
    assert enrol.highest_epoch(archive, 7) == 0
    epoch = int(time.time()) + 86_400
    for one in (epoch, epoch - 5):
        where = (
            {"first_seq": 1, "last_seq": 2, "first_s": 0, "step_s": 0} if table is Holding else {"seq": 1, "item": 0}
        )
        more = {} if table is Holding else {"time_s": 0, "rtt_us": 1}
        table.insert(sensor_id=7, relay_id=1, epoch=one, **where, **more).execute(archive.db)
    assert enrol.highest_epoch(archive, 7) == epoch
    archive.close()
    said = run("enrol", "import", str(folder / "site.enrol"), folder=folder)
    assert f"sensor 7 has data of epoch {epoch} here, which is ahead of the clock" in said.stderr
    assert "new key" in said.stdout
    assert run("enrol", "import", str(folder / "site.enrol"), folder=folder).stderr == ""


def test_every_command_has_help_with_an_example() -> None:
    def commands(command, path):
        for name, sub in getattr(command, "commands", {}).items():
            yield from commands(sub, [*path, name])
        if not hasattr(command, "commands"):
            yield path

    paths = list(commands(remote, []))
    assert len(paths) >= 14
    for path in paths:
        result = CliRunner().invoke(remote, [*path, "--help"])
        assert result.exit_code == 0
        assert "Example: gridecho remote " + " ".join(path) in result.output, path


def test_secrets_are_neither_in_the_database_nor_in_the_log(fleet: Fleet) -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        client = fleet.person()
        fleet.send(fleet.frame(7, {2: 1}), fleet.frame(77, {2: 1}, root=bytes(32)))
        log_in(fleet.app.test_client(), "ada", "a wrong password")
        assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302
        bearer = "Bearer " + "00" * 32
        client.get("/relay/v1/keys?relay=1", headers={"Authorization": bearer})
        client.get("/")
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(logging.WARNING)
    secrets = [fleet.kek, *fleet.roots.values(), *fleet.relays.values(), PASSWORD.encode()]
    stored = b"".join(file.read_bytes() for file in fleet.folder.iterdir())
    assert b"Mill Lane" in stored
    assert "quarantined" in lines.getvalue()
    for secret in secrets:
        assert secret not in stored
        assert secret.hex().encode() not in stored
        assert secret.hex() not in lines.getvalue()
    assert PASSWORD not in lines.getvalue()
    assert "a wrong password" not in lines.getvalue()

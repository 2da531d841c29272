"""`gridecho relay init --code`: one command makes an enrolled relay; an answer that was lost costs no code."""

import pytest
from click.testing import CliRunner
from gridecho_common.secrets import read_secret, write_secret
from gridecho_relay.command import relay
from gridecho_relay.settings import load

from tests.rigs.workshop import RELAY_ID

CODE = "ABCD-EFGH"


def init(folder, remote, *arguments, code=CODE):
    told = ["init", "--dir", folder, "--remote", remote, *(["--code", code] if code else []), *arguments]
    return CliRunner().invoke(relay, [str(one) for one in told])


@pytest.fixture
def remote(workshop):
    workshop.remote.codes[CODE] = {}
    return workshop.remote


def test_a_code_is_all_it_takes(workshop, remote, tmp_path):
    folder = tmp_path / "new"
    result = init(folder, remote.url, "--name", "barn")
    assert result.exit_code == 0, result.output
    settings = load(folder / "relay.toml")
    assert (settings.relay_id, settings.name, settings.remote) == (RELAY_ID, "barn", remote.url)
    assert read_secret(settings.secret_file) == remote.secret
    assert settings.secret_file.stat().st_mode & 0o777 == 0o600
    assert remote.secret.hex() not in result.output
    assert f"relay {RELAY_ID} is enrolled" in result.output
    assert f"gridecho relay run --config {folder / 'relay.toml'}" in result.output
    assert sorted(path.name for path in folder.iterdir()) == ["relay.secret", "relay.toml"]
    again = init(folder, remote.url)
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_the_name_may_come_from_the_remote(workshop, remote, tmp_path, monkeypatch):
    given = remote.enrol_relay
    monkeypatch.setattr(remote, "enrol_relay", lambda asked: given(asked | {"name": asked["name"] or "by the remote"}))
    assert init(tmp_path / "new", remote.url).exit_code == 0
    assert load(tmp_path / "new" / "relay.toml").name == "by the remote"


def test_a_lost_answer_costs_no_code(workshop, remote, tmp_path, monkeypatch):
    folder = tmp_path / "new"
    given = remote.enrol_relay

    def loses(asked):
        assert given(asked)[0] == 200
        return 502, b""

    monkeypatch.setattr(remote, "enrol_relay", loses)
    lost = init(folder, remote.url)
    assert lost.exit_code == 1
    assert "HTTP 502" in lost.stderr
    assert [path.name for path in folder.iterdir()] == ["relay.enrolling"]
    assert (folder / "relay.enrolling").stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(remote, "enrol_relay", given)
    # Somebody else who saw the code has no use for it any more.
    assert init(tmp_path / "thief", remote.url).exit_code == 1
    assert init(folder, remote.url).exit_code == 0
    assert read_secret(folder / "relay.secret") == remote.secret


def test_a_settings_file_that_could_not_be_written_costs_no_code(workshop, remote, tmp_path, monkeypatch):
    folder = tmp_path / "new"
    with monkeypatch.context() as patched:

        def full(*_):
            raise OSError(28, "No space left on device")

        patched.setattr("gridecho_relay.command.write", full)
        assert init(folder, remote.url).exit_code != 0
    assert init(folder, remote.url).exit_code == 0
    assert load(folder / "relay.toml").relay_id == RELAY_ID


@pytest.mark.parametrize(
    ("what", "exit_code", "said"),
    [
        ({"code": "wrong"}, 1, "wrong, used or expired; get another one there with: gridecho remote enrol relay-code"),
        ({"arguments": ("--relay-id", "5")}, 2, "the remote gives the number"),
        ({"remote": "http://far.example"}, 2, "use https://, or say --insecure"),
        ({"remote": "http://127.0.0.1:1"}, 1, "does not answer"),
        ({"remote": "ftp://far.example"}, 2, '"remote": a URL'),
        ({"arguments": ("--listen", "nowhere")}, 2, '"listen": an address'),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_leaves_the_code_good(workshop, remote, tmp_path, what, exit_code, said):
    folder = tmp_path / "new"
    result = init(folder, what.get("remote", remote.url), *what.get("arguments", ()), code=what.get("code", CODE))
    assert result.exit_code == exit_code, result.output
    assert said in result.stderr
    assert not (folder / "relay.toml").exists()
    assert not (folder / "relay.secret").exists()
    assert remote.codes[CODE] == {}
    assert init(folder, remote.url).exit_code == 0


def test_insecure_is_said_by_the_operator(workshop, remote, tmp_path):
    result = init(tmp_path / "new", "http://localhost.invalid:1", "--insecure")
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


def test_a_secret_that_is_there_is_not_replaced(workshop, remote, tmp_path):
    secret = write_secret(tmp_path / "relay.secret.old")
    folder = tmp_path / "new"
    folder.mkdir()
    (tmp_path / "relay.secret.old").rename(folder / "relay.secret")
    result = init(folder, remote.url)
    assert result.exit_code == 2
    assert "a code is for a relay without a secret" in result.stderr
    assert read_secret(folder / "relay.secret") == secret
    assert remote.codes[CODE] == {}


@pytest.mark.parametrize("answer", [(200, b"{}"), (200, b"x" * 10_000), (404, b""), (429, b"")])
def test_answers_of_something_else(workshop, remote, tmp_path, monkeypatch, answer):
    monkeypatch.setattr(remote, "enrol_relay", lambda _: answer)
    result = init(tmp_path / "new", remote.url)
    assert result.exit_code == 1
    assert "HTTP" in result.stderr or "too often" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1

"""`gridecho config`: what the board would say, before the board says it."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gridecho.config import read_config
from gridecho.errors import ConfigError
from gridecho.meter_settings import TYPES, checked
from gridecho_cli import main
from gridecho_flash import config_command


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["config", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("meter", TYPES)
def test_each_example_is_right(meter: str, tmp_path: Path) -> None:
    code, said, _ = run("example", meter)
    assert code == 0
    checked = read_config(said)
    assert checked.meter_type == meter
    file = tmp_path / "config.json"
    file.write_text(said)
    code, said, _ = run("check", str(file))
    assert (code, said.count("\n")) == (0, 1)
    assert f"reads a {meter} meter every 60 s" in said
    assert "its password" not in said
    code, said, _ = run("check", "--json", str(file))
    told = json.loads(said)
    assert (code, told["ok"], told["meter"]) == (0, True, {"type": meter, **checked.meter})
    assert "its password" not in said


def test_every_type_has_an_example() -> None:
    assert sorted(config_command._METERS) == sorted(TYPES)


LINE = (("uart", 0), ("uart", 3), ("rx", -1), ("rx", 49), ("tx", 16), ("tx", "17"), ("baud", 299), ("bits", 9))
LINE += (("parity", "mark"), ("parity", 0), ("stop", 3), ("invert", 1), ("speed", 9600))
WRONG = [(meter, key, value) for meter in ("dlt645", "dsmr", "han", "pzem", "sml") for key, value in LINE] + [
    ("dlt645", "address", "12345678901"),
    ("dlt645", "address", "12345678901x"),
    ("dlt645", "address", 123456789012),
    ("dlt645", "phases", 2),
    ("dlt645", "phases", 4),
    ("dsmr", "address", 1),
    ("pzem", "address", 0),
    ("pzem", "address", 249),
    ("s0", "pin", 49),
    ("s0", "pin", True),
    ("s0", "pulses_per_kwh", 0),
    ("s0", "start_wh", -1),
    ("s0", "min_gap_ms", 0),
    ("s0", "save_s", 9),
    ("s0", "save_pulses", 0),
    ("s0", "pull_up", "yes"),
    ("s0", "file", "x"),
    ("replay", "uart", 1),
]


@pytest.mark.parametrize(("meter", "key", "value"), WRONG)
def test_what_is_wrong_is_named(meter: str, key: str, value: object) -> None:
    section: dict[str, Any] = {**config_command._METERS[meter], key: value}
    with pytest.raises(ConfigError) as raised:
        checked(meter, section)
    assert raised.value.key in ("meter." + key, f'unknown key "{key}"')
    assert raised.value.expected


@pytest.mark.parametrize("meter", ["dlt645", "dsmr", "han", "pzem", "sml"])
def test_multipliers(meter: str) -> None:
    for factor in (1, 100_000, 0.0001, 0.01, 12.5, 123.4567):
        section = {**config_command._METERS[meter], "multiplier": {"voltage": factor, "energy": factor}}
        assert checked(meter, section)["multiplier"] == {"voltage": factor, "energy": factor}
    for wrong, named in (
        (5, "meter.multiplier"),
        (None, "meter.multiplier"),
        ({"volts": 1}, 'unknown key "volts"'),
        *(
            ({"power": value}, "meter.multiplier.power")
            for value in (0, -1, 100_001, 0.00001, 1 / 3, True, "2", None, [1])
        ),
    ):
        with pytest.raises(ConfigError) as raised:
            checked(meter, {**config_command._METERS[meter], "multiplier": wrong})
        assert raised.value.key == named


def test_what_must_be_there() -> None:
    for key in ("pin", "pulses_per_kwh"):
        section = dict(config_command._METERS["s0"])
        del section[key]
        with pytest.raises(ConfigError, match="meter." + key):
            checked("s0", section)


def test_an_address_may_be_written_in_small_letters() -> None:
    assert checked("dlt645", {"address": "a" * 12})["address"] == "A" * 12
    assert checked("dlt645", {"address": "000000000161"})["address"] == "000000000161"


def test_what_is_no_config_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    for content, named in (
        (b"{", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", "an object with"),
        (b'{"sensor_id": 1, "relays": [{"id": 1, "host": "h"}], "meter": {"type": "gas"}}', "dlt645, dsmr"),
        (b'{"sensor_id": 1, "relays": [{"id": 1, "host": "h"}], "meter": {"type": "s0"}}', "meter.pin"),
        (None, "can be read"),
    ):
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        code, said, error = run("check", str(file))
        assert (code, said, error.count("\n")) == (2, "", 1)
        assert named in error
        assert str(file) in error
        code, said, error = run("check", str(file), "--json")
        told = json.loads(said)
        assert (code, told["ok"], error) == (2, False, "")
        assert named in told["key"] + told["expected"]


def test_a_relay_that_only_has_ipv6_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    four, six = (socket.AF_INET, 2, 17, "", ("10.0.0.1", 0)), (socket.AF_INET6, 2, 17, "", ("fd00::1", 0, 0, 0))
    known = {"both.lan": [six, four], "six.lan": [six]}
    asked = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return known[host]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    file = tmp_path / "config.json"
    for host, right in (
        ("both.lan", True),
        ("elsewhere.lan", True),
        ("10.0.0.1", True),
        ("six.lan", False),
        ("::1", False),
        ("fd00::1", False),
    ):
        file.write_text(
            json.dumps(
                {
                    "sensor_id": 1,
                    "relays": [{"id": 1, "host": host}],
                    "meter": {"type": "s0", "pin": 4, "pulses_per_kwh": 1},
                }
            )
        )
        code, _, error = run("check", str(file))
        assert code == (0 if right else 2), host
        assert right or ("relays[0].host" in error and "IPv6" in error)
    assert asked == ["both.lan", "elsewhere.lan", "six.lan"]


def test_help_has_examples() -> None:
    for command, wanted in (("check", "config check config.json"), ("example", "config example dsmr >")):
        code, said, _ = run(command, "--help")
        assert code == 0
        assert wanted in said

"""open_meter on a board: which UART and pin it takes, with which settings, and what it says when the board has none."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from gridecho.errors import ConfigError
from gridecho.meter_settings import TYPES, checked
from gridecho_node.meters import meter_module


class Uart:
    """Stands in for machine.UART."""

    INV_RX = 4
    made: list[tuple[int, dict[str, Any]]] = []

    def __init__(self, number: int, **settings: Any) -> None:
        if settings["rx"] == 48:
            raise ValueError("invalid pin")
        Uart.made.append((number, settings))

    def any(self) -> int:
        return 0

    def write(self, data: bytes) -> int:
        return len(data)

    def deinit(self) -> None:
        Uart.made.clear()


class Pin:
    """Stands in for machine.Pin."""

    IN, PULL_DOWN, PULL_UP, IRQ_RISING, IRQ_FALLING = 1, 1, 2, 1, 2
    made: tuple[int, int, int] = (0, 0, 0)

    def __init__(self, number: int, mode: int, pull: int) -> None:
        if number == 48:
            raise ValueError("invalid pin")
        Pin.made = (number, mode, pull)

    def irq(self, handler: Any, trigger: int = 0) -> None:
        self.handler, self.trigger = handler, trigger


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine: Any = types.ModuleType("machine")
    machine.UART, machine.Pin = Uart, Pin
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "network", types.ModuleType("network"))
    monkeypatch.delitem(sys.modules, "gridecho_node.hw", raising=False)
    monkeypatch.delattr(sys.modules["gridecho_node"], "hw", raising=False)
    monkeypatch.chdir(tmp_path)
    Uart.made.clear()


def opened(name: str, **section: object) -> Any:
    module = meter_module(name)
    return module.open_meter(checked(name, section))


@pytest.mark.parametrize(
    ("name", "baud", "parity", "invert"),
    [
        ("dsmr", 115_200, None, 4),
        ("sml", 9_600, None, 0),
        ("han", 2_400, 0, 0),
        ("dlt645", 2_400, 0, 0),
        ("pzem", 9_600, None, 0),
    ],
)
def test_the_line_that_each_meter_needs(name: str, baud: int, parity: int | None, invert: int) -> None:
    meter = opened(name)
    number, got = Uart.made[0]
    assert number == 2
    assert got.pop("rxbuf") >= 1024
    assert got == {
        "baudrate": baud,
        "bits": 8,
        "parity": parity,
        "stop": 1,
        "rx": 16,
        "tx": 17,
        "timeout": 0,
        "invert": invert,
    }
    meter.begin(0)
    assert (meter.read(0), meter.bad()) == ({}, 0)
    meter.close()
    assert not Uart.made


def test_a_line_as_configured() -> None:
    opened("dsmr", uart=1, rx=4, tx=5, baud=9600, bits=7, parity="odd", stop=2, invert=False)
    number, got = Uart.made[0]
    assert (number, got["rx"], got["tx"], got["baudrate"]) == (1, 4, 5, 9600)
    assert (got["bits"], got["parity"], got["stop"], got["invert"]) == (7, 1, 2, 0)


@pytest.mark.parametrize("name", [name for name in TYPES if name not in ("replay", "s0")])
def test_a_uart_that_the_board_has_not(name: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.json: meter: expected a uart"):
        opened(name, rx=48)


def test_an_address_and_phases_arrive() -> None:
    meter = opened("dlt645", address="000000000161", phases=3)
    assert meter._parser.address == "000000000161"
    voltages = [meter._parser.request(number) for number in range(7)][5]
    assert voltages[14:18] == bytes((byte + 0x33) & 255 for byte in (0x00, 0xFF, 0x01, 0x02))
    assert opened("pzem", address=7)._parser.request(0)[0] == 7


@pytest.mark.parametrize(("pull_up", "pull", "trigger"), [(True, Pin.PULL_UP, 2), (False, Pin.PULL_DOWN, 1)])
def test_a_pulse_pin(pull_up: bool, pull: int, trigger: int) -> None:
    meter = opened("s0", pin=27, pulses_per_kwh=500, pull_up=pull_up)
    pin = meter._pulses.pin
    assert Pin.made == (27, Pin.IN, pull)
    assert pin.trigger == trigger
    pin.handler(pin)
    assert meter.read(0) == {0: 2}
    meter.close()
    assert pin.handler is None
    assert Path("pulses").read_bytes() == b"1"
    assert opened("s0", pin=27, pulses_per_kwh=500).read(0) == {0: 2}
    with pytest.raises(ConfigError, match=r"meter\.pin"):
        opened("s0", pin=48, pulses_per_kwh=500)


def test_a_series(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text("1-0:1.7.0\n5\n")
    meter = opened("replay", file="series.csv", loop=False)
    assert (meter.turn_us, meter.lead_us, meter.bad()) == (0, 0, 0)
    assert (meter.read(0), meter.read(1)) == ({2: 5}, None)
    meter.close()
    with pytest.raises(ConfigError, match=r"meter\.file"):
        opened("replay", file="none.csv")

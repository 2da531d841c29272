"""The board as a sensor: flashed and enrolled by `gridecho flash`, sending to a relay on this PC; its Wi-Fi pulled."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gridecho_flash.image import firmware_files
from gridecho_flash.link import Link

from tests.rigs.flash_site import Site, flash
from tests.rigs.waiting import HANG_S, wait_for

if TYPE_CHECKING:
    from hil_tests.conftest import Target

SENSOR_ID = 4_200_000_000


def lines_of(port: str, enough: Callable[[list[str]], bool]) -> list[str]:
    """Restarts the board and gives its console's lines, until they are enough."""
    lines: list[str] = []
    with Link(port) as link:
        link.restart()
        for line in link.console(HANG_S):
            lines.append(line)
            if enough(lines):
                return lines
    raise AssertionError(f"not enough within {HANG_S} s: {lines[-10:]}")


def test_flashing_makes_a_sensor_of_it_and_a_second_run_copies_nothing(
    first_run: dict[str, object], words: list[object], port: tuple[str, bool], site: Site
) -> None:
    assert first_run["problem"] is None
    assert first_run["key"] == "new"
    assert len(first_run["copied"]) == len(firmware_files()) + 2  # type: ignore[arg-type]
    (again,) = flash("board", *words)
    assert (again["copied"], again["removed"], again["key"], again["problem"]) == ([], [], "kept", None)
    assert flash("verify", "--port", port[0], "--enrol", site.remote, "--json")[0]["problem"] is None


def test_it_probes_sends_and_its_readings_are_at_the_remote(
    first_run: dict[str, object], port: tuple[str, bool], site: Site
) -> None:
    before = site.readings(SENSOR_ID)
    lines = lines_of(port[0], lambda lines: sum("acked" in line for line in lines) >= 3)
    assert any(re.match(r"route relay=1 rtt_us=\d+", line) for line in lines)
    wait_for(lambda: site.readings(SENSOR_ID) > before)


def test_its_time_is_utc(first_run: dict[str, object], port: tuple[str, bool]) -> None:
    def told(lines: list[str]) -> bool:
        return sum(line.startswith("acked") for line in lines) >= 2 and lines[-1].startswith("reading")

    begun_s = time.time()
    line = lines_of(port[0], told)[-1]
    at_ms = re.search(r"at=(\d+)", line)
    assert at_ms is not None
    assert begun_s - 2 < int(at_ms[1]) / 1000 < time.time() + 2


def test_every_boot_has_an_epoch_of_its_own(first_run: dict[str, object], port: tuple[str, bool]) -> None:
    def boot(lines: list[str]) -> bool:
        return lines[-1].startswith("boot sensor=")

    epochs = [
        int(re.search(r"epoch=(\d+)", lines_of(port[0], boot)[-1])[1])  # type: ignore[index]
        for _ in range(2)
    ]
    assert epochs[1] > epochs[0]


def test_it_sends_again_after_its_wifi_was_pulled(target: "Target") -> None:
    code = (
        "import time, network\n"
        "from gridecho_node.app import build\n"
        "sensor, _ = build(print)\n"
        "def go(ms):\n"
        "    end = time.ticks_add(time.ticks_ms(), ms)\n"
        "    while time.ticks_diff(end, time.ticks_ms()) > 0:\n"
        "        sensor.step()\n"
        "w = network.WLAN(network.STA_IF)\n"
        f"go({3000 if target.virtual else 15000})\n"
        "print('pulled', w.isconnected())\n"
        "w.active(False)\n"
        f"go({1000 if target.virtual else 8000})\n"
        "print('back', w.isconnected())\n"
        "import json\n"
        "wifi = json.load(open('config.json'))['wifi']\n"
        "w.active(True)\n"
        "w.connect(wifi['ssid'], wifi['password'])\n"
        f"go({3000 if target.virtual else 30000})\n"
        "print('end', w.isconnected())\n"
    )
    target.mpremote("soft-reset")
    said = target.run(code)
    before, _, rest = said.partition("pulled True\n")
    _, _, after = rest.partition("back False\n")
    assert "acked" in before, said
    assert "acked" in after, said
    assert "end True" in after

"""What the firmware counts on: memory, the interpreter, flash, and the core's arithmetic on the board itself."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil_tests.boards import Limits
    from hil_tests.conftest import Target


def test_there_is_heap_for_the_firmware(target: "Target", limits: "Limits") -> None:
    target.mpremote("soft-reset")
    assert int(target.run("import gc; gc.collect(); print(gc.mem_free())")) > limits.least_heap


def test_flash_has_room_and_small_files_are_replaced_whole(target: "Target", limits: "Limits") -> None:
    size, free = map(int, target.run("import os; s = os.statvfs('/'); print(s[0] * s[2], s[0] * s[3])").split())
    assert size >= limits.least_flash
    assert free >= limits.least_free_flash
    code = (
        "import os\n"
        "for n in range(20):\n"
        "    with open('hil/n.new', 'w') as f: f.write(str(n))\n"
        "    os.rename('hil/n.new', 'hil/n')\n"
        "print(open('hil/n').read(), os.listdir('hil'))"
    )
    assert target.run(code) == "19 ['n']\n"


def test_the_modules_that_the_firmware_imports_are_there(target: "Target") -> None:
    names = "asyncio binascii cryptolib gc hashlib json machine network os random select socket struct sys time"
    assert target.run("".join(f"import {name}\n" for name in names.split()) + "print('all')") == "all\n"


def test_siv_on_the_board_gives_rfc_5297s_bytes(target: "Target") -> None:
    code = (  # RFC 5297, A.1
        "from binascii import hexlify, unhexlify\n"
        "from gridecho.crypto import Siv\n"
        "siv = Siv(unhexlify('fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'))\n"
        "known = unhexlify('101112131415161718191a1b1c1d1e1f2021222324252627')\n"
        "print(hexlify(siv.seal(unhexlify('112233445566778899aabbccddee'), known)).decode())"
    )
    expected = "85632d07c6e8f37f950acd320a2ecc93" + "40c02b9690c4dc04daef7f6afe5c"
    assert target.run(code).strip() == expected


def test_the_id_is_the_radios_address(target: "Target") -> None:
    radio_on = "import machine, network\nw = network.WLAN(network.STA_IF)\nw.active(True)\n"
    assert target.run(radio_on + "print(w.config('mac') == machine.unique_id())") == "True\n"


@pytest.mark.real("runs MicroPython's unix port")
def test_the_interpreter_is_the_boards_and_new_enough(target: "Target", limits: "Limits") -> None:
    said = target.run("import sys; print(sys.platform, sys.implementation.version[:2] >= (1, 24))")
    assert said == f"{limits.platform} True\n"


@pytest.mark.real("has nothing wired to its pins")
def test_a_uarts_bytes_come_back_over_the_wire(target: "Target", limits: "Limits") -> None:
    if limits.uart is None:
        pytest.skip("boards.toml knows of no wire between two pins of this board")
    code = (
        "import machine, time\n"
        f"u = machine.UART({limits.uart.id}, 9600, tx={limits.uart.tx}, rx={limits.uart.rx}, rxbuf=512)\n"
        "sent = bytes(range(256))\n"
        "u.read()\nu.write(sent)\ntime.sleep_ms(500)\nprint(u.read() == sent)"
    )
    assert target.run(code) == "True\n"


@pytest.mark.real("has no radio")
def test_the_radio_sees_networks(target: "Target") -> None:
    code = "import network\nw = network.WLAN(network.STA_IF)\nw.active(True)\nprint(len(w.scan()))"
    assert int(target.run(code)) > 0


@pytest.mark.real("has the clock of its PC")
def test_the_microsecond_counter_is_steady(target: "Target") -> None:
    code = "import time\na = time.ticks_us()\ntime.sleep_ms(500)\nprint(time.ticks_diff(time.ticks_us(), a))"
    assert 499_000 < int(target.run(code)) < 520_000

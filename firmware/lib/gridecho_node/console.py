"""For a technician at the serial port: type a command while the sensor runs, or call its function through mpremote.

    mpremote connect /dev/ttyUSB0 resume exec "from gridecho_node import console; console.status()"

mpremote stops the sensor to do so; `console.go()` lets it go on, and so does a reset.
"""

import json

from gridecho.checks import parsed
from gridecho.compat import const
from gridecho.frames import SEND

from .files import read_file, read_route
from .port import running
from .uplink import PROBING

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from .sensor import Sensor

_COMMANDS = ("status", "probe", "route", "send", "config", "log", "help")
_STEPS = const(400)  # a command gives up after so many turns of the sensor


def run(word: str) -> None:
    """Runs a command by its name, or says which there are."""
    if word in _COMMANDS:
        globals()[word]()
    else:
        print("unknown command %s; there are: %s" % (word, " ".join(_COMMANDS)))


def help() -> None:
    """What there is."""
    print("status  how it is     probe  times all relays now     route   which relay, and which is on flash")
    print("send    reads the meter and sends it now              config  the settings, without secrets")
    print("log     the last lines that tell of trouble           help    this")


def status() -> None:
    """How the sensor is, in one line."""
    sensor = _sensor()
    if sensor is not None:
        print(sensor.status())


def probe() -> None:
    """Times all relays now, and says which is the fastest."""
    sensor = _sensor()
    if sensor is None:
        return
    sensor.probe_now()
    for _ in range(_STEPS):
        sensor.step()
        if sensor.uplink.mode != PROBING:
            break
    route()


def route() -> None:
    """The relay that is the target now, and the one that flash keeps for the next boot."""
    sensor = _sensor()
    if sensor is not None:
        relay_id, rtt_us = sensor.uplink.route or (0, 0)
        print("target relay=%d rtt_us=%d on_flash=%d" % (relay_id, rtt_us, read_route() or 0))


def send() -> None:
    """Reads the meter now, sends the reading tagged SEND, and waits for the acknowledgement."""
    sensor = _sensor()
    if sensor is None:
        return
    number = sensor.read_now(SEND)
    if number is None:
        print("the meter gave no reading; try again in a moment")
        return
    for _ in range(_STEPS):
        sensor.step()
        if not sensor.uplink.waiting():
            return
    print("no relay has acknowledged it yet; the sensor goes on trying")


def config() -> None:
    """The settings on flash, without the Wi-Fi password."""
    text = read_file("config.json")
    if text is None:
        print("config.json is missing; flash this board again")
        return
    try:
        settings = parsed(text.decode())
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        print("config.json is no JSON object, or cut off; flash this board again")
        return
    if isinstance(settings.get("wifi"), dict):
        settings["wifi"].pop("password", None)
    print(json.dumps(settings))


def log() -> None:
    """The last lines that tell of trouble, oldest first."""
    if _sensor() is not None:
        for line in running[0][1].log:
            print(line)


def go() -> None:
    """Lets the sensor go on after mpremote stopped it."""
    sensor = _sensor()
    if sensor is not None:
        sensor.run(running[0][1], None)


def _sensor() -> "Sensor | None":
    if running:
        return running[0][0]
    print("no sensor runs in this interpreter: use mpremote's resume, or reset the board and type the command")
    return None

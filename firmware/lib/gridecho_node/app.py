"""What main.py starts: reads config, key and epoch from flash, and wires the sensor. It leaves the heap when that is done."""

import random

from gridecho.compat import const
from gridecho.errors import ConfigError
from gridecho.quantities import CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED, RESET_CAUSE

from . import hw
from .compat import Counter, Wire, forget
from .faults import FlashError, MeterError
from .files import next_epoch, read_file, read_key, read_route, whole
from .lines import TROUBLE
from .meters import meter_module
from .port import Port, running
from .ring import Ring
from .rules import Tagger
from .sensor import Sensor
from .uplink import Uplink

_WIFI_WAIT_S = const(20)
_TRIAL_WATCHDOG_S = const(300)


TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


# They leave the heap after a start, but for what somebody still holds.
START_ONLY = (
    "gridecho.checks",
    "gridecho.compat",
    "gridecho.config",
    "gridecho.crypto",
    "gridecho.keys",
    "gridecho.meter_settings",
    "gridecho.registers",
    "gridecho_node.app",
    "gridecho_node.meters",
)


def build(say: "Callable[[str], None]") -> "tuple[Sensor, int]":
    """(sensor, watchdog seconds) from what flash holds. Raises ConfigError, FlashError, MeterError or OSError."""
    from gridecho.config import read_config

    trial = (read_file("trial") or b"").split()
    name = "config.new" if trial and trial[0] == b"config" else "config.json"
    text = read_file(name)
    if text is None:
        raise ConfigError("the file", "to be on flash")
    try:
        config = read_config(text.decode())
    except ValueError:
        raise ConfigError("the file", "UTF-8 text") from None
    root = read_key()
    radio = hw.Radio(config.wifi_ssid, config.wifi_password)
    broken = None
    try:
        if not radio.join(_WIFI_WAIT_S):
            say("wifi not joined yet")
    except (OSError, RuntimeError) as error:
        broken = error
    meter = meter_module(config.meter_type).open_meter(config.meter)
    wire = Wire(config.relays)
    for relay_id in wire.unresolved():
        say("wifi relay=%d has a name that is not known, or no IPv4 address; trying again later" % relay_id)
    epoch = next_epoch()
    uplink = Uplink(
        root,
        config.sensor_id,
        config.key_id,
        epoch,
        [relay_id for relay_id, _, _ in config.relays],
        random.randrange,
        config.rtt_limit_us,
        config.queue_readings,
        config.readings_per_datagram,
    )
    orders = None
    if trial:
        from .orders import Orders

        orders = Orders(uplink, wire, config.trial_us)
    counter = Counter()
    names = None
    if config.named:
        from .names import Names

        names = Names(config.named, uplink, wire, counter, say)
    facts = _facts()
    say("boot sensor=%d epoch=%d reset_cause=%d" % (config.sensor_id, epoch, facts[RESET_CAUSE]))
    sensor = Sensor(
        meter,
        Tagger(config.rules),
        uplink,
        wire,
        counter,
        config.period_us,
        read_route(),
        say,
        Ring(uplink, config) if config.spool_bytes else None,
        radio,
        facts,
        orders,
        names,
    )
    if broken is not None:
        sensor.radio_failed(broken)
    # main.py guards what is on trial with a watchdog, which somebody has to feed from now on.
    return sensor, config.watchdog_s or (_TRIAL_WATCHDOG_S if trial else 0)


def _facts() -> "dict[int, int]":
    """What holds until the next boot or the end of a trial, as state codes: also the versions that are in force (update.py)."""
    versions = (read_file("versions") or b"").split()
    failed = (read_file("failed") or b"").split()
    return {
        RESET_CAUSE: hw.reset_cause(),
        CONFIG_VERSION: whole(versions[0]) if len(versions) == 2 else 0,
        FIRMWARE_VERSION: whole(versions[1]) if len(versions) == 2 else 0,
        ORDER_FAILED: whole(failed[1]) if len(failed) == 4 else 0,
    }


def start() -> "tuple[Sensor, Port, Any] | None":
    """(sensor, port, watchdog or None) to run; or one sentence on the console that says why not, and None."""
    try:
        port = Port(TROUBLE)
        sensor, watchdog_s = build(port.say)
    except (ConfigError, MeterError) as error:
        print("gridecho cannot start:", error)
        return None
    except FlashError as error:
        print("gridecho cannot start: the file", error, "is missing or flash does not keep it; flash this board again")
        return None
    except OSError as error:
        print("gridecho cannot start: flash cannot be read (%s); flash this board again" % error)
        return None
    running[:] = [(sensor, port)]
    watchdog = hw.watchdog(watchdog_s * 1000) if watchdog_s else None
    # What only a start needs gives its heap back, this module too once main.py lets go of it.
    forget(*START_ONLY)
    return sensor, port, watchdog

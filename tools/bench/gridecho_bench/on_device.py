"""Runs on the sensor's own runtime: times what a sensor does all day, and counts the bytes of heap that each time takes.

`measure(name, telegram, for_ms)` prints one line of JSON. Plain enough for MicroPython, and free of anything but the firmware.
"""

import gc
import json

from gridecho import frames
from gridecho.crypto import Cmac, Siv
from gridecho.frames import ACK, OK, STORE, Control, DataHeader
from gridecho.readings import Reading, encode
from gridecho_node.compat import Counter, forget, heap_free
from gridecho_node.meters import meter_module

SENSOR, KEY_ID, EPOCH, RELAY = 77, 1, 5, 3
UTC_S = 1_780_000_000
METERS = "gridecho_node.meters."


def readings(count):
    """A minute apart: energy in Wh, power in W, voltage in mV, current in mA."""
    return [
        Reading(UTC_S + 60 * i, {0: 1_234_567 + 7 * i, 2: 420 + 31 * i % 97, 4: 230_000 + 113 * i % 1999, 7: 1830 + i})
        for i in range(count)
    ]


def work(name, telegram):
    """What is timed, as a function without arguments."""
    what, _, which = name.partition(" ")
    if what == "parse":
        feed = meter_module(which).Parser().feed
        return lambda: feed(telegram)
    link = Cmac(bytes(range(16)))
    if what == "probe":
        return lambda: Control(frames.PROBE, 0, KEY_ID, 0, SENSOR, EPOCH, 1, 0, RELAY).pack(link)
    if what == "verify":
        ack = Control(ACK, OK, KEY_ID, 0, SENSOR, EPOCH, 1, UTC_S * 1000, RELAY).pack(link)
        return lambda: frames.read_control(ack, link)
    count = int(which)
    rows = readings(count)
    if what == "encode":
        return lambda: encode(rows)
    siv = Siv(bytes(range(32)))
    data = encode(rows)
    header = DataHeader(STORE, KEY_ID, count, SENSOR, EPOCH, 1, UTC_S)
    if what == "seal":
        return lambda: frames.seal(header, data, siv)
    return lambda: frames.tag(frames.seal(header, encode(rows), siv), link)


def measure(name, telegram, for_ms):
    """Prints name, times, us (how often in how long) and bytes (of heap each time; 0 where no heap has an end) as JSON."""
    call = work(name, telegram)
    call()  # what is made once is made now
    gc.collect()
    gc.disable()
    before = heap_free()
    call()
    taken = before - heap_free()
    gc.enable()
    clock = Counter()
    times = 0
    started_us = clock.now_us()
    while clock.now_us() - started_us < for_ms * 1000:
        for _ in range(8):
            call()
        times += 8
    print(json.dumps({"name": name, "times": times, "us": clock.now_us() - started_us, "bytes": taken}))
    call = None
    if name.startswith("parse"):
        forget(METERS + name.partition(" ")[2])  # its code would be in the next one's way

"""Runs on the VM: a whole sensor from its files in the working folder, on a virtual clock, its relay in the same heap.

Prints free heap after a warm-up that had an outage, and at the end. Arguments: readings, readings of an outage.
"""

import gc
import sys

from gridecho import frames
from gridecho.crypto import Cmac
from gridecho.frames import ACK, ECHO, OK, PROBE, Control
from gridecho.keys import link_key_down

gc.threshold(16 * 1024)  # as boot.py does

RELAY, UTC_MS = 1, 1_780_000_000_000


class Network:
    """Wire and counter of the sensor, and the relay behind them: answers after 4 ms and keeps nothing."""

    def __init__(self, relays=None):
        self.us = 0
        self.away = False
        self.waiting = []
        self.link = None

    def now_us(self):
        return self.us

    def unresolved(self):
        return []

    def reopen(self):
        pass

    def send(self, relay_id, datagram):
        if self.away:
            return False
        kind = frames.kind_of(datagram)
        sensor_id, key_id = int.from_bytes(datagram[4:8], "big"), datagram[2]
        epoch, seq = int.from_bytes(datagram[8:12], "big"), int.from_bytes(datagram[12:16], "big")
        kind = ECHO if kind == PROBE else ACK
        if self.link is None:
            self.link = Cmac(link_key_down(bytes(range(32)), sensor_id, key_id, RELAY))
        reply = Control(kind, OK, key_id, 0, sensor_id, epoch, seq, UTC_MS + self.us // 1000, RELAY)
        self.waiting.append(reply.pack(self.link))
        return True

    def receive(self, wait_us):
        if self.waiting:
            self.us += 4000
            return self.waiting.pop(0)
        self.us += max(1000, wait_us)
        return None

    def close(self):
        pass


def free():
    """Free heap when all garbage is gone."""
    gc.collect()
    gc.collect()
    return gc.mem_free()


def read_until(sensor, network, energies, count):
    """Steps until the meter was read so often."""
    while energies[0] < count:
        sensor.step()


class Port:
    """Stands in for the serial port: counts readings and those acknowledged, prints what should not be said."""

    def __init__(self, trouble):
        self.readings = [0]
        self.acked = 0

    def say(self, line):
        if line.startswith("reading"):
            self.readings[0] += 1
        elif line.startswith("acked"):
            numbers = line[line.find(" n=") + 3 :]
            if numbers != "-":
                self.acked += numbers.count(",") + 1
        elif line.startswith(("lost", "dropped", "flash", "gridecho")):
            print(line)


def started(network):
    """(sensor, port) as main.py has them: what only a start needs has left the heap."""
    from gridecho_node import app

    app.Wire = lambda relays: network
    app.Counter = lambda: network
    app.Port = Port
    sensor, port, _ = app.start()
    return sensor, port


def main(readings, outage):
    network = Network()
    sensor, port = started(network)
    energies = port.readings
    print("free after start", free())

    def with_outage(count):
        network.away = True
        read_until(sensor, network, energies, energies[0] + count)
        network.away = False

    read_until(sensor, network, energies, 500)
    with_outage(outage)
    read_until(sensor, network, energies, energies[0] + 500)
    before = free()
    print("free after warm-up", before)
    least = before
    while energies[0] < readings:
        read_until(sensor, network, energies, min(readings, energies[0] + readings // 10))
        least = min(least, free())
        if energies[0] < readings:
            with_outage(outage)
    while sensor.uplink.waiting() or (sensor._backlog is not None and sensor._backlog.spool.count()):
        sensor.step()
    after = free()
    print("free at the end", after, "least", least)
    print("readings", energies[0], "acknowledged", port.acked, "lost", sensor.uplink.lost)


main(int(sys.argv[1]), int(sys.argv[2]))

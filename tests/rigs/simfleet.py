"""The firmware's own sensors on a site on virtual time: each in a loop of its own, on a network with delays and bad weather."""

import random
from types import SimpleNamespace

from gridecho_node import sensor as sensor_module
from gridecho_node.rules import Tagger
from gridecho_node.sensor import Sensor
from gridecho_node.uplink import Uplink

from tests.rigs.simtime import Host
from tests.rigs.town import reading
from tests.rigs.town_console import Console

KEY_ID, EPOCH = 1, 1
RULES = dict.fromkeys(("over_w", "change_w", "over_ma", "over_mv", "under_mv"), 0)


class Weather:
    """What happens to datagrams, each way: round trips in ms by relay, loss and duplicates in percent, jitter in ms."""

    def __init__(self, site, delays_ms, seed=0, loss=0, duplicates=0, jitter_ms=0):
        self.delays_ms = dict(delays_ms)
        self.seen = {"carried": 0, "lost": 0, "doubled": 0, "overtaken": 0}
        self.chance = random.Random(seed)
        self._site, self._time = site, site.time
        self._loss, self._duplicates, self._jitter_us = loss / 100, duplicates / 100, 1000 * jitter_ms
        self._latest_us = {}

    def to_relay(self, relay_id, datagram, back):
        relay = self._site.relays[relay_id]

        def answered(reply):
            self._carry(relay_id, id(back), lambda: back(reply))

        self._carry(relay_id, relay_id, lambda: relay.take(datagram, answered))

    def _carry(self, relay_id, way, call):
        dice, seen = self.chance.random, self.seen
        copies = 1 + (dice() < self._duplicates)
        seen["carried"] += 1
        seen["doubled"] += copies - 1
        for _ in range(copies):
            lost, jitter_us = dice() < self._loss, int(dice() * self._jitter_us)
            if lost:
                seen["lost"] += 1
                continue
            at_us = self._time.us + int(500 * self.delays_ms[relay_id]) + jitter_us
            seen["overtaken"] += at_us < self._latest_us.get(way, at_us)
            self._latest_us[way] = max(at_us, self._latest_us.get(way, at_us))
            self._time.at(at_us, call)


class _Meter:
    """Shows so many readings, and ends."""

    turn_us = lead_us = 0

    def __init__(self, sensor_id, readings):
        self._sensor_id, self._readings, self._next = sensor_id, readings, 0

    def poll(self, now_us):
        pass

    def begin(self, now_us):
        pass

    def bad(self):
        return 0

    def read(self, now_us):
        if self._next == self._readings:
            return None
        self._next += 1
        return reading(self._sensor_id, self._next - 1)


class SimSensor:
    """One sensor: its wire and counter, and what it said."""

    def __init__(self, fleet, sensor_id, root, weather, period_us, readings):
        self.sensor_id = sensor_id
        self.console = Console(None)
        self.written = []  # relays of the routes that went to flash
        self._fleet, self._time, self._weather = fleet, fleet.time, weather
        self._came = fleet.time.condition()
        self._inbox = []
        self._back = self._take  # one object, by which its way is known
        uplink = Uplink(root, sensor_id, KEY_ID, EPOCH, sorted(weather.delays_ms), weather.chance.randrange)
        meter = _Meter(sensor_id, readings)
        self._sensor = Sensor(meter, Tagger(RULES), uplink, self, self, period_us, None, self.say)

    def run(self):
        self._fleet.by_task[self._time.running] = self
        self.say("on")
        while True:
            self._sensor.step()

    def say(self, line):
        self.console.take(f"{self._time.now_s:.6f} {line}")

    # --- wire and counter, as in gridecho_node.compat ---

    def now_us(self):
        return self._time.us

    def send(self, relay_id, datagram):
        self._weather.to_relay(relay_id, datagram, self._back)
        return True

    def receive(self, wait_us):
        if not self._inbox:
            self._came.wait_for(lambda: self._inbox, wait_us / 1_000_000)
        return self._inbox.pop(0) if self._inbox else None

    def _take(self, datagram):
        self._inbox.append(datagram)
        self._came.notify()


class SimFleet:
    """Sensors of a site; until `close` the firmware's flash and garbage are theirs."""

    def __init__(self, site, roots):
        self.time = site.time
        self.by_task = {}
        self.sensors = {}
        self._roots = roots
        self._host = Host(site.time)
        self._kept = sensor_module.write_route, sensor_module.gc
        sensor_module.write_route = lambda relay_id, _: self._write(relay_id)
        sensor_module.gc = SimpleNamespace(collect=lambda: None)  # of pytest's whole heap, by each sensor

    def add(self, weather_of, period_ms, readings, apart_ms):
        """Starts a sensor after the other; `weather_of` by id."""
        for n, (sensor_id, weather) in enumerate(weather_of.items()):
            one = SimSensor(self, sensor_id, self._roots[sensor_id], weather, 1000 * period_ms, readings)
            self.sensors[sensor_id] = one
            self.time.at(self.time.us + 1000 * n * apart_ms, lambda one=one: self._host.spawn(one.run))

    def wait_all(self, condition, what):
        """Until it is true of every sensor's console."""
        self.time.wait_for(lambda: all(condition(one.console) for one in self.sensors.values()), what, every_s=0.25)

    def close(self):
        self._host.kill()
        sensor_module.write_route, sensor_module.gc = self._kept

    def _write(self, relay_id):
        one = self.by_task[self.time.running]
        one.written.append(relay_id)
        one.say(f"wrote route={relay_id}")

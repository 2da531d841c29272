"""The fastest relay dies and comes back: twice another route, each written to flash."""

from world import World, run_for, sensor_on

from tests.rigs.simnet import Relay


def run(number):
    net = World(number)
    sensor = sensor_on(net, number)
    for state in (Relay.UP, Relay.DEAD, Relay.UP):
        net.state(1, state)
        net.state(2, Relay.DEAD if state == Relay.UP else Relay.UP)
        run_for(sensor, net, 30)

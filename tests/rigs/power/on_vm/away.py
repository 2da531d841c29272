"""No relay all the time, so that every reading goes to flash, and the power goes with them there."""

from world import World, run_for, sensor_on

from tests.rigs.simnet import Relay


def run(number):
    net = World(number)
    sensor = sensor_on(net, number)
    for relay_id in (1, 2):
        net.state(relay_id, Relay.DEAD)
    run_for(sensor, net, 1200)

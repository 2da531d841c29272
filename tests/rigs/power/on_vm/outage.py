"""No relay for ten minutes, so readings go to flash; then one is back and takes them all."""

from world import World, run_for, sensor_on

from tests.rigs.simnet import Relay


def run(number):
    net = World(number)
    sensor = sensor_on(net, number)
    run_for(sensor, net, 20)
    for relay_id in (1, 2):
        net.state(relay_id, Relay.DEAD)
    run_for(sensor, net, 600)
    net.state(2, Relay.UP)
    run_for(sensor, net, 120)

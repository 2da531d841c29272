"""A while without a relay on a ring that is full: the oldest readings go for new ones; then a relay takes some of them."""

from world import World, run_for, sensor_on

from tests.rigs.simnet import Relay


def run(number):
    net = World(number)
    sensor = sensor_on(net, number, wide=True)
    for relay_id in (1, 2):
        net.state(relay_id, Relay.DEAD)
    run_for(sensor, net, 400)
    net.state(1, Relay.UP)
    run_for(sensor, net, 5)

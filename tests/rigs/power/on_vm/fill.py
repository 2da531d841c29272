"""So long without a relay that the ring on flash is full and its oldest readings were given up."""

from world import World, run_for, sensor_on

from tests.rigs.simnet import Relay


def run(number):
    net = World(number)
    sensor = sensor_on(net, number, wide=True)
    for relay_id in (1, 2):
        net.state(relay_id, Relay.DEAD)
    run_for(sensor, net, 8000)

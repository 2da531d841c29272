"""A start like every day's: a new epoch, the route is probed and kept, readings go to a relay."""

from world import World, run_for, sensor_on


def run(number):
    net = World(number)
    run_for(sensor_on(net, number), net, 30)

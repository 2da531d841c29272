"""All relays are there, for long enough that everything on flash is delivered."""

from world import World, run_for, sensor_on


def run(number):
    net = World(number)
    sensor = sensor_on(net, number)
    run_for(sensor, net, 120)
    print("left", sensor.uplink.waiting())

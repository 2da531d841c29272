"""The demo's forked sensors, which say on their consoles each time that they write a route to flash."""

from gridecho_demo import many


def _say_routes(say):
    from gridecho_node import sensor

    write_route = sensor.write_route

    def counted(relay_id, rtt_us):
        write_route(relay_id, rtt_us)
        say(f"wrote route={relay_id}")

    sensor.write_route = counted


if __name__ == "__main__":
    many.main(_say_routes)

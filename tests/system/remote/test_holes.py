"""What lies on relays is fetched for who looks at it, also from one behind NAT; the part of a dead one is named."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gridecho_bench.ports import free_port

from tests.rigs.caller import Caller, make_people
from tests.rigs.load import FIRST_S, STEP_S, Load, reading_of
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in
from tests.rigs.waiting import wait_for

SENSOR = 70
HERE, HELD = 60, 10  # readings at the remote, and on each relay
NEAR, BEHIND_NAT, DEAD = RELAYS = (1, 2, 3)
PEOPLE = 50


def send(relay: RelayProcess, relay_id: int, first: int, count: int, sends: float) -> None:
    load = Load([SENSOR], relay.port, relay_id=relay_id, first=first, most=count, sends=sends, again=0)
    load.start()
    load.finish()


def test_a_third_of_the_readings_lies_on_three_relays(scratch: Path) -> None:
    relays = {number: RelayProcess(scratch / f"relay-{number}", "http://127.0.0.1:1") for number in RELAYS}
    remote = RemoteProcess(scratch / "remote", {n: relay.secret for n, relay in relays.items()}, [SENSOR])
    for number in RELAYS:
        status = f"127.0.0.1:{free_port()}"
        there = {"status": status} | ({} if number == BEHIND_NAT else {"pull_url": f"http://{status}"})
        relays[number] = RelayProcess(scratch / f"relay-{number}", remote.url, relay_id=number, **there)
    try:
        for one in (remote, *relays.values()):
            one.start()
        wait_for(lambda: all(relay.report()["sensors"] == 1 for relay in relays.values()), "the keys")
        send(relays[NEAR], NEAR, 0, HERE, 1.0)
        for n, number in enumerate(RELAYS):
            send(relays[number], number, HERE + n * HELD, HELD, 0.0)
        wait_for(lambda: remote.count() == HERE, "what is sent at once")
        wait_for(lambda: all(len(remote.index(number)) == HELD for number in RELAYS), "the index")
        with remote.archive() as archive:
            names = make_people(archive, PEOPLE, SENSOR)
        people = [Caller(remote.url, name) for name in names]
        relays[DEAD].kill()
        with ThreadPoolExecutor(PEOPLE) as pool:
            answers = list(pool.map(lambda one: one.readings(SENSOR, wait=3), people))
        known = [(reading_of(seq).time_s, reading_of(seq).values[2]) for seq in range(HERE + 2 * HELD)]
        for answer in answers:
            assert [(one["time"], one["values"]["1-0:1.7.0"]) for one in answer["readings"]] == known
            (hole,) = answer["holes"]
            first_s = FIRST_S + STEP_S * (HERE + 2 * HELD)
            assert (hole["relay"], hole["from"], hole["to"]) == (DEAD, first_s, first_s + STEP_S * (HELD - 1) + 1)
            assert hole["reason"] in ("pull-late", "pull-waits")
        # Who looked in vain just when another's answer came asked nobody.
        asked = "SELECT relay_id, state, frames FROM pull WHERE state != 'done' OR frames > 0"
        assert sorted(remote.query(asked)) == [
            (NEAR, "done", HELD),
            (BEHIND_NAT, "done", HELD),
            (DEAD, "waiting", 0),
        ]
        wait_for(lambda: not frames_in(relays[NEAR].database), "the relay's deleting")
        # The dead one comes back, hears of the request with its heartbeat, and brings its part.
        relays[DEAD].start()
        wait_for(lambda: remote.count() == HERE + 3 * HELD, "the rest")
        answer = people[0].readings(SENSOR, wait=3)
        assert (len(answer["readings"]), answer["holes"]) == (HERE + 3 * HELD, [])
        for relay in relays.values():
            relay.check_log()
        assert "Traceback" not in remote.log.read_text()
    finally:
        for relay in relays.values():
            relay.close()
        remote.close()


def test_one_behind_nat_hears_of_it_long_before_its_next_heartbeat(scratch: Path) -> None:
    relay = RelayProcess(scratch / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(scratch / "remote", {NEAR: relay.secret}, [SENSOR])
    relay = RelayProcess(scratch / "relay", remote.url, relay_id=NEAR, heartbeat_every_s=3600)
    with remote.archive() as archive:
        (name,) = make_people(archive, 1, SENSOR)
    try:
        remote.start()
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == 1, "the keys")
        send(relay, NEAR, 0, HELD, 0.0)
        wait_for(lambda: len(remote.index(NEAR)) == HELD, "the index")
        caller = Caller(remote.url, name)
        answer = wait_for(lambda: caller.readings(SENSOR, wait=30)["readings"], "the readings")
        assert len(answer) == HELD
    finally:
        relay.close()
        remote.close()

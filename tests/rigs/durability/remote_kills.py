"""kill -9 of a remote again and again, while it takes in what is flushed and pulled, rolls it up and makes it compact."""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

from gridecho_bench.ports import free_port
from gridecho_remote.rules.days import days_of

from tests.rigs import stored
from tests.rigs.forks import Forked
from tests.rigs.load import FIRST_S, RELAY_ID, STEP_S, Load, reading_of
from tests.rigs.plain_rollups import check_rollups
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in, frames_left
from tests.rigs.waiting import HANG_S, wait_for

SENSORS = range(1, 9)
RELAYS = (RELAY_ID, RELAY_ID + 1)
_RATE = 300  # data a second and relay
_STEP_S = 1_800  # many days, so that most are done with when a kill comes
_LIMITS = {"store_bytes": 60_000, "threshold_bytes": 20_000, "buffer_bytes": 60_000, "outbox_bytes": 60_000}
_MARKED = "SELECT (SELECT count(*) FROM stale), (SELECT count(*) FROM loose)"


class _Puller(Thread):
    """`gridecho remote pull` of one sensor after another, a process each, until `stop`."""

    def __init__(self, remote: RemoteProcess, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.log = remote.log.with_name("pull.log")
        self.pulls = 0
        self._config = str(remote.config)
        self._chance = chance
        self._ending = Event()

    def run(self) -> None:
        while not self._ending.wait(self._chance.random()):
            sensor = str(self._chance.choice(SENSORS))
            pull = ["remote", "pull", "--sensor", sensor, "--wait", "0.5", "--config", self._config]
            process = Forked(pull, self.log)
            try:
                assert process.wait(HANG_S) == 0, self.log.read_text()
            finally:
                process.kill()
            self.pulls += 1

    def stop(self) -> None:
        self._ending.set()
        if self.ident:
            self.join(HANG_S)


def _held(relay: RelayProcess) -> dict[bytes, int]:
    return {frame[4:16]: int.from_bytes(frame[16:20], "big") for frame in frames_in(relay.database)}


def tidied(remote: RemoteProcess) -> None:
    """Waits until no day is left to be seen to."""
    wait_for(lambda: remote.query(_MARKED) == [(0, 0)], "the end of what there was to tidy")


def check_whole(
    remote: RemoteProcess, loads: Sequence[Load], step_s: int = STEP_S, cut_before_s: int = 0
) -> tuple[int, int, int]:
    """All that was sent was acknowledged and is there, once and as it was sent, and rolled up: how many data, blocks and days.

    But readings of before `cut_before_s` are deleted.
    """
    sent = set().union(*(load.frames for load in loads))
    assert set().union(*(load.acked for load in loads)) == sent == remote.stored()
    assert sum(load.replies["strange"] for load in loads) == 0
    assert remote.quarantined() == 0
    with remote.archive() as archive:
        rows = archive.connection().execute(stored.BLOCKS).fetchall()
        there = stored.data(rows)
        for datum in there:
            assert datum.readings() == [reading_of(datum.seq, step_s)]
        kept = [
            data_id for data_id in sent if reading_of(int.from_bytes(data_id[8:], "big"), step_s).time_s >= cut_before_s
        ]
        assert len(there) == len(kept)
        return len(sent), len(rows), check_rollups(archive, days_of("UTC"))


def check_remote_kills(folder: Path, scratch: Path, kills: int, seed: int, server: str = "", cut_days: int = 0) -> None:
    """So many kills; two relays bring the same data. `server`: the URL of an empty database that two remotes share.

    In the end each datum is there once and as it was sent, the index was what the relays held, and rollups are what readings
    give. Of the first `cut_days` the readings are past their age, and gone.
    """
    print(f"\nkills of a remote: seed {seed}")
    chance = random.Random(seed)
    relays = [RelayProcess(folder / f"relay-{number}", "http://127.0.0.1:1") for number in RELAYS]
    secrets = {number: relay.secret for number, relay in zip(RELAYS, relays, strict=True)}
    days = days_of("UTC")
    first_day, today = days.number([FIRST_S, int(time.time())]).tolist()
    age = today - first_day - cut_days
    ages = {'keep_days."1-0:1.7.0"': age} if cut_days else {}
    first = RemoteProcess(folder / "remote", secrets, SENSORS, server, tidy_every_s=0.02, **ages)
    remotes = [first, first.another(folder / "other")] if server else [first]
    for n, number in enumerate(RELAYS):
        status = f"127.0.0.1:{free_port()}"
        # One is fetched from, the other gets what is asked for with its heartbeat.
        there = {"status": status, "pull_url": f"http://{status}"} if n else {"status": status}
        folder_of, url = relays[n].folder, remotes[n % len(remotes)].url
        relays[n] = RelayProcess(folder_of, url, relay_id=number, **_LIMITS, **there)
    loads = [
        Load(SENSORS, relay.port, window=40, rate=_RATE, again=0.1, relay_id=number, step_s=_STEP_S)
        for number, relay in zip(RELAYS, relays, strict=True)
    ]
    puller = _Puller(first, chance)
    known: set[bytes] = set()
    at_work = 0  # kills that left days to be seen to
    begun = time.monotonic()

    def check_left() -> None:
        """Every acknowledged datum is on a relay or at the remote: what leaves a relay while this looks is at the remote then."""
        acked = set().union(*(list(load.acked) for load in loads))
        held = {frame[4:16] for relay in relays for frame in frames_in(relay.database)}
        if not acked <= known | held:
            known.update(first.stored())
        missing = acked - known - held
        assert not missing, f"{len(missing)} of {len(acked)} acknowledged data are nowhere"

    try:
        for one in (*remotes, *relays):
            one.start()
        for load in loads:
            load.start()
        puller.start()
        wait_for(first.count, "the first data")
        for kill in range(kills):
            victim = chance.choice(remotes)
            if kill % 5:
                victim.wait_up()  # most are killed at work, some while they start
            time.sleep(chance.random())
            victim.kill()
            if kill % 2:  # whoever opens the file recovers it: every other time that is the remote itself
                at_work += any(first.query(_MARKED)[0])
                check_left()
            victim.start(wait=False)
        for remote in remotes:
            remote.wait_up()
        for load in loads:
            load.finish(HANG_S)
        puller.stop()
        for number, relay in zip(RELAYS, relays, strict=True):
            wait_for(lambda relay=relay: not relay.report()["outbox"], "the end of what is sent at once")
            wait_for(
                lambda number=number, relay=relay: first.index(number) == _held(relay),
                "an index that says what is held",
            )
            relay.flush(HANG_S)
            wait_for(lambda number=number: not first.index(number), "an empty index")
            relay.stop()
            assert frames_left(relay.data_dir, scratch) == []
        tidied(first)
    finally:
        puller.stop()
        for one in (*loads, *relays, *remotes):
            one.stop() if isinstance(one, Load) else one.close()
    (today,) = days.number([int(time.time())]).tolist()
    cut_before_s = int(days.starts_s[today - age]) if cut_days else 0
    sent, blocks, rolled_up = check_whole(first, loads, _STEP_S, cut_before_s)
    assert at_work > kills // 8, "hardly a kill came while there was something to tidy"
    assert puller.pulls > 0
    for relay in relays:
        relay.check_log()
    for log in (*(remote.log for remote in remotes), puller.log):
        assert "Traceback" not in log.read_text()
    print(
        f"kills of a remote: {kills} in {time.monotonic() - begun:.0f} s, {at_work} of {kills // 2} looked at had days to be "
        f"tidied; {puller.pulls} pulls; {sent} data are there once, in {blocks} blocks; {rolled_up} days rolled up"
    )

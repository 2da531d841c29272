"""Pulling from relays: straight from one that answers, in one way or another, and by heartbeat from one that does not."""

import threading
import time

import pytest
from gridecho import batch, relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import ANY, Piece, read_pull
from gridecho_remote.outside.relays import NoAnswerError
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store import holdings
from gridecho_remote.store.models import RelayState
from gridecho_remote.use import groups, pulls
from gridecho_remote.use.site import site_of

from tests.rigs import stored
from tests.rigs.asked_relay import Relay
from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat
from tests.rigs.waiting import HANG_S, wait_for


@pytest.fixture
def fleet(make_fleet) -> Fleet:
    """Its relays are on this machine."""
    return make_fleet(pull_addresses=["127.0.0.0/8"])


@pytest.fixture
def site(fleet: Fleet):
    fleet.clock.now_s = int(time.time())  # the one that pulls go by
    made = []

    def relay(relay_id, seqs, behave="well", url=None):
        one = Relay(fleet, relay_id, [fleet.frame(7, {2: seq}, seq) for seq in seqs], behave)
        made.append(one)
        runs = [(7, 1, seq, 1, int(fleet.clock()), 0) for seq in seqs]
        holdings.take_piece(fleet.archive, Piece(relay_id, 1, 0, 99, runs))
        beat(fleet, relay_id, pull_url=one.url if url is None else url)
        return one

    yield fleet, relay
    for one in made:
        one.close()


def pull(fleet, within_s=HANG_S, over=lambda: False):
    """Pulls all that is indexed; the deadline comes when it is `over`."""
    wants = holdings.wants_in(fleet.archive, 7, 0, ANY)
    return pulls.pull(fleet.site, wants, within_s, lambda: 2 * HANG_S if over() else 0.0)


def waits_for_heartbeat(fleet):
    """Whether a relay could not be asked, so that the request is kept for its heartbeat."""
    return fleet.archive.connection().execute("SELECT count(*) FROM pull WHERE state = 'waiting'").fetchone()[0] > 0


def begin_pull(fleet):
    """A pull in a thread, and the list in which its outcomes will be."""
    outcomes = []
    asking = threading.Thread(target=lambda: outcomes.extend(pull(fleet)))
    asking.start()
    return asking, outcomes


def requests_for(fleet, relay_id):
    """The requests that a relay's heartbeat picks up, as soon as there are any."""
    offered = wait_for(lambda: beat(fleet, relay_id).json["pulls"], "a request for the heartbeat")
    return [
        read_pull(bytes.fromhex(one), Cmac(relay_keys.pull_key(fleet.relays[relay_id], relay_id))) for one in offered
    ]


def there(fleet):
    return {seq for sensor_id, _, seq in stored.ids(fleet.archive.connection().execute(stored.IDS)) if sensor_id == 7}


def indexed(fleet):
    return sum(told.data for told in holdings.told(fleet.archive).values())


def test_what_relays_hold_is_fetched_signed_for_and_off_the_index(site):
    fleet, relay = site
    one, two = relay(1, range(8)), relay(2, range(20, 24))
    assert pull(fleet) == [pulls.Outcome(1, "direct", 8), pulls.Outcome(2, "direct", 4)]
    assert there(fleet) == {*range(8), *range(20, 24)}
    assert (sorted(one.receipts.values()), sorted(two.receipts.values())) == ([1, 1, 1], [1, 1])
    assert indexed(fleet) == 0
    assert pull(fleet) == []


@pytest.mark.parametrize(
    ("behave", "arrived"),
    [("dies", 3), ("forges", 0), ("too long", 0), ("refuses", 0), ("hangs", 0), ("drips", 0)],
)
def test_what_does_not_come_waits_for_the_heartbeat(site, behave, arrived):
    fleet, relay = site
    one = relay(1, range(8), behave)
    # One that hangs is noticed by the socket's own time limit: all that is left until the deadline.
    within_s = 0.3 if behave == "hangs" else HANG_S
    (outcome,) = pull(fleet, within_s, lambda: waits_for_heartbeat(fleet) or one.drips >= 10)
    assert (outcome.relay_id, outcome.way, outcome.frames) == (1, "heartbeat", 0)
    assert outcome.missing == "pull-waits"
    assert len(there(fleet)) == arrived
    assert indexed(fleet) == 8 - arrived
    assert len(beat(fleet).json["pulls"]) == 1


def test_a_relay_behind_nat_brings_it(site):
    fleet, relay = site
    one = relay(1, range(5), url="")
    asking, outcomes = begin_pull(fleet)
    (request,) = requests_for(fleet, 1)
    assert [(want[0], want[2], want[3]) for want in request.wants] == [(7, 0, 4)]
    for body in one.bodies:
        assert fleet.post(body).status_code == 200
    beat(fleet, pulled=[{"id": str(request.pull_id), "frames": 5}])
    asking.join(HANG_S)
    assert outcomes == [pulls.Outcome(1, "heartbeat", 5)]
    assert (there(fleet), indexed(fleet), one.asked) == (set(range(5)), 0, 0)


def test_one_that_is_gone_does_not_keep_the_other_waiting(site):
    fleet, relay = site
    relay(1, range(3)).close()
    dead = RelayState.select(RelayState.pull_url).where(RelayState.relay_id == 1).scalar(fleet.archive.db)
    assert dead
    relay(2, range(10, 13))
    asking, outcomes = begin_pull(fleet)
    wait_for(lambda: there(fleet) == {10, 11, 12})
    # The first one brings nothing before its heartbeat says so.
    assert outcomes == []
    (request,) = requests_for(fleet, 1)
    beat(fleet, pulled=[{"id": str(request.pull_id), "frames": 0}])
    asking.join(HANG_S)
    assert outcomes == [pulls.Outcome(1, "heartbeat", 0), pulls.Outcome(2, "direct", 3)]
    assert there(fleet) == {10, 11, 12}


def test_a_relay_that_is_not_enrolled_any_more(site):
    fleet, _ = site
    (outcome,) = pulls.pull(fleet.site, {99: [(7, 0, 0, ANY, 0, ANY)]}, 0.5)
    assert outcome.missing == "pull-unknown"
    assert pulls.pull(fleet.site, {}, 0.5) == []


class StandIn:
    """Relays without a network: some stream these batches, some never answer."""

    def __init__(self, batches):
        self.batches, self.receipts, self.nudged = batches, [], []

    def fetch(self, place, body, take, left_s):
        for batch_body in self.batches.get(place.url, ()):
            self.receipts.append(take(batch_body))
        if place.url not in self.batches:
            raise NoAnswerError

    def nudge(self, place, body, left_s):
        self.nudged.append((place, body))


def test_relays_may_be_others_than_those_over_http(fleet):
    bodies = [fleet.batch(1, [fleet.frame(7, {2: seq}, seq) for seq in some]) for some in ([0, 1], [2])]
    relays = StandIn({"http://one": bodies})
    site = site_of(fleet.settings, fleet.archive, fleet.clock, relays)
    for relay_id, url in ((1, "http://one"), (2, "http://two")):
        beat(fleet, relay_id, pull_url=url)
    wants = {relay_id: [(7, 1, 0, 9, 0, ANY)] for relay_id in (1, 2)}
    assert pulls.pull(site, wants, 0.1) == [
        pulls.Outcome(1, "direct", 3),
        pulls.Outcome(2, "heartbeat", 0, "pull-waits"),
    ]
    mac = Cmac(relay_keys.receipt_key(fleet.relays[1], 1))
    assert [batch.read_receipt(one, mac).stored for one in relays.receipts] == [2, 1]
    assert there(fleet) == {0, 1, 2}
    # One in a group is told, and brings it by way of its proxy.
    groups.add(site, OPERATOR, "north", 3600, None, 60)
    groups.join(site, OPERATOR, "north", [1])
    assert [(one.way, one.missing) for one in pulls.pull(site, {1: wants[1]}, 0.1)] == [("heartbeat", "pull-waits")]
    [(place, body)] = relays.nudged
    assert (place.url, place.spoke_from) == ("http://one", "127.0.0.1")
    assert list(read_pull(body, Cmac(relay_keys.pull_key(fleet.relays[1], 1))).wants) == wants[1]
    assert len(relays.receipts) == 2


def test_a_relay_that_names_this_machine_is_not_called_but_where_an_administrator_allows_it(make_fleet, caplog):
    """It made the remote POST to whatever listens here, with a name as with a number."""
    fleet = make_fleet()
    fleet.clock.now_s = int(time.time())
    inner = Relay(fleet, 1, [fleet.frame(7, {2: seq}, seq) for seq in range(3)])
    try:
        port = inner.url.rpartition(":")[2]
        runs = [(7, 1, 0, 3, int(fleet.clock()), 0)]
        holdings.take_piece(fleet.archive, Piece(1, 1, 0, 99, runs))
        for host in ("127.0.0.1", "localhost", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433"):  # noqa: S104
            beat(fleet, pull_url=f"http://{host}:{port}", spoke_from="127.0.0.1")
            fleet.archive.connection().execute("DELETE FROM pull")
            (outcome,) = pull(fleet, HANG_S, lambda: waits_for_heartbeat(fleet))
            assert outcome == pulls.Outcome(1, "heartbeat", 0, "pull-waits"), host
            assert inner.asked == 0, host
        assert "pull-url-not-called address=127.0.0.1 spoke-from=127.0.0.1" in caplog.text
        # In a group it would only be told; that is a request as well.
        groups.add(fleet.site, OPERATOR, "north", 3600, None, 60)
        groups.join(fleet.site, OPERATOR, "north", [1])
        beat(fleet, pull_url=f"http://127.0.0.1:{port}")
        fleet.archive.connection().execute("DELETE FROM pull")
        pull(fleet, HANG_S, lambda: waits_for_heartbeat(fleet))
        assert inner.asked == 0
    finally:
        inner.close()


def test_a_relay_that_answers_without_end_fills_no_memory_and_takes_no_time(site):
    fleet, relay = site
    one = relay(1, range(8), "drips its headers")
    (outcome,) = pull(fleet, HANG_S, lambda: one.drips >= 10)
    assert outcome.missing == "pull-waits"

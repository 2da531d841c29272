"""Who was proxy keeps no connection for data: also when the term ended otherwise than by what it brought."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gridecho.groups import BATCH, Handed
from gridecho_relay.carrier import Carrier
from gridecho_relay.upstream import MOVED
from gridecho_remote.store.groups import find_group
from gridecho_remote.store.terms import rotate

from tests.rigs.simsite import SimSite

BEAT_S = 1.0


@pytest.fixture
def site(scratch: Path) -> Iterator[SimSite]:
    made = SimSite(scratch, [1, 2], {"north": [1, 2]}, after_s=3600, heartbeat_every_s=BEAT_S, index_every_s=60)
    yield made
    made.close()


def test_a_proxy_whose_term_is_ended_by_hand_closes_its_connection(site: SimSite) -> None:
    site.start()
    load = site.load(1, rate=10, sends=1.0, again=0.0)
    load.start()
    site.time.sleep(1.0)
    load.finish()
    site.time.wait_for(lambda: not site.relays[1].works.ledger.holding.readings, "all at the remote")
    # Who waits for nothing has nothing to bring, by which it would hear.
    assert site.connections.count == 1
    before = site.term_of("north")
    rotate(site.archive, find_group(site.archive, "north"), site.utc_ms)
    site.archive.db.close()
    beats = {relay_id: relay.works.heartbeat.beats for relay_id, relay in site.relays.items()}
    site.time.wait_for(
        lambda: all(relay.works.heartbeat.beats > beats[relay_id] for relay_id, relay in site.relays.items()), "a beat"
    )
    assert site.term_of("north").proxy != before.proxy
    site.time.sleep(BEAT_S)  # the answer to it is there, too
    assert site.connections.count == 0


class _NoUpstream:
    def carry(self, body: bytes) -> bytes:
        raise AssertionError("the remote was asked")


def test_what_is_handed_over_for_a_term_before_the_turn_that_was_heard_costs_no_connection() -> None:
    carrier = Carrier(1, _NoUpstream())
    carrier.begun(3, 8)
    waiting = carrier.submit(Handed(3, 7, bytes(16), (BATCH, b"late")))
    assert waiting.done.is_set()
    assert waiting.answer == (MOVED, 0, b"")
    carrier.begun(3, 6)
    assert carrier.submit(Handed(3, 7, bytes(16), (BATCH, b"late"))).done.is_set(), "a turn that was kept back"
    assert not carrier.submit(Handed(3, 8, bytes(16), (BATCH, b"now"))).done.is_set()

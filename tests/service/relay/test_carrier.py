"""The proxy's part: joining what members hand over, answering each, and knowing when its term is over."""

import pytest
from gridecho.groups import BATCH, PIECE, Carried, Handed
from gridecho_relay import carrier as carrier_module
from gridecho_relay.carrier import Carrier, CarrierBusyError
from gridecho_relay.upstream import MOVED, UpstreamError

from tests.rigs.carrying import PROXY, FakeUpstream
from tests.rigs.waiting import HANG_S, wait_for


@pytest.fixture
def upstream():
    return FakeUpstream()


@pytest.fixture
def carrier(upstream):
    """Not started: what is submitted before that is there at once."""
    made = Carrier(PROXY, upstream)
    yield made
    upstream.open.set()
    made.stop()
    made.join(HANG_S)
    assert not made.is_alive()
    assert made.errors == 0


@pytest.fixture
def running(carrier):
    carrier.start()
    return carrier


def under_way(upstream):
    """Waits until a request is at the remote, which holds it."""
    wait_for(lambda: upstream.asked == 1)


def handed(body, term=1, group_id=3, kind=BATCH):
    return Handed(group_id, term, bytes(16), (kind, body))


def answer_of(waiting):
    assert waiting.done.wait(HANG_S)
    return waiting.answer


def test_loads_of_a_few_ms_share_a_request_and_each_gets_its_answer(carrier, upstream):
    waiting = [carrier.submit(handed(b"%04d-data" % n, kind=PIECE if n % 2 else BATCH)) for n in range(10)]
    carrier.start()
    assert [answer_of(one) for one in waiting] == [(200, 0, b"%04d" % n) for n in range(10)]
    assert len(upstream.carries) == 1
    assert [kind for kind, _ in upstream.carries[0].loads] == [BATCH, PIECE] * 5
    assert (upstream.carries[0].relay_id, upstream.carries[0].group_id, upstream.carries[0].term) == (PROXY, 3, 1)
    assert (carrier.carries, carrier.loads) == (1, 10)


def test_what_comes_during_a_request_goes_with_the_next_within_bounds(running, upstream):
    upstream.open.clear()
    first = running.submit(handed(b"first"))
    under_way(upstream)
    rest = [running.submit(handed(bytes(300_000))) for _ in range(8)] + [
        running.submit(handed(b"tiny")) for _ in range(100)
    ]
    assert running.silent_s > 0
    upstream.open.set()
    for one in (first, *rest):
        assert answer_of(one)[0] == 200
    assert running.silent_s == 0
    sizes = [sum(len(load) for _, load in carry.loads) for carry in upstream.carries]
    assert max(sizes) <= 1 << 20
    assert max(len(carry.loads) for carry in upstream.carries) <= 64
    assert len(upstream.carries) < 10


def test_a_term_that_is_over_is_not_asked_for_again(running, upstream):
    moved = []
    running.on_moved = lambda: moved.append(True)
    upstream.term = 2
    assert answer_of(running.submit(handed(b"late"))) == (MOVED, 0, b"")
    assert (len(upstream.carries), upstream.released, moved) == (1, 1, [True])
    assert answer_of(running.submit(handed(b"later"))) == (MOVED, 0, b"")
    assert len(upstream.carries) == 1, "that could be told without the remote"
    assert answer_of(running.submit(handed(b"now", term=2)))[0] == 200
    assert answer_of(running.submit(handed(b"elsewhere", term=1, group_id=4))) == (MOVED, 0, b"")


def test_terms_do_not_share_a_request(running, upstream):
    upstream.open.clear()
    first = running.submit(handed(b"first"))
    under_way(upstream)
    waiting = [running.submit(handed(b"load", term=term)) for term in (1, 1, 2, 2)]
    upstream.open.set()
    assert [answer_of(one)[0] for one in (first, *waiting)] == [200, 200, 200, MOVED, MOVED]
    assert [carry.term for carry in upstream.carries] == [1, 1, 2]


def test_too_much_at_once_goes_one_by_one(carrier, upstream):
    upstream.most_bytes = 1_500
    waiting = [carrier.submit(handed(bytes([n]) * size)) for n, size in enumerate((1000, 1000, 2000, 10))]
    carrier.start()
    assert [answer_of(one)[0] for one in waiting] == [200, 200, 413, 200]
    assert [len(carry.loads) for carry in upstream.carries] == [1, 1, 1]


def test_every_member_hears_that_the_remote_is_away_or_full(running, upstream):
    upstream.error = UpstreamError("away")
    assert [answer_of(running.submit(handed(b"x"))) for _ in range(2)] == [(0, 0, b"")] * 2
    upstream.error = UpstreamError("full", 503, 30)
    assert answer_of(running.submit(handed(b"x"))) == (503, 30, b"")
    upstream.error = None
    assert answer_of(running.submit(handed(b"x")))[0] == 200


def test_answers_that_are_none(running, upstream):
    for junk in (b"junk", Carried(1, PROXY, [(200, 0, b"a"), (200, 0, b"b")]).pack()):
        upstream.carry = lambda body, junk=junk: junk
        assert answer_of(running.submit(handed(b"x"))) == (0, 0, b"")


def test_memory_is_bounded(running, upstream, monkeypatch):
    monkeypatch.setattr(carrier_module, "_MOST_WAITING_BYTES", 1000)
    upstream.open.clear()
    first = running.submit(handed(bytes(5000)))  # alone, anything goes
    under_way(upstream)
    second = running.submit(handed(bytes(900)))
    with pytest.raises(CarrierBusyError):
        running.submit(handed(bytes(200)))
    upstream.open.set()
    assert [answer_of(one)[0] for one in (first, second)] == [200, 200]
    assert answer_of(running.submit(handed(bytes(200))))[0] == 200


def test_one_member_leaves_as_much_room_to_the_others_as_it_takes(running, upstream, monkeypatch):
    monkeypatch.setattr(carrier_module, "_MOST_WAITING_BYTES", 1000)
    upstream.open.clear()
    waiting = [running.submit(handed(bytes(10)), "first")]
    under_way(upstream)
    waiting += [running.submit(handed(bytes(100)), "greedy") for _ in range(5)]
    with pytest.raises(CarrierBusyError):
        running.submit(handed(bytes(100)), "greedy")
    waiting += [running.submit(handed(bytes(100)), "modest") for _ in range(2)]
    waiting.append(running.submit(handed(bytes(300))))  # the proxy's own
    upstream.open.set()
    assert [answer_of(one)[0] for one in waiting] == [200] * 9
    assert answer_of(running.submit(handed(bytes(100)), "greedy"))[0] == 200


def test_a_stop_answers_those_who_wait(upstream):
    made = Carrier(PROXY, upstream)
    made.start()
    waiting = [made.submit(handed(b"x")) for _ in range(3)]
    made.stop()
    made.join(HANG_S)
    assert all(one.done.is_set() for one in waiting)
    with pytest.raises(CarrierBusyError):
        made.submit(handed(b"x"))

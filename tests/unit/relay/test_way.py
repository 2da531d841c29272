"""Which way a relay's data go, decided from turns and failures; times are handed in."""

from gridecho.crypto import Cmac
from gridecho.groups import BATCH, Handed, Turn, appointment_of
from gridecho_relay.way import Way

MAC = Cmac(bytes(32))
URL = "http://192.0.2.1:4691"


def turn(term=1, proxy=8, issued_ms=1000, group_id=3, relay_id=7, url=URL):
    return Turn(relay_id, issued_ms, group_id, term, proxy, 0, 60, bytes(16), url)


def test_straight_until_the_remote_says_otherwise():
    way = Way(7, MAC)
    assert way.through(0.0) is None
    assert way.take(Turn(7, 1000)), "no group is news too"
    assert way.through(0.0) is None
    assert way.take(turn(proxy=0, issued_ms=1001))
    assert way.through(0.0) is None, "a group without a proxy now"
    assert way.take(turn(url="", issued_ms=1002))
    assert way.through(0.0) is None, "a proxy that nobody can reach"
    assert way.take(turn(issued_ms=1003))
    assert way.through(0.0) is way.turn


def test_the_proxy_itself_needs_no_address():
    way = Way(7, MAC)
    way.take(turn(proxy=7, url=""))
    assert way.is_proxy(way.through(0.0))


def test_only_what_is_new_and_for_this_relay_counts():
    way = Way(7, MAC)
    assert way.take(turn(term=5, issued_ms=2000))
    assert not way.take(turn(term=4, issued_ms=1999)), "kept back by somebody"
    assert not way.take(turn(term=6, issued_ms=3000, relay_id=9))
    assert way.turn.term == 5
    assert not way.take(turn(term=5, issued_ms=2500)), "the same said again"
    assert way.turn.issued_ms == 2500
    assert way.take(turn(term=1, group_id=4, issued_ms=2600)), "another group counts its own terms"


def test_a_lost_proxy_is_left_alone_until_the_next_term_or_for_a_while():
    way = Way(7, MAC)
    way.take(turn(term=1))
    assert way.lost(0.0) == ""
    assert way.lose(way.turn, "it does not answer", 10.0)
    assert not way.lose(way.turn, "it does not answer", 10.5), "no news"
    assert (way.lost(11.0), way.through(11.0)) == ("it does not answer", None)
    assert way.through(50.0) is way.turn, "it may be back"
    assert way.lost(50.0) == ""
    assert way.lose(way.turn, "it does not answer", 50.0), "news again"
    way.take(turn(term=2, proxy=9, issued_ms=2000))
    assert way.through(51.0) is way.turn
    assert way.lost(51.0) == ""


def test_an_appointment_is_checked_with_the_relays_own_key():
    way = Way(7, MAC)
    good = appointment_of(7, 3, 1, MAC)
    assert way.appointed(Handed(3, 1, good, (BATCH, b"x")))
    for wrong in (
        Handed(3, 2, good, (BATCH, b"x")),
        Handed(4, 1, good, (BATCH, b"x")),
        Handed(3, 1, appointment_of(8, 3, 1, MAC), (BATCH, b"x")),
        Handed(3, 1, appointment_of(7, 3, 1, Cmac(bytes(range(32)))), (BATCH, b"x")),
    ):
        assert not way.appointed(wrong)


def test_a_proxy_that_never_brings_anything_is_lost_one_that_sometimes_does_not_is_not():
    way = Way(7, MAC)
    way.take(turn(term=1))
    assert [way.fruitless() for _ in range(2)] == [False, False]
    way.brought()
    assert [way.fruitless() for _ in range(3)] == [False, False, True]
    way.take(turn(term=2, issued_ms=2000))
    assert not way.fruitless(), "another proxy, perhaps"

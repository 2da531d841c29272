"""When a relay asks the remote for news, and what it does then."""

from types import SimpleNamespace

import pytest
from gridecho_relay.listening import Listener
from gridecho_relay.upstream import UpstreamError


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def now_s(self) -> float:
        return self.s

    def event(self) -> object:
        return SimpleNamespace()


class Remote:
    """Answers after so many seconds; an error is raised."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.asked = clock, []
        self.answer: object = "a"
        self.takes_s = 25.0

    def hear(self, seen: str) -> str:
        self.asked.append(seen)
        self.clock.s += self.takes_s
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


@pytest.fixture
def listening():
    clock = Clock()
    remote, beats = Remote(clock), []
    heartbeat = SimpleNamespace(news="a", now=lambda: beats.append(clock.s))
    return Listener(remote, heartbeat, clock), remote, heartbeat, beats


def test_other_news_have_a_heartbeat_follow_and_the_same_have_none(listening) -> None:
    listener, remote, _, beats = listening
    assert listener.attempt() < 1
    assert (remote.asked, beats) == (["a"], [])
    remote.answer, remote.takes_s = "b", 0.1
    assert listener.attempt() < 1
    assert len(beats) == 1


def test_a_remote_that_does_not_call_is_not_asked(listening) -> None:
    listener, remote, heartbeat, _ = listening
    heartbeat.news = ""
    assert listener.attempt() >= 1
    assert remote.asked == []


def test_what_answers_at_once_with_nothing_new_is_asked_seldom(listening) -> None:
    listener, remote, _, beats = listening
    remote.takes_s = 0.01
    assert listener.attempt() >= 10
    assert beats == []


def test_one_that_fails_is_asked_more_and_more_seldom(listening) -> None:
    listener, remote, _, beats = listening
    remote.answer = UpstreamError("no call", 404)
    pauses = [listener.attempt() for _ in range(12)]
    assert max(pauses) >= 20
    remote.answer = UpstreamError("no call", 503, retry_after_s=300)
    assert listener.attempt() >= 300
    assert beats == []

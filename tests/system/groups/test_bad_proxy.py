"""A proxy that was changed to drop, replay, forge, refuse or keep back: no member deletes anything that is not at the remote."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.rigs.group_site import Site, running
from tests.rigs.hostile.proxy import BAD, EvilProxy
from tests.rigs.processes import frames_in
from tests.rigs.waiting import wait_for

MEMBER, EVIL = 1, 2
GROUP = "north"


@pytest.fixture(scope="module")
def evil() -> Iterator[EvilProxy]:
    made = EvilProxy()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(evil: EvilProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("bad-proxy")
    site = Site(folder, {GROUP: [MEMBER, EVIL]}, after_s=3600, group_urls={EVIL: evil.url})
    evil.real_url, evil.relay_id, evil.secret = site.urls[EVIL], EVIL, site.relays[EVIL].secret
    with running(site):
        yield site


@pytest.mark.parametrize("behaviour", BAD)
def test_no_member_deletes_what_the_remote_did_not_sign_for(site: Site, evil: EvilProxy, behaviour: str) -> None:
    evil.behave = evil.honest
    epoch = 1 + BAD.index(behaviour)
    # First it does its work, so that there is something genuine to replay.
    epochs = count(100 * epoch)

    def did_its_work() -> bool:
        _wait_for_its_turn(site)
        through = len(evil.genuine)
        honest = site.load(MEMBER, most=5, sends=1.0, again=0.0, epoch=next(epochs))
        honest.start()
        honest.finish()
        wait_for(lambda: set(honest.acked) <= site.stored(), "an honest proxy's work")
        return any(answer[2][:4] == b"GER\x01" for answer in evil.genuine[through:])

    wait_for(did_its_work, "a receipt that came through the proxy")

    before = len(evil.loads)
    evil.behave = getattr(evil, behaviour)
    load = site.load(MEMBER, most=60, rate=60, sends=0.5, again=0.0, epoch=epoch)
    evil.silence_over.clear()
    load.start()

    def ended() -> bool:
        _check_nothing_is_gone(site, load.acked)
        return not load.is_alive()

    wait_for(ended, "an ACK for everything", every_s=0.05)
    load.finish()

    def handed() -> bool:
        if len(evil.loads) > before:
            return True
        # On a busy machine its turn may have been over, or it was held for lost, when all of that went.
        _wait_for_its_turn(site)
        more = site.load(MEMBER, most=5, sends=1.0, again=0.0, epoch=next(epochs))
        more.start()
        more.finish()
        load.acked.update(more.acked)
        return len(evil.loads) > before

    wait_for(handed, "that the bad proxy is handed something")
    _check_nothing_is_gone(site, load.acked)
    # And it does not stay there for the proxy's sake: what was to be sent at once arrives.
    wait_for(lambda: not site.relays[MEMBER].report()["outbox"], "the way around the proxy")
    _check_nothing_is_gone(site, load.acked)
    evil.silence_over.set()
    if behaviour == "keeps_back":
        evil.bring_all()
    site.relays[MEMBER].flush()
    wait_for(lambda: set(load.acked) <= site.stored(), "all of it at the remote")
    wait_for(lambda: site.query("SELECT COUNT(*) FROM holding WHERE relay_id = ?", MEMBER) == [(0,)], "a true index")
    assert site.query("SELECT COUNT(*) FROM quarantine") == [(0,)]
    site.check_logs()


def _wait_for_its_turn(site: Site) -> None:
    """Until the bad one is the proxy and the member has heard of it; a term that the member holds for lost ends meanwhile."""

    def heard() -> bool:
        site.make_proxy(GROUP, EVIL)
        report, term = site.relays[MEMBER].report(), site.term_of(GROUP)
        return term is not None and term.proxy == EVIL and (report["term"], report["proxy_lost"]) == (term.number, "")

    wait_for(heard, "that the member hears of its proxy", every_s=0.05)


def _check_nothing_is_gone(site: Site, acked: dict[bytes, float]) -> None:
    # In this order: what leaves the relay meanwhile is at the remote then.
    known = set(acked)
    held = {frame[4:16] for frame in frames_in(site.relays[MEMBER].database)}
    gone = known - held - site.stored()
    assert not gone, f"{len(gone)} data were deleted that the remote does not have"

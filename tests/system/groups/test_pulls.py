"""What the remote wants of a relay in a group: it is told at once, and what it holds comes by way of the proxy."""

from pathlib import Path

from gridecho.holdings import ANY
from gridecho_common.secrets import read_secret
from gridecho_remote import open_archive
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import holdings
from gridecho_remote.use import pulls
from gridecho_remote.use.site import site_of

from tests.rigs.group_site import Site, running
from tests.rigs.waiting import HANG_S, wait_for


def test_what_a_member_holds_comes_through_the_proxy(scratch: Path) -> None:
    site = Site(scratch, {"north": [1, 2]}, after_s=3600, heartbeat_every_s=3600, index_every_s=0.3)
    with running(site):
        site.make_proxy("north", 1)
        load = site.load(2, rate=40, most=80, sends=0.0, again=0.0)
        load.start()
        load.finish()
        indexed = "SELECT COALESCE(SUM(last_seq - first_seq + 1), 0) FROM holding WHERE relay_id = 2"
        wait_for(lambda: site.query(indexed) == [(len(load.acked),)], "the whole index")
        assert not site.stored()
        before = site.relays[1].report()["loads_carried"]
        archive = open_archive(site.database, read_secret(site.remote_config.parent / "remote.key"))
        try:
            wants = holdings.wants_in(archive, site.sensors_of(2)[0], 0, ANY)
            here = site_of(RemoteSettings(pull_addresses=["127.0.0.1"]), archive)
            (outcome,) = pulls.pull(here, wants, HANG_S)  # the next heartbeat is an hour away
        finally:
            archive.close()
        wanted = {data_id for data_id in load.acked if int.from_bytes(data_id[:4], "big") == site.sensors_of(2)[0]}
        assert outcome == pulls.Outcome(2, "heartbeat", len(wanted))
        assert site.stored() == wanted
        assert site.relays[1].report()["loads_carried"] > before
        assert site.metric("data_connections_most") <= 1
        assert site.relays[2].report()["loads_direct"] == 0
        site.check_all_there(load.acked)

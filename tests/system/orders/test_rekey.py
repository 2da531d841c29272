"""A new root key the whole way: by the command, a real remote and a real relay, to a virtual board that goes on sending."""

import json

from gridecho_flash.image import read_file
from gridecho_remote.store import enrol
from gridecho_remote.store.queries import count_quarantined

from tests.rigs.orders_site import Site, off
from tests.rigs.waiting import wait_for


def test_a_sensor_takes_a_new_key_without_a_cable(site: Site) -> None:
    board = site.board(18)
    wait_for(lambda: site.state(18))
    file = site.folder / "new.key"
    version = site.push("enrol", "sensor", "--id", "18", "--key-id", "2", "--root-file", str(file))
    wait_for(lambda: site.order_state(18, version) == "taken")
    new = bytes.fromhex(file.read_text())
    assert enrol.sensor_key(site.archive, 18) == (2, new)
    before = site.readings(18)
    wait_for(lambda: site.readings(18) >= before + 3)
    assert count_quarantined(site.archive) == {}
    # The next order is sealed with the new key; the settings name it.
    pushed = site.push_config(18, site.config(18, key_id=2, period_ms=500))
    wait_for(lambda: site.order_state(18, pushed) == "taken")
    off(board)
    assert read_file(board.image, "key") == new
    assert json.loads(read_file(board.image, "config.json") or b"")["key_id"] == 2
    for name in ("trial", "config.new", "key.trial", "order.part", "order.head"):
        assert read_file(board.image, name) is None

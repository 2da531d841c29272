"""What one sensor sends, says or has damaged keeps no other's data, keys or orders back at the remote."""

import pytest
from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import KNOWN_BYTES, Piece, read_known
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store import holdings, orders
from gridecho_remote.store.models import Sensor
from gridecho_remote.use import orders as pushing

from tests.rigs.fleet import Fleet

T0 = 1_700_000_000


@pytest.mark.parametrize(
    "bad", [(8, 0, 5, 1, T0, 0), (0, 1, 5, 1, T0, 0), (8, 1, 5, 0, T0, 0), (8, 1, 2**32 - 1, 2, T0, 0)]
)
def test_a_run_that_cannot_be_keeps_no_other_out_of_the_index(fleet: Fleet, bad: tuple[int, ...]) -> None:
    runs = [(7, 1, 0, 10, T0, 60), bad, (9, 1, 0, 1, T0, 0)]
    body = Piece(1, 5, 0, 12, runs).pack(Cmac(relay_keys.batch_key(fleet.relays[1], 1)))
    answer = fleet.bring("index", body)
    assert answer.status_code == 200
    known = read_known(answer.data[:KNOWN_BYTES], Cmac(relay_keys.receipt_key(fleet.relays[1], 1)))
    assert (known.listing, known.end) == (5, 12)
    assert holdings.told(fleet.archive) == {1: holdings.Told(2, 11)}


def test_a_datum_of_epoch_0_is_kept_apart_and_the_rest_of_its_batch_is_stored(fleet: Fleet) -> None:
    odd = fleet.frame(8, [Reading(T0, {2: 1})], epoch=0)
    receipt = fleet.send(odd, fleet.frame(7, [Reading(T0, {2: 1})]))
    assert (receipt.stored, receipt.known, receipt.quarantined) == (1, 0, 1)


def test_what_no_version_can_be_spoils_no_list_of_orders(fleet: Fleet) -> None:
    # A sensor says that it has settings of a version beyond 32 bits.
    fleet.send(fleet.frame(7, [Reading(T0, {42: (1 << 53) - 1, 48: 900})]))
    versions = pushing.push_firmware(fleet.site, OPERATOR, [7, 8], _firmware())
    assert versions == {7: 1, 8: 1}
    assert [row["version"] for row in orders.waiting(fleet.archive)] == [1, 1]
    assert orders.sealed_order(fleet.archive, 7) is not None


def test_a_damaged_key_keeps_no_other_from_the_relays(fleet: Fleet) -> None:
    Sensor.update(wrapped_root=bytes(48)).where(Sensor.id == 8).execute(fleet.archive.db)
    token = relay_keys.relay_token(fleet.relays[1], 1).hex()
    answer = fleet.app.test_client().get("/relay/v1/keys?relay=1&have=0", headers={"Authorization": "Bearer " + token})
    assert [row["sensor_id"] for row in answer.json["sensors"]] == [7, 9]


def _firmware() -> bytes:
    from gridecho.fileset import pack_set

    return pack_set({"lib/gridecho_node/version.py": b"VERSION = 2\n"})

"""People of a remote that runs as a process, and what there is for them to see."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, DataHeader, seal
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading, encode
from gridecho_remote.rules.names import key_of
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import users
from gridecho_remote.store.database import Archive
from gridecho_remote.store.models import User
from gridecho_remote.use.site import Site, site_of

from tests.rigs.load import RELAY_ID, root_of
from tests.rigs.processes import RemoteProcess

PASSWORD = "a long enough password"
_IN_A_FRAME, _IN_A_BATCH = 250, 100


@contextmanager
def beside(remote: RemoteProcess) -> Iterator[Site]:
    """The site of a remote's database, as a command at the terminal has it."""
    with remote.archive() as archive:
        yield site_of(RemoteSettings(), archive)


def add_people(archive: Archive, names: Iterable[str]) -> None:
    """Users with a password of their own."""
    hashed = users._hasher.hash(PASSWORD)
    for name in names:
        row = {"name": name, "key": key_of(name), "password_hash": hashed, "must_change": False, "added_s": 0}
        User.insert(**row).execute(archive.db)


def fill(site: Site, secret: bytes, sensor_id: int, first_s: int, count: int, step_s: int, first_seq: int = 0) -> None:
    """So many readings of a sensor, brought by the relay."""
    siv = Siv(keys.siv_key(root_of(sensor_id), sensor_id, 0))
    mac = Cmac(relay_keys.batch_key(secret, RELAY_ID))
    frames = []
    for seq, begin in enumerate(range(0, count, _IN_A_FRAME), first_seq):
        readings = [
            Reading(first_s + n * step_s, {ENERGY_IMPORT: 7 * n, POWER_IMPORT: n * 7919 % 3001})
            for n in range(begin, min(count, begin + _IN_A_FRAME))
        ]
        header = DataHeader(SEND, 0, len(readings), sensor_id, 1, seq, readings[0].time_s)
        frames.append(seal(header, encode(readings), siv))
    for at in range(0, len(frames), _IN_A_BATCH):
        site.ingest.take(pack_batch(RELAY_ID, frames[at : at + _IN_A_BATCH], mac)[1], site.now_ms())

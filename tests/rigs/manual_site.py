"""A remote that pages of the manual begin at: a home in north/city-a with readings, three relays, some users."""

from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner
from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, DataHeader, seal
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading, encode
from gridecho_remote.commands.remote import remote
from gridecho_remote.settings import read_remote_settings
from gridecho_remote.store import enrol, grants, users
from gridecho_remote.use.site import open_site

from tests.rigs.fleet import PASSWORD

ROOT, SECRET = b"r" * 32, b"s" * 32
_BEGIN = int(datetime(2025, 12, 25, tzinfo=UTC).timestamp())


def make_site(place: Path, people: tuple[str, ...] = ()) -> None:
    """A remote in a new folder: sensor 7 has a reading an hour, from December 2025 to February 2026. Who is named may see it."""
    assert CliRunner().invoke(remote, ["init", "--dir", str(place)]).exit_code == 0
    site = open_site(read_remote_settings(place / "remote.toml"))
    enrol.enrol_sensor(site.archive, 7, "Mill Lane 7", "north/city-a", "residential", ROOT)
    for relay_id in (1, 2, 3) if people else (1,):
        enrol.enrol_relay(site.archive, relay_id, f"Relay {relay_id}", SECRET)
    for name in people:
        users.add_user(site.archive, name)
        users.change_password(site.archive, users.user_id(site.archive, name), PASSWORD)
        grants.add_grant(site.archive, name, region="north/city-a")
    siv, frames = Siv(keys.siv_key(ROOT, 7, 1)), []
    for seq in range(55 * 24):
        reading = Reading(_BEGIN + 3_600 * seq, {POWER_IMPORT: 500, ENERGY_IMPORT: 500 * seq})
        header = DataHeader(SEND, 1, 1, 7, 1, seq, reading.time_s)
        frames.append(seal(header, encode([reading]), siv))
    site.ingest.take(pack_batch(1, frames, Cmac(relay_keys.batch_key(SECRET, 1)))[1], site.now_ms())
    site.close()

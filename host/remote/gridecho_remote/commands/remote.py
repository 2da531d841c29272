"""`gridecho remote ...`: every command is a thin shell around a function of this package."""

import json
import logging
import signal
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click
from gridecho_common.logs import set_up_logging
from gridecho_common.settings import SettingsError, split_address

from ..rules.actor import OPERATOR
from ..rules.errors import StorageFullError
from ..settings import URL, read_remote_settings, write_template
from ..use import enrolment, first
from ..use.site import make_site
from .applications import applications_
from .audit import audit
from .enrol import enrol_
from .grants import grant
from .imports import import_, imports_
from .orders import config_, firmware, orders
from .parts import config_option, json_option, opened, say_rows
from .people import organisation, role_, user
from .places import contract, sensor_
from .quarantine import quarantine
from .relays import pull, relays
from .requests import request
from .tokens import tokens_
from .undated import date, undated
from .upkeep import backup, copy, doctor, migrate, restore, shards

log = logging.getLogger("gridecho.remote")


@click.group()
def remote() -> None:
    """Run the remote; enrol sensors and relays; users and grants.

    Example: gridecho remote init --dir here && gridecho remote run --config here/remote.toml
    """


@remote.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to put the files."
)
@click.option(
    "--database",
    default="remote.sqlite",
    show_default=True,
    help='A file in that folder, or an empty database on a PostgreSQL server: "postgresql://user:password@host/name".',
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Another folder for the key and the database's file, as /var/lib/gridecho for settings in /etc/gridecho.",
)
def init(folder: Path, database: str, data: Path | None) -> None:
    """Make a settings file, a key file and an empty database.

    Example: gridecho remote init --dir /srv/gridecho
    """
    for one in (folder, data):
        try:
            (one or folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"{one}: cannot be made ({error.strerror})") from None
    config, key = folder / "remote.toml", Path("remote.key")
    if data is not None:
        key = data.absolute() / key
        database = database if database.startswith(URL) else str(data.absolute() / database)
    write_template(config, database, str(key))
    try:
        make_site(read_remote_settings(config))
    except SettingsError:
        config.unlink()
        raise
    click.echo(f"{config}: settings, key and database are made. Start it with: gridecho remote run --config {config}")


@remote.command()
@config_option
@json_option
@click.option("--verbose", is_flag=True, help="Log every batch.")
@click.option("--log-json", is_flag=True, help="Log an object of JSON a line.")
def run(config: Path, as_json: bool, verbose: bool, log_json: bool) -> None:
    """Serve pages, the API and the relays until Ctrl-C. While there is no user, it prints a link by which the first is made.

    Example: gridecho remote run --config /srv/gridecho/remote.toml
    """
    from ..jobs.mailing import Mailer
    from ..jobs.tidying import Tidier
    from ..server import Server  # the web stack takes half a second to load, and only this command needs it

    set_up_logging(as_json=log_json)
    if verbose:
        # Only our own: libraries log statements with their values, and those hold password hashes and sessions.
        logging.getLogger("gridecho").setLevel(logging.DEBUG)
    with opened(config) as site:
        settings = site.settings
        if not settings.secure_cookies and split_address(settings.listen)[0] not in ("127.0.0.1", "::1", "localhost"):
            log.warning(
                "insecure-cookies listen=%s: logins travel in the clear unless TLS is in front", settings.listen
            )
        try:
            site.archive.check_writable()
        except StorageFullError:  # it serves what is there, and takes data in when there is room
            log.error(
                "storage-full database=%s: relays get the answer 507 and keep their readings", site.archive.engine.name
            )
        server = Server(site)
        jobs = [Tidier(site), Mailer(site)]
        signal.signal(signal.SIGTERM, _interrupt)
        if server.metrics:
            log.info("metrics url=%s", server.metrics.url)
        code = None
        with suppress(StorageFullError):  # of a full disk what is there is shown; the next start offers it
            code = first.offer(site, OPERATOR)
        _say_where(server.url, code, as_json)
        for job in jobs:
            job.start()
        with suppress(KeyboardInterrupt):
            server.run()
        for job in jobs:
            job.stop()


def _say_where(url: str, code: str | None, as_json: bool) -> None:
    link = code and f"{url}first#{code}"
    if as_json:
        click.echo(json.dumps({"url": url} | ({"first": link} if link else {})))
        return
    click.echo(f"gridecho remote: {url}")
    if link:
        click.echo(f"There is no user yet. The first, who is to run it, opens within {first.HOURS} hours: {link}")


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@remote.command()
@config_option
@json_option
def sensors(config: Path, as_json: bool) -> None:
    """List the enrolled sensors.

    Example: gridecho remote sensors --json
    """
    with opened(config) as site:
        say_rows([asdict(info) for info in enrolment.all_sensors(site, OPERATOR)], as_json)


for _command in (
    applications_,
    audit,
    backup,
    config_,
    contract,
    copy,
    shards,
    date,
    doctor,
    enrol_,
    firmware,
    grant,
    import_,
    imports_,
    migrate,
    orders,
    organisation,
    pull,
    quarantine,
    relays,
    request,
    restore,
    role_,
    sensor_,
    tokens_,
    undated,
    user,
):
    remote.add_command(_command)

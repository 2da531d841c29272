"""What every use case works on: one object a running remote."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from gridecho_common.logs import Seldom
from gridecho_common.secrets import read_secret, read_text_secret, write_secret
from gridecho_common.settings import SettingsError, split_address

from ..outside.addresses import Addresses
from ..outside.mail import Post, SmtpPost
from ..outside.openid import OpenIdProvider, Provider
from ..outside.registry import HttpRegistry, Registry
from ..outside.relays import HttpRelays, Relays
from ..rules.budget import Budget
from ..rules.days import Days
from ..rules.recent import Recent
from ..settings import RemoteSettings
from ..store.database import Archive, create_archive, open_archive, settled
from ..store.kept import Curves
from ..store.standings import Kept
from .about import About
from .ingest import Ingest

__all__ = ("Site", "make_site", "open_site", "settled", "site_of")

_INDEX_BURST_S, _INDEX_SHARE = 10.0, 0.2


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of one running remote; `clock` gives Unix seconds, `relays` are those that can be reached."""

    settings: RemoteSettings
    archive: Archive
    about: About
    ingest: Ingest
    relays: Relays
    clock: Callable[[], float]
    provider: Provider | None = None  # of OpenID Connect
    registry: Registry | None = None  # of a department, that says who somebody is
    post: Post | None = None  # where letters are given up
    of_index: Budget = field(
        default_factory=lambda: Budget(_INDEX_BURST_S, _INDEX_SHARE)
    )  # each relay's work with its index
    recent: Recent = field(default_factory=Recent)  # what of the audit need not be said again yet
    verifying: Lock = field(default_factory=Lock)  # held while the whole audit is read for somebody
    reading_file: Lock = field(default_factory=Lock)  # held while a household's file is read for somebody
    curves: Curves = field(default_factory=Curves)  # that were asked for lately
    standings: Kept = field(default_factory=Kept)  # of all sensors
    seldom: Seldom = field(default_factory=Seldom)  # for lines of the log that would come with every request

    @property
    def days(self) -> Days:
        """The site's days."""
        return self.about.days

    def renew(self) -> None:
        """Reads anew what the site is called and which days it has."""
        self.about.read()
        self.ingest.days = self.about.days

    def now_ms(self) -> int:
        """Its time in Unix milliseconds."""
        return int(self.clock() * 1000)

    def close(self) -> None:
        """Closes the database."""
        self.archive.close()


def site_of(
    settings: RemoteSettings,
    archive: Archive,
    clock: Callable[[], float] = time.time,
    relays: Relays | None = None,
    provider: Provider | None = None,
    registry: Registry | None = None,
    post: Post | None = None,
) -> Site:
    """The site of an open database; whom the settings name is asked over the network, if no others are handed in.

    Raises SettingsError for a file with a secret that cannot be read.
    """
    about = About(archive, settings.time_zone)
    ingest = Ingest(archive, about.days, settings.min_free_mb * 1_000_000, settings.max_quarantined)
    return Site(
        settings,
        archive,
        about,
        ingest,
        relays or HttpRelays(Addresses(settings.pull_addresses)),
        clock,
        provider or _provider_of(settings),
        registry or _registry_of(settings),
        post or _post_of(settings),
    )


def _provider_of(settings: RemoteSettings) -> OpenIdProvider | None:
    if not settings.oidc_issuer:
        return None
    secret = read_text_secret(Path(settings.oidc_secret_file))
    return OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_claims)


def _registry_of(settings: RemoteSettings) -> HttpRegistry | None:
    if not settings.registry_url:
        return None
    token = read_text_secret(Path(settings.registry_token_file)) if settings.registry_token_file else ""
    return HttpRegistry(
        settings.registry_url,
        time.monotonic,
        token,
        settings.registry_ca_file,
        settings.registry_timeout_s,
        60 * settings.registry_keep_minutes,
    )


def _post_of(settings: RemoteSettings) -> SmtpPost | None:
    if not settings.mail_server or not settings.mail_from:
        return None
    login = None
    if settings.mail_user:
        login = settings.mail_user, read_text_secret(Path(settings.mail_password_file))
    host, port = split_address(settings.mail_server)
    return SmtpPost(host, port, settings.mail_from, settings.mail_tls, login, settings.mail_ca_file)


def open_site(settings: RemoteSettings) -> Site:
    """The site that the settings tell of, to be closed. Raises SettingsError."""
    archive = open_archive(settings.database, read_secret(Path(settings.key_file)))
    with settled(archive.engine):
        return site_of(settings, archive)


def make_site(settings: RemoteSettings) -> None:
    """Makes the key file and the empty database that the settings tell of. Raises SettingsError if one is there, and makes none."""
    key_file = Path(settings.key_file)
    key = write_secret(key_file)
    try:
        create_archive(settings.database, key).close()
    except SettingsError:
        key_file.unlink()
        raise

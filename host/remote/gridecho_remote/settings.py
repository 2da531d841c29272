"""The remote's settings: one TOML file, one typed object; paths in it are relative to the file."""

import json
import os
from ipaddress import ip_network
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from gridecho.batch import MAX_BATCH_BYTES
from gridecho.registers import CODE_OF
from gridecho_common.settings import Address, Settings, SettingsError, read_settings, split_address
from pydantic import AfterValidator, Field, model_validator

from .rules.addresses import secure
from .rules.days import ZONES
from .rules.verification import KNOWN_CLAIMS, KNOWN_FIELDS, PLACEHOLDERS

ETC = Path("/etc/gridecho/remote.toml")  # where a settings file is that the system's administrator keeps
URL = "postgresql://"  # what the name of a database on a server begins with; any other is a file's path


def _checked_database(database: str) -> str:
    if not database:
        raise ValueError("the path of a database file was expected")
    if "://" in database and not database.startswith(URL):
        raise ValueError(f'the path of an SQLite file or a URL as "{URL}user@host/name" was expected')
    return database


def _checked_metrics(address: str) -> str:
    if address:
        split_address(address)
    return address


def _checked_zone(name: str) -> str:
    if name and name not in ZONES:
        raise ValueError('a name of the IANA time zone database was expected, as "Europe/Amsterdam"')
    return name


def _checked_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f'an IP address or network was expected, as "127.0.0.1" or "10.0.0.0/24" ({error})') from None
    return text


def _checked_issuer(issuer: str) -> str:
    if issuer and (not secure(issuer) or "?" in issuer or "#" in issuer):
        raise ValueError('the https address of an OpenID Connect provider was expected, as "https://login.example.org"')
    return issuer


def _checked_field(name: str) -> str:
    if name not in KNOWN_FIELDS:
        raise ValueError(f"one of {', '.join(KNOWN_FIELDS)} was expected")
    return name


def _checked_claim(name: str) -> str:
    if name not in KNOWN_CLAIMS:
        raise ValueError(f"one of {', '.join(KNOWN_CLAIMS)} was expected")
    return name


def _checked_registry(url: str) -> str:
    if url and (not secure(url) or "{" in urlsplit(url).netloc):
        raise ValueError("a URL that begins with https://, or on this machine http://, and with a host was expected")
    try:
        places = {name for _, name, form, conversion in Formatter().parse(url) if name is not None}
    except ValueError:
        places = {""}
    if not places.issubset(PLACEHOLDERS) or (url and "evidence" not in places):
        raise ValueError(f"{{evidence}} has to be in it, and of others only {', '.join(PLACEHOLDERS)} can be")
    return url


def _checked_quantity(name: str) -> str:
    if name not in CODE_OF:
        raise ValueError('the OBIS name of a quantity that is known here was expected, as "1-0:32.7.0"')
    return name


class RemoteSettings(Settings):
    """What `gridecho remote run` reads. Defaults suit a trial on one machine."""

    listen: Address = "127.0.0.1:8080"
    database: Annotated[str, AfterValidator(_checked_database), Field(repr=False)] = "remote.sqlite"
    key_file: Annotated[str, Field(min_length=1)] = "remote.key"
    secure_cookies: bool = False
    log_requests: bool = False
    trusted_proxies: list[Annotated[str, AfterValidator(_checked_network)]] = Field(default_factory=list, max_length=32)
    pull_addresses: list[Annotated[str, AfterValidator(_checked_network)]] = Field(
        default_factory=list, max_length=1_000
    )
    session_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 12
    session_idle_minutes: Annotated[int, Field(ge=1, le=24 * 60 * 30)] = 120
    threads: Annotated[int, Field(ge=1, le=64)] = 8
    relay_threads: Annotated[int, Field(ge=1, le=16)] = 4
    api_calls_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 6_000
    downloads_per_user: Annotated[int, Field(ge=1, le=64)] = 2
    max_streams: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    max_connections: Annotated[int, Field(ge=16, le=60_000)] = 2_000
    max_connections_per_address: Annotated[int, Field(ge=4, le=60_000)] = 1_000
    max_batch_bytes: Annotated[int, Field(ge=4096, le=MAX_BATCH_BYTES)] = MAX_BATCH_BYTES
    min_free_mb: Annotated[int, Field(ge=0)] = 64
    metrics: Annotated[str, AfterValidator(_checked_metrics)] = ""
    time_zone: Annotated[str, AfterValidator(_checked_zone)] = ""
    max_quarantined: Annotated[int, Field(ge=1)] = 100_000
    max_index_runs: Annotated[int, Field(ge=1)] = 2_000_000
    audit_anchors: str = ""
    audit_keep_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    oidc_issuer: Annotated[str, AfterValidator(_checked_issuer)] = ""
    oidc_client_id: str = ""
    oidc_secret_file: str = ""
    oidc_new_users: bool = False
    oidc_claims: dict[Annotated[str, AfterValidator(_checked_claim)], Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict
    )
    open_accounts: bool = True
    public_url: Annotated[str, Field(max_length=200)] = ""
    registry_url: Annotated[str, AfterValidator(_checked_registry)] = ""
    registry_fields: dict[Annotated[str, AfterValidator(_checked_field)], Annotated[str, Field(min_length=1)]] = Field(
        default_factory=lambda: {"name": "name", "organisation": "organisation"}, min_length=1
    )
    registry_token_file: str = ""
    registry_ca_file: str = ""
    registry_timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 5.0
    registry_keep_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 10
    mail_server: Annotated[str, AfterValidator(_checked_metrics)] = ""
    mail_from: Annotated[str, Field(pattern="^([^@\\s]+@[^@\\s]+)?$")] = ""
    mail_tls: Literal["starttls", "tls", "none"] = "starttls"
    mail_user: str = ""
    mail_password_file: str = ""
    mail_ca_file: str = ""
    tidy_every_s: Annotated[float, Field(ge=0.01, le=3600)] = 10.0
    keep_days: dict[Annotated[str, AfterValidator(_checked_quantity)], Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_secret_file):
            raise ValueError("with oidc_issuer go oidc_client_id and oidc_secret_file")
        if self.oidc_claims and "organisation" not in self.oidc_claims:
            raise ValueError(
                "oidc_claims is to say which claim has the organisation: that verifies whom somebody asks for"
            )
        return self


_FILES = ("oidc_secret_file", "registry_token_file", "registry_ca_file", "mail_password_file", "mail_ca_file")


def read_remote_settings(path: Path) -> RemoteSettings:
    """The settings in the file at `path`, with its paths made absolute. Raises SettingsError."""
    settings = read_settings(path, RemoteSettings)
    base = path.resolve().parent
    database = settings.database if settings.database.startswith(URL) else str(base / settings.database)
    anchors = str(base / settings.audit_anchors) if settings.audit_anchors else ""
    files = {"key_file": str(base / settings.key_file), "audit_anchors": anchors}
    for name in _FILES:
        files[name] = str(base / getattr(settings, name)) if getattr(settings, name) else ""
    return settings.model_copy(update={"database": database} | files)


def usual_place() -> Path:
    """Where the settings are if nobody says: in this folder, or else in ETC if they are there."""
    here = Path("remote.toml")
    return ETC if not here.exists() and ETC.exists() else here


def write_template(path: Path, database: str = "remote.sqlite", key_file: str = "remote.key") -> None:
    """Writes a commented settings file with the defaults; a URL may hold a password: then for its owner only.

    Never replaces one: raises SettingsError.
    """
    mode = 0o600 if database.startswith(URL) else 0o666

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, mode)

    try:
        with open(path, "x", encoding="utf-8", opener=opener) as file:
            text = _TEMPLATE.replace('"remote.sqlite"', json.dumps(database))
            file.write(text.replace('"remote.key"', json.dumps(key_file)))
    except FileExistsError:
        raise SettingsError(f"{path}: is there already; remove it first, or choose another folder") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None


_TEMPLATE = f"""\
# gridecho remote. Paths are relative to this file. A line that begins with # shows a default.

# Where it listens. Behind a TLS proxy leave it on loopback; port 0 takes any free port.
listen = "127.0.0.1:8080"

# The database and the key that its secrets are wrapped with. Back both up, apart from each other:
# without the key no sensor's readings can be opened any more. The database is a file of its own (SQLite), or
# one on a PostgreSQL server that several remotes may share: "postgresql://user:password@host/name".
database = "remote.sqlite"
key_file = "remote.key"

# The site's time zone, for the days of sums and the times on pages, as "Europe/Amsterdam"; in exports and the API all times are
# UTC. Empty: as an operator chooses it on the page "Set up" before the first reading comes, until then UTC.
# time_zone = ""

# Set this to true when browsers reach the remote over https.
# secure_cookies = false

# The addresses or networks of your TLS proxies, as ["127.0.0.1"]: they tell who the client is (X-Forwarded-For) and that it came by
# https (X-Forwarded-Proto). Without this all logins through a proxy share one limit of wrong passwords.
# trusted_proxies = []

# The addresses or networks at which relays are called (their pull_url), beside the one that a relay's own heartbeats come from.
# This machine itself is called only if it is here: ["127.0.0.1"].
# pull_addresses = []

# How long a login lasts, whatever is done, and how long when nothing is done. An open page that renews itself does nothing.
# session_hours = 12
# session_idle_minutes = 120

# Requests of people and programs that are served side by side, half of them downloads at most, and requests of relays.
# threads = 8
# relay_threads = 4
# downloads_per_user = 2

# How many look at readings as they come, at a time; each holds a connection.
# max_streams = 1000

# How often a person, with all their programs, may call the API in a minute, at each process; 0: as often as they like.
# api_calls_per_minute = 6000

# Connections that are held; a relay has up to three. When there are too many, the one goes that is idle for longest, of the address
# with the most.
# max_connections = 2000
# max_connections_per_address = 1000

# A batch from a relay that is larger gets the answer 413.
# max_batch_bytes = {MAX_BATCH_BYTES}

# Whether the log has a line for each request that was answered: method, path, status, milliseconds, who. Never what was asked for
# or sent.
# log_requests = false

# Where Prometheus reads /metrics: counts only, without a login, so keep it on loopback or a network of your own. Empty: nowhere.
# metrics = ""

# With less free space on the database's disk than this, relays get the answer 507 and keep their readings.
# min_free_mb = 64

# Frames that do not open, or clash with stored ones, are kept for inspection up to this number: of each relay its share of it, and
# of each sensor that it brings a tenth of that. What is beyond is counted, and its relay gets the receipt all the same.
# max_quarantined = 100000

# Of what one relay says that it holds so many runs are kept (a run is many readings of one sensor at even intervals).
# max_index_runs = 2000000

# The pause between rounds of what is done in the background: hours and days rolled up, blocks of days that are over made compact.
# tidy_every_s = 10.0

# A file to which it adds a line a day: where the audit's chain ends. Keep it where who changes the database cannot change it; then
# "gridecho remote audit verify" sees also what was cut off. Empty: the line is in the log only.
# audit_anchors = ""

# For how many days the audit is kept: who changed what, who looked at what. What is older is cut off once a day, and a row says so,
# from which the chain goes on. 0: it is kept for ever.
# audit_keep_days = 0

# An OpenID Connect provider that people may log in by: its address (the issuer), what it calls this remote, and a file (mode 0600)
# with the secret that it gave. It is to know https://YOUR.ADDRESS/login/openid/back. "gridecho remote user identify" says who of
# the users is whom there. With oidc_new_users whoever it lets in becomes a user, who sees nothing without a grant.
# oidc_issuer = ""
# oidc_client_id = ""
# oidc_secret_file = ""
# oidc_new_users = false

# Which of the provider's claims verify who somebody is who asks for access, as {{organisation="org", role="title"}}: organisation,
# and name, role and email_verified (true) if they are here. They count for a day after a login there; what is missing or says
# otherwise verifies nobody. Empty: none do.
# oidc_claims = {{}}

# Whether strangers may make an account, to ask for access; without a grant nobody sees anything.
# open_accounts = true

# Where people reach the remote, for letters to them, as "https://readings.example/".
# public_url = ""

# The register of a department that says who somebody is who asks for access, as "https://register.example/staff/{{evidence}}"; what
# they say of themselves is held against the fields of its answer (JSON), which may lie within others, as "post.department": name,
# organisation, role, active (true or false), valid_until (a date). A register that is away or answers otherwise verifies nobody.
# registry_url = ""
# registry_fields = {{name="name", organisation="organisation"}}
# registry_token_file = ""
# registry_ca_file = ""
# registry_timeout_s = 5.0
# registry_keep_minutes = 10

# The server to which letters are given (SMTP), as "mail.example:587"; mail_tls: "starttls", "tls" from the first byte on, "none".
# mail_server = ""
# mail_from = ""
# mail_tls = "starttls"
# mail_user = ""
# mail_password_file = ""
# mail_ca_file = ""

# For how many days readings of a quantity are kept, as {{"1-0:32.7.0"=90}}; of one that is not named: for ever. What is older is
# deleted, and its hours and days remain. Remotes that share a database are to say the same.
# keep_days = {{}}
"""

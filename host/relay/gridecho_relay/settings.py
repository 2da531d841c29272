"""What an operator sets in relay.toml. Paths are relative to that file."""

import json
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from gridecho.groups import MAX_URL_BYTES, url_fits
from gridecho_common.settings import Address, Settings, SettingsError, parse_settings, read_settings
from pydantic import AfterValidator, BeforeValidator, Field, model_validator


def _as_path(value: object) -> object:
    return Path(value) if isinstance(value, str) and value else value


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise ValueError('a URL as "https://host:port" was expected')
    return url.rstrip("/")


def _told_url(url: str) -> str:
    if not url_fits(url):
        raise ValueError(
            f"a URL of {MAX_URL_BYTES} bytes of ASCII at most was expected; write a name with other letters as xn--..."
        )
    return _checked_url(url) if url else ""


def _checked_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f'an IP address or network was expected, as "192.0.2.7" or "192.0.2.0/24" ({error})') from None
    return text


FilePath = Annotated[Path, BeforeValidator(_as_path)]
Url = Annotated[str, AfterValidator(_checked_url)]
ToldUrl = Annotated[str, AfterValidator(_told_url)]  # others are told of it; it may be empty
Bytes = Annotated[int, Field(ge=4096, le=1 << 44)]


class RelaySettings(Settings):
    """One relay. Sizes count the bytes of the frames kept, without what the database adds."""

    relay_id: Annotated[int, Field(ge=1, lt=1 << 32)]
    name: Annotated[str, Field(min_length=1, max_length=64)] = "relay"
    listen: Address = "0.0.0.0:4690"
    status: Address = "127.0.0.1:4691"
    remote: Url
    pull_url: ToldUrl = ""
    group_url: ToldUrl = ""
    status_hosts: Annotated[list[str], Field(max_length=32)] = Field(default_factory=list)
    status_readers: Annotated[list[Annotated[str, AfterValidator(_checked_network)]], Field(max_length=32)] = Field(
        default_factory=list
    )
    secret_file: FilePath = Path("relay.secret")
    data_dir: FilePath = Path("data")
    store_bytes: Bytes = 1 << 30
    threshold_bytes: Bytes = 64 << 20
    buffer_bytes: Bytes = 256 << 20
    outbox_bytes: Bytes = 256 << 20
    batch_frames: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    compress: bool = True
    heartbeat_every_s: Annotated[float, Field(ge=0.05, le=3600)] = 2.0
    index_every_s: Annotated[float, Field(ge=0.05, le=3600)] = 2.0
    busy_retry_s: Annotated[int, Field(ge=1, le=255)] = 5

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.threshold_bytes > self.store_bytes:
            raise ValueError("threshold_bytes must not be larger than store_bytes")
        if self.buffer_bytes > self.store_bytes:
            raise ValueError(
                "buffer_bytes must not be larger than store_bytes: the buffer moves into the emptied store"
            )
        return self


def load(path: Path) -> RelaySettings:
    """The settings at `path`, with its paths made absolute. Raises SettingsError."""
    settings = read_settings(path, RelaySettings)
    base = path.absolute().parent
    return settings.model_copy(
        update={"secret_file": base / settings.secret_file, "data_dir": base / settings.data_dir}
    )


def check(path: Path, relay_id: int, values: dict[str, str]) -> RelaySettings:
    """What `write` would write, as settings. Raises SettingsError that names the file."""
    return parse_settings(path, _filled(relay_id, values), RelaySettings)


def write(path: Path, relay_id: int, values: dict[str, str]) -> None:
    """A commented relay.toml with `name`, `remote`, `listen`, `status` from `values`. Never replaces one: raises SettingsError."""
    check(path, relay_id, values)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_filled(relay_id, values))
    except FileExistsError:
        raise SettingsError(f"{path}: is there already; it is never replaced") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None


def _filled(relay_id: int, values: dict[str, str]) -> str:
    return _TEMPLATE.format(
        relay_id=relay_id, **{key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    )


_TEMPLATE = """\
# A gridecho relay. Start it with: gridecho relay run --config relay.toml
# Paths are relative to this file; sizes are bytes of readings as they travel.

# Its number and secret as they were enrolled at the remote, and what people call it.
relay_id = {relay_id}
name = {name}
remote = {remote}

# UDP, where sensors send to: open this port in the firewall.
listen = {listen}

# HTTP, the status page and the metrics.
status = {status}

# Which other machines may see them, as ["192.0.2.7"]: where Prometheus comes from, say. /healthz is for everybody.
# status_readers = []

# Names under which they are asked for, beside those in the addresses here; a number needs none.
# status_hosts = []

# Where the remote reaches the status port above, if it can: it then fetches what it wants at once. Without it, the
# relay hears of such requests with its heartbeat; so behind NAT leave it out.
# pull_url = "http://relay.example:4691"

# Where the relays of its group reach the status port above: without it this relay is never their proxy.
# group_url = "http://relay.example:4691"

secret_file = "relay.secret"  # the secret it shares with the remote; mode 0600
data_dir = "data"             # the readings it holds; a local disk, never a network share

# STORE readings wait in the buffer and move to the store while it has threshold_bytes free; below that,
# the whole store goes to the remote first. What finds the buffer full is told to come back later.
store_bytes = 1_073_741_824
threshold_bytes = 67_108_864
buffer_bytes = 268_435_456
outbox_bytes = 268_435_456    # SEND readings that wait for the remote

# batch_frames = 10_000       # the most frames in one batch to the remote
# compress = true             # batches, where it makes them shorter; never to a remote on this machine
# heartbeat_every_s = 2       # how often the remote is told how this relay is, and asked what is new
# index_every_s = 2           # how often the remote is told what is new here
# busy_retry_s = 5            # when a sensor that was told "busy" may come back
"""

"""`gridecho relay`: init, run, status, flush."""

import json
import os
import secrets
import shlex
import signal
import time
from pathlib import Path
from typing import Any

import click
import urllib3
from gridecho_common.logs import set_up_logging
from gridecho_common.secrets import read_secret, write_secret
from gridecho_common.settings import SettingsError, split_address
from rich.console import Console
from rich.table import Table

from . import pidfile
from .settings import TEMPLATE, RelaySettings, load

_CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default="relay.toml",
    show_default=True,
    help="The relay's settings.",
)


@click.group()
def relay() -> None:
    """Run a relay, look at it, make it flush.

    \b
    Example:
      gridecho relay init --dir /srv/relay --relay-id 7 --remote https://remote.example
      gridecho relay run --config /srv/relay/relay.toml
    """


@relay.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where to write.")
@click.option("--relay-id", type=click.IntRange(1, (1 << 32) - 1), help="As enrolled at the remote; else one by lot.")
@click.option("--name", default="relay", show_default=True, help="What people call it.")
@click.option("--remote", default="http://127.0.0.1:8080", show_default=True, help="The remote's URL.")
@click.option("--listen", default="0.0.0.0:4690", show_default=True, help="UDP host:port for sensors.")
@click.option("--status", default="127.0.0.1:4691", show_default=True, help="HTTP host:port of the status page.")
def init(folder: Path, relay_id: int | None, name: str, remote: str, listen: str, status: str) -> None:
    """Write a commented relay.toml and, if there is none yet, a secret.

    A relay.secret that the remote gave at enrolment is put beside relay.toml and is kept as it is.

    \b
    Example:
      gridecho relay init --dir /srv/relay --relay-id 7 --name barn --remote https://remote.example
    """
    relay_id = relay_id or secrets.randbelow((1 << 32) - 1) + 1
    config, secret_file = folder / "relay.toml", folder / "relay.secret"
    quoted = {
        key: json.dumps(value, ensure_ascii=False)
        for key, value in {"name": name, "remote": remote, "listen": listen, "status": status}.items()
    }
    text = TEMPLATE.format(relay_id=relay_id, **quoted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with config.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{config}: is there already; it is never replaced") from None
    except OSError as error:
        raise SettingsError(f"{config}: cannot be written ({error.strerror})") from None
    try:
        load(config)
        if secret_file.exists():
            read_secret(secret_file)
        else:
            write_secret(secret_file)
    except SettingsError:
        config.unlink()
        raise
    click.echo(f"{config}: relay {relay_id}, and its secret in {secret_file}. Take it in at the remote, then start it:")
    click.echo(f"  gridecho remote enrol relay --id {relay_id} --name {shlex.quote(name)} --secret-file {secret_file}")
    click.echo(f"  gridecho relay run --config {config}")


@relay.command()
@_CONFIG
def run(config: Path) -> None:
    """Serve until SIGTERM or Ctrl-C; what was acknowledged is on disk.

    \b
    Example:
      gridecho relay run --config /srv/relay/relay.toml
    """
    from .service import Relay

    settings = load(config)
    set_up_logging()
    # `flush` may find the pid before the handler is there; unhandled, the signal would end the process.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    service = Relay(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    signal.signal(signal.SIGUSR1, lambda *_: service.flush())
    service.run()


@relay.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, as /status.json gives it.")
def status(config: Path, as_json: bool) -> None:
    """Show what the running relay holds and has done.

    \b
    Example:
      gridecho relay status --config /srv/relay/relay.toml --json
    """
    report = _report(load(config))
    if as_json:
        click.echo(json.dumps(report))
        return
    table = Table("what", "now", title=f"relay {report['relay_id']} ({report['name']})")
    for key, value in report.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {n}" for name, n in value.items())
        table.add_row(key, f"{value:,}" if type(value) is int and not key.endswith(("_id", "_ms")) else str(value))
    Console().print(table)


@relay.command()
@_CONFIG
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), default=0.0, help="Wait for its end, so many seconds at most."
)
def flush(config: Path, wait_s: float) -> None:
    """Make the running relay send everything it holds to the remote now.

    \b
    Example:
      gridecho relay flush --config /srv/relay/relay.toml --wait 30
    """
    settings = load(config)
    pid = pidfile.running_pid(settings.data_dir)
    if pid is None:
        raise click.ClickException(
            f"no relay runs with {settings.data_dir}; start it with: gridecho relay run --config {config}"
        )
    before = _report(settings)["flushes"] if wait_s else 0
    os.kill(pid, signal.SIGUSR1)
    end = time.monotonic() + wait_s
    while wait_s:
        report = _report(settings)
        if report["flushes"] > before and not report["outbox"]:
            break
        if time.monotonic() > end:
            raise click.ClickException(
                f"not finished after {wait_s:g} s: {report['held_store']} frames are still here; does the remote answer?"
            )
        time.sleep(0.1)
    click.echo("flushed" if wait_s else "the relay was told to flush")


def _report(settings: RelaySettings) -> dict[str, Any]:
    url = f"http://{settings.status}"
    if pidfile.running_pid(settings.data_dir) is not None:  # else relay.json may be of one that was killed
        url = pidfile.published(settings.data_dir).get("status", url)
    host, port = split_address(url.removeprefix("http://"))
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a wildcard to listen on, not to call
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        answer = urllib3.request("GET", f"{url}/status.json", timeout=5, retries=False)
        report = answer.json() if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, ValueError):
        report = None
    if not isinstance(report, dict) or report.get("relay_id") != settings.relay_id:
        raise click.ClickException(f"no relay {settings.relay_id} answers at {url}; is it running?")
    return report

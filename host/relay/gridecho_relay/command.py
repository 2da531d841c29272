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
from .enrolling import done, enrol
from .settings import RelaySettings, check, load, write
from .shown import ago, count, hours, rate, size, span

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
@click.option("--code", help="A one-time code of the remote: the relay is enrolled with it at once.")
@click.option("--relay-id", type=click.IntRange(1, (1 << 32) - 1), help="As enrolled at the remote; else one by lot.")
@click.option("--name", help='What people call it. With --code the remote may know; else "relay".')
@click.option("--remote", default="http://127.0.0.1:8080", show_default=True, help="The remote's URL.")
@click.option("--listen", default="0.0.0.0:4690", show_default=True, help="UDP host:port for sensors.")
@click.option("--status", default="127.0.0.1:4691", show_default=True, help="HTTP host:port of the status page.")
@click.option("--insecure", is_flag=True, help="Let the secret of --code come over plain HTTP from another machine.")
def init(
    folder: Path,
    code: str | None,
    relay_id: int | None,
    name: str | None,
    remote: str,
    listen: str,
    status: str,
    insecure: bool,
) -> None:
    """Write a commented relay.toml and the relay's secret.

    With --code the remote makes the number and the secret. Get a code there with: gridecho remote enrol relay-code.
    Without one, a secret is made here if there is none yet, and is then taken in at the remote by hand.

    \b
    Example:
      gridecho relay init --dir /srv/relay --code 7K3M-... --remote https://remote.example
      gridecho relay init --dir /srv/relay --relay-id 7 --name barn --remote https://remote.example
    """
    config, secret_file = folder / "relay.toml", folder / "relay.secret"
    values = {"name": name or "relay", "remote": remote, "listen": listen, "status": status}
    checked = check(config, relay_id or 1, values)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be made ({error.strerror})") from None
    if config.exists():
        raise SettingsError(f"{config}: is there already; it is never replaced")
    if code is None:
        relay_id = relay_id or secrets.randbelow((1 << 32) - 1) + 1
        if secret_file.exists():
            read_secret(secret_file)
        else:
            write_secret(secret_file)
        write(config, relay_id, values)
        click.echo(
            f"{config}: relay {relay_id}, and its secret in {secret_file}. Take it in at the remote, then start it:"
        )
        named = shlex.quote(values["name"])
        click.echo(f"  gridecho remote enrol relay --id {relay_id} --name {named} --secret-file {secret_file}")
    else:
        if relay_id is not None:
            raise click.UsageError("--relay-id and --code: with a code, the remote gives the number")
        given = enrol(folder, checked.remote, code, name or "", insecure=insecure)
        write(config, given.relay_id, values | {"name": given.name or values["name"]})
        done(folder)
        click.echo(
            f"{config}: relay {given.relay_id} is enrolled at {checked.remote}; its secret is in {secret_file}. Start it:"
        )
    click.echo(f"  gridecho relay run --config {config}")


@relay.command()
@_CONFIG
@click.option("--log-json", is_flag=True, help="Log an object of JSON a line.")
def run(config: Path, log_json: bool) -> None:
    """Serve until SIGTERM or Ctrl-C; what was acknowledged is on disk.

    \b
    Example:
      gridecho relay run --config /srv/relay/relay.toml
    """
    from .service import Relay

    settings = load(config)
    set_up_logging(as_json=log_json)
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
    table = Table(title=f"relay {report['relay_id']} ({report['name']})", show_header=False)
    for lines in _shown(report):
        for what, now in lines:
            table.add_row(what, f"{now:,}" if isinstance(now, int) else now)
        table.add_section()
    Console().print(table)


def _shown(report: dict[str, Any]) -> list[list[tuple[str, int | str]]]:
    def place(frames: str, held: str, limit: str) -> str:
        return f"{count(report[frames], 'frame')}, {size(report[held])} of {size(report[limit])}"

    refused = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in report["refused"].items() if n)
    last = report["receipts"][0] if report["receipts"] else None
    within = report["ack_ms_p99"]
    return [
        [
            ("listens on", f"UDP {report['listen']}, status {report['status']}"),
            ("up", span(report["uptime_s"])),
            ("sensors", report["sensors"]),
        ],
        [
            ("store", place("held_store", "bytes_store", "store_bytes")),
            ("buffer", place("held_buffer", "bytes_buffer", "buffer_bytes")),
            ("to send at once", place("outbox", "bytes_outbox", "outbox_bytes")),
            ("readings held", report["readings_held"]),
            ("arriving", rate(report["arriving_bytes_per_s"])),
            ("room for an outage of", hours(report["outage_hours"])),
        ],
        [
            ("remote", f"{report['remote']}, {'answers' if report['remote_reachable'] else 'is away'}"),
            *([("no answer because", report["remote_problem"])] if report["remote_problem"] else []),
            *((f"it refuses: {what}", why) for what, why in sorted(report["remote_refuses"].items())),
            ("time for sensors", _time(report)),
            ("round trip", f"{report['remote_rtt_ms']} ms" if report["remote_rtt_ms"] else "none yet"),
            (
                "waiting for it",
                f"{count(report['backlog_frames'], 'frame')}{', flushing' if report['flushing'] else ''}",
            ),
            (
                "forwarded",
                f"{count(report['forwarded'], 'frame')}, {report['drain_frames_per_s']:,.0f} a second lately",
            ),
            ("last receipt", f"{ago(last['utc_ms'])}, {count(last['frames'], 'frame')}" if last else "none yet"),
            ("group, proxy", f"{report['group'] or 'none'}, {report['proxy'] or 'none'}"),
            ("index", f"{report['index_runs_told']:,} runs told, {report['index_behind']:,} rows to tell"),
            ("pulls", f"{report['pulls_served']:,} served, {report['pulls_waiting']:,} waiting"),
        ],
        [
            ("acknowledged", f"{report['acked']:,}" + (f", 99 % within {within:g} ms" if within else "")),
            ("duplicates, busy", f"{report['duplicates']:,}, {report['busy']:,}"),
            ("refused", refused or "none"),
            ("internal errors", report["errors"]),
        ],
    ]


def _time(report: dict[str, Any]) -> str:
    ahead_ms = report["clock_ahead_ms"]
    wrong = f"; this clock is {'ahead' if ahead_ms > 0 else 'behind'} by {span(abs(ahead_ms) / 1000)}"
    return f"from {report['time_from']}" + (wrong if abs(ahead_ms) >= 2_000 else "")


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
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # nosec B104  # a wildcard to listen on, not to call
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        answer = urllib3.request("GET", f"{url}/status.json", timeout=5, retries=False)
        report = answer.json() if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, ValueError):
        report = None
    if not isinstance(report, dict) or report.get("relay_id") != settings.relay_id:
        raise click.ClickException(f"no relay {settings.relay_id} answers at {url}; is it running?")
    return report

"""`gridecho remote quarantine`: what is kept apart, and what was only counted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..rules.actor import OPERATOR
from ..use import quarantine as quarantine_
from .parts import config_option, json_option, opened, say_rows

_ID = click.IntRange(1, 2**32 - 1)


@click.command()
@click.option("--retry", is_flag=True, help="Take in what opens now, for its sensor or key was enrolled later.")
@click.option("--purge", is_flag=True, help="Delete what is kept, and forget what was counted.")
@click.option("--senders", is_flag=True, help="List of whom something was counted and not kept.")
@click.option("--sensor", type=_ID, help="With --purge: of this sensor only.")
@click.option("--relay", type=_ID, help="With --purge: what this relay brought only.")
@config_option
@json_option
def quarantine(
    retry: bool, purge: bool, senders: bool, sensor: int | None, relay: int | None, config: Path, as_json: bool
) -> None:
    """Count the frames that are kept apart, by reason, and what is beyond a sender's share and was only counted.

    Example: gridecho remote quarantine --purge --relay 3
    """
    if (sensor or relay) and not purge:
        raise click.UsageError("--sensor and --relay go with --purge")
    with opened(config) as site:
        rows: list[dict[str, Any]] = []
        if retry:
            taken = quarantine_.take_again(site, OPERATOR)
            rows.append({"reason": "taken in now", "frames": taken, "not_kept": 0})
        if purge:
            gone = quarantine_.purge(site, OPERATOR, sensor, relay)
            rows.append({"reason": "deleted now", "frames": gone, "not_kept": 0})
        if senders:
            rows = [
                {
                    "relay": one.relay_id,
                    "sensor": one.sensor_id or None,
                    "reason": one.reason,
                    "frames": one.kept,
                    "not_kept": one.more,
                    "last": datetime.fromtimestamp(one.last_ms // 1000, UTC).isoformat(),
                }
                for one in quarantine_.alarms(site, OPERATOR)
            ]
        else:
            frames, more = quarantine_.counts(site, OPERATOR), quarantine_.not_kept(site, OPERATOR)
            rows += [
                {"reason": reason, "frames": frames.get(reason, 0), "not_kept": more.get(reason, 0)}
                for reason in sorted({*frames, *more})
            ]
    say_rows(rows, as_json)

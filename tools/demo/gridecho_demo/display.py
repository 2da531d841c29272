"""The demo's live counts on a terminal."""

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .world import World


def picture(world: World, seconds: float) -> Group:
    """Where to look, and two tables: what each sensor did, what each relay holds."""
    where = Text.assemble(
        ("page      ", "dim"), (world.url, "bold cyan"), "\n",
        ("user      ", "dim"), (world.user, "bold"), "\n",
        ("password  ", "dim"), (world.password, "bold"), ("   for one login; choose your own there", "dim"),
        *(part for user, password in world.others.items() for part in (
            ("\nalso      ", "dim"), (user, "bold"), ("   password  ", "dim"), (password, "bold"),
        )),
    )  # fmt: skip
    sensors = Table(expand=True, box=None, header_style="dim")
    for title in ("sensor", "target relay", "least RTT", "readings", "acknowledged", "waiting", "rounds of probes"):
        sensors.add_column(title, justify="left" if title == "sensor" else "right")
    for sensor_id, ledger in world.ledgers.items():
        with ledger.lock:
            made = len(ledger.made)
            routes = ledger.routes[-1:]
            rounds = len(ledger.routes)
        acked = ledger.acked()
        relay, rtt = (f"relay {routes[0][0]}", f"{routes[0][1] / 1000:.1f} ms") if routes else ("probing", "")
        sensors.add_row(f"House {sensor_id}", relay, rtt, str(made), str(acked), str(made - acked), str(rounds))
    relays = Table(expand=True, box=None, header_style="dim")
    for title in ("relay", "holds", "acknowledged", "at the remote", "refused"):
        relays.add_column(title, justify="left" if title == "relay" else "right")
    for relay_id in world.plan.relay_ids:
        status = world.relay_status(relay_id)
        refused = status["refused"]
        relays.add_row(
            f"relay {relay_id}",
            str(status["readings_held"]),
            str(status["acked"]),
            str(status["forwarded"]),
            str(sum(refused.values()) if isinstance(refused, dict) else refused),
        )
    more = max(0, len(world.plan.city) - len(world.ledgers))
    return Group(
        Panel(where, title=f"gridecho demo, {seconds:.0f} s", subtitle="Ctrl-C ends all of it", border_style="green"),
        sensors,
        Text(),
        relays,
        *([Text(f"and {more} more households, a reading a minute of each", "dim")] if more else []),
    )

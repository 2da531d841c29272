"""The command `gridecho bench`; each of its parts is loaded when it is called."""

from importlib import import_module

import click

# name: (module, attribute, help line)
PARTS = {
    "api": ("gridecho_bench.api_command", "api", "A remote's API, beside files with the same answers."),
    "device": ("gridecho_bench.device_command", "device", "A sensor's work: seals, frames, encodings, parses."),
    "groups": ("gridecho_bench.groups_command", "groups", "What groups of relays spare the remote."),
    "hostile": ("gridecho_bench.hostile_command", "hostile", "What honest parties get beside a hostile one."),
    "lists": ("gridecho_bench.lists_command", "lists", "How soon the lists of a city come."),
    "live": ("gridecho_bench.live_command", "live", "How soon those who look have readings that come."),
    "pages": ("gridecho_bench.pages_command", "pages", "How soon a browser has a sensor's curve, and how it moves."),
    "remote": ("gridecho_bench.remote_command", "remote", "A remote with its data, beside bare inserts and DuckDB."),
    "relay": ("gridecho_bench.relay_command", "relay", "A relay under load, beside the fastest loop that Python has."),
}


class _Parts(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PARTS:
            return None
        module, attribute, _ = PARTS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in sorted(PARTS.items())])


@click.group(cls=_Parts)
def bench() -> None:
    """Measure how fast things are here.

    \b
    Example:
      gridecho bench device --port /dev/ttyUSB0
      gridecho bench relay
      gridecho bench groups
      gridecho bench lists
      gridecho bench live
      gridecho bench pages
      gridecho bench remote
    """

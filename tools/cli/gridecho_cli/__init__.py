"""The umbrella command `gridecho`: every tool and service is a subcommand, loaded when it is called."""

from importlib import import_module

import click

# name: (module, attribute, the line that `gridecho --help` shows without importing the module)
COMMANDS = {
    "bench": (
        "gridecho_bench.command",
        "bench",
        "Measure a sensor's work in the VM and on a board, and a relay under load.",
    ),
    "board": ("gridecho_board.command", "board", "Run a virtual board: the firmware, its flash and its REPL on a pty."),
    "config": ("gridecho_flash.config_command", "config", "Check a sensor's config.json, or print one to begin with."),
    "demo": ("gridecho_demo.command", "demo", "A remote, relays and sensors on this machine, with a page to look at."),
    "flash": ("gridecho_flash.command", "flash", "Make sensors of boards: firmware, settings, key; or flash images."),
    "group": (
        "gridecho_remote.commands.groups",
        "group",
        "Groups of relays that take turns at bringing the data of all.",
    ),
    "read": ("gridecho_client.command", "read", "Readings that a token opens, from a remote, as CSV."),
    "relay": ("gridecho_relay.command", "relay", "Run a relay, look at it, make it flush."),
    "remote": (
        "gridecho_remote.commands.remote",
        "remote",
        "Run the remote; enrol sensors and relays; users and grants.",
    ),
}


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when that subcommand is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in sorted(COMMANDS.items())])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridecho")
def main() -> None:
    """Smart-meter data collection and sharing.

    Start here: `gridecho demo` shows the whole of it on this machine.
    """

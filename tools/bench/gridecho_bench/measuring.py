"""What the commands of the bench do alike: measure in a folder that is gone afterwards, and tell meanwhile what is being done."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from .relay_child import RelayBenchError


def measured(measure: Callable[[Path, Callable[[str], None]], dict[str, Any]]) -> dict[str, Any]:
    """What was measured in the folder; where there are no true figures the command ends with the sentence why."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="gridecho-bench-") as folder,
            Console(stderr=True).status("...") as status,
        ):
            return measure(Path(folder), status.update)
    except RelayBenchError as error:
        click.echo(f"gridecho bench: {error}", err=True)
        sys.exit(error.exit_code)

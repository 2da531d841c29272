"""Another commit's remote, for a figure beside that of this one: its import roots, and what a process that uses them needs."""

import os
import subprocess
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from .relay_child import RelayBenchError

_ROOTS = ("firmware/lib", "host/common", "host/remote")


def environment(roots: Sequence[Path]) -> dict[str, str]:
    """This process's, with `roots` before what is installed."""
    env = dict(os.environ)
    if roots:
        env["PYTHONPATH"] = os.pathsep.join([*map(str, roots), env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return env


def checkout(commit: str, folder: Path) -> list[Path]:
    """The import roots of a commit's remote. Raises RelayBenchError if there is no such commit, or no repository here."""
    repository = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        ["git", "-C", str(repository), "archive", commit, "--", *_ROOTS], capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RelayBenchError(f"--vs-commit needs a commit of a checkout of gridecho: {said[-1] if said else ''}", 2)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return [folder / root for root in _ROOTS]

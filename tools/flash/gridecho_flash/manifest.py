"""Where the firmware's files lie on this machine, and which of them a board gets: firmware/manifest.py, read as data."""

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class ManifestError(Exception):
    """The firmware's files are not where they should be, or its manifest does not say what it should."""


@dataclass(frozen=True)
class Entry:
    """One file of the firmware: `board_path` without a leading slash ("lib/gridecho/siv.py"), and the file on this machine."""

    board_path: str
    host_path: Path


def board_files() -> list[Entry]:
    """The files that a board gets, in the manifest's order. Raises ManifestError, also when one of them is missing here."""
    root = firmware_root()
    entries = [Entry(path, _host_path(root, path)) for path in read_list(root, "FILES")]
    for entry in entries:
        if not entry.host_path.is_file():
            raise ManifestError(f"{root / 'manifest.py'} names {entry.board_path}, but {entry.host_path} is not there")
    return entries


def firmware_root() -> Path:
    """The folder of boot.py, main.py and manifest.py: the checkout's firmware/, or an installed wheel's share folder.

    Raises ManifestError if neither is there.
    """
    package = _package_dir("gridecho")
    # A checkout's lib/gridecho, or site-packages/gridecho somewhere below the prefix that share/ stands in.
    installed = (above / "share" / "gridecho" / "firmware" for above in package.parents)
    for folder in (package.parents[1], *installed):
        if (folder / "manifest.py").is_file() and (folder / "main.py").is_file():
            return folder
    raise ManifestError("the firmware's boot.py, main.py and manifest.py are missing: install gridecho again")


def read_list(root: Path, name: str) -> list[str]:
    """The list of board paths called `name` ("FILES", "HOST_ONLY") in `root`/manifest.py. Raises ManifestError."""
    path = root / "manifest.py"
    for statement in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in statement.targets
        ):
            try:
                value = ast.literal_eval(statement.value)
            except ValueError:
                value = None
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ManifestError(f"{path}: {name} is to be a list of paths, and nothing computed")
            return value
    raise ManifestError(f"{path}: has no list {name}")


def _host_path(root: Path, board_path: str) -> Path:
    parts = Path(board_path).parts
    if parts[0] == "lib":
        return _package_dir(parts[1]).joinpath(*parts[2:])
    return root / board_path


def _package_dir(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ManifestError(f"the package {package} is missing: install gridecho again")
    return Path(spec.submodule_search_locations[0])

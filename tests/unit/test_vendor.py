"""What the pages have of others is what its makers published, with its licence."""

import hashlib
import re
from pathlib import Path

from gridecho_remote import app

from tests.rigs.places import REPOSITORY

STATIC = Path(app.__file__).with_name("static")
# Of the files in npm's tarball uplot-1.6.32, whose own hash is in tools/setup/vendor.sh.
SHA256 = {
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}

# Of npm's iframe-worker-1.0.4.
SHIM = {
    "LICENSE": "dd69737a4768aab9f934a5aed9efab9561ac4062d4fdbe490d44369a2cf48b6b",
    "index.js": "e8e412dbcfea9b7e31b5ffa288d7b6035915e714c542f4176a0cdbe262fc9609",
}


def test_uplot_is_as_it_was_published() -> None:
    folder = STATIC / app._UPLOT
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == SHA256
    assert "MIT" in (folder / "LICENSE").read_text()
    assert [path.name for path in (STATIC / "vendor").iterdir()] == [folder.name]


def test_the_shim_of_the_manuals_search_is_as_it_was_published() -> None:
    (folder,) = (REPOSITORY / "docs/assets/vendor").iterdir()
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == SHIM
    assert f"assets/vendor/{folder.name}/index.js" in (REPOSITORY / "mkdocs.yml").read_text()


def test_the_script_that_makes_them_anew_makes_these_versions() -> None:
    script = re.sub(r"\\\n\s*", "", (REPOSITORY / "tools" / "setup" / "vendor.sh").read_text())
    taken = {}
    for line in re.findall(r"^take (.*)$", script, re.MULTILINE):
        name, version, _, folder, *files = line.split()
        taken[f"{folder}/{name}-{version}"] = sorted(Path(file).name for file in files)
    (shim,) = (REPOSITORY / "docs/assets/vendor").iterdir()
    static = STATIC.relative_to(REPOSITORY)
    assert taken == {f"{static}/{app._UPLOT}": sorted(SHA256), f"docs/assets/vendor/{shim.name}": sorted(SHIM)}

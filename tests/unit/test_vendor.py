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


def test_uplot_is_as_it_was_published() -> None:
    folder = STATIC / app._UPLOT
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == SHA256
    assert "MIT" in (folder / "LICENSE").read_text()
    assert [path.name for path in (STATIC / "vendor").iterdir()] == [folder.name]


def test_the_script_that_makes_it_anew_makes_this_version() -> None:
    script = (REPOSITORY / "tools" / "setup" / "vendor.sh").read_text()
    (version,) = re.findall(r"^version=(\S+)$", script, re.MULTILINE)
    assert f"vendor/uplot-{version}" == app._UPLOT
    copied = re.findall(r"for file in (.*); do", script)[0].split()
    assert sorted(Path(file).name for file in copied) == sorted(SHA256)

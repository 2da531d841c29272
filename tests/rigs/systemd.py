"""A systemd unit of the documents: systemd takes it, and finds little that it leaves open."""

import re
import subprocess
import sys
from pathlib import Path


def check_unit(text: str, path: Path) -> None:
    """`text` has the program where a service has it; it is put to `path`, with the one that runs here."""
    path.write_text(text.replace("/opt/gridecho/bin/gridecho", str(Path(sys.executable).with_name("gridecho"))))
    checked = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    offline = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
    said = subprocess.run(offline, capture_output=True, text=True, check=False).stdout
    (exposure,) = re.findall(r"exposure level .*: ([0-9.]+)", said)
    assert float(exposure) < 2

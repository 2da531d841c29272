"""The measured remote in a process of its own, in any build of it: a database with a year of one meter, and its server.

It says where it is reached and where the build lies, as JSON, and serves until its standard input ends.
"""

import json
import sys
import threading
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import gridecho_remote

from .remote_data import ZONE, Data
from .remote_layouts import build_of


def main(spec: str) -> None:
    order: dict[str, Any] = json.loads(spec)
    data = Data(**order["data"])
    build = build_of(Path(order["place"]))
    build.create(data)
    take = build.taker().take
    for body in data.bodies("meter-10"):
        take(body, 1000 * data.year[1])
    build.roll_up()
    build.compact()
    build.close()
    build.open()
    kind = build.settings.RemoteSettings
    zone = {"time_zone": ZONE} if "time_zone" in kind.model_fields else {}  # there was an earlier time without
    parts: tuple[Any, ...] = kind(database=str(build.path), listen="127.0.0.1:0", **zone), build._archive
    servers = import_module("gridecho_remote.server")
    if "site" in signature(servers.Server).parameters:
        parts = (import_module("gridecho_remote.use.site").site_of(*parts),)
    server = servers.Server(*parts)
    thread = threading.Thread(target=server.run)
    thread.start()
    print(json.dumps([server.url, str(gridecho_remote.__file__)]), flush=True)
    sys.stdin.read()
    server.stop()
    thread.join()


if __name__ == "__main__":
    main(sys.argv[1])

"""The measured remote in a process of its own: a database with a year, its server, and files that the same server gives.

It says where it is reached and what to show there, as JSON, and serves until its standard input ends.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_file
from gridecho_remote import server as servers
from gridecho_remote.app import create_app
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import grants, rollups, users
from gridecho_remote.use import tokens
from gridecho_remote.use.site import Site, site_of
from gridecho_remote.web.guard import Need, needs

from .remote_data import ZONE, Data
from .remote_layouts import NAME, PASSWORD, Build

SUMS = "sums"  # who sees a region's sums, and no sensor
_SMALLEST_GROUP = 10


def main(spec: str) -> None:
    order: dict[str, Any] = json.loads(spec)
    data, folder = Data(**order["data"]), Path(order["folder"])
    build = Build(folder / "remote", "")
    build.create(data)
    rollups.use_zone(build._archive, days_of(ZONE))
    take = build.taker().take
    for part in ("meter-10", "mixed-10"):
        for body in data.bodies(part):
            take(body, 1000 * data.year[1])
    build.roll_up()
    build.compact()
    build.close()
    build.open()
    archive = build._archive
    users.add_user(archive, SUMS)
    users.change_password(archive, users.user_id(archive, SUMS), PASSWORD)
    grants.add_grant(archive, SUMS, region="bench", k=_SMALLEST_GROUP)
    site = site_of(
        RemoteSettings(
            database=str(build.path),
            listen="127.0.0.1:0",
            threads=order["threads"],
            time_zone=ZONE,
            api_calls_per_minute=0,
        ),
        archive,
    )
    shown = [tokens.add_of_user(site, OPERATOR, name, "bench", Scope(), 1).token for name in (NAME, SUMS)]
    setattr(servers, "create_app", lambda site: _with_files(site, folder / "files"))  # noqa: B010 - it is that module's own
    server = servers.Server(site)
    thread = threading.Thread(target=server.run)
    thread.start()
    print(json.dumps([server.url, *shown]), flush=True)
    sys.stdin.read()
    server.stop()
    thread.join()


def _with_files(site: Site, folder: Path) -> Flask:
    """The application, which gives files of a folder to everybody, too."""
    app = create_app(site)

    @app.get("/file/<name>")
    @needs(Need.NOTHING)
    def file(name: str) -> Response:
        return send_file(folder / name, "application/json")

    return app


if __name__ == "__main__":
    main(sys.argv[1])

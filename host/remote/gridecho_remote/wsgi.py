"""The application for another server than ours, with TLS of its own, say: `gunicorn 'gridecho_remote.wsgi:make_app()'`.

Each worker process opens the database by itself, and does its part of what is done in the background. What server.py and what it
puts together give is not there: who is let in and whose turn it is are the other server's to say, relays that call are answered at
once, and what was revoked goes on until what was made of it before is read.
"""

import atexit
import os
from pathlib import Path

from flask import Flask
from gridecho_common.logs import set_up_logging

from .app import create_app
from .jobs.mailing import Mailer
from .jobs.tidying import Tidier
from .settings import read_remote_settings, usual_place
from .use.site import open_site

CONFIG = "GRIDECHO_REMOTE_CONFIG"  # in the environment: the settings file, if it is not in its usual place


def make_app() -> Flask:
    """The remote that the settings tell of, for this process. Raises SettingsError."""
    set_up_logging()
    config = os.environ.get(CONFIG)
    site = open_site(read_remote_settings(Path(config) if config else usual_place()))
    jobs = [Tidier(site), Mailer(site)]
    for job in jobs:
        job.start()

    def end() -> None:
        for job in jobs:
            job.stop()
        site.close()

    atexit.register(end)
    return create_app(site)

"""The site and the connections of the application that serves a request, found through Flask's current application."""

from typing import cast

from flask import Flask, current_app
from flask_login import current_user

from ..rules.actor import Actor, person
from ..use.site import Site
from .connections import DataConnections

_SITE, _CONNECTIONS = "gridecho_remote.site", "gridecho_remote.connections"


def attach(app: Flask, site: Site) -> None:
    """Makes `app` serve this site."""
    app.extensions[_SITE] = site
    app.extensions[_CONNECTIONS] = DataConnections()


def the_site() -> Site:
    """The site whose application serves this request."""
    return cast(Site, current_app.extensions[_SITE])


def the_actor() -> Actor:
    """Who makes this request, logged in."""
    return person(current_user.id, admin=current_user.admin)


def connections_of(app: Flask) -> DataConnections:
    """The connections over which relays bring data to this application."""
    return cast(DataConnections, app.extensions[_CONNECTIONS])

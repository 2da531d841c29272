"""The site and the connections of the application that serves a request, found through Flask's current application."""

from typing import cast

from flask import Flask, current_app, g

from ..rules.actor import Actor
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
    """Who makes this request, as the guard found."""
    return cast(Actor, g.actor)


def connections_of(app: Flask) -> DataConnections:
    """The connections over which relays bring data to this application."""
    return cast(DataConnections, app.extensions[_CONNECTIONS])

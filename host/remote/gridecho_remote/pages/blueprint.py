"""Where the pages of this folder, but those of groups, are registered."""

from flask import Blueprint

pages = Blueprint("pages", __name__)

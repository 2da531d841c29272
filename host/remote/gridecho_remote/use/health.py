"""Whether a remote can answer."""

from .site import Site


def ready(site: Site) -> None:
    """Raises what the engine raises if the database cannot be read now."""
    site.archive.meta("schema_version")

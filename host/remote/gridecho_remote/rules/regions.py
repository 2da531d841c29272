"""Regions: paths of a tree, as in "country/province/city/district". The tree is that of the sensors' paths."""

from .errors import RemoteError

MOST_LEVELS = 8
MOST_CHARACTERS = 100  # of one level


def parsed(text: str) -> str:
    """A region as it is kept: levels without blanks around them, a "/" between two. Raises RemoteError for what is none."""
    levels = [level.strip() for level in text.strip().strip("/").split("/")]
    if not 0 < len(levels) <= MOST_LEVELS or not all(map(_is_level, levels)):
        raise RemoteError("region-wrong", most=MOST_LEVELS, characters=MOST_CHARACTERS)
    return "/".join(levels)


def _is_level(text: str) -> bool:
    return 0 < len(text) <= MOST_CHARACTERS and text.isprintable()


def inside(region: str, other: str) -> bool:
    """Whether `region` is `other` or lies in it; everything lies in ""."""
    return not other or region == other or region.startswith(other + "/")


def around(region: str) -> list[str]:
    """The region, those that it lies in, and "" for everywhere."""
    levels = region.split("/") if region else []
    return ["/".join(levels[:n]) for n in range(len(levels) + 1)]


def bounds(region: str) -> tuple[str, str]:
    """(from, to) of the paths below a region, `to` not included, in order of code points: for an index. "0" follows "/"."""
    return region + "/", region + "0"

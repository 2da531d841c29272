"""What pages say, out of the code and the templates: `python -m tests.rigs.messages` brings the catalogues up to date with it."""

from pathlib import Path

import gridecho_remote
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from gridecho_remote.rules.messages import messages

FOLDER = Path(gridecho_remote.__file__).parent
CATALOGUES = sorted(FOLDER.glob("translations/*/LC_MESSAGES/messages.po"))
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "say": None,
    "say_many": (1, 2),
    "_changed": (2,),  # pages/people.py
}


def said() -> Catalog:
    """All that pages say, with where."""
    found = Catalog(fuzzy=False)
    for name, line, message, _, _ in extract_from_dir(FOLDER, _METHODS, keywords=_KEYWORDS):
        found.add(message, locations=[(name, line)])
    for message in messages():
        found.add(message)
    return found


def read(path: Path) -> Catalog:
    """A catalogue as it is written."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def update(path: Path) -> None:
    """Adds what the catalogue lacks, empty; drops what is not said any more."""
    there = read(path)
    there.update(said(), no_fuzzy_matching=True, update_creation_date=False)
    there.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, there, no_location=True, sort_output=True, width=0)


if __name__ == "__main__":
    for one in CATALOGUES:
        update(one)

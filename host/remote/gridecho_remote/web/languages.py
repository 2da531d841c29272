"""The language of a page: the one that was chosen in its header, else the browser's. Catalogues are read as they are written.

The API and commands are English. Flask-Babel and the forms' own messages follow the same choice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel, Domain, get_locale

from ..rules.errors import RemoteError
from ..rules.language import ENGLISH, Language
from ..rules.reasons import Reason
from ..rules.sentences import said as said_in
from ..rules.sentences import sentence as sentence_in

COOKIE = "language"
FOLDER = Path(__file__).parent.parent / "translations"


@dataclass(frozen=True, slots=True)
class Offered:
    """A language of the pages: its tag (RFC 5646) and its own name of itself."""

    tag: str
    name: str


# A browser says zh, zh-CN, zh-Hans-CN and the like: what stands before the first hyphen counts.
LANGUAGES = {"en": Offered("en", "English"), "zh": Offered("zh-Hans", "简体中文")}


@cache
def catalogue(code: str) -> NullTranslations:
    """The messages of a language."""
    path = FOLDER / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


class _Catalogues(Domain):
    """For Flask-Babel, which would look for compiled files."""

    def get_translations(self) -> NullTranslations:
        """Those of the request's language."""
        return catalogue(str(get_locale() or "en"))


def attach_languages(app: Flask, zone: Callable[[], str]) -> None:
    """Makes the pages of `app` speak the languages that are offered."""
    for code in LANGUAGES:
        catalogue(code)
    babel = Babel(app, timezone_selector=zone, locale_selector=language_code)  # type: ignore[no-untyped-call]
    babel.domain_instance = _Catalogues()  # type: ignore[no-untyped-call]
    app.jinja_env.globals["languages"] = LANGUAGES
    app.jinja_env.filters["word"] = lambda word: the_language().say(word)
    app.jinja_env.filters["said"] = said
    app.jinja_env.filters["sentence"] = lambda words: the_language().sentence(words)

    @app.context_processor
    def known() -> dict[str, Any]:
        return {"language": language_code()}

    @app.after_request
    def tell(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.content_language.add(LANGUAGES[language_code()].tag)
            response.vary.update(("Accept-Language", "Cookie"))
        return response


def language_code() -> str:
    """Of this request; a cookie or header that names none that is offered counts as if it were not there."""
    kept = request.cookies.get(COOKIE)
    if kept in LANGUAGES:
        return str(kept)
    for tag, quality in request.accept_languages:
        code = tag.partition("-")[0].lower()
        if code in LANGUAGES and quality > 0:
            return code
    return "en"


def the_language() -> Language:
    """In which this request is answered to a person; English where there is no request."""
    if not has_request_context():
        return ENGLISH
    if "language" not in g:
        code = language_code()
        g.language = Language(code, catalogue(code))
    found: Language = g.language
    return found


def sentence(error: RemoteError) -> str:
    """What was wrong, for a page."""
    return sentence_in(error, the_language())


def said(reason: Reason) -> str:
    """Why something came to be, for a page."""
    return said_in(reason, the_language())

"""A language for what people read: the messages of its catalogue, and numbers and days in its form. English needs no catalogue."""

from datetime import date
from gettext import NullTranslations
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal


class Language:
    """Says messages. Each stands in the code in English, its fields in braces; what the catalogue lacks is said so."""

    def __init__(self, code: str, catalogue: NullTranslations) -> None:
        self.code = code
        self._catalogue = catalogue

    def say(self, message: str, **fields: Any) -> str:
        """A message with its fields."""
        said = self._catalogue.gettext(message) if message else ""
        return said.format_map(fields) if fields else said

    def say_many(self, one: str, many: str, count: int, **fields: Any) -> str:
        """That of one, or that of many; `{count}` in it is their number."""
        return self._catalogue.ngettext(one, many, count).format_map({"count": self.number(count), **fields})

    def number(self, number: int) -> str:
        """Such as 12,345."""
        return format_decimal(number, locale=self.code)

    def day(self, day: date) -> str:
        """Such as 1 January 2026; the catalogue says how, in the letters of Unicode's patterns."""
        return format_date(day, self.say("d MMMM y"), locale=self.code)

    def listed(self, parts: list[str]) -> str:
        """Parts of a sentence with a comma between two."""
        return self.say(", ").join(parts)

    def sentence(self, said: str) -> str:
        """A part of a sentence as one of its own."""
        return self.say("{said}.", said=said[:1].upper() + said[1:]) if said else ""


ENGLISH = Language("en", NullTranslations())

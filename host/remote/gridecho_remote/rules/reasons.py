"""Why something came to be, as it is kept: a code and fields. The sentence is made where it is shown (sentences.py)."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """A code, and what its sentence names. An empty code: there is nothing to say."""

    code: str = ""
    fields: dict[str, Any] = field(default_factory=dict)

    def kept(self) -> str:
        """As text for the database."""
        return json.dumps({"code": self.code, **self.fields}) if self.code else ""


def reason(code: str, **fields: Any) -> Reason:
    """A reason, in one line."""
    return Reason(code, fields)


def kept_reason(text: str) -> Reason:
    """What `kept` gave; what an earlier version kept as a sentence is that sentence."""
    if not text.startswith("{"):
        return Reason("said", {"text": text}) if text else Reason()
    fields = json.loads(text)
    return Reason(fields.pop("code"), fields)

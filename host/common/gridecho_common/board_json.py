"""JSON for boards: MicroPython reads an escaped character beyond the BMP, as Python writes it, as six wrong bytes."""

import json
import re

_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def board_json(values: object) -> bytes:
    """These values, every character as its UTF-8. Raises ValueError for half of a surrogate pair, which is no character."""
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()


def board_text(text: str) -> bytes:
    """A JSON text as it is, or written anew if it escapes what a board would read wrong. Raises ValueError as `board_json`."""
    return board_json(json.loads(text)) if _ESCAPED_HALF.search(text) else text.encode()

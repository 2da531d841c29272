"""Scripts and style sheets of the pages, compressed once: they hold no secret, and a browser keeps them for good.

Their addresses have a version in them, before the names of the files: what a script imports by a path beside its own is of the same
version, and after an update a browser takes no old file for a new one.
"""

import gzip
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

ENDPOINTS = ("static", "bootstrap.static")
KEPT_S = 365 * 86_400
_TYPES = ("text/css", "text/javascript")
_LEAST_BYTES = 500


@cache
def version_of(folder: Path) -> str:
    """Of the files in it: another name or another byte is another version."""
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def version_others(app: Flask) -> None:
    """Has the addresses of the files of a library say its version."""
    of_bootstrap = version("bootstrap-flask")

    @app.url_defaults
    def say(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "bootstrap.static":
            values.setdefault("v", of_bootstrap)


def pack_files(app: Flask) -> None:
    """Has `app` send them by gzip to who takes it."""
    packed: dict[str, bytes] = {}  # by ETag, which says what file it is and of when

    @app.after_request
    def pack(response: Response) -> Response:
        tag = response.get_etag()[0]
        if request.endpoint not in ENDPOINTS or response.mimetype not in _TYPES or tag is None:
            return response
        response.vary.add("Accept-Encoding")
        if response.status_code == 200:
            response.cache_control.immutable = True
        response.set_etag(tag, weak=True)  # the same file, packed or not
        if response.status_code != 200 or not request.accept_encodings["gzip"] or response.content_length is None:
            return response
        if response.content_length >= _LEAST_BYTES and request.method == "GET":
            response.direct_passthrough = False
            if close := getattr(response.response, "close", None):
                response.call_on_close(close)
            if tag not in packed:
                packed[tag] = gzip.compress(response.get_data(), 9)
            response.set_data(packed[tag])
            response.content_encoding = "gzip"
        return response

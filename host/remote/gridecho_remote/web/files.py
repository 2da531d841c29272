"""Scripts and style sheets of the pages, compressed once: they hold no secret, and a browser keeps them."""

import gzip

from flask import Flask, Response, request

ENDPOINTS = ("static", "bootstrap.static")
_TYPES = ("text/css", "text/javascript")
_LEAST_BYTES = 500


def pack_files(app: Flask) -> None:
    """Has `app` send them by gzip to who takes it."""
    packed: dict[str, bytes] = {}  # by ETag, which says what file it is and of when

    @app.after_request
    def pack(response: Response) -> Response:
        tag = response.get_etag()[0]
        if request.endpoint not in ENDPOINTS or response.mimetype not in _TYPES or tag is None:
            return response
        response.vary.add("Accept-Encoding")
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

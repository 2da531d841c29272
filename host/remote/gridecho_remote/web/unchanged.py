"""Answers that are mostly the same when they are asked for again: who shows that they have one is told that it holds."""

from hashlib import sha256

from flask import Response, request


def or_unchanged(response: Response, content: bytes | memoryview) -> Response:
    """The response, or 304 for who has it already; `content` is what it says. It is kept by who asked alone, and asked for anew."""
    # Weak: the same content may come compressed.
    response.set_etag(sha256(content).hexdigest()[:32], weak=True)
    response.make_conditional(request)
    return response

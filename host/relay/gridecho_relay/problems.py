"""Errors as answers of the relay's own addresses: problem details (RFC 9457)."""

from flask import Response, jsonify


def problem(status: int, title: str) -> Response:
    """A problem details answer."""
    answer = jsonify({"status": status, "title": title})
    answer.status_code = status
    answer.content_type = "application/problem+json"
    return answer

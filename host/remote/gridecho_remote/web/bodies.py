"""Bodies of requests that are JSON: read strictly, and however deep they are."""

from typing import Any

import orjson
from flask import Request

from ..rules.errors import RemoteError


class ApiRequest(Request):
    """A request; what is not JSON where that is asked for is a RemoteError."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """What the body says, whatever it is called."""
        try:
            return orjson.loads(self.get_data())
        except orjson.JSONDecodeError:
            raise RemoteError("body-json") from None

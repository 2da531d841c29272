"""A relay's heartbeat at a remote under test, as a request."""

import json

from gridecho import relay_keys


def beat(fleet, relay_id=1, token_of=None, **said):
    """The remote's answer to a heartbeat that says this beside the least; `token_of` another relay if that one asks."""
    token = relay_keys.relay_token(fleet.relays[token_of or relay_id], token_of or relay_id).hex()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"relay": relay_id, "pull_url": "", "pulled": []} | said)
    return fleet.app.test_client().post(f"/relay/v1/heartbeat?relay={token_of or relay_id}", data=body, headers=headers)

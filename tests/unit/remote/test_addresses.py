"""Where secrets and facts about people may be sent: https, or this machine itself; each setting that names such a place."""

import pytest
from gridecho_remote.rules.addresses import secure
from gridecho_remote.settings import RemoteSettings

GOOD = [
    "https://register.example",
    "https://register.example:8443/staff/7",
    "HTTPS://register.example/",
    "http://127.0.0.1:8099/",
    "http://127.0.0.1/",
    "http://[::1]:1/",
    "http://localhost:8099/x",
]
BAD = [
    "",
    "register.example",
    "//register.example/",
    "https://",
    "https:///staff",
    "ftp://register.example/",
    "http://register.example/",
    "http://127.0.0.2/",
    "http://127.0.0.1.example/",
    "http://localhost.example:80/",
    "http://127.0.0.1:80@evil.example/",
    "http://localhost:80@evil.example/",
    "http://[::1]:80@evil.example/",
    "http://[::1/",
    "http://evil.example\\@127.0.0.1/",
    "http://127.0.0.1\\@evil.example/",
    "https://user:password@register.example/",
    "https://register.example:port/",
    "https://register.example:99999/",
    "https://register .example/",
    "https://register.example/\n",
    "https://register.example/\x00",
]


@pytest.mark.parametrize("url", GOOD)
def test_what_nobody_on_the_way_reads(url: str) -> None:
    assert secure(url)
    RemoteSettings(oidc_issuer=url, oidc_client_id="x", oidc_secret_file="x")
    RemoteSettings(registry_url=url.rstrip("/") + "/{evidence}")


@pytest.mark.parametrize("url", BAD)
def test_what_others_may_read_or_is_none(url: str) -> None:
    assert not secure(url)
    if url:
        with pytest.raises(ValueError, match="oidc_issuer"):
            RemoteSettings(oidc_issuer=url, oidc_client_id="x", oidc_secret_file="x")
    with pytest.raises(ValueError, match="registry_url"):
        RemoteSettings(registry_url=url + "/{evidence}")


@pytest.mark.parametrize("host", ["{evidence}", "{organisation}.example", "register.example:{role}"])
def test_who_asks_does_not_choose_which_register_is_asked(host: str) -> None:
    with pytest.raises(ValueError, match="registry_url"):
        RemoteSettings(registry_url=f"https://{host}/{{evidence}}")

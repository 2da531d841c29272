"""To where an application has people led back: exactly there, and on their own machine to any port."""

import pytest
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.redirects import checked, form_target, leads_to


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/back",
        "https://a.example:8443/back?one=1",
        "http://127.0.0.1/back",
        "http://127.0.0.1:5000/",
        "http://[::1]/back",
    ],
)
def test_addresses_that_can_be(address: str) -> None:
    assert checked(address) == address
    assert leads_to(address, address)


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example/back",
        "http://localhost/back",  # a name: it may lead elsewhere
        "http://127.0.0.1.a.example/back",
        "https://user@a.example/back",
        "http://127.0.0.1@a.example/",
        "https://a.example/back#part",
        "https://a.example/back#",
        "https:///back",
        "app:/back",
        "javascript:alert(1)",
        "//a.example/back",
        "/back",
        "",
        "https://a.example/a b",
        "https://a.example\\@b.example/",
        "https://a.example/\n",
        "https://\xe4.example/",
        "https://a.example:port/",
        "https://a.example/" + "x" * 500,
    ],
)
def test_addresses_that_cannot_be(address: str) -> None:
    with pytest.raises(RemoteError) as refused:
        checked(address)
    assert refused.value.code == "redirect-form"


@pytest.mark.parametrize(
    ("known", "asked", "leads"),
    [
        ("https://a.example/back", "https://a.example/back/", False),
        ("https://a.example/back", "https://a.example/back?x=1", False),
        ("https://a.example/back", "https://a.example:8443/back", False),
        ("https://a.example/back", "https://A.example/back", False),
        ("https://a.example/back", "http://a.example/back", False),
        ("https://a.example/back", "https://a.example.b.example/back", False),
        ("https://a.example/back", "https://a.example/back/../other", False),
        ("http://127.0.0.1/back", "http://127.0.0.1:49152/back", True),
        ("http://127.0.0.1:5000/back", "http://127.0.0.1:49152/back", True),
        ("http://[::1]/back", "http://[::1]:49152/back", True),
        ("http://127.0.0.1/back", "http://127.0.0.1:49152/other", False),
        ("http://127.0.0.1/back", "http://127.0.0.1:49152/back?x=1", False),
        ("http://127.0.0.1/back", "https://127.0.0.1/back", False),
        ("http://127.0.0.1/back", "http://[::1]/back", False),
        ("http://127.0.0.1/back", "http://localhost/back", False),
        ("http://127.0.0.1/back", "http://127.0.0.1@a.example/back", False),
        ("http://127.0.0.1/back", "http://x@127.0.0.1/back", False),
        ("http://127.0.0.1/back", "http://127.0.0.1:99999/back", False),
        ("http://127.0.0.1/back", "http://127.0.0.1/back#x", False),
    ],
)
def test_where_one_leads(known: str, asked: str, leads: bool) -> None:
    assert leads_to(known, asked) is leads


def test_what_a_policy_calls_it() -> None:
    assert form_target("https://a.example:8443/back?x=1") == "https://a.example:8443"
    assert form_target("http://127.0.0.1:5000/back") == "http://127.0.0.1:5000"
    assert form_target("http://[::1]:5000/back") == "http:"

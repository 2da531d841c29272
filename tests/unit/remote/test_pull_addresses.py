"""Which addresses are called for a relay's sake."""

import pytest
from gridecho_remote.outside.addresses import Addresses


@pytest.mark.parametrize(
    ("address", "spoke_from", "may"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8::7", "2001:db8:0::7", True),
        ("fe80::7%eth0", "fe80::7%eth0", True),
        ("192.0.2.8", "192.0.2.7", False),
        ("10.1.2.3", "192.0.2.7", True),
        ("10.2.2.3", "192.0.2.7", False),
        ("169.254.169.254", "192.0.2.7", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
        ("::ffff:127.0.0.1", "127.0.0.1", False),
        ("0.0.0.0", "0.0.0.0", False),  # noqa: S104
        ("192.0.2.7", "", False),
        ("", "", False),
        ("barn", "barn", False),
    ],
)
def test_those_that_are_allowed_and_the_one_that_the_relay_speaks_from(address, spoke_from, may):
    assert Addresses(["10.1.0.0/16"]).may(address, spoke_from) is may


def test_this_machine_only_if_it_is_named():
    assert Addresses(["127.0.0.0/8"]).may("127.0.0.1", "192.0.2.7")
    assert not Addresses(["127.0.0.0/8"]).may("::1", "192.0.2.7")

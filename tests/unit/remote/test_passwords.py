"""What passwords are taken."""

import pytest
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.passwords import LEAST, MOST, checked

WORDS = ("Grace Hopper", "grace@office.example")


@pytest.mark.parametrize(
    "password",
    [
        "password123", "1234567890", "qwertyuiop", "iloveyou12", "aaaaaaaaaaaa", "gridecho2026", "Grace Hopper",
        "gracehopper1", "graceoffice", "x" * 200, "abcdefghij" * 20, "P@ssw0rd2026",
    ],
)  # fmt: skip
def test_what_is_guessed_early_is_refused(password: str) -> None:
    with pytest.raises(RemoteError, match="password-weak"):
        checked(password, WORDS)


@pytest.mark.parametrize(
    "password", ["a few words of mine", "kT9#vq2LmZ", "秋天的梧桐叶落满了旧车站", "grace met 3 owls by the weir"]
)
def test_what_only_they_would_put_together_is_taken(password: str) -> None:
    assert checked(password, WORDS) == password


@pytest.mark.parametrize("password", ["", "k" * (LEAST - 1), "kT9#vq2LmZ" * (MOST // 10) + "x"])
def test_length(password: str) -> None:
    with pytest.raises(RemoteError, match="password-short"):
        checked(password)


def test_a_long_one_takes_no_longer_than_its_beginning() -> None:
    assert len(checked("kT9#vq2LmZ" * (MOST // 10))) == MOST

"""Sums of a made-up city, and an attacker who adds and subtracts them: no group under k ever stands alone."""

from itertools import combinations

import numpy as np
import pytest
from gridecho_remote.rules.smallest_group import UNTOLD, Ints, told
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

HOMES, DISTRICTS, STREETS, K = 500, 5, 40, 5
CATEGORIES = 3
TRIPLES = 10_000

Flags = NDArray[np.bool_]


class City:
    """Homes in streets of unlike length, in districts, each of a category; every day some tell nothing."""

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        street = np.sort(chance.choice(STREETS, HOMES, p=chance.dirichlet(np.ones(STREETS))))
        category = chance.choice(CATEGORIES, HOMES, p=[0.9, 0.08, 0.02])
        telling = chance.random(HOMES) < 0.97
        places = [np.ones(HOMES, bool)]
        places += [street % DISTRICTS == one for one in range(DISTRICTS)]
        places += [street == one for one in range(STREETS)]
        kinds = [np.ones(HOMES, bool), *(category == one for one in range(CATEGORIES))]
        self.groups = [place & kind & telling for place in places for kind in kinds]
        chance.shuffle(self.groups)

    def given(self, k: int) -> list[Flags]:
        """The groups whose sums are given, if all are asked for."""
        found = []
        classes = np.zeros(HOMES, np.int64)
        for group in self.groups:
            after = told(classes, group, k)
            if after is not None:
                classes = after
                found.append(group)
        return found


def alone(sums: list[Flags]) -> int:
    """How many homes are in the smallest group that a linear combination of up to three sums singles out.

    A combination leaves a home out if its coefficients are at right angles to the home's column (in which sums it is). The
    smallest groups come from coefficients at right angles to as many of the unlike columns as can be: to any two, or to one and a
    sum that is not used, for which its unit vector stands.
    """
    count = np.bincount(sum(group.astype(np.int64) << place for place, group in enumerate(sums)), minlength=8)
    columns = np.arange(8)[:, None] >> np.arange(3) & 1
    directions = np.concatenate([columns[1:][count[1:] > 0], np.eye(3, dtype=np.int64)])
    one, other = np.triu_indices(len(directions), 1)
    coefficients = np.cross(directions[one], directions[other])
    sizes = ((columns @ coefficients.T != 0) * count[:, None]).sum(axis=0)
    return int(sizes[sizes > 0].min())


@pytest.mark.parametrize("seed", range(3))
def test_no_pair_and_no_triple_of_the_sums_given_singles_out_fewer_than_k(seed: int) -> None:
    sums = City(seed).given(K)
    assert len(sums) > 20, "a rule that gives nothing proves nothing"
    assert min(alone(list(pair)) for pair in combinations(sums, 2)) >= K
    chance = np.random.default_rng(seed)
    for _ in range(TRIPLES):
        some = chance.choice(len(sums), 3, replace=False)
        assert alone([sums[place] for place in some]) >= K


def test_the_attacker_finds_what_a_rule_of_sizes_only_would_give() -> None:
    sums = [group for group in City(0).groups if group.sum() >= K]
    assert min(alone(list(pair)) for pair in combinations(sums, 2)) < K


def test_a_city_and_all_but_a_few_of_it() -> None:
    city = np.ones(20, bool)
    most = np.arange(20) < 17
    classes = told(np.zeros(20, np.int64), city, 5)
    assert classes is not None
    assert told(classes, most, 5) is None
    assert told(classes, np.arange(20) < 15, 5) is not None


def test_those_in_no_sum_may_be_few() -> None:
    assert told(np.zeros(7, np.int64), np.arange(7) < 5, 5) is not None


def test_a_sum_asked_for_again_is_given_again_and_one_of_nobody_never() -> None:
    group = np.arange(12) < 6
    classes = told(np.zeros(12, np.int64), group, 5)
    assert classes is not None
    again = told(classes, group, 5)
    assert again is not None
    assert (again == classes).all()
    assert told(classes, np.zeros(12, bool), 1) is None


@given(st.lists(st.lists(st.booleans(), min_size=16, max_size=16), max_size=8), st.integers(1, 6))
def test_classes_are_those_of_the_sums_given(asked: list[list[bool]], k: int) -> None:
    classes: Ints = np.zeros(16, np.int64)
    sums: list[Flags] = []
    for one in asked:
        group = np.array(one)
        after = told(classes, group, k)
        if after is not None:
            classes = after
            sums.append(group)
    by_sums: dict[tuple[bool, ...], set[int]] = {}
    for sensor in range(16):
        by_sums.setdefault(tuple(bool(group[sensor]) for group in sums), set()).add(int(classes[sensor]))
    assert all(len(found) == 1 for found in by_sums.values())
    assert len({min(found) for found in by_sums.values()}) == len(by_sums)
    for member, found in by_sums.items():
        assert (min(found) == UNTOLD) == (not any(member))
        assert not any(member) or (classes == min(found)).sum() >= k

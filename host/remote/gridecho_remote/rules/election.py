"""Whose turn it is to be proxy: bars of collected data, a curve through them, its area, the least of those who did not serve.

Method S3c: from when the last proxy began, the readings that each relay of the group collected are counted per sampling period.
The bars of a term, with time across, get a curve; the area between it and both axes is the relay's load score. Who has served in
this round is not scored; when all have, a new round begins. No clock, no database, no socket.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

Floats = NDArray[np.float64]
SAME = 0.01  # of a reading
_AT_ONCE = 125  # relays: what is worked on stays in the processor's cache


def fitted(bars: ArrayLike) -> "PchipInterpolator":
    """The curve of each row of `bars` (one relay a row, one period a column) over 0 to the number of periods.

    A shape-preserving cubic (PCHIP: Fritsch and Butland 1984) through the middle of each bar's top, level at both ends: it never
    goes above or below two neighbours, and so it is never negative. Its value at a place is an array, one number a relay.
    """
    from scipy.interpolate import PchipInterpolator  # 35 MB, and a remote without groups never needs it

    heights = np.atleast_2d(np.asarray(bars, np.float64))
    padded = np.ascontiguousarray(np.pad(heights, ((0, 0), (1, 1)), "edge").T)  # periods down: half the time
    return PchipInterpolator(np.arange(len(padded)) - 0.5, padded)


def load_scores(bars: ArrayLike) -> Floats:
    """The area under the curve of each row of `bars`, in readings.

    With level ends the slopes' shares cancel out and the area is that of the bars: more data never gives a lesser score.
    """
    heights = np.atleast_2d(np.asarray(bars, np.float64))
    relays, periods = heights.shape
    if not relays or not periods:
        return np.zeros(relays)
    parts = [fitted(heights[at : at + _AT_ONCE]).integrate(0, periods) for at in range(0, relays, _AT_ONCE)]
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Choice:
    """The next proxy, whether a new round begins with it, and those it was chosen from with their scores."""

    proxy: int
    new_round: bool
    scores: Mapping[int, float]


def choose(
    bars: Mapping[int, Sequence[int]], served: AbstractSet[int], present: int | None, chance: Random
) -> Choice | None:
    """The next proxy of a group; None if nobody can be it.

    `bars` has the readings collected in each period of the term for each member that can be proxy now, all of one length; `served`
    who was proxy in this round, `present` the one whose term ends: another one takes over, if there is another one.
    """
    others = bars.keys() - {present} or bars.keys()
    if not others:
        return None
    candidates = others - served
    new_round = not candidates
    among = sorted(candidates or others)
    areas = load_scores([bars[relay_id] for relay_id in among])
    scores = {relay_id: float(area) for relay_id, area in zip(among, areas, strict=True)}
    least = min(scores.values())
    # The areas of equal bars may differ in their last digits; readings are whole numbers.
    equal = [relay_id for relay_id, score in scores.items() if score - least < SAME]
    return Choice(chance.choice(equal), new_round, scores)

"""Sums over groups of sensors that let nobody work out what a smaller group measured: the rule of the smallest group, k.

What a reader was given of a period are sums over sets of sensors. Two sensors are of one class if each of these sets has both or
neither. Whatever can be made of the sums by adding and subtracting has every sensor of a class as often as any other: so where each
class has k sensors or more, no part of fewer than k can be had alone, by however many sums. A sum that would leave a smaller class
is not given.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UNTOLD = 0  # the class of the sensors that are in no sum yet; it may be of any size


def told(classes: Ints, group: NDArray[np.bool_], k: int) -> Ints | None:
    """The classes (one number a sensor, `UNTOLD` or above) after the sum over `group` was given; None: it must not be given.

    Sensors of which the reader knows each reading anyway are in neither, for they protect nobody.
    """
    if not group.any():
        return None
    sizes = np.bincount(classes)
    within = np.bincount(classes[group], minlength=len(sizes))
    left = sizes - within
    left[UNTOLD] = 0
    if ((within > 0) & ((within < k) | ((left > 0) & (left < k)))).any():
        return None
    cut = classes.copy()
    cut[group] += len(sizes)
    _, numbers = np.unique(np.append(cut, UNTOLD), return_inverse=True)
    found: Ints = numbers[:-1]
    return found

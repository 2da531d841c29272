"""What the lists at a HAN port mean: whose they are, what their numbers count in, and whether their values can be."""

from gridecho.compat import const

from .obis import WH, A, Registers, V, W
from .values import scaled

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    Leaf = tuple[int, int | bytes | None]  # type, and an integer or string

_INTEGER, _ENUM = 15, 22

# What stands in which place of a list without names, C * 256 + D, by the number of elements.
_P, _N, _IMPORT, _EXPORT = 0x0107, 0x0207, 0x0108, 0x0208
_REACTIVE = (0x0307, 0x0407)
_HEAD = (0, 0, 0, _P, _N) + _REACTIVE
_ONE = _HEAD + (0x1F07, 0x2007)
_THREE = _HEAD + (0x1F07, 0x3307, 0x4707, 0x2007, 0x3407, 0x4807)
_HOUR = (0, _IMPORT, _EXPORT, 0, 0)
_KAIFA_PLACES: "dict[int, tuple[int, ...]]" = {1: (_P,), 9: _ONE, 13: _THREE, 14: _ONE + _HOUR, 18: _THREE + _HOUR}
_AM550_PLACES: "dict[int, tuple[int, ...]]" = {
    18: (0, 0, _P, _N) + _REACTIVE + (0x2007, 0x3407, 0x4807, 0x1F07, 0x3307, 0x4707, 0, 0, 0, 0, 0, 0)
}

# By maker, what its lists begin with: (exponents of power, voltage, current and energy where a list does not tell them, places).
_KAIFA, _KAMSTRUP, _ISKRAEMECO = b"KFM", b"KAMSTRUP", b"ISK"
_MAKERS: "dict[bytes, tuple[tuple[int, ...], dict[int, tuple[int, ...]]]]" = {
    _KAIFA: ((0, -1, -3, 0), _KAIFA_PLACES),
    _KAMSTRUP: ((0, 0, -2, 1), {}),
    _ISKRAEMECO: ((0, -1, -2, 0), _AM550_PLACES),
}
_POWER, _VOLTAGE, _CURRENT, _ENERGY = 0, 1, 2, 3
_UNITS = (W, V, A, WH)
_KINDS = {1: _POWER, 2: _POWER, 32: _VOLTAGE, 52: _VOLTAGE, 72: _VOLTAGE, 31: _CURRENT, 51: _CURRENT, 71: _CURRENT}

_TRANSFORMER = b"685"  # how the type of a Kamstrup meter behind current transformers begins: its currents come in mA
_LEAST_V, _MOST_V = const(80), const(500)
_MOST_A = const(125)  # no meter without transformers carries more
_SLACK_VA = const(500)  # currents and power are not of the same moment, and small currents are told as 0
_FACTOR = const(3)


class Lists:
    """The lists of one meter. `given`: of voltage, current, power those whose scale the settings say, which is not doubted then."""

    def __init__(self, given: "tuple[str, ...]" = ()) -> None:
        self._given = given
        self._maker: bytes | None = None  # of the last list that named one
        self._current: int | None = None  # the exponent of a Kamstrup meter's currents, once it is proved

    def read(self, leaves: "list[Leaf]") -> "dict[int, int] | str":
        """The values of a list, by quantity code; or why it is refused: maker, form, implausible."""
        names = [tag == 9 and isinstance(value, bytes) and _is_obis(value) for tag, value in leaves]
        maker = _maker(leaves)
        if maker is not None:
            self._maker = maker
        elif len(leaves) == 1:
            maker = self._maker or _KAIFA  # its list of every other second says nothing but the power
        registers = Registers()
        assumed: dict[int, int] = {}  # what comes without its unit: C * 256 + D
        if True in names:
            _add_named(registers, leaves, names, assumed)
        elif maker is None:
            return "maker"
        else:
            places = _MAKERS[maker][1].get(len(leaves))
            if places is None:
                return "maker"
            for place, (_, value) in zip(places, leaves):
                if place and not isinstance(value, int):
                    return "form"
                if place and isinstance(value, int):
                    assumed[place] = value
        if assumed:
            if maker is None:
                return "maker"  # nobody knows what it counts in
            exponents = self._exponents(maker, leaves, assumed)
            if exponents is None:
                return "implausible"
            for place, number in assumed.items():
                kind = _kind(place)
                exponent = exponents[kind] if kind is not None else None
                if kind is not None and exponent is not None:
                    registers.add(place >> 8, place & 255, 0, number, exponent, _UNITS[kind])
        return registers.values()

    def _exponents(self, maker: bytes, leaves: "list[Leaf]", assumed: "dict[int, int]") -> "list[int | None] | None":
        """By kind, None for what cannot be told; None if no scale of this maker makes sense of the values."""
        exponents: list[int | None] = list(_MAKERS[maker][0])
        highest = max([abs(number) for place, number in assumed.items() if _kind(place) == _VOLTAGE] + [0])
        volts = exponents[_VOLTAGE] or 0
        if "voltage" not in self._given and highest:
            # Kamstrup's come in V, 0.1 V or 0.01 V, as the grid company wished.
            scales = (0, -1, -2) if maker == _KAMSTRUP else (volts,)
            fitting = [e for e in scales if _LEAST_V * 10**-e <= highest <= _MOST_V * 10**-e]
            if not fitting:
                return None
            exponents[_VOLTAGE] = volts = fitting[0]
        if maker == _KAMSTRUP and any(_begins(value, _TRANSFORMER) for _, value in leaves):
            exponents[_CURRENT] = -3
            return exponents  # its power may be that of the other side
        currents = [abs(number) for place, number in assumed.items() if _kind(place) == _CURRENT]
        if self._given or not highest or not sum(currents):
            return exponents
        active = max(abs(assumed.get(_P, 0)), abs(assumed.get(_N, 0)))
        if maker == _KAMSTRUP:
            reactive = max(abs(assumed.get(place, 0)) for place in _REACTIVE)
            apparent = int((active * active + reactive * reactive) ** 0.5)
            exponents[_CURRENT] = self._current_of(highest * sum(currents), volts, max(currents), apparent)
        amperes = exponents[_CURRENT]
        # A power factor, and phases that feed in beside others that draw, make less power than this product; nothing makes more.
        if amperes is not None and active > _FACTOR * scaled(highest * sum(currents), volts + amperes) + _SLACK_VA:
            return None
        return exponents

    def _current_of(self, product: int, volts: int, largest: int, apparent: int) -> "int | None":
        """The exponent of a Kamstrup meter's currents, -2 or -3; None where it may be either.

        `product`: of the highest voltage and the sum of all currents, which is no less than the apparent power.
        """
        va = scaled(product, volts - 2)
        if va // 9 + _SLACK_VA // 10 < apparent:
            self._current = -2  # a tenth would be too little
        elif self._current is None and largest > _MOST_A * 100:
            self._current = -3
        if self._current is None:
            return None if va > 8 * apparent + _SLACK_VA else -2
        return self._current


def _add_named(registers: Registers, leaves: "list[Leaf]", names: "list[bool]", assumed: "dict[int, int]") -> None:
    for i in range(len(leaves) - 1):
        name, value = leaves[i][1], leaves[i + 1][1]
        if not names[i] or not isinstance(name, bytes) or not isinstance(value, int):
            continue
        if name[1] > 1 or name[4] or name[5] != 255:
            continue
        if [tag for tag, _ in leaves[i + 2 : i + 4]] == [_INTEGER, _ENUM]:
            exponent, unit = leaves[i + 2][1], leaves[i + 3][1]
            if isinstance(exponent, int) and isinstance(unit, int):
                registers.add(name[2], name[3], 0, value, exponent, unit)
        else:
            assumed[name[2] << 8 | name[3]] = value


def _maker(leaves: "list[Leaf]") -> "bytes | None":
    """The maker that names itself in the list."""
    for _, value in leaves:
        for maker in _MAKERS:
            if _begins(value, maker):
                return maker
    return None


def _begins(value: "int | bytes | None", text: bytes) -> bool:
    return isinstance(value, bytes) and value[: len(text)].upper() == text


def _kind(place: int) -> "int | None":
    if place & 255 == 8:
        return _ENERGY if place >> 8 <= 2 else None
    return _KINDS.get(place >> 8) if place & 255 == 7 else None


def _is_obis(name: bytes) -> bool:
    return len(name) == 6 and name[0] in (0, 1) and name[1] <= 1

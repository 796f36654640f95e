"""Settings of the augmentation layers: each function returns the checked setting, or says what was wanted."""

import math
import numbers


def _is_number(value):
    """Whether this is a number (NumPy's count, True and False do not)."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number_between(name, value, low, high):
    """The value as a float, if it lies between low and high.

    >>> number_between("amount", 2, 0, 1)
    Traceback (most recent call last):
    ValueError: amount is 2: wanted a number from 0 to 1
    """
    if not _is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}: wanted a number from {low:g} to {high:g}")
    return float(value)


def low_and_high(name, value, largest=math.inf):
    """(low, high) with 0 < low <= high <= largest, as floats.

    >>> low_and_high("scale", [0.5, 1], largest=1)
    (0.5, 1.0)
    """
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not 0 < low <= high <= largest or high == math.inf:
        limit = f" and at most {largest:g}" if largest < math.inf else ""
        raise ValueError(f"{name} is {value!r}: wanted a pair (low, high) above 0{limit}")
    return low, high


def range_around(name, factor, centre, largest, lowest=-math.inf):
    """Range (low, high) from one number f, which means centre ± f, or from a pair that gives the range itself.

    Args:
        name: of the setting, for the message.
        factor: a number from 0 to ``largest``, or a pair with ``lowest`` <= low <= high.
        centre: the setting that changes nothing.
        largest: limit of a single number.
        lowest: limit of a pair.

    >>> range_around("contrast", 0.3, centre=1, largest=1)
    (0.7, 1.3)
    >>> range_around("contrast", -1, centre=1, largest=1)
    Traceback (most recent call last):
    ValueError: contrast is -1: wanted a number from 0 to 1, or a pair (low, high)
    """
    try:
        ends = (centre - factor, centre + factor) if _is_number(factor) else tuple(factor)
        right = len(ends) == 2 and all(map(_is_number, ends)) and lowest <= ends[0] <= ends[1] < math.inf
        right &= not _is_number(factor) or 0 <= factor <= largest
        right &= ends[0] > -math.inf
    except (TypeError, ValueError):
        right = False
    if not right:
        above = "" if lowest == -math.inf else f" with low at least {lowest:g}"
        raise ValueError(f"{name} is {factor!r}: wanted a number from 0 to {largest:g}, or a pair (low, high){above}")
    return tuple(map(float, ends))

"""Checks of arguments that several modules share: each returns the value, or says what was wanted."""

import operator


def whole_number(name, value, least=1, most=None):
    """The value as an int (NumPy's whole numbers count), or a ValueError that names it.

    >>> import numpy as np
    >>> whole_number("stride", np.int32(2))
    2
    """
    wanted = f"a whole number, {least} or more" if most is None else f"a whole number from {least} to {most}"
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        raise ValueError(f"{name} is {value!r}: wanted {wanted}")
    return number

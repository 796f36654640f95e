"""What mistakes have in common that can happen in any exercise. NumPy and the standard library only."""

import re

import numpy as np

_allclose = np.allclose  # bound before any student's code runs


def common_cause(outcome, want, target, show=True):
    """A sentence about a mistake that any exercise can have, or None.

    Args:
        outcome: what the student's function gave, an ``Outcome``.
        want: what was wanted.
        target: the name of the student's function.
        show: whether the sentence may say how far the values are from the wanted ones.
    """
    got = outcome.value
    if outcome.error and re.match(rf"TypeError: (\S*\.)?{target}\(\) .*argument", outcome.error):
        return "The `def` line was changed: keep the names and the order of the arguments."
    if isinstance(got, list) and isinstance(want, np.ndarray):
        try:
            got = np.asarray(got)
        except ValueError:
            return None
    if not (isinstance(got, np.ndarray) and isinstance(want, np.ndarray) and show):
        return None
    if got.dtype.kind not in "biuf" or want.size < 2:
        return None
    left, right = got.astype(float), want.astype(float)
    if not left.any() and right.any():
        return "All values are zero: the result is created but never filled."
    if np.isnan(left).any() and not np.isnan(right).any():
        return "Some values are NaN: look for 0 / 0, or for an overflow in an exponential."
    if left.shape == right.shape:
        return _values_cause(left, right)
    if left.ndim == 2 and _close(left.T, right):
        return "The values are right, but rows and columns are exchanged."
    if left.size == right.size and _close(left.ravel(), right.ravel()):
        return "The values are right, the shape is not."
    return None


def _values_cause(left, right):
    if left.ndim == 2 and _close(left.T, right):
        return "The values are right, but rows and columns are exchanged."
    for axis in range(left.ndim):
        if _close(np.flip(left, axis), right):
            return f"The values are right, but in reverse order along axis {axis}."
    if _close(left - right, (left - right).mean()):
        return f"Every value is off by the same amount, {(left - right).mean():.4g}."
    factor = (left * right).sum() / (right * right).sum() if right.any() else 1
    return f"Every value is {factor:.4g} times what it should be." if _close(left, factor * right) else None


def _close(left, right):
    fits = np.ndim(right) == 0 or np.shape(left) == np.shape(right)
    return fits and bool(_allclose(left, right, rtol=1e-4, atol=1e-6))


def pattern(cases, failing):
    """What all failing cases have and no other case has, as a sentence; None when there is no such thing.

    Args:
        cases: list of ``Case``.
        failing: numbers of the cases that fail.
    """
    kinds = {"images that are not square": lambda case: any(map(_oblong, case.args))}
    for key in {key for case in cases for key in case.kwargs}:
        kinds[f"calls with `{key}`"] = lambda case, key=key: key in case.kwargs
    for text, has in sorted(kinds.items()):
        those = [i for i, case in enumerate(cases) if has(case)]
        if those == failing and len(those) < len(cases):
            return f"it is right, except for {text}."
    return None


def _oblong(value):
    shape = np.shape(value) if isinstance(value, np.ndarray) else ()
    return len(shape) >= 2 and (shape[0] != shape[1] if len(shape) < 4 else shape[1] != shape[2])

"""Why an answer is wrong: the known mistake that it makes, or what can go wrong in any exercise. NumPy only.

A sentence is given only where it explains at least half of the failing cases; silence is better than a wrong word.
"""

import itertools
import re

import numpy as np

from .compare import as_array, decode, difference

_allclose = np.allclose  # bound before any student's code runs
LEAST = 0.5  # share of the failing cases that a cause has to explain

_IN_ALL = ("Every", "What is there", "The beginning", "The first items")  # one exception, and the sentence is wrong
_RAISED = [
    (r"TypeError: (\S*\.)?{target}\(\) .*argument",
     "The `def` line was changed: keep the names and the order of the arguments."),
    (r"UnboundLocalError", "A variable is used before anything was put into it: is it set on every way to this line?"),
    (r"NameError: name '(np|keras|layers)'", "An import is missing: run the cells at the top of the notebook first."),
    (r"NameError", "This name is not known: look for a typing error, or run the cell that defines it first."),
    (r"ValueError: The truth value of an array",
     "`if`, `and` and `or` want one truth value, not a whole array: compare number by number, or use & and | with "
     "parentheses."),
    (r"ValueError: operands could not be broadcast",
     "Two arrays meet whose shapes do not fit: print the shapes of both in the line that fails."),
    (r"ValueError: setting an array element with a sequence|ValueError: could not broadcast input array",
     "A whole array is put where less fits: is a sum missing, or a slice too long?"),
    (r"ValueError: (zero-size array|attempt to get arg(max|min) of an empty|max\(\)|min\(\)|\w+\(\) arg is an empty)",
     "Something is empty here and has no largest or smallest value: treat that case before."),
    (r"ValueError: not enough values to unpack|ValueError: too many values to unpack",
     "The line takes apart something with another number of parts: print its shape or its length before."),
    (r"TypeError: cannot unpack non-iterable",
     "The line takes apart something that has no parts: are the arguments in the order of the `def` line?"),
    (r"ValueError: matmul|ValueError: shapes .* not aligned",
     "The shapes of the matrix product do not fit: the columns of the first are the rows of the second."),
    (r"ValueError: cannot reshape", "`reshape` only orders anew: the new shape needs as many numbers as the old one."),
    (r"TypeError: slice indices must be integers|TypeError: 'float' object cannot be interpreted as an integer|"
     r"IndexError: only integers|TypeError: 'numpy.float\d*' object cannot be interpreted",
     "A size or an index is a float: `/` always gives floats, `//` gives whole numbers."),
    (r"(TypeError|AttributeError): .*'?NoneType'?",
     "Something is None here: a function that you call returns nothing, so look for a missing `return` there."),
    (r"RecursionError", "The function calls itself without end."),
]  # fmt: skip


def explain(outcomes, wants, mistakes, exercise):
    """One sentence about why the failing outcomes are wrong, or None where nothing explains at least half of them.

    Args:
        outcomes: what the student's function gave in each case.
        wants: what was wanted in each case.
        mistakes: known mistakes from the table of answers; they may cover fewer cases.
        exercise: the ``Exercise``: its target, what counts as equal, and whether the wanted values may be shown.
    """
    accuracy = exercise.accuracy
    failing = [i for i, o in enumerate(outcomes) if o.error or difference(o.value, wants[i], **accuracy)]
    if not failing:
        return None
    known, sure = _known_mistake(outcomes, wants, failing, mistakes, accuracy)
    if sure == 1:
        return known
    general, share = _general_cause(outcomes, wants, failing, exercise)
    return general if general and share > sure else known


# Known mistakes ------------------------------------------------------------------------------------------------------


def _known_mistake(outcomes, wants, failing, mistakes, accuracy):
    """The known mistake that fits best and how well, from 0 to 1; as a whole, or in one of several results."""
    best, sure = None, 0.0
    count = len(mistakes[0]["got"]) if mistakes else 0
    failing = [i for i in failing if i < count]
    gots = [[_decoded(got) for got in mistake["got"]] for mistake in mistakes]
    for key in [None, *_keys(wants[:count])]:
        fits = [_fit(outcomes, wants, failing, got, key, accuracy) for got in gots]
        fit = max(fits, default=0)
        if fit > sure and (fit == 1 or fits.count(fit) == 1):  # two that fit half as well as each other: which one?
            best, sure = mistakes[fits.index(fit)]["says"], fit
    return best, sure


def _decoded(got):
    """What a known mistake gives in a case: ``"right"``, its error, or a list with its value."""
    return "right" if got is None else ("error", got["error"]) if "error" in got else [decode(got["value"])]


def _keys(wants):
    """The items of exercises with several results: numbers or names that every wanted value has."""
    if wants and all(isinstance(want, list) and len(want) == len(wants[0]) <= 4 for want in wants):
        return list(range(len(wants[0])))
    if wants and all(isinstance(want, dict) and want.keys() == wants[0].keys() for want in wants):
        return list(wants[0])
    return []


def _item(value, key):
    """One of several results; the whole value without a key."""
    if key is None:
        return value
    try:
        return value[key]
    except (TypeError, KeyError, IndexError):
        return None


def _fit(outcomes, wants, failing, gots, key, accuracy):
    """How well a known mistake explains the outcomes: cases that it explains, of all that are wrong there or here."""
    explained, wrong_here, wrong_there = 0, 0, 0
    for i, got in enumerate(gots[: len(outcomes)]):
        outcome, want = outcomes[i], _item(wants[i], key)
        mine = None if outcome.error else _item(outcome.value, key)
        here = i in failing and bool(outcome.error or key is None or difference(mine, want, **accuracy))
        if got == "right":
            there = False
        elif isinstance(got, tuple):
            there = True
            explained += bool(here and outcome.error and outcome.error.startswith(got[1] + ":"))
        else:
            theirs = _item(got[0], key)
            there = key is None or bool(difference(theirs, want, **accuracy))
            explained += bool(here and there and not outcome.error and difference(mine, theirs, **accuracy) is None)
        wrong_here, wrong_there = wrong_here + here, wrong_there + (there and not here)
    share = explained / (wrong_here + wrong_there) if wrong_here else 0
    return share if share >= LEAST and explained >= LEAST * wrong_here else 0


# What can happen anywhere --------------------------------------------------------------------------------------------


def _general_cause(outcomes, wants, failing, exercise):
    """The sentence that holds in most of the failing cases and the share of those; it may be about one result."""
    best, share, keys = None, 0.0, _keys(wants)
    for key in [None, *keys]:
        said, wrong, small = {}, 0, 0
        for i in failing:
            got, want = (None if outcomes[i].error else _item(outcomes[i].value, key)), _item(wants[i], key)
            if key is not None and not outcomes[i].error and difference(got, want, **exercise.accuracy) is None:
                continue
            wrong += 1
            small += isinstance(want, np.ndarray) and want.size < 2  # one value fits many a rule
            if key is not None and got is None and not outcomes[i].error:
                continue  # this item is not there: that says nothing about a `return`
            if text := _cause(outcomes[i], got, want, exercise):
                said[text] = said.get(text, 0) + 1
        text = max(said, key=said.get, default=None)
        first = _item(wants[failing[0]], key)
        many = isinstance(first, np.ndarray) and first.size > 3
        by_chance = not many and text and said[text] < 2 and text.startswith("Every")  # one number
        certain = text and not by_chance and (said[text] >= wrong - small or not text.startswith(_IN_ALL))
        if certain and said[text] / wrong >= LEAST and said[text] / wrong > share:
            where = "" if key is None else f"Item {key}: " if isinstance(key, int) else f"{key}: "
            best, share = where + text, said[text] / wrong
    return best, share


def _cause(outcome, got, want, exercise):
    """What is wrong in one case, in a sentence that fits any exercise; None when nothing is certain."""
    if outcome.error:
        return raised(outcome.error, exercise.target)
    if got is None and want is not None:
        return "The function returns None: a `return` is missing."
    if isinstance(want, list) and isinstance(got, list):
        simple = got and all(type(item) in (bool, int, float, str) for item in [*got, *want])
        return _list_cause(got, want) if simple else _items_cause(got, want)
    if isinstance(want, list) and len(want) > 1 and difference(got, want[0], **exercise.accuracy) is None:
        return f"Only the first of {len(want)} results is returned: `return` all of them, with commas between."
    got = as_array(got)
    if not isinstance(got, np.ndarray) or got.dtype.kind not in "biuf" or not exercise.show:
        return None
    if isinstance(want, (int, float)) and not isinstance(want, bool):
        return _number_cause(got, want)
    if not isinstance(want, np.ndarray) or want.size < 2:
        return None
    if not got.size:
        return "Nothing is left, though something should stay: too much is left out."
    left, right = got.astype(float), want.astype(float)
    if np.isnan(left).any() and not np.isnan(right).any():
        return "Some values are NaN: look for 0 / 0, or for an overflow in an exponential."
    if not left.any() and right.any():
        return "All values are zero: the result is created but never filled."
    if left.shape == right.shape:
        return _dtype_cause(got, want) or _values_cause(left, right)
    return _shape_cause(left, right)


def raised(error, target):
    """What an error of a student's function mostly comes from, in a sentence; None for rare ones.

    >>> raised("NameError: name 'np' is not defined", "pool")
    'An import is missing: run the cells at the top of the notebook first.'
    """
    for expression, text in _RAISED:
        if re.match(expression.replace("{target}", re.escape(target)), error):
            return text
    return None


def _dtype_cause(got, want):
    """Values that are right in another dtype, cut to whole numbers, or run over the end of a byte."""
    left, right = got.astype(float), want.astype(float)
    if _close(left, right):
        if want.dtype.kind == "b":
            return "The values are right as numbers: make them truth values, for example with `.astype(bool)`."
        return f"The values are right, the dtype is not: make it {want.dtype}." if got.dtype != want.dtype else None
    whole = want.dtype.kind == "f" and np.isfinite(right).all() and (right != np.rint(right)).any()
    if whole and _close(left, np.trunc(right)) and right.any() and left.any():
        return "The values are cut to whole numbers: the array that you fill holds integers, make it one of floats."
    if whole and _close(left, np.rint(right)) and left.any():
        return "The values are rounded to whole numbers: here they keep their fraction."
    if whole and got.dtype.kind in "iub" and want.size > 3:
        return "The result holds whole numbers, here they have a fraction: make the array that you fill one of floats."
    if got.dtype == np.uint8 and np.isfinite(right).all() and _close(left, np.floor(right) % 256):
        return "The numbers run over: uint8 ends at 255, so compute in a larger type."
    return None


def _values_cause(left, right):
    """What two arrays of the same shape have to do with each other."""
    if left.ndim >= 2 and _close(left.swapaxes(0, 1), right):
        return "The values are right, but rows and columns are exchanged."
    for axis in range(left.ndim):
        if _close(np.flip(left, axis), right):
            return f"The values are right, but in reverse order along axis {axis}."
    if right.size >= 4 and _only_start(left, right):
        return "Only the beginning is filled: is the `return` inside the loop? It belongs below it, less indented."
    if (right < 0).any() and (right > 0).any() and _close(left, np.maximum(right, 0)):
        return "All negative values have become 0: nobody asks for a ReLU or a clip here."
    if _close(left - right, (left - right).mean()):
        return f"Every value is off by the same amount, {(left - right).mean():.4g}."
    factor = (left * right).sum() / (right * right).sum() if right.any() and np.isfinite(right).all() else 1
    if _close(left, factor * right):
        return f"Every value is {factor:.4g} times what it should be."
    for axis, name in zip(range(min(left.ndim, 2) if right.ndim > 1 else 0), ("row", "column")):
        inner, last = [slice(None)] * axis + [slice(-1)], [slice(None)] * axis + [-1]
        if right.shape[axis] > 1 and not left[tuple(last)].any() and _close(left[tuple(inner)], right[tuple(inner)]):
            return f"The last {name} is never filled: the loop stops too early."
    if left.ndim == 1 and len(left) > 2 and _close(np.sort(left), np.sort(right)):
        return "The values are right, their order is not."
    return _columns_cause(left, right)


def _columns_cause(left, right):
    """What tables of a few columns, or maps of a few channels, have to do with each other along the last axis."""
    count = right.shape[-1]
    if right.ndim < 2 or not 2 <= count <= 4:
        return None
    if right.ndim == 2 and any(_close(left[:, [*order]], right) for order in itertools.permutations(range(count))):
        return "The values are right, but the columns stand in another order."
    fine = [k for k in range(count) if _close(left[..., k], right[..., k])]
    if not fine or right[..., 0].size < 2:
        return None
    wrong, what = ", ".join(str(k) for k in range(count) if k not in fine), "channel" if right.ndim > 2 else "column"
    return f"Only {what}{'s' if ',' in wrong else ''} {wrong} of the result {'are' if ',' in wrong else 'is'} wrong."


def _only_start(left, right):
    """Whether the first value, pixel or row is right and everything else still zero."""
    channels = right.shape[-1] if right.ndim > 2 else 1
    for count in {1, channels, right[0].size if right.ndim > 1 and len(right) > 1 else 1}:
        head, tail = left.ravel()[:count], left.ravel()[count:]
        if head.any() and _close(head, right.ravel()[:count]) and not tail.any() and right.ravel()[count:].any():
            return True
    return False


def _shape_cause(left, right):
    """What two arrays of different shapes have to do with each other."""
    if left.ndim >= 2 and _close(left.swapaxes(0, 1), right):
        return "The values are right, but rows and columns are exchanged."
    if left.ndim > right.ndim and np.squeeze(left).shape == right.shape and _close(np.squeeze(left), right):
        return "The values are right, but there is an axis of length 1 too many: take it away, for example with `[0]`."
    if left.size == right.size and _close(left.ravel(), right.ravel()):
        return "The values are right, the shape is not."
    if left.ndim == right.ndim == 3 and left.size == right.size:
        if any(_close(left.transpose(order), right) for order in ((1, 2, 0), (2, 0, 1), (2, 1, 0), (0, 2, 1))):
            return "The values are right, but the axes stand in another order."
    sides = left.shape[:2], right.shape[:2]
    if left.ndim == right.ndim >= 2 and sides[0][0] == sides[0][1] in sides[1] and sides[1][0] != sides[1][1]:
        return "Height and width are taken for equal: compute each of them from its own side."
    if left.ndim == right.ndim and left.size and all(np.subtract(right.shape, left.shape) >= 0):
        if _close(right[tuple(map(slice, left.shape))], left):
            return "What is there is right, but the end is missing: the loops stop too early."
    if left.ndim == right.ndim and right.size and all(np.subtract(left.shape, right.shape) >= 0):
        if _close(left[tuple(map(slice, right.shape))], right):
            return "The beginning is right, but there is too much at the end: the loops run too far."
    return None


def _list_cause(got, want):
    """What two flat lists have to do with each other."""
    if got == want[: len(got)] and len(got) == 1 < len(want):
        return "Only the first item is there: is the `return` inside the loop? It belongs below it, less indented."
    if got == want[: len(got)]:
        return "The first items are right, but the last ones are missing."
    if got[: len(want)] == want:
        return "The first items are right, but there are too many."
    if len(got) == len(want) > 1 and got == want[::-1]:
        return "The items are right, but in reverse order."
    if sorted(map(str, got)) == sorted(map(str, want)):
        return "The items are right, their order is not."
    return None


def _items_cause(got, want):
    """What several results have to do with those that are wanted."""
    if len(got) == len(want) <= 4 and any(difference(one, two) for one, two in zip(got, want)):
        for order in itertools.permutations(got):
            if not any(difference(one, two) for one, two in zip(order, want)):
                return "The results are right, but they are returned in another order."
    return None


def _number_cause(got, want):
    """What a number has to do with the one that was wanted."""
    if got.size != 1:
        return "One number is wanted, here are several: they still have to be put together." if got.size else None
    number = float(got.ravel()[0])
    if number != number:
        return "The result is NaN: look for 0 / 0, or for the logarithm of something negative."
    if got.ndim:
        return "The result is an array: a single number is wanted." if _close(number, want) else None
    if want and _close(number, -want):
        return "Every result has the wrong sign."
    if isinstance(want, float) and want != int(want) and number == int(want) and number:
        return "The result is cut to a whole number: // and int() take the fraction away."
    if isinstance(want, int) and abs(number - want) <= 2:
        return f"Every result is {abs(number - want):g} too {'large' if number > want else 'small'}."
    if abs(want) > 1e-9 and abs(number / want) > 1e-6:
        return f"Every result is {number / want:.4g} times what it should be."
    return None


def _close(left, right):
    """Whether two arrays agree up to rounding."""
    fits = np.ndim(right) == 0 or np.shape(left) == np.shape(right)
    return fits and bool(_allclose(left, right, rtol=1e-4, atol=1e-6, equal_nan=True))


# Which cases fail ----------------------------------------------------------------------------------------------------


def pattern(cases, failing):
    """What all failing cases have and no other case has; None unless one thing alone tells them apart.

    Args:
        cases: list of ``Case``.
        failing: numbers of the cases that fail.
    """
    kinds = {
        "arrays that are not square": lambda case: any(map(_oblong, case.args)),
        "empty arrays": lambda case: any(isinstance(value, np.ndarray) and not value.size for value in case.args),
        "several channels": lambda case: any(map(_deep, case.args)),
        "negative numbers": lambda case: any(_negative(v) for v in case.args),
    }
    for key in {key for case in cases for key in case.kwargs}:
        kinds[f"`{key}`"] = lambda case, key=key: key in case.kwargs
    if not 2 <= len(failing) <= len(cases) - 2:
        return None
    texts = [text for text, has in kinds.items() if [i for i, case in enumerate(cases) if has(case)] == list(failing)]
    return f"those that fail are the ones with {texts[0]}." if len(texts) == 1 else None


def _oblong(value):
    """Whether an array's height and width differ."""
    shape = np.shape(value) if isinstance(value, np.ndarray) else ()
    return len(shape) >= 2 and (shape[0] != shape[1] if len(shape) < 4 else shape[1] != shape[2])


def _deep(value):
    """Whether an array has several channels."""
    return isinstance(value, np.ndarray) and value.ndim == 3 and value.shape[2] > 1


def _negative(value):
    """Whether an array holds a negative number."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "if" and bool((value < 0).any())

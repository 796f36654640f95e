"""Compare an answer with what was wanted, in words; pack values as JSON. NumPy and the standard library only.

Nothing here calls a method that a student wrote, ``==`` least of all: values are first made plain.
"""

import base64

import numpy as np

# Bound before any student's code runs, so that a patched NumPy changes nothing here.
_array, _asarray, _isclose, _frombuffer = np.array, np.asarray, np.isclose, np.frombuffer
_isfinite = np.isfinite
_NUMBERS = "biuf"


def plain(value, depth=0):
    """The value as bool, int, float, str, None, NumPy array, list or dict of those; other objects stay as they are.

    Tensors become arrays, arrays without a dimension and NumPy's scalars become numbers, subclasses lose their class.

    >>> plain(np.float32(2)), plain((1, np.int64(3)))
    (2.0, [1, 3])
    """
    kind = type(value)
    if kind in (bool, int, float, str, type(None)):
        return value
    for base in (int, float, str):  # a subclass may lie about equality
        if isinstance(value, base):
            return base.__add__(value, base())
    if isinstance(value, dict) and depth < 6:
        return {str(plain(key)): plain(item, depth + 1) for key, item in dict.items(value)}
    if isinstance(value, (list, tuple)) and depth < 6:
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(kind, "__array__"):
        try:
            array = _array(value, subok=False)
        except Exception:  # somebody's own __array__
            return value
        if array.dtype.kind not in "biufc" and array.dtype.name == "bfloat16":
            array = array.astype(np.float32)
        return array.item() if array.shape == () and array.dtype.kind in _NUMBERS else array
    return value


def encode(value, digits=None):
    """A plain value as something that JSON can hold; arrays as text, or as a list of numbers with so many digits.

    >>> encode(np.float32([1, 0.5]), digits=4)
    {'dtype': 'float32', 'shape': [2], 'values': [1.0, 0.5]}
    """
    value = plain(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in _NUMBERS and value.nbytes < 50_000_000:
        if digits is None:
            values = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        else:
            values = [encode(item, digits) for item in value.ravel().tolist()]
        name = value.dtype.str if digits is None else value.dtype.name
        return {"dtype": name, "shape": [*value.shape], "values": values}
    if isinstance(value, list):
        return [encode(item, digits) for item in value]
    if isinstance(value, dict):
        return {"dict": {key: encode(item, digits) for key, item in value.items()}}
    if isinstance(value, float) and digits is not None:
        return float(f"{value:.{digits}g}")
    if type(value) in (bool, int, float, str, type(None)):
        return value
    return {"other": describe_kind(value)}


def decode(packed):
    """What :func:`encode` packed. Raises ValueError or KeyError when somebody else packed it.

    >>> decode(encode({"size": 3, "map": np.ones((1, 2))}))
    {'size': 3, 'map': array([[1., 1.]])}
    """
    if isinstance(packed, list):
        return [decode(item) for item in packed]
    if not isinstance(packed, dict):
        return packed
    if "dict" in packed:
        return {str(key): decode(item) for key, item in packed["dict"].items()}
    if "other" in packed:
        return Unknown(str(packed["other"])[:100])
    dtype, shape, values = np.dtype(packed["dtype"]), packed["shape"], packed["values"]
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"dtype {dtype} is no number")
    if isinstance(values, str):
        return _frombuffer(base64.b64decode(values), dtype).reshape(shape).copy()
    return _array(values, dtype).reshape(shape)


class Unknown:
    """A value that is no plain data: only the name of its kind is known."""

    def __init__(self, kind):
        self.kind = kind


def describe_kind(value):
    """What kind of thing the value is, in a few words.

    >>> describe_kind([1, 2]), describe_kind(np.ones((2, 3)))
    ('a list of 2 items', 'a float64 array of shape (2, 3)')
    """
    if isinstance(value, Unknown):
        return value.kind
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {_items(len(value))}"
    names = {bool: "a truth value", int: "a whole number", float: "a number", str: "a text", dict: "a dict"}
    return "None" if value is None else names.get(type(value), f"an object of type {type(value).__name__}")


def describe(value, indent=14):
    """The value as it is shown to a student: short numbers in full, long arrays by their shape and first values."""
    value = plain(value)
    if isinstance(value, np.ndarray):
        if value.size > 64:
            few = np.array2string(value.ravel()[:6], precision=4, separator=", ", suppress_small=True)
            return f"{describe_kind(value)}, first values {few[:-1]}, …]"
        text = np.array2string(value, precision=4, separator=", ", suppress_small=True)
        return text.replace("\n", "\n" + " " * indent) + f"   shape {value.shape}, {value.dtype}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, dict)):
        text = repr(value)
        return text if len(text) < 200 else text[:200] + " …"
    return repr(value) if type(value) in (bool, int, str, type(None)) else describe_kind(value)


def difference(got, want, **options):
    """None when the two agree, else one sentence about the first difference: kind, shape, values, then dtype.

    Args:
        got, want: any values; lists count as arrays where an array is wanted, int and float are one kind.
        options: ``tolerance``, relative (near zero a hundredth of it times the largest wanted value is allowed);
            ``absolute``, allowed in addition; ``dtype``, ask for the same dtype; ``empty_shape``, tell empty arrays
            apart by their shape (otherwise an empty list will do); ``show``, whether the sentence may contain what was
            wanted.

    >>> difference(np.zeros((2, 3)), np.zeros((3, 2)))
    'the shape is (2, 3), wanted (3, 2)'
    """
    found = first_difference(got, want, **options)
    return None if found is None else ": ".join([*found[0], found[1]])


def first_difference(got, want, tolerance=1e-4, absolute=0.0, dtype=False, show=True, empty_shape=False):
    """Where two values first differ; arguments as for :func:`difference`.

    Returns:
        None when they agree, else four things: the way to the item, a list of texts; the sentence about it; the item
        that was got and the one that was wanted.

    >>> first_difference([1, 2], [1, 3])
    (['item 1'], 'it is 2, wanted 3', 2, 3)
    """
    got, want = plain(got), plain(want)
    options = dict(tolerance=tolerance, absolute=absolute, dtype=dtype, show=show, empty_shape=empty_shape)
    if isinstance(want, np.ndarray):
        text = _array_difference(got, want, **options)
        return text and ([], text, got, want)
    if got is None and want is not None:
        return [], "it is None", got, want
    if not isinstance(want, (list, dict)):
        text = _number_difference(got, want, tolerance, absolute, show)
        return text and ([], text, got, want)
    if isinstance(want, list):
        if isinstance(got, np.ndarray):
            got = plain(got.tolist())
        if not isinstance(got, list):
            return [], f"it is {describe_kind(got)}, wanted {describe_kind(want)}", got, want
        if len(got) != len(want):
            return [], f"it has {_items(len(got))}, wanted {len(want)}", got, want
        pairs = ((f"item {i}", a, b) for i, (a, b) in enumerate(zip(got, want)))
    else:
        if not isinstance(got, dict):
            return [], f"it is {describe_kind(got)}, wanted a dict with {', '.join(want)}", got, want
        if missing := [key for key in want if key not in got]:
            return [], f"{missing[0]!r} is missing", got, want
        if extra := [key for key in got if key not in want]:
            return [], f"{extra[0]!r} is not wanted", got, want
        pairs = ((key, got[key], want[key]) for key in want)
    for where, a, b in pairs:
        if found := first_difference(a, b, **options):
            return [where, *found[0]], *found[1:]
    return None


def _items(count):
    """The count with its noun."""
    return f"{count} item{'' if count == 1 else 's'}"


def _two(got, want):
    """Two numbers as texts, with as many digits as tell them apart.

    >>> _two(5.0000001, 5.0), _two(1.23456789, 3)
    (('5.0000001', '5'), ('1.23457', '3'))
    """
    for digits in (6, 8, 10, 17):
        texts = tuple(f"{x:.{digits}g}" if isinstance(x, float) else describe(x) for x in (got, want))
        if texts[0] != texts[1]:
            break
    return texts


def _number_difference(got, want, tolerance, absolute, show):
    """A sentence about two numbers, texts or truth values that differ; None when they agree."""
    if isinstance(got, np.ndarray) and got.size == 1 and isinstance(want, (int, float)):
        return f"it is {describe_kind(got)}, wanted a single number"
    kinds = {bool: bool, int: float, float: float, str: str, type(None): None}
    if kinds.get(type(got), type(got)) is not kinds[type(want)]:
        return f"it is {describe_kind(got)}, wanted {describe_kind(want)}"
    if type(want) in (int, float):
        if got == want or (got != got and want != want):
            return None
        allowed = absolute + (tolerance * abs(want) if isinstance(want, float) else 0)
        if _isfinite(want) and abs(got - want) <= allowed:
            return None
        left, right = _two(got, want)
        return f"it is {left}, wanted {right}" if show else f"{left} is not it"
    return None if got == want else f"it is {got!r}, wanted {want!r}" if show else f"{got!r} is not it"


def as_array(value):
    """A number or a list as an array; anything else, and rows of different lengths, come back as they are."""
    if isinstance(value, (list, int, float)):
        try:
            return _asarray(value)
        except ValueError:
            return value
    return value


def _array_difference(got, want, tolerance, absolute, dtype, show, empty_shape):
    """A sentence about an answer where an array is wanted; None when they agree."""
    if got is None:
        return "it is None"
    got = as_array(got)
    if isinstance(got, list):
        return "the rows of the list have different lengths"
    if not isinstance(got, np.ndarray) or got.dtype.kind not in _NUMBERS:
        return f"it is {describe_kind(got)}, wanted an array of numbers"
    if not empty_shape and got.shape == (0,) and want.shape[:1] == (0,):
        return None  # an empty list of boxes has no rows that could be four numbers long
    if got.shape != want.shape:
        return f"the shape is {got.shape}, wanted {want.shape}"
    truth = (got.dtype.kind == "b") != (want.dtype.kind == "b")
    left, right = got.astype(np.float64), want.astype(np.float64)
    exact = want.dtype.kind != "f"
    finite = np.abs(right[np.isfinite(right)])
    near = 0 if exact else 0.01 * tolerance * (finite.max() if finite.size else 0)
    bad = ~_isclose(left, right, rtol=0 if exact else tolerance, atol=near + absolute, equal_nan=True)
    if truth or (dtype and got.dtype != want.dtype):
        agree = "the values are right, but " if want.size and not bad.any() else ""
        return f"{agree}the dtype is {got.dtype}, wanted {want.dtype}" if want.size or not truth else None
    if not bad.any():
        return None
    where = tuple(int(k) for k in np.argwhere(bad)[0])
    place = f"[{', '.join(map(str, where))}]"
    values = ": {}, wanted {}".format(*_two(got[where].item(), want[where].item())) if show else ""
    return f"{int(bad.sum())} of {bad.size} values differ, the first at {place}{values}"

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
        return f"a {type(value).__name__} of {len(value)} items"
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


def difference(got, want, tolerance=1e-4, absolute=0.0, dtype=False, show=True):
    """None when the two agree, else one sentence about the first difference: kind, shape, dtype, then values.

    Args:
        got, want: any values; lists count as arrays where an array is wanted, int and float are one kind.
        tolerance: relative; near zero a hundredth of it times the largest wanted value is allowed.
        absolute: allowed in addition, in the unit of the value.
        dtype: also ask for the same dtype.
        show: whether the sentence may contain what was wanted.

    >>> difference(np.zeros((2, 3)), np.zeros((3, 2)))
    'the shape is (2, 3), wanted (3, 2)'
    """
    got, want = plain(got), plain(want)
    options = dict(tolerance=tolerance, absolute=absolute, dtype=dtype, show=show)
    if isinstance(want, np.ndarray):
        return _array_difference(got, want, **options)
    if got is None and want is not None:
        return "it is None: a `return` is missing"
    if isinstance(want, list):
        if isinstance(got, np.ndarray):
            got = plain(got.tolist())
        if not isinstance(got, list):
            return f"it is {describe_kind(got)}, wanted {describe_kind(want)}"
        if len(got) != len(want):
            return f"it has {len(got)} items, wanted {len(want)}"
        found = ((f"item {i}", difference(a, b, **options)) for i, (a, b) in enumerate(zip(got, want)))
    elif isinstance(want, dict):
        if not isinstance(got, dict):
            return f"it is {describe_kind(got)}, wanted a dict with {', '.join(want)}"
        if missing := [key for key in want if key not in got]:
            return f"{missing[0]!r} is missing"
        if extra := [key for key in got if key not in want]:
            return f"{extra[0]!r} is not wanted"
        found = ((key, difference(got[key], want[key], **options)) for key in want)
    else:
        return _number_difference(got, want, tolerance, absolute, show)
    return next((f"{where}: {text}" for where, text in found if text), None)


def _number_difference(got, want, tolerance, absolute, show):
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
        return f"it is {describe(got)}, wanted {describe(want)}" if show else f"{describe(got)} is not it"
    return None if got == want else f"it is {got!r}, wanted {want!r}" if show else f"{got!r} is not it"


def _array_difference(got, want, tolerance, absolute, dtype, show):
    if got is None:
        return "it is None: a `return` is missing"
    if isinstance(got, (list, int, float)):
        try:
            got = _asarray(got)
        except ValueError:
            return "the rows of the list have different lengths"
    if not isinstance(got, np.ndarray) or got.dtype.kind not in _NUMBERS:
        return f"it is {describe_kind(got)}, wanted an array of numbers"
    if got.shape != want.shape:
        return f"the shape is {got.shape}, wanted {want.shape}"
    if (got.dtype.kind == "b") != (want.dtype.kind == "b") or (dtype and got.dtype != want.dtype):
        return f"the dtype is {got.dtype}, wanted {want.dtype}"
    left, right = got.astype(np.float64), want.astype(np.float64)
    exact = want.dtype.kind != "f"
    finite = np.abs(right[np.isfinite(right)])
    near = 0 if exact else 0.01 * tolerance * (finite.max() if finite.size else 0)
    bad = ~_isclose(left, right, rtol=0 if exact else tolerance, atol=near + absolute, equal_nan=True)
    if not bad.any():
        return None
    where = tuple(int(k) for k in np.argwhere(bad)[0])
    place = f"[{', '.join(map(str, where))}]"
    values = f": {describe(got[where])}, wanted {describe(want[where])}" if show else ""
    return f"{int(bad.sum())} of {bad.size} values differ, the first at {place}{values}"

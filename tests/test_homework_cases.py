"""No case of the homework hangs on rounding or on a tie that the text is silent about; the sentences about answers."""

import functools
import types

import numpy as np
import pytest

from cvhelpers.homework import Case, attempt, build, causes, exercises
from cvhelpers.homework.compare import (
    Unknown,
    decode,
    describe,
    describe_kind,
    difference,
    encode,
    first_difference,
    plain,
)

needs_solutions = pytest.mark.skipif(not build.solution_notebooks(), reason="the solutions are kept elsewhere")


@functools.cache
def solved(homework):
    return build.solved(build.solution_notebooks([homework])[0])


def cases(question, seeds):
    """The cases of the course, and those that grading would add with each of the seeds."""
    yield from question.cases
    for seed in range(seeds):
        yield from question.fresh(np.random.default_rng(seed))


def in_double(case):
    """The same case in double precision: the same numbers, other rounding."""

    def double(value):
        return value.astype(float) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value

    return Case(*map(double, case.args), **{key: double(value) for key, value in case.kwargs.items()})


@needs_solutions
@pytest.mark.parametrize("homework", ["hw1", "hw2", "hw3", "hw4", "hw5", "hw6", "hw7"])
def test_single_and_double_precision_give_the_same_answers(homework):
    for name, question in exercises(homework).items():
        if question.limits or question.seconds or question.is_value:
            continue
        answer = solved(homework)[name]
        for case in cases(question, 15):
            one, two = (attempt(question, answer, some) for some in (case, in_double(case)))
            assert not two.error and difference(two.value, one.value, **question.accuracy) is None, (name, case.args)


def tents(length, positions):
    """Weights (positions, length) of bilinear interpolation, the border repeated."""
    place = np.clip(positions - 0.5, 0, length - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(length)))


def paste_by_matrices(mask, box, height, width):
    """hw6 q5 in another way: two matrix products."""
    (x1, y1, x2, y2), x, y = np.asarray(box, float), np.arange(width) + 0.5, np.arange(height) + 0.5
    rows, columns = ((y - y1) / (y2 - y1), mask.shape[0]), ((x - x1) / (x2 - x1), mask.shape[1])
    (down, across) = (tents(length, share * length) for share, length in (rows, columns))
    inside = ((y >= y1) & (y < y2))[:, None] & (x >= x1) & (x < x2)
    return inside & (down @ mask.astype(float) @ across.T >= 0.5)


def precision_from_behind(iou, scores, threshold=0.5):
    """hw6 q6 in another way: of equal IoUs the last one, recalls compared as whole numbers."""
    free, hits = list(range(iou.shape[1])), []
    for k in sorted(range(len(scores)), key=lambda k: -scores[k]):
        best = max(free, key=lambda truth: (iou[k, truth], truth), default=None)
        hits.append(best is not None and iou[k, best] >= threshold)
        if hits[-1]:
            free.remove(best)
    total = np.zeros(101)
    for percent in range(101):
        reached = [k for k in range(1, len(hits) + 1) if 100 * sum(hits[:k]) >= percent * iou.shape[1]]
        total[percent] = max((sum(hits[:k]) / k for k in reached), default=0.0)
    return total.mean()


@needs_solutions
@pytest.mark.parametrize("name, other", [("q5", paste_by_matrices), ("q6", precision_from_behind)])
def test_two_right_ways_agree_on_300_seeds(name, other):
    question = exercises("hw6")[name]
    for case in cases(question, 300):
        one, two = (attempt(question, answer, case) for answer in (solved("hw6")[name], other))
        assert not two.error and difference(two.value, one.value, **question.accuracy) is None, case.args


@needs_solutions
def test_at_least_and_above_are_told_apart():
    """A case of hw6 q5 has a probability of exactly 0.5, one has a pixel exactly on the side of its box."""
    question = exercises("hw6")["q5"]

    def wrong(compare, inside):
        def paste(mask, box, height, width):
            (x1, y1, x2, y2), x, y = box, np.arange(width) + 0.5, np.arange(height) + 0.5
            down = tents(len(mask), (y - y1) / (y2 - y1) * len(mask))
            across = tents(mask.shape[1], (x - x1) / (x2 - x1) * mask.shape[1])
            return inside(y, y1, y2)[:, None] & inside(x, x1, x2) & compare(down @ mask @ across.T, 0.5)

        return paste

    half_open = lambda v, low, high: (v >= low) & (v < high)  # noqa: E731
    assert question.verdict(wrong(np.greater_equal, half_open))[0] == "right"
    assert question.verdict(wrong(np.greater, half_open))[0] == "not yet"
    assert question.verdict(wrong(np.greater_equal, lambda v, low, high: (v >= low) & (v <= high)))[0] == "not yet"
    assert question.verdict(wrong(np.greater_equal, lambda v, low, high: (v > low) & (v < high)))[0] == "not yet"


# What is said about an answer ----------------------------------------------------------------------------------------

MAP = np.array([[1.0, -2.5, 3.0], [-4.0, 5.0, 6.25]])
FRACTIONS = np.array([0.5, 1.25, -1.75, 2.5])
RETURN_INSIDE = "is the `return` inside the loop? It belongs below it, less indented."
EXCHANGED = "The values are right, but rows and columns are exchanged."


def said(got, want, error="", **settings):
    """The cause of three equally wrong outcomes, of an exercise without known mistakes."""
    exercise = types.SimpleNamespace(**{"accuracy": {}, "target": "answer", "show": True} | settings)
    return causes.explain([types.SimpleNamespace(value=got, error=error)] * 3, [want] * 3, [], exercise)


@pytest.mark.parametrize(
    "got, want, sentence",
    [
        (None, 3, "The function returns None: a `return` is missing."),
        (MAP * np.nan, MAP, "Some values are NaN: look for 0 / 0, or for an overflow in an exponential."),
        (MAP * 0, MAP, "All values are zero: the result is created but never filled."),
        (np.trunc(FRACTIONS), FRACTIONS,
         "The values are cut to whole numbers: the array that you fill holds integers, make it one of floats."),
        (np.rint(FRACTIONS), FRACTIONS, "The values are rounded to whole numbers: here they keep their fraction."),
        (np.array([7, 1, 0, 3]), FRACTIONS, "The result holds whole numbers, here they have a fraction: make the array "
         "that you fill one of floats."),
        (np.uint8([44, 10, 144]), np.array([300.0, 10, 400]),
         "The numbers run over: uint8 ends at 255, so compute in a larger type."),
        (np.array([1, 0, 1]), np.array([True, False, True]),
         "The values are right as numbers: make them truth values, for example with `.astype(bool)`."),
        (MAP.T, MAP, EXCHANGED),
        (MAP[::-1], MAP, "The values are right, but in reverse order along axis 0."),
        (MAP[:, ::-1], MAP, "The values are right, but in reverse order along axis 1."),
        (MAP * [[1, 0, 0], [0, 0, 0]], MAP, "Only the beginning is filled: " + RETURN_INSIDE),
        (MAP * [[1], [0]], MAP, "Only the beginning is filled: " + RETURN_INSIDE),
        (np.maximum(MAP, 0), MAP, "All negative values have become 0: nobody asks for a ReLU or a clip here."),
        (MAP - 1.5, MAP, "Every value is off by the same amount, -1.5."),
        (MAP * 0.25, MAP, "Every value is 0.25 times what it should be."),
        (np.array([2.5, 0.5, 1.25, -1.75]), FRACTIONS, "The values are right, their order is not."),
        (MAP.ravel(), MAP, "The values are right, the shape is not."),
        (MAP[:, [1, 2, 0]], MAP, "The values are right, but the columns stand in another order."),
        (MAP * [1, 2, 1], MAP, "Only column 1 of the result is wrong."),
        (MAP * [5, 2, 1], MAP, "Only columns 0, 1 of the result are wrong."),
        (MAP[..., None] * [3, 1], MAP[..., None] * [1, 1], "Only channel 0 of the result is wrong."),
        (MAP * [1, 1, 0], MAP, "The last column is never filled: the loop stops too early."),
        (MAP[:0], MAP, "Nothing is left, though something should stay: too much is left out."),
        (MAP[None], MAP, "The values are right, but there is an axis of length 1 too many: take it away, for example "
         "with `[0]`."),
        ([FRACTIONS, MAP], [MAP, FRACTIONS], "The results are right, but they are returned in another order."),
        (MAP, [MAP, FRACTIONS], "Only the first of 2 results is returned: `return` all of them, with commas between."),
        (np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0), np.arange(24).reshape(2, 3, 4),
         "The values are right, but the axes stand in another order."),
        (np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1), np.arange(24).reshape(2, 3, 4),
         "The values are right, but the axes stand in another order."),
        (np.arange(24).reshape(2, 3, 4).transpose(2, 1, 0), np.arange(24).reshape(2, 3, 4),
         "The values are right, but the axes stand in another order."),
        (np.arange(24).reshape(2, 3, 4).transpose(0, 2, 1), np.arange(24).reshape(2, 3, 4),
         "The values are right, but the axes stand in another order."),
        (np.full((3, 3), 2.0), MAP[:, [0, 1, 2, 0]].repeat(2, 0)[:3],
         "Height and width are taken for equal: compute each of them from its own side."),
        (np.arange(20).reshape(4, 5)[:3, :4], np.arange(20).reshape(4, 5), "What is there is right, but "
         "the end is missing: the loops stop too early."),
        (np.pad(MAP, ((0, 2), (0, 2))), MAP,
         "The beginning is right, but there is too much at the end: the loops run too far."),
        ([4], [4, 7, 9], "Only the first item is there: " + RETURN_INSIDE),
        ([4, 7], [4, 7, 9], "The first items are right, but the last ones are missing."),
        ([4, 7, 9, 1], [4, 7, 9], "The first items are right, but there are too many."),
        ([9, 7, 4], [4, 7, 9], "The items are right, but in reverse order."),
        ([7, 4, 9], [4, 7, 9], "The items are right, their order is not."),
        ([4, 8, 9], [4, 7, 9], "Item 1: Every result is 1 too large."),
        (np.array([1.0, 2.0]), 3.0, "One number is wanted, here are several: they still have to be put together."),
        (float("nan"), 3.0, "The result is NaN: look for 0 / 0, or for the logarithm of something negative."),
        (np.array([3.0]), 3.0, "The result is an array: a single number is wanted."),
        (np.array([4.0]), 3.0, None),
        (-3.0, 3.0, "Every result has the wrong sign."),
        (3.0, 3.7, "The result is cut to a whole number: // and int() take the fraction away."),
        (5, 3, "Every result is 2 too large."),
        (2, 3, "Every result is 1 too small."),
        (6, 3, "Every result is 2 times what it should be."),
        (0.75, 3.0, "Every result is 0.25 times what it should be."),
        (0.0, 3.0, None),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_a_cause_is_named_in_these_words(got, want, sentence):
    assert said(got, want) == sentence
    assert said(want, want) is None


def test_a_dtype_that_counts_is_named_and_nothing_is_said_where_values_may_not_be_shown():
    assert said(np.ones(3), np.ones(3, np.uint8), accuracy={"dtype": True}) == (
        "The values are right, the dtype is not: make it uint8."
    )
    assert said(MAP.T, MAP, show=False) is None


@pytest.mark.parametrize(
    "error, sentence",
    [
        ("TypeError: answer() takes 1 positional argument but 2 were given",
         "The `def` line was changed: keep the names and the order of the arguments."),
        ("TypeError: other() takes 1 positional argument but 2 were given", None),
        ("UnboundLocalError: cannot access local variable 'x'",
         "A variable is used before anything was put into it: is it set on every way to this line?"),
        ("NameError: name 'np' is not defined",
         "An import is missing: run the cells at the top of the notebook first."),
        ("NameError: name 'keras' is not defined",
         "An import is missing: run the cells at the top of the notebook first."),
        ("NameError: name 'heigth' is not defined",
         "This name is not known: look for a typing error, or run the cell that defines it first."),
        ("ValueError: The truth value of an array with more than one element is ambiguous",
         "`if`, `and` and `or` want one truth value, not a whole array: compare number by number, or use & and | with "
         "parentheses."),
        ("ValueError: operands could not be broadcast together with shapes (2,) (3,)",
         "Two arrays meet whose shapes do not fit: print the shapes of both in the line that fails."),
        ("ValueError: setting an array element with a sequence.",
         "A whole array is put where less fits: is a sum missing, or a slice too long?"),
        ("ValueError: could not broadcast input array from shape (3,) into shape (2,)",
         "A whole array is put where less fits: is a sum missing, or a slice too long?"),
        ("ValueError: zero-size array to reduction operation maximum which has no identity",
         "Something is empty here and has no largest or smallest value: treat that case before."),
        ("ValueError: attempt to get argmax of an empty sequence",
         "Something is empty here and has no largest or smallest value: treat that case before."),
        ("ValueError: max() iterable argument is empty",
         "Something is empty here and has no largest or smallest value: treat that case before."),
        ("ValueError: not enough values to unpack (expected 3, got 2)",
         "The line takes apart something with another number of parts: print its shape or its length before."),
        ("ValueError: too many values to unpack (expected 2)",
         "The line takes apart something with another number of parts: print its shape or its length before."),
        ("TypeError: cannot unpack non-iterable numpy.float64 object",
         "The line takes apart something that has no parts: are the arguments in the order of the `def` line?"),
        ("ValueError: matmul: Input operand 1 has a mismatch in its core dimension 0",
         "The shapes of the matrix product do not fit: the columns of the first are the rows of the second."),
        ("ValueError: shapes (2,3) and (2,) not aligned: 3 (dim 1) != 2 (dim 0)",
         "The shapes of the matrix product do not fit: the columns of the first are the rows of the second."),
        ("ValueError: cannot reshape array of size 6 into shape (4,)",
         "`reshape` only orders anew: the new shape needs as many numbers as the old one."),
        ("TypeError: slice indices must be integers or None or have an __index__ method",
         "A size or an index is a float: `/` always gives floats, `//` gives whole numbers."),
        ("TypeError: 'float' object cannot be interpreted as an integer",
         "A size or an index is a float: `/` always gives floats, `//` gives whole numbers."),
        ("TypeError: 'numpy.float64' object cannot be interpreted as an integer",
         "A size or an index is a float: `/` always gives floats, `//` gives whole numbers."),
        ("IndexError: only integers, slices (`:`), ellipsis (`...`) are valid indices",
         "A size or an index is a float: `/` always gives floats, `//` gives whole numbers."),
        ("TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'",
         "Something is None here: a function that you call returns nothing, so look for a missing `return` there."),
        ("AttributeError: 'NoneType' object has no attribute 'shape'",
         "Something is None here: a function that you call returns nothing, so look for a missing `return` there."),
        ("RecursionError: maximum recursion depth exceeded", "The function calls itself without end."),
        ("KeyError: 'x'", None),
    ],
)  # fmt: skip
def test_an_error_is_explained_in_these_words(error, sentence):
    assert said(None, MAP, error) == sentence


def test_a_cause_may_hold_for_one_of_several_results():
    assert said([2.0, MAP.T], [2.0, MAP]) == "Item 1: " + EXCHANGED
    assert said({"sum": 2.0, "map": MAP.T}, {"sum": 2.0, "map": MAP}) == "map: " + EXCHANGED
    assert explained([{"sum": 2.0, "map": MAP.T}], [{"sum": 2.0, "map": MAP}]) == "map: " + EXCHANGED
    part = [[5.0, MAP], [2.0, MAP.T], [2.0, MAP.T]]  # in the first failing case the map is right
    assert explained(part, [[2.0, MAP]] * 3) == "Item 1: " + EXCHANGED


@pytest.mark.filterwarnings("error")
def test_zeros_and_infinities_are_compared_without_a_warning():
    assert said(MAP, 0 * MAP) is None
    assert said(MAP, np.where(MAP == MAP.max(), np.inf, MAP)) == "Only column 2 of the result is wrong."


def outcomes(values):
    return [types.SimpleNamespace(value=value, error="") for value in values]


def explained(values, wants, mistakes=()):
    exercise = types.SimpleNamespace(accuracy={}, target="answer", show=True)
    return causes.explain(outcomes(values), wants, list(mistakes), exercise)


def test_a_cause_has_to_explain_half_of_the_failing_cases():
    other = MAP + [[0, 1, 7], [3, 0, 0]]
    assert explained([MAP.T, MAP.T, other, other], [MAP] * 4) == EXCHANGED
    assert explained([MAP.T, other, other], [MAP] * 3) is None
    # "Every value ..." is wrong where one case is otherwise
    assert explained([2 * MAP, 2 * MAP, 2 * MAP, other], [MAP] * 4) is None
    assert explained([2 * MAP, 2 * MAP, MAP], [MAP] * 3) == "Every value is 2 times what it should be."
    assert explained([6.0, MAP], [3.0, MAP]) is None, "one number may be twice as large by chance"
    grid = np.arange(20).reshape(4, 5)
    for right_in_part in (grid[:3, :4], np.pad(grid, ((0, 1), (0, 2)))):
        assert explained([right_in_part] * 2, [grid] * 2)
        assert explained([right_in_part] * 2 + [grid + np.eye(4, 5)], [grid] * 3) is None
    for right_in_part in ([4, 7], [4, 7, 9, 1, 2, 3]):
        assert explained([right_in_part] * 2, [[4, 7, 9, 1, 2]] * 2).startswith("The first items are right, but")
        assert explained([right_in_part] * 2 + [[9, 9, 1, 3, 3]], [[4, 7, 9, 1, 2]] * 3) is None
    assert explained([[3.0, MAP], [3.0, MAP, 1.0]], [[-3.0, MAP], [-3.0, MAP, 1.0]]) is None, "no results of one kind"
    assert explained([[4, 7], [4, 7], [9, 9, 1]], [[4, 7, 9]] * 3) is None, "an item that is not there is no `return`"


def mistake(says, *values):
    return {"says": says, "got": [None if value is None else {"value": encode(value)} for value in values]}


def test_a_known_mistake_is_named_where_it_fits_at_least_half_and_no_other_fits_as_well():
    wants = [np.float64([1, 2]), np.float64([3, 5]), np.float64([4, 9])]
    a, b, c = np.float64([7, 2]), np.float64([8, 1]), np.float64([9, 9])
    one, two = mistake("one", a, b, None), mistake("two", a, c, None)
    assert explained([a, b, wants[2]], wants, [one, two]) == "one"
    assert explained([a, c, wants[2]], wants, [one, two]) == "two"
    assert explained([a, np.float64([0, 7]), wants[2]], wants, [one]) == "one"
    assert explained([a, np.float64([0, 7]), wants[2]], wants, [one, two]) is None, "both fit half: which one?"
    assert explained([a, np.float64([0, 7]), np.float64([6, 1])], wants, [one]) is None, "a third is not enough"
    raised = {"says": "raised", "got": [{"error": "IndexError"}, {"error": "IndexError"}, None]}
    failed = [types.SimpleNamespace(value=None, error="IndexError: index 3")] * 2 + outcomes(wants[2:])
    exercise = types.SimpleNamespace(accuracy={}, target="answer", show=True)
    assert causes.explain(failed, wants, [one, raised], exercise) == "raised"


def test_what_the_failing_cases_have_alone_is_named():
    square, oblong, deep = np.ones((2, 2)), np.ones((2, 3)), np.ones((2, 2, 3))
    name = lambda some, failing: causes.pattern([Case(*one) for one in some], failing)  # noqa: E731
    ending = "those that fail are the ones with {}."
    assert name([(square,), (oblong,), (oblong,), (square,)], [1, 2]) == ending.format("arrays that are not square")
    assert name([(deep,), (square,), (deep,), (square,)], [0, 2]) == ending.format("several channels")
    mixed = np.array([[1, -1], [2, 3.0]])
    assert name([(square,), (mixed,), (mixed,), (square,)], [1, 2]) == ending.format("negative numbers")
    nothing = np.zeros((0, 0))
    assert name([(square,), (nothing,), (nothing,), (square,)], [1, 2]) == ending.format("empty arrays")
    with_stride = [Case(square, stride=2), Case(square), Case(square, stride=3), Case(square)]
    assert causes.pattern(with_stride, [0, 2]) == ending.format("`stride`")
    assert name([(square,), (oblong,), (oblong,), (square,)], [1]) is None, "one case is no pattern"
    assert name([(oblong,), (oblong,), (oblong,), (square,)], [0, 1, 2]) is None, "one right case is none either"
    assert name([(square,), (-oblong,), (-oblong,), (square,)], [1, 2]) is None, "two things tell them apart"
    batch = np.ones((1, 2, 3, 1))
    assert name([(batch,), (np.ones((2, 3, 3, 1)),), (batch,), (batch[:, :, :2],)], [0, 2]) == ending.format(
        "arrays that are not square"
    )


@pytest.mark.parametrize(
    "got, want, options, sentence",
    [
        (None, MAP, {}, "it is None"),
        ("abc", MAP, {}, "it is a text, wanted an array of numbers"),
        ([[1], [2, 3]], MAP, {}, "the rows of the list have different lengths"),
        (MAP.T, MAP, {}, "the shape is (3, 2), wanted (2, 3)"),
        (MAP + [[0, 0, 0.5], [0, 1, 0]], MAP, {}, "2 of 6 values differ, the first at [0, 2]: 3.5, wanted 3"),
        (MAP + [[0, 0, 0.5], [0, 1, 0]], MAP, {"show": False}, "2 of 6 values differ, the first at [0, 2]"),
        (np.ones(2), np.ones(2, np.uint8), {"dtype": True},
         "the values are right, but the dtype is float64, wanted uint8"),
        (np.zeros(2), np.ones(2, np.uint8), {"dtype": True}, "the dtype is float64, wanted uint8"),
        ([1, 0], np.array([True, False]), {}, "the values are right, but the dtype is int64, wanted bool"),
        ([np.ones(2)], [np.ones(2, np.uint8)], {"dtype": True},
         "item 0: the values are right, but the dtype is float64, wanted uint8"),
        ([], np.zeros((0, 4)), {"empty_shape": True}, "the shape is (0,), wanted (0, 4)"),
        ({"a": [1, 2]}, {"a": [1, 3]}, {}, "a: item 1: it is 2, wanted 3"),
        (3, [3], {}, "it is a whole number, wanted a list of 1 item"),
        (3, {"a": 1, "b": 2}, {}, "it is a whole number, wanted a dict with a, b"),
        ([1], [1, 2], {}, "it has 1 item, wanted 2"),
        ({}, {"a": 1}, {}, "'a' is missing"),
        ({"a": 1, "c": 2}, {"a": 1}, {}, "'c' is not wanted"),
        (1.00000012, 1.0, {"tolerance": 1e-9}, "it is 1.0000001, wanted 1"),
        (2, 3, {"show": False}, "2 is not it"),
        ("x", "y", {}, "it is 'x', wanted 'y'"),
        ("x", "y", {"show": False}, "'x' is not it"),
        (np.array([3.0]), 3.0, {}, "it is a float64 array of shape (1,), wanted a single number"),
        (3, True, {}, "it is a whole number, wanted a truth value"),
    ],
)  # fmt: skip
def test_a_difference_is_told_in_these_words(got, want, options, sentence):
    assert difference(got, want, **options) == sentence


@pytest.mark.parametrize(
    "got, want, options, right",
    [
        (1.00009, 1.0, {}, True),
        (1.00011, 1.0, {}, False),
        (1.09, 1.0, {"tolerance": 0.1}, True),
        (1.4, 1.0, {"absolute": 0.5}, True),
        (1.6, 1.0, {"absolute": 0.5}, False),
        (3.0001, 3, {}, False),
        (np.array([1e-6 * 0.99, 1.0]), np.array([0.0, 1.0]), {}, True),
        (np.array([1e-6 * 1.01, 1.0]), np.array([0.0, 1.0]), {}, False),
        (np.array([100.009]), np.array([100.0]), {}, True),
        (np.array([100.02]), np.array([100.0]), {}, False),
        (np.array([3.0001]), np.array([3]), {}, False),
        ([], np.zeros((0, 4)), {}, True),
        (float("nan"), float("nan"), {}, True),
    ],
)  # fmt: skip
def test_how_much_may_differ(got, want, options, right):
    assert (difference(got, want, **options) is None) is right


def test_things_are_described_in_these_words():
    assert [describe_kind(value) for value in (None, True, 3, 0.5, "a", {}, (1,), Unknown("a model"), 1j)] == [
        "None", "a truth value", "a whole number", "a number", "a text", "a dict", "a tuple of 1 item", "a model",
        "an object of type complex",
    ]  # fmt: skip
    assert describe(2 / 3) == "0.666667" and describe("a") == "'a'" and describe(None) == "None"
    assert describe(np.float32([[1, 0.5]])) == "[[1. , 0.5]]   shape (1, 2), float32"
    assert describe(np.eye(2)) == "[[1., 0.],\n" + 15 * " " + "[0., 1.]]   shape (2, 2), float64"
    assert describe(np.arange(65)) == "a int64 array of shape (65,), first values [0, 1, 2, 3, 4, 5, …]"
    assert describe(np.arange(64)).endswith("shape (64,), int64")
    assert describe([0] * 66) == str([0] * 66) and describe(["a" * 300]) == "['" + "a" * 198 + " …"
    assert describe(object()) == "an object of type object"


def test_what_is_packed_comes_back_and_the_rest_is_only_named():
    assert encode(1 / 3, digits=3) == 0.333 and encode([1, None], digits=3) == [1, None]
    assert encode(object()) == {"other": "an object of type object"} and decode(encode(object())).kind.startswith("an ")
    assert decode({"other": "x" * 200}).kind == "x" * 100
    packed = encode(np.float32([[0.5], [2]]))
    assert packed["dtype"] == "<f4" and packed["shape"] == [2, 1] and decode(packed).tolist() == [[0.5], [2]]
    decode(packed)[0] = 1  # a copy that may be written to
    with pytest.raises(ValueError, match="no number"):
        decode({"dtype": "U1", "shape": [1], "values": ["a"]})
    assert plain(((((((1,),),),),),)) == [[[[[[1]]]]]] and plain((((((((1,),),),),),),)) == [[[[[[(1,)]]]]]]
    dicts = lambda count, inner: {"a": dicts(count - 1, inner)} if count else inner  # noqa: E731
    assert plain(dicts(5, (1,))) == dicts(5, [1]) and plain(dicts(6, (1,))) == dicts(6, (1,))
    assert plain({1: np.float64(2), "x": (np.ones(1),)}) == {"1": 2.0, "x": [np.ones(1)]}
    assert first_difference([1, [2, 5]], [1, [2, 3]]) == (["item 1", "item 1"], "it is 5, wanted 3", 5, 3)

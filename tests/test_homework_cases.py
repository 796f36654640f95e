"""No case of the homework hangs on rounding or on a tie that the text is silent about."""

import functools

import numpy as np
import pytest

from cvhelpers.homework import Case, attempt, build, exercises
from cvhelpers.homework.compare import difference

pytestmark = pytest.mark.skipif(not build.solution_notebooks(), reason="the solutions are kept elsewhere")


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


@pytest.mark.parametrize("name, other", [("q5", paste_by_matrices), ("q6", precision_from_behind)])
def test_two_right_ways_agree_on_300_seeds(name, other):
    question = exercises("hw6")[name]
    for case in cases(question, 300):
        one, two = (attempt(question, answer, case) for answer in (solved("hw6")[name], other))
        assert not two.error and difference(two.value, one.value, **question.accuracy) is None, case.args


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

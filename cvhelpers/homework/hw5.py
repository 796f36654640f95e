"""Homework 5, object detection: cases, hints and points. Lesson 16; Keras for q9 only."""

import numpy as np

from . import Case, Exercise
from .detector import box_error, build_network, load_sticker_boxes, q9  # noqa: F401  (q9 and its parts)
from .matching import Matching
from .measured import Measured

KERAS = True  # grading gives the process the memory that TensorFlow needs
_rng = np.random.default_rng(5)


def _boxes(count, size=12, rng=_rng):
    """Boxes (count, 4) as x1, y1, x2, y2 with whole numbers, every side at least 2 long."""
    start = rng.integers(0, size - 4, (count, 2))
    return np.concatenate([start, start + rng.integers(2, size - 3, (count, 2))], axis=1).astype(np.float32)


q1 = Exercise(
    "hw5.q1",
    "box_iou",
    1,
    [
        "The shared part is a box again: it begins at the larger of the two x1 and ends at the smaller of the two x2. "
        "The same for y.",
        "If it ends before it begins, nothing is shared: width = max(0, end - begin), and the height likewise, each on "
        "its own.",
        "The union is area + area - shared: without the minus the shared part counts twice.",
    ],
    [
        Case(np.float32([0, 0, 4, 4]), np.float32([2, 1, 6, 5])),
        Case(np.float32([1, 2, 5, 4]), np.float32([1, 2, 5, 4])),
        Case(np.float32([0, 0, 2, 2]), np.float32([5, 0, 8, 2])),
        Case(np.float32([0, 0, 2, 3]), np.float32([4, 5, 7, 8])),
        Case(np.float32([0, 0, 8, 6]), np.float32([2, 1, 4, 5])),
        Case(np.float32([3, 2, 5, 5]), np.float32([1, 1, 6, 9])),
        Case(np.float32([0, 0, 3, 3]), np.float32([3, 0, 6, 3])),
        Case(np.float32([-2.5, 1, 3, 9.5]), np.float32([0.5, -4, 6, 2])),
    ],
    fresh=lambda rng: [Case(*_boxes(2, rng=rng)) for _ in range(10)],
)

q2 = Exercise(
    "hw5.q2",
    "pairwise_iou",
    2,
    [
        "Entry (i, j) compares box i of the first list with box j of the second. Two loops that call your q1 are a "
        "right answer; begin with `np.zeros((len(boxes), len(others)))`, and empty lists work by themselves.",
        "Without loops: `boxes[:, None]` has the shape (n, 1, 4) and `others[None]` (1, m, 4). `np.maximum` of the two "
        "makes every pair, shape (n, m, …).",
        "Begin of the shared part: np.maximum of the two [..., :2]; its end: np.minimum of the two [..., 2:]. Clip "
        "end - begin at 0 and multiply its two numbers.",
    ],
    [
        Case(_boxes(1), _boxes(2)),
        Case(np.float32([[0, 0, 4, 4], [2, 1, 6, 5]]), np.float32([[0, 0, 4, 4], [9, 9, 12, 13], [2, 9, 4, 12]])),
        Case(_boxes(3), _boxes(2)),
        Case(_boxes(4, 8), _boxes(4, 8)),
        Case(np.zeros((0, 4), np.float32), _boxes(3)),
        Case(_boxes(2), np.zeros((0, 4), np.float32)),
    ],
    empty_shape=True,
    fresh=lambda rng: [
        Case(_boxes(n, rng=rng), _boxes(m, rng=rng)) for n, m in [*rng.integers(1, 9, (6, 2)), (0, 4), (3, 0), (0, 0)]
    ],
)


def _centres(count, rng=_rng):
    return (rng.integers(1, 9, (count, 2)) + 0.5).astype(np.float32)


def _sides(count, rng=_rng):
    return (rng.integers(0, 40, (count, 4)) / 4).astype(np.float32)


q3 = Exercise(
    "hw5.q3",
    "sides",
    2,
    [
        "On paper: a box, a point inside, and four arrows from the point to the sides. All four lengths are positive.",
        "To the left and to the top: centre minus side. To the right and to the bottom: side minus centre.",
        "Back: x1 = x - left, y1 = y - top, x2 = x + right, y2 = y + bottom. `np.stack([...], axis=1)` puts four "
        "columns together.",
    ],
    [
        Case(np.float32([[2, 1, 8, 9]]), np.float32([[4, 6]])),
        Case(np.float32([[2, 5, 4, 3]]), np.float32([[4, 6]]), back=True),
        Case(_boxes(3), _centres(3)),
        Case(_sides(3), _centres(3), back=True),
        Case(np.float32([[0, 0, 2, 2]]), np.float32([[5, 1]])),
        Case(np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32)),
    ],
    fresh=lambda rng: [
        Case(_sides(int(n), rng) if back else _boxes(int(n), rng=rng), _centres(int(n), rng), back=back)
        for n in rng.integers(1, 8, 4)
        for back in (False, True)
    ],
)


def _nms_case(count, threshold, rng=_rng, levels=8):
    """Boxes in a small area; few score levels, so that there are ties."""
    scores = (rng.integers(1, levels + 1, count) / (levels + 1)).astype(np.float32)
    return Case(_boxes(count, 11, rng), np.round(scores, 2), threshold)


_CHAIN = np.float32([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10], [30, 0, 40, 10]])

q4 = Exercise(
    "hw5.q4",
    "nms",
    3,
    [
        "Keep a list of kept indices. Go through the boxes from the best score to the worst; a box is kept if its IoU "
        "with every kept box is at most the threshold.",
        "Only boxes that stay suppress others, and all of them do, not the last one alone.",
        '`np.argsort(-scores, kind="stable")` is the order: best first, ties by lower index. Reversing an ascending '
        "argsort would turn the ties round.",
        "for index in order: if all(box_iou(boxes[index], boxes[k]) <= threshold for k in kept): kept.append(index)",
    ],
    [
        Case(_CHAIN[[0, 1, 3]], np.float32([0.6, 0.9, 0.7]), 0.4),
        Case(_CHAIN, np.float32([0.9, 0.8, 0.7, 0.6]), 0.4),
        Case(_CHAIN[[0, 3, 1]], np.float32([0.9, 0.8, 0.7]), 0.4),
        Case(np.float32([[0, 0, 2, 1], [0, 0, 1, 1]]), np.float32([0.3, 0.8]), 0.5),
        Case(_CHAIN[[0, 3]], np.float32([0.5, 0.5]), 0.4),
        _nms_case(6, 0.31),
        _nms_case(7, 0.11),
        Case(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5),
    ],
    fresh=lambda rng: [
        _nms_case(int(n), float(threshold), rng)
        for n, threshold in zip(rng.integers(5, 25, 8), [0.07, 0.13, 0.23, 0.31, 0.43, 0.57, 0.61, 0.77])
    ],
)


def _hits(count, rng=_rng, share=0.6):
    return rng.uniform(size=count) < share


q5 = Exercise(
    "hw5.q5",
    "precision_recall",
    1,
    [
        "Go down the list of answers: after each one, how many are right so far? `np.cumsum(hits)` counts.",
        "Precision: right so far, divided by answers so far, 1, 2, 3 … Recall: right so far, divided by `truths`.",
        "`np.arange(1, len(hits) + 1)` are the answers so far. An empty list gives two empty arrays.",
    ],
    [
        Case(np.array([True, False, True]), 4),
        Case(np.array([True, True, False, True, False, False]), 4),
        Case(np.array([False, True]), 1),
        Case(np.array([False, False, False]), 2),
        Case(_hits(7), 9),
        Case(np.zeros(0, bool), 3),
    ],
    fresh=lambda rng: [
        Case(hits := _hits(int(n), rng), int(hits.sum() + rng.integers(1, 5))) for n in rng.integers(1, 15, 6)
    ],
)


def _curve(hits, truths):
    """Precision and recall after each answer, given to q6."""
    right = np.cumsum(hits)
    return Case(right / np.arange(1, len(hits) + 1), right / truths)


def _many(rng):
    """A curve whose recall meets none of the 101 points but 0 and 1: no answer hangs on the last digit."""
    hits, extra = _hits(int(rng.integers(3, 15)), rng), int(rng.integers(0, 4))
    truths = next(n for n in (3, 7, 9, 11, 13, 17, 19) if n >= hits.sum() + extra or n == 19)
    return _curve(hits, truths)


q6 = Exercise(
    "hw5.q6",
    "average_precision",
    2,
    [
        "The points are `np.linspace(0, 1, 101)`. At each point p, look at the answers with recall >= p: those to the "
        "right on the curve.",
        "Take their largest precision; if there are none, take 0. Then the mean of all 101 numbers.",
        "`max(precision[recall >= p], default=0)` is one of them.",
    ],
    [
        _curve([True], 2),
        _curve([False, True], 1),
        _curve([True, True, False, True, False, False], 4),
        _curve([False, True, True, False, True], 3),
        _curve([True, False, False, True, True, True], 7),
        _curve([False, False], 3),
        Case(np.zeros(0), np.zeros(0)),
    ],
    absolute=1e-6,
    fresh=lambda rng: [_many(rng) for _ in range(8)],
)

# The open exercise ---------------------------------------------------------------------------------------------------


def _iou(first, second):
    # Written in a way of its own, for one box against many: it judges answers and is no answer to q2.
    x = [np.clip(first[0], box[0], box[2]) for box in second], [np.clip(first[2], box[0], box[2]) for box in second]
    y = [np.clip(first[1], box[1], box[3]) for box in second], [np.clip(first[3], box[1], box[3]) for box in second]
    shared = np.subtract(x[1], x[0]) * np.subtract(y[1], y[0])
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, *second)]
    return shared / np.maximum(np.add(sizes[1:], sizes[0]) - shared, 1e-9)


def load_candidates(part="train", scenes=40):
    """Scenes with far too many boxes, as a detector gives them; made from a fixed seed.

    Returns a list of dicts: ``truth`` (things, 4), ``boxes`` (candidates, 4) as x1, y1, x2, y2 in pixels, ``scores``
    (candidates,) between 0 and 1. Several candidates answer for each thing, some for nothing. ``part`` is "train",
    to try things out, or "test", which the check measures on.

    >>> sorted(load_candidates(scenes=1)[0])
    ['boxes', 'scores', 'truth']
    """
    rng = np.random.default_rng({"train": 16, "test": 17}[part])
    return [_scene(rng) for _ in range(scenes)]


def _scene(rng):
    truth = []
    while len(truth) < 6:
        size, start = rng.uniform(14, 34, 2), rng.uniform(2, 64, 2)
        box = np.concatenate([start, start + size])
        if not truth or _iou(box, truth).max() < 0.4:
            truth.append(box)
    truth, found, scores = np.array(truth[: rng.integers(3, 7)]), [], []
    for box in truth:
        noise = np.tile(box[2:] - box[:2], 2) * rng.normal(0, 0.08, (rng.integers(4, 9), 4))
        found += list(box + noise)
        scores += list(0.1 + 0.8 * _iou(box, box + noise) + rng.normal(0, 0.1, len(noise)))
    for _ in range(rng.integers(3, 7)):  # nothing is here, and the scores are rather low
        size, start = rng.uniform(14, 34, 2), rng.uniform(2, 64, 2)
        box = np.concatenate([start, start + size])
        if _iou(box, truth).max() < 0.2:
            found += list(box + rng.normal(0, 1.5, (2, 4)))
            scores += list(rng.uniform(0.05, 0.6, 2))
    order = rng.permutation(len(found))
    boxes, scores = np.round(np.array(found)[order], 1), np.round(np.clip(np.array(scores)[order], 0.01, 0.99), 2)
    return {"truth": np.round(truth, 1), "boxes": boxes, "scores": scores}


def _material(rng):
    """Candidates of 40 scenes; the truth is the boxes that are there."""
    scenes = [_scene(rng) for _ in range(40)] if rng else load_candidates("test")
    return [Case(scene["boxes"], scene["scores"]) for scene in scenes], [scene["truth"] for scene in scenes]


def _score(values, truth):
    """F1 over all test scenes, and how many boxes are wrong in which way."""
    count = dict.fromkeys(("right", "duplicates", "elsewhere", "missed"), 0)
    for value, things in zip(values, truth, strict=True):
        kept = np.asarray(value, float)
        if kept.size and (kept.ndim != 2 or kept.shape[1] != 4):
            raise ValueError(f"the boxes that stay have the shape {kept.shape}, wanted (some number, 4)")
        if not np.isfinite(kept).all():
            raise ValueError("some boxes hold NaN or infinite numbers")
        if len(kept) > 1000:
            raise ValueError(f"{len(kept)} boxes stay: more than there were")
        free = np.ones(len(things), bool)
        for box in kept.reshape(-1, 4):
            overlap = _iou(box, things)
            best = int(np.argmax(np.where(free, overlap, -1)))
            if free[best] and overlap[best] >= 0.5:
                free[best] = False
                count["right"] += 1
            else:
                count["duplicates" if overlap.max() >= 0.3 else "elsewhere"] += 1
        count["missed"] += int(free.sum())
    wrong = count["duplicates"] + count["elsewhere"] + count["missed"]
    return {"F1": 2 * count["right"] / max(2 * count["right"] + wrong, 1), **count}


def _advice(measured):
    if not measured["right"]:
        return "No thing is found: does the function return boxes as x1, y1, x2, y2, one row for each?"
    worst = max(("duplicates", "elsewhere", "missed"), key=measured.get)
    return {
        "duplicates": "Most of the wrong boxes are duplicates: suppress more, with a lower threshold.",
        "elsewhere": "Most of the wrong boxes stand where nothing is: their scores are low, so leave such boxes out.",
        "missed": "Too much is gone: some things are close together or have no high score, so be less strict.",
    }[worst]


q7 = Measured(
    "hw5.q7",
    "clean_up",
    2,
    [
        "Begin with your q4: `boxes[nms(boxes, scores, 0.5)]`.",
        "What is left where nothing is has low scores: drop candidates below some score first. Which one? Write a loop "
        "over `load_candidates()`.",
        "Two things of the training scenes overlap by 0.4 at most, two candidates for one thing by about 0.6: the "
        "threshold belongs in between.",
    ],
    material=_material,
    score=_score,
    limits={"F1": (0.90, None)},
    shares={0.5: {"F1": (0.84, None)}},
    advice=_advice,
)

q8 = Matching(
    "hw5.q8",
    "bugs",
    1,
    [
        "Count first: in each sheet one picture has far more boxes than there are things, one has fewer. Suppression "
        "explains both.",
        "In two pictures the boxes stand or reach where no thing is. Follow one box: where is its left upper corner, "
        "and which side of it is the long one?",
        "One picture has about the right number of boxes in about the right places. How well do they fit, compared "
        "with the right answer? Which candidates would fit so badly?",
    ],
)

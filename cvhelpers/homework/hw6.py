"""Homework 6, instance segmentation: cases, hints and points. Lesson 17; NumPy only."""

import numpy as np

from . import Case, Exercise
from .answers import fresh_scenes, read_scenes
from .matching import Matching
from .measured import Measured

_rng = np.random.default_rng(6)


def _numbers(*shape, rng=_rng):
    return np.round(rng.normal(size=shape), 2).astype(np.float32)


def _blob(height, width, rng=_rng):
    """A rectangle with holes, its first and last rows and columns touched."""
    mask = np.zeros((height, width), bool)
    y1, x1 = rng.integers(0, height), rng.integers(0, width)
    y2, x2 = rng.integers(y1 + 1, height + 1), rng.integers(x1 + 1, width + 1)
    mask[y1:y2, x1:x2] = rng.uniform(size=(y2 - y1, x2 - x1)) < 0.5
    mask[y1, x1] = mask[y2 - 1, x2 - 1] = True
    return mask


def _masks(count, height, width, rng=_rng):
    return rng.uniform(size=(count, height, width)) < 0.6


def _drawn(*rows):
    return np.array([[sign == "#" for sign in row] for row in rows])


q1 = Exercise(
    "hw6.q1",
    "mask_to_box",
    1,
    [
        "Which columns hold a pixel at all? `mask.any(axis=0)` says so for each column; `np.flatnonzero` gives their "
        "numbers.",
        "The box goes from the left edge of the first column to the right edge of the last one, and that edge is at "
        "column + 1. No column at all: four zeros.",
    ],
    [
        Case(_drawn(".....", "..##.", "..#..", "..#..")),
        Case(_drawn("....", "....")),
        Case(_drawn("#..", "..#")),
        Case(_drawn(".......", ".....#.", ".......")),
        Case(_blob(7, 4)),
        Case(_drawn("##", "##", "##")),
    ],
    fresh=lambda rng: (
        [Case(_blob(int(h), int(w), rng)) for h, w in rng.integers(2, 12, (7, 2))] + [Case(np.zeros((3, 6), bool))]
    ),
)


def _first_against(n, m, height, width, rng=_rng):
    return Case(_masks(n, height, width, rng), _masks(m, height, width, rng))


q2 = Exercise(
    "hw6.q2",
    "mask_iou",
    2,
    [
        "The intersection of two masks is the number of pixels that are in both: `(a & b).sum()`.",
        "All pairs at once: make each mask a row, `first.reshape(len(first), height * width)` as numbers; the matrix "
        "product of these rows with the others counts the common pixels.",
        "union = area of the first + area of the second - intersection, with `areas[:, None] + others[None, :]`. "
        "Divide by np.maximum(union, 1): then two empty masks give 0.",
    ],
    [
        Case(_drawn("##.", "##.")[None], np.array([_drawn(".##", ".##"), _drawn("##.", "##.")])),
        _first_against(2, 3, 3, 4),
        _first_against(3, 1, 5, 2),
        Case(np.zeros((2, 2, 3), bool), np.array([np.zeros((2, 3), bool), _drawn("#..", "..#")])),
        Case(np.zeros((0, 3, 4), bool), _masks(2, 3, 4)),
        Case(np.ones((1, 20, 25), bool), _masks(2, 20, 25)),  # more than 255 pixels
    ],
    empty_shape=True,
    fresh=lambda rng: (
        [_first_against(*(int(k) for k in row), rng) for row in rng.integers(1, 7, (6, 4))]
        + [_first_against(2, 0, 3, 4, rng), _first_against(2, 2, 20, 30, rng)]
    ),
)


def _positions(maps, shape, rng=_rng, margin=0.8):
    """Positions in and a little beyond the map."""
    height, width, *_ = maps.shape
    x, y = (np.round(rng.uniform(-margin, side + margin, shape), 2) for side in (width, height))
    return Case(maps, x, y)


q3 = Exercise(
    "hw6.q3",
    "sample",
    2,
    [
        "Count from the first centre: u = x - 0.5 is 0 in the middle of column 0 and 1 in the middle of column 1.",
        "Keep u within 0 … width - 1 with np.clip: that repeats the border. The left neighbour is floor(u), the right "
        "one min(left + 1, width - 1).",
        "With a = u - left, the right column weighs a and the left one 1 - a; the same for the rows with b. Four "
        "products; `a[..., None]` fits the channels.",
    ],
    [
        Case(np.float32([[0, 1], [10, 11]])[..., None], np.array([0.5, 1.0, 1.25]), np.array([0.5, 0.5, 1.0])),
        Case(np.float32([[0, 1], [10, 11]])[..., None], np.array([0.0, 2.0]), np.array([1.0, 1.8])),
        _positions(_numbers(2, 4, 1), 5),
        _positions(_numbers(4, 3, 2), (2, 3)),
        _positions(_numbers(3, 5, 3), (1, 4), margin=0.0),
        _positions(_numbers(1, 1, 2), 2),
    ],
    fresh=lambda rng: [
        _positions(_numbers(h, w, c, rng=rng), (int(n), int(m)), rng) for h, w, c, n, m in rng.integers(1, 6, (8, 5))
    ],
    absolute=1e-6,
)


def _box(height, width, rng=_rng, least=0.2, margin=0.0):
    """A box x1, y1, x2, y2 with one digit after the point, at least so large a part of the map."""
    sides = np.array([width, height])
    size = rng.uniform(least, 0.9, 2) * sides
    start = rng.uniform(-margin, 1 + margin, 2) * (sides - size)
    return np.round([*start, *(start + size)], 1)


q4 = Exercise(
    "hw6.q4",
    "roi_align",
    3,
    [
        "Divide the box by `stride` and leave the result as it is: no rounding. Now it is given in cells of the map.",
        "size bins share the width evenly. The centre of bin j is at x1 + (j + 0.5) * (x2 - x1) / size.",
        "Make a grid of these positions, `np.meshgrid(x, y)`, and give it to your function of q3.",
    ],
    [
        Case(np.arange(16, dtype=np.float32).reshape(4, 4, 1), np.array([2.0, 4.0, 6.0, 12.0]), 2, stride=4),
        Case(_numbers(4, 6, 1), _box(8, 12), 3, stride=2),
        Case(_numbers(6, 3, 2), _box(48, 24), 2, stride=8),
        Case(_numbers(3, 4, 3), np.array([0.0, 0.0, 4.0, 3.0]), 2, stride=1),
        Case(_numbers(5, 4, 1), np.array([-3.0, 5.0, 9.0, 22.0]), 4, stride=4),
        Case(_numbers(3, 5, 2), np.array([5.0, 3.0, 6.5, 4.0]), 1, stride=2),
    ],
    fresh=lambda rng: [
        Case(_numbers(h, w, c, rng=rng), _box(h * stride, w * stride, rng, margin=0.2), int(size), stride=int(stride))
        for h, w, c, size, stride in rng.integers([3, 3, 1, 1, 1], [7, 7, 4, 5, 9], (8, 5))
    ],
    absolute=1e-6,
)


def _probabilities(height, width, rng=_rng):
    """A soft round blob with noise."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((y + 0.5) / height - 0.5, (x + 0.5) / width - 0.5)
    noisy = 1.15 - 1.8 * distance + rng.normal(0, 0.15, (height, width))
    return np.round(np.clip(noisy, 0.01, 0.99), 3).astype(np.float32)


q5 = Exercise(
    "hw6.q5",
    "paste_mask",
    3,
    [
        "Walk over the pixels of the image, not of the mask: for each one ask where its centre (column + 0.5, row + "
        "0.5) lies in the box.",
        "From the box to the mask: u = (x - x1) / (x2 - x1) * mask_width, the same for the rows. Your function of q3 "
        "wants exactly such positions; it also wants a channel, `mask[..., None]`.",
        "Only then compare with 0.5. And a pixel whose centre is outside the box is always False, whatever the border "
        "of the mask says.",
    ],
    [
        Case(np.float32([[0.9, 0.2], [0.8, 0.6]]), np.array([1.0, 0.0, 7.0, 4.0]), 5, 8),
        Case(_probabilities(3, 3), np.array([1.3, 0.7, 8.6, 6.2]), 7, 10),
        Case(_probabilities(4, 4), np.array([-2.5, 3.2, 4.4, 12.7]), 10, 6),
        Case(np.float32([[0.2, 0.9, 0.4], [0.3, 0.85, 0.7]]), np.array([0.6, 1.6, 9.6, 7.4]), 8, 11),
        Case(np.float32([[0.9]]), np.array([1.4, 2.6, 3.4, 4.6]), 6, 5),
        Case(_probabilities(5, 4), np.array([2.2, 1.2, 5.8, 8.4]), 9, 8),
        # Centres of pixels on centres of the mask, and on a side of the box: exact in any arithmetic.
        Case(np.float32([[0.5, 0.1], [0.9, 0.5]]), np.array([1.0, 1.0, 3.0, 3.0]), 4, 5),
        Case(np.float32([[0.9]]), np.array([1.5, 0.5, 4.5, 2.5]), 4, 6),
    ],
    fresh=lambda rng: [
        Case(_probabilities(mh, mw, rng), _box(int(h), int(w), rng, least=0.5, margin=0.3) + 0.01234, int(h), int(w))
        for mh, mw, h, w in rng.integers([2, 2, 6, 6], [6, 6, 15, 15], (8, 4))
    ],
)


def _detections(n, m, rng=_rng, threshold=0.5):
    iou = rng.permutation(96)[: n * m].reshape(n, m) / 100  # no two are equal: the text says nothing about ties
    return Case(iou, rng.permutation(np.linspace(0.1, 0.95, n).round(3)), threshold=threshold)


q6 = Exercise(
    "hw6.q6",
    "average_precision",
    2,
    [
        "Go through the detections by falling score, `np.argsort(-scores)`. Keep a list of truths that are taken.",
        "Each detection looks only at the truths that are still free and takes the one with the largest IoU, if that "
        "is at least the threshold: a hit. Otherwise it is a false alarm, and takes nothing.",
        "After k detections: precision = hits / k, recall = hits / number of truths (the columns of `iou`).",
        "For each of the recalls 0, 0.01, …, 1: the largest precision among the places with at least this recall, or "
        "0 if there is none. The mean of these 101 numbers is the AP.",
    ],
    [
        Case(np.array([[0.8, 0.1], [0.7, 0.2], [0.0, 0.6]]), np.array([0.9, 0.8, 0.7]), threshold=0.5),
        Case(np.array([[0.9, 0.0], [0.6, 0.55]]), np.array([0.6, 0.9]), threshold=0.5),
        Case(np.array([[0.5, 0.0, 0.3], [0.0, 0.4, 0.1], [0.1, 0.7, 0.0]]), np.array([0.3, 0.9, 0.5]), threshold=0.5),
        Case(np.array([[0.9, 0.8], [0.85, 0.6]]), np.array([0.9, 0.8]), threshold=0.5),
        # The first truth would do for the surest detection, the second one fits best.
        Case(np.array([[0.55, 0.3], [0.6, 0.9]]), np.array([0.7, 0.95]), threshold=0.5),
        Case(np.array([[0.75, 0.2], [0.3, 0.6]]), np.array([0.4, 0.9]), threshold=0.7),
        Case(np.zeros((0, 3)), np.zeros(0), threshold=0.5),
        _detections(8, 4),
        _detections(6, 7, threshold=0.75),
    ],
    fresh=lambda rng: (
        [
            _detections(int(n), int(rng.choice([1, 2, 3, 4, 6, 7])), rng, float(threshold))
            for n, threshold in zip(rng.integers(1, 12, 8), [0.5, 0.75, 0.6, 0.5, 0.85, 0.5, 0.75, 0.3])
        ]
        + [Case(np.zeros((0, 2)), np.zeros(0), threshold=0.5)]
    ),
)

# The open exercise ---------------------------------------------------------------------------------------------------


def load_answers(part="train"):
    """Scenes with what a detector and its mask head answered, far too often.

    Returns a list of dicts: ``image`` uint8 (64, 64, 3), None for most; ``truth`` bool (things, 64, 64); ``boxes``
    (n, 4) as x1, y1, x2, y2; ``scores`` (n,); ``masks`` (n, 28, 28), probabilities inside the box. ``part`` is
    "train", to try things out, or "test", which the check measures on.

    >>> load_answers()[0]["masks"].shape[1:]
    (28, 28)
    """
    return [_chosen(scene) for scene in read_scenes(part)]


def _chosen(scene):
    """What this homework uses of a scene."""
    number = scene["panoptic"][..., 1]
    truth = number == np.unique(number[number > 0])[:, None, None]
    chosen = {name: scene[name] for name in ("image", "boxes", "masks")}
    return {**chosen, "truth": truth, "scores": scene["objectness"]}


def _overlaps(masks, truth):
    # Written in a way of its own: it judges answers and is no answer to q2.
    shared = np.einsum("nij,mij->nm", masks.astype(np.float32), truth.astype(np.float32))
    alone = np.count_nonzero(masks, axis=(1, 2))[:, None] + np.count_nonzero(truth, axis=(1, 2))[None, :]
    return shared / np.clip(alone - shared, 1, None)


def _found(answer, shape):
    """Masks and scores that a student's function returned, best first."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise ValueError("return two things: the masks and their scores")
    masks, scores = np.asarray(answer[0]), np.asarray(answer[1], float)
    if not len(scores):
        return np.zeros((0, *shape), bool), scores
    if masks.dtype != bool or masks.shape != (len(scores), *shape):
        raise ValueError(f"the masks are {masks.dtype} {masks.shape}, wanted bool {(len(scores), *shape)}")
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError("the scores have to be one finite number for each mask")
    best_first = np.argsort(-scores, kind="stable")
    return masks[best_first], scores[best_first]


def _material(rng):
    """Answers of the networks for 40 scenes; the truth is the masks that are there."""
    scenes = [_chosen(scene) for scene in (fresh_scenes(rng) if rng else read_scenes("test"))]
    return [Case(scene["boxes"], scene["scores"], scene["masks"]) for scene in scenes], [s["truth"] for s in scenes]


def _score(values, truth):
    """Mask AP over the test scenes without regard to classes, and what is wrong at an IoU of 0.5."""
    levels, scores, hits, things = np.linspace(0.5, 0.95, 10), [], [], 0
    count, fits = dict.fromkeys(("right", "duplicates", "elsewhere", "missed"), 0), []
    for answer, true in zip(values, truth, strict=True):
        masks, sure = _found(answer, true.shape[1:])
        overlaps = _overlaps(masks, true)
        right = np.zeros((len(levels), len(masks)), bool)
        for level, row in zip(levels, right):
            left = overlaps.copy()
            for k in range(len(masks)):
                thing = int(np.argmax(left[k]))
                if left[k, thing] >= level:
                    row[k] = True
                    left[:, thing] = -1
        scores.append(sure), hits.append(right)
        things += len(true)
        count["right"] += int(right[0].sum())
        near = overlaps.max(axis=1) >= 0.3
        count["duplicates"] += int((near & ~right[0]).sum())
        count["elsewhere"] += int((~near).sum())
        count["missed"] += len(true) - int(right[0].sum())
        fits += overlaps.max(axis=1)[right[0]].tolist()
    order = np.argsort(-np.concatenate(scores), kind="stable")
    curves = [_area(row[order], things) for row in np.concatenate(hits, axis=1)]
    return {"mask AP": float(np.mean(curves)), "fit": float(np.mean(fits)) if fits else 0.0, **count}


def _area(hits, things):
    """Mean precision at 101 recalls, from the last detection back to the first."""
    total, best, recall = np.zeros(101), 0.0, np.arange(101) / 100
    for k in range(len(hits), 0, -1):
        right = int(hits[:k].sum())
        best = max(best, right / k)
        total[recall <= right / things + 1e-12] = best
    return total.mean()


def _advice(measured):
    if not measured["right"]:
        return "No thing is found: do the masks lie in the image where their boxes are?"
    if measured["duplicates"] > measured["right"] / 4:
        return "Most of the wrong masks are duplicates: of masks that overlap much, keep the surest."
    if measured["fit"] < 0.8:
        return "The outlines fit badly: paste the probabilities into the box, and compare with 0.5 only then."
    if measured["missed"] > measured["right"] / 10:
        return "Too much is gone: some things are close together or have no high score, so be less strict."
    return "The right masks are there, but not at the top of the list: hand on a score that tells how sure each is."


q7 = Measured(
    "hw6.q7",
    "finish",
    4,
    [
        "Begin with your q5: paste every mask into the image of 64x64 pixels.",
        "Then suppress duplicates as in homework 5, but with your q2: from the best score down, keep a mask if its IoU "
        "with every mask kept so far is at most 0.5, say.",
        "A finer outline: average the pasted masks of all duplicates before you compare with 0.5.",
    ],
    material=_material,
    score=_score,
    limits={"mask AP": (0.77, None)},
    advice=_advice,
)

_LOOK = [
    "First the loudest picture of the sheet: one program paints far beyond its boxes.",
    "Then look at places. In two pictures all boxes are where they belong, and what is in them is not. Which shape is "
    "it: that of another thing, or the same one, lying on its side?",
    "In the other two the shapes are right and the sizes are not. Are all things about equally large, or do their "
    "sides stand on a grid of 8 pixels, 0, 8, 16, … 64?",
]
q8 = Matching("hw6.q8", "failures", 1, _LOOK)

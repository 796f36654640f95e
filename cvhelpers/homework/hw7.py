"""Homework 7, panoptic segmentation: cases, hints and points. Lesson 18; NumPy only."""

import numpy as np

from . import Case, Exercise
from .answers import fresh_scenes, read_scenes
from .matching import Matching
from .measured import Measured

_rng = np.random.default_rng(7)

THINGS = (5, 6, 7)
_SIGNS = {".": (0, 0), ":": (1, 0), "?": (-1, 0), "a": (5, 1), "b": (5, 2), "c": (6, 3), "d": (7, 1), "e": (5, 7)}
_SIGNS |= {"f": (6, 9), ",": (0, 4)}  # the last one is stuff whose number plays no part


def draw(*rows):
    """A panoptic map (height, width, 2) from rows of signs: ``.`` and ``:`` are stuff, ``?`` is void, letters things.

    >>> draw(".a")[0].tolist()
    [[0, 0], [5, 1]]
    """
    return np.array([[_SIGNS[sign] for sign in row] for row in rows])


def as_text(panoptic):
    """A panoptic map as signs, one for each pixel, as :func:`draw` reads them.

    >>> print(as_text(draw("..a?")))
    . . a ?
    """
    signs = {pair: sign for sign, pair in _SIGNS.items()}
    return "\n".join(" ".join(signs.get((int(c), int(n)), "#") for c, n in row) for row in panoptic)


def _rectangle(height, width, rng, least=2):
    """Rows and columns of a rectangle that lies in the image."""
    size = rng.integers(least, np.maximum(least + 1, np.array([height, width]) // 2 + 1))
    start = rng.integers(0, np.array([height, width]) - size + 1)
    return slice(start[0], start[0] + size[0]), slice(start[1], start[1] + size[1])


def _ground(height, width, rng):
    panoptic = np.zeros((height, width, 2), int)
    panoptic[:, rng.integers(1, width) :, 0] = 1
    return panoptic


def _scene(height, width, rng=_rng, things=4, void=True):
    """Numbered stuff of two kinds, rectangles that cover each other, numbers that come twice, and some void."""
    panoptic = _ground(height, width, rng)
    panoptic[rng.integers(0, height) :, :, 1] = rng.integers(0, 3)
    for number in rng.integers(1, things + 2, things):
        panoptic[_rectangle(height, width, rng)] = rng.choice(THINGS), number
    if void:
        panoptic[_rectangle(height, width, rng)] = -1, 0
    return panoptic


def _sizes(rng, count, low=5, high=11):
    return rng.integers(low, high, (count, 2)).tolist()


q1 = Exercise(
    "hw7.q1",
    "count_things",
    1,
    [
        "The first number of each pixel is its class: `panoptic[..., 0]` is the semantic map already.",
        "For one class, take the numbers of its pixels, `panoptic[..., 1][semantic == kind]`, and count how many "
        "different ones there are: `np.unique`.",
        "Go through `things` only, and leave a class out if none of its pixels is there.",
    ],
    [
        Case(draw("..aa", ".ba?", ".bcc"), THINGS),
        Case(draw("e.e", "e.e", "..."), THINGS),
        Case(draw("aa.dd", "aa.dd", "...ff"), THINGS),
        Case(draw("..:", "..:"), THINGS),
        Case(draw("a.b", "a:c"), (5,)),
        Case(_scene(6, 8), THINGS),
        Case(_scene(9, 7), THINGS),
    ],
    fresh=lambda rng: [Case(_scene(h, w, rng, int(rng.integers(0, 7))), THINGS) for h, w in _sizes(rng, 8)],
)

q2 = Exercise(
    "hw7.q2",
    "segments",
    2,
    [
        "A segment of a thing is a pair (class, number); stuff has one segment for each class, so set the numbers of "
        "all stuff pixels to 0 first: `np.where(np.isin(label, things), number, 0)`.",
        "`np.unique(pairs, axis=0, return_counts=True)` of pairs (pixels, 2) gives the sorted pairs and how often each "
        "occurs.",
        "Put the three columns together with `np.column_stack`, and keep the rows whose class is not negative.",
    ],
    [
        Case(draw("..aa", ".ba?", ".bcc"), THINGS),
        Case(draw(".,:", ".,:"), THINGS),
        Case(draw("daa", "d.e", "d.e", "d.e"), THINGS),
        Case(draw("e.e", "e:e"), THINGS),
        Case(draw("??", "??", "??"), THINGS),
        Case(_scene(7, 5), THINGS),
        Case(_scene(6, 9, things=6), THINGS),
    ],
    empty_shape=True,
    fresh=lambda rng: [Case(_scene(h, w, rng, int(rng.integers(0, 7))), THINGS) for h, w in _sizes(rng, 8)],
)


def _row(*spans, length=12):
    """Masks (n, 1, length) from pairs (first, end)."""
    place = np.arange(length)
    return np.array([[(place >= first) & (place < end)] for first, end in spans])


def _answers(height, width, count, rng=_rng):
    """Masks, labels, scores and the semantic network's stuff: -1 where it sees a thing."""
    masks = np.zeros((count, height, width), bool)
    for mask in masks:
        mask[_rectangle(height, width, rng)] = True
    stuff = np.where(masks.any(0) & (rng.uniform(size=(height, width)) < 0.8), -1, _ground(height, width, rng)[..., 0])
    stuff[_rectangle(height, width, rng)] = -1
    scores = rng.permutation(np.linspace(0.2, 0.95, count).round(2))
    return Case(masks, rng.choice(THINGS, count), scores, stuff)


q3 = Exercise(
    "hw7.q3",
    "merge",
    3,
    [
        "Begin with a map full of (-1, 0), and go through the masks in the order `np.argsort(-scores)`.",
        "`rest = mask & ~taken` are the pixels that are still free. Is `rest.sum()` less than half of `mask.sum()`, go "
        "on with the next mask: this one gets nothing, no pixel and no number.",
        "Otherwise the pixels of `rest` get the label and the next number, and are taken from now on.",
        "At the end: `ground = ~taken & (stuff >= 0)`, and `panoptic[ground, 0] = stuff[ground]`.",
    ],
    [
        Case(_row((0, 3), (2, 6), length=8), np.array([5, 6]), np.array([0.6, 0.9]), np.array([[0] * 6 + [1, -1]])),
        Case(_row((0, 5), (3, 8), (4, 10)), np.array([5, 5, 7]), np.array([0.9, 0.8, 0.6]), np.zeros((1, 12), int)),
        Case(_row((4, 8), (0, 6), (7, 10)), np.array([6, 5, 7]), np.array([0.5, 0.9, 0.4]), np.full((1, 12), -1)),
        Case(_row((3, 8), (0, 6), (7, 10)), np.array([6, 5, 7]), np.array([0.8, 0.9, 0.4]), np.ones((1, 12), int)),
        Case(np.zeros((0, 2, 3), bool), np.zeros(0, int), np.zeros(0), np.array([[0, 1, -1], [0, 0, 1]])),
        _answers(7, 5, 3),
        _answers(6, 8, 5),
    ],
    fresh=lambda rng: [_answers(h, w, int(rng.integers(1, 9)), rng) for h, w in _sizes(rng, 10)],
)


def _pair(height, width, rng=_rng, things=4):
    """A truth and an answer that moves, renames and forgets things."""
    truth, answer = _ground(height, width, rng), _ground(height, width, rng)
    numbers = rng.permutation(np.arange(1, 10))
    for number in range(1, things + 1):
        rows, columns = _rectangle(height, width, rng)
        kind = rng.choice(THINGS)
        truth[rows, columns] = kind, number
        down, right = rng.integers(0, 2, 2) * (rng.uniform() < 0.6)
        moved = slice(rows.start + down, rows.stop + down), slice(columns.start + right, columns.stop + right)
        if rng.uniform() < 0.85:
            answer[moved] = (kind if rng.uniform() < 0.85 else rng.choice(THINGS)), numbers[number]
    for panoptic in (truth, answer):
        panoptic[_rectangle(height, width, rng, least=1)] = -1, 0
    return truth, answer


q4 = Exercise(
    "hw7.q4",
    "match",
    3,
    [
        "Two loops: over `segments(truth, things)` and over `segments(prediction, things)` of your q2. Pairs of "
        "different classes never match.",
        "The pixels of a segment: class and number agree; for stuff the class alone. Take away the pixels where the "
        "truth is void, `truth[..., 0] < 0`, before you count the union.",
        "IoU = pixels in both / pixels in at least one. Note a row if it is above 0.5. "
        "`np.array(rows).reshape(-1, 4)` has the right shape without any match, too.",
    ],
    [
        Case(draw("aaa.", "aaa.", "...."), draw("ee..", "ee..", "...."), THINGS),
        Case(draw("aaaa", "::::"), draw("aa..", "::::"), THINGS),
        Case(draw("aaa:", "aaa:"), draw("ccc:", "ccc:"), THINGS),
        Case(draw("aa??", "aa:?", ":::?"), draw("eeee", "ee::", "::::"), THINGS),
        Case(draw("aab", "aab", "..."), draw("bba", "bba", ".,,"), THINGS),
        Case(draw("??", "a?"), draw("??", "??"), THINGS),
        Case(draw("aaaaa:"), draw("eee:::"), THINGS),
        Case(draw("aaa:", "aaa:"), draw("ee?:", "eee?"), THINGS),
        Case(*_pair(6, 9), THINGS),
        Case(*_pair(9, 7), THINGS),
    ],
    empty_shape=True,
    fresh=lambda rng: [Case(*_pair(h, w, rng, int(rng.integers(0, 6))), THINGS) for h, w in _sizes(rng, 10, 6, 12)],
)


def _images(count, rng=_rng, things=4):
    truths, answers = zip(*(_pair(h, w, rng, things) for h, w in _sizes(rng, count, 6, 10)))
    return Case([*truths], [*answers], THINGS)


q5 = Exercise(
    "hw7.q5",
    "panoptic_quality",
    3,
    [
        "Keep four numbers for each class: the sum of the IoUs, TP, FP and FN. Go through the images one by one and "
        "add to them; only at the end divide.",
        "`match` of q4 gives the pairs of an image. A segment of the truth without a pair is FN of its class, one of "
        "the prediction FP, unless more than half of its pixels lie where the truth is void.",
        "For each class SQ = sum / TP (0 without a TP), RQ = TP / (TP + FP / 2 + FN / 2), PQ = SQ * RQ. Then three "
        "means over the classes that were noted at all.",
    ],
    [
        Case([draw("aaa:", "aaa:")], [draw("aa::", "aa::")], THINGS),
        Case([draw("aa.c", "aa..")], [draw("aa.d", "aa..")], THINGS),
        Case([draw("..aa", "..aa"), draw("....", "..bb")], [draw("..ee", "..ee"), draw("....", "....")], THINGS),
        Case([draw("..??", "..??")], [draw("..aa", "..?a")], THINGS),
        Case([draw("...?", "....")], [draw("..aa", "....")], THINGS),
        Case([draw("aaaa..", "aa::::")], [draw("ee....", "ee::::")], THINGS),
        _images(2),
        _images(3),
    ],
    fresh=lambda rng: [_images(int(n), rng, int(rng.integers(1, 6))) for n in rng.integers(1, 5, 8)],
    absolute=1e-6,
)


def _seams(height, width, reach, rng=_rng, things=3):
    """Things with void around them, ground that a network calls stuff or thing, and some void far away."""
    panoptic, label = _ground(height, width, rng), _ground(height, width, rng)[..., 0]
    things = [(_rectangle(height, width, rng), rng.choice(THINGS), number) for number in range(1, things + 1)]
    for (rows, columns), _, _ in things:
        panoptic[max(rows.start - 2, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 2] = -1, 0
    for place, kind, number in things:
        panoptic[place] = kind, number
    panoptic[_rectangle(height, width, rng)] = -1, 0
    label[rng.uniform(size=label.shape) < 0.4] = -1
    return Case(panoptic, label, reach)


q6 = Exercise(
    "hw7.q6",
    "fill",
    2,
    [
        "The places of the things are `np.nonzero(panoptic[..., 1] > 0)`. For each void pixel compute the distance to "
        "all of them; read everything from the old map and write into a copy.",
        "The nearest one within `width` gives both of its numbers, class and instance. Otherwise `stuff` decides, and "
        "if that is -1 the pixel stays void.",
        "Ties: `np.lexsort((numbers, distances))[0]` is the nearest and, of equally near ones, the one with the lowest "
        "number. And a map without any thing has nothing to look for.",
    ],
    [
        Case(draw("..?aa", ".??aa"), np.full((2, 5), -1), 1),
        Case(draw("a????", "?????", "?????", "....."), np.ones((4, 5), int), 1.5),
        Case(draw("b?a.", "????", "????", "????"), np.array([[0, 0, 0, 0], [1, 1, -1, 1]] * 2), 2),
        Case(draw("...", "??.", "?.:"), np.array([[0, 0, 0], [1, -1, 0], [1, 0, 1]]), 2),
        Case(draw("a...?", "....?", ".:::?", "????c"), np.zeros((4, 5), int), 2.5),
        _seams(8, 6, 1.5),
        _seams(6, 9, 2.5),
    ],
    fresh=lambda rng: [
        _seams(h, w, float(reach), rng, int(rng.integers(0, 5)))
        for (h, w), reach in zip(_sizes(rng, 8, 6, 11), [1, 1.5, 2, 2.5, 3, 1, 2, 2.5])
    ],
)

# The open exercise ---------------------------------------------------------------------------------------------------

CLASSES = ("grass", "brick", "gravel", *(f"digit {digit}" for digit in range(10)))
DIGITS = tuple(range(3, 13))


def load_answers(part="train"):
    """Scenes of stickers on real ground with what three networks answered, and the truth.

    Args:
        part: ``"train"`` (20 scenes), to try things out, or ``"test"`` (40), which the check measures on.

    Returns:
        list of dicts: ``image`` uint8 (64, 64, 3), None for most; ``masks`` bool (n, 64, 64); ``labels`` (n,), digits
        plus 3; ``scores`` (n,); ``stuff`` int (64, 64), 0 to 2, or -1 for a thing; ``panoptic`` int (64, 64, 2), the
        truth.

    >>> load_answers()[0]["panoptic"].shape
    (64, 64, 2)
    """
    return [_chosen(scene) for scene in read_scenes(part)]


def _chosen(scene):
    """What this homework uses of a scene."""
    stuff = np.where(scene["semantic"] < 3, scene["semantic"], -1)
    chosen = {name: scene[name] for name in ("image", "labels", "scores", "panoptic")}
    return {**chosen, "masks": _spread(scene["masks"], scene["boxes"]), "stuff": stuff}


def _spread(small, boxes, size=64):
    """Masks of the boxes (n, 28, 28) as masks of the image (n, size, size)."""
    centres, side = np.arange(size) + 0.5, small.shape[-1]

    def weights(low, high):
        place = (centres - low[:, None]) / (high - low)[:, None]
        cells = np.clip(place * side - 0.5, 0, side - 1)[..., None]
        return np.maximum(0, 1 - np.abs(cells - np.arange(side))) * ((place >= 0) & (place < 1))[..., None]

    across, down = weights(boxes[:, 0], boxes[:, 2]), weights(boxes[:, 1], boxes[:, 3])
    return down @ small @ across.swapaxes(1, 2) > 0.5


def _material(rng):
    """Answers of the networks for 40 scenes; the truth is the panoptic map of each."""
    scenes = [_chosen(scene) for scene in (fresh_scenes(rng) if rng else read_scenes("test"))]
    names = ("masks", "labels", "scores", "stuff")
    return [Case(*(scene[name] for name in names)) for scene in scenes], [scene["panoptic"] for scene in scenes]


def _score(values, truths):
    """Panoptic quality over the test scenes, and what goes wrong in one scene on average."""
    kinds = len(CLASSES)
    overlap, right, wrong, missed = np.zeros((4, kinds))
    void = tiny = renamed = 0
    for value, truth in zip(values, truths, strict=True):
        answer = np.asarray(value)
        if answer.shape != truth.shape or answer.dtype.kind not in "iu":
            raise ValueError(f"the map is {answer.dtype} {answer.shape}, wanted whole numbers {truth.shape}")
        if answer[..., 0].min() < -1 or answer[..., 0].max() >= kinds or answer[..., 1].min() < 0:
            raise ValueError("classes go from -1 (void) to 12, numbers from 0")
        # Written in a way of its own, with one number for each segment: it judges answers and is no answer to q5.
        keys = [panoptic[..., 0] + 100 * panoptic[..., 1] * (panoptic[..., 0] >= 3) for panoptic in (truth, answer)]
        true, answered = ({int(key): keys[i] == key for key in np.unique(keys[i])} for i in range(2))
        answered.pop(-1, None)
        matched = set()
        for key, mask in true.items():
            ious = {k: (mask & other).sum() / (mask | other).sum() for k, other in answered.items()}
            best = max((k for k in ious if k % 100 == key % 100), key=ious.get, default=None)
            if best is not None and ious[best] > 0.5:
                matched.add(best)
                overlap[key % 100] += ious[best]
                right[key % 100] += 1
            else:
                missed[key % 100] += 1
                renamed += key > 100 and max(ious.values(), default=0) > 0.5
        for key in answered.keys() - matched:
            wrong[key % 100] += 1
            tiny += int(answered[key].sum() < 40)
        void += (answer[..., 0] < 0).mean()
    seen = right + wrong + missed > 0
    quality = overlap[seen] / (right + wrong / 2 + missed / 2)[seen]
    sums = {"wrong": wrong.sum(), "scraps": tiny, "missed": missed.sum(), "misnamed": renamed, "void": void}
    return {"PQ": float(quality.mean()), **{name: float(value / len(truths)) for name, value in sums.items()}}


def _advice(measured):
    if measured["missed"] > 0.87 and measured["wrong"] <= 1.1:
        return "Too much is missing: leave out fewer masks, only those that are truly unsure."
    if measured["misnamed"] > 0.3:
        return "Many things have the wrong class: let the surest mask take its pixels first."
    if measured["wrong"] > 1.1:
        return "Many segments are not there in truth: leave out unsure masks before you merge."
    if measured["void"] > 0.015:
        return "Too many pixels have no answer: the seams around the stickers belong to the stickers."
    return "It is near: try other scores and widths, and look for scraps of stuff that cannot be true."


q7 = Measured(
    "hw7.q7",
    "decide",
    4,
    [
        "Begin with your q3, `merge(masks, labels, scores, stuff)`, and look at the result for some scenes of "
        "`load_answers()`.",
        "Unsure masks make segments that are not there: leave out masks below some score before you merge. Which one? "
        "Write a loop over `load_answers()` with your q5.",
        "The seams around the stickers truly belong to the stickers: your q6 fills them, with a width of 2, say. "
        "Where no thing is near, void is better than a guess: a `stuff` of -1 leaves it.",
    ],
    material=_material,
    score=_score,
    limits={"PQ": (0.78, None)},
    advice=_advice,
)
_LOOK = [
    "First the easy ones: in one map of each sheet the ground is void, in another all things are one thing.",
    "Where a and b overlap, a has the pixels, by its score. In one map b has them, in another a is gone altogether.",
    "What is left is the right answer but for a scrap of a few pixels. Which mask has them, and why should it not?",
]
q8 = Matching("hw7.q8", "bugs", 1, _LOOK)

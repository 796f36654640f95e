"""Homework 5, the last exercise: the given parts of a detector, and what a trained one is worth on new scenes.

Images have 64×64 pixels, the grid has 8×8 cells. A cell answers five numbers: how sure it is that it is responsible for
a sticker (a logit), and how far it is from its centre to the left, top, right and bottom side, in tens of pixels and
before softplus.
"""

import numpy as np

from .. import boxes as geometry
from .. import metrics, scenes
from . import Case
from .measured import Measured, check_model

SIZE, CELL, UNIT = 64, 8, 10.0
SCENES = {"train": 1000, "validation": 200}


def load_sticker_boxes(part="train"):
    """Scenes with stickers, and a box for each sticker.

    Args:
        part: ``"train"`` (1,000 scenes) or ``"validation"`` (200).

    Returns:
        images uint8 (n, 64, 64, 3) and a list of n arrays (things, 4) float32: x1, y1, x2, y2 in pixels.

    >>> images, boxes = load_sticker_boxes("validation")
    >>> images.shape, len(boxes), boxes[0].shape[1]
    ((200, 64, 64, 3), 200, 4)
    """
    return _scenes(part, seed=0)


def _scenes(part, seed):
    batch = scenes.make_scenes(part, SCENES[part], SIZE, seed)
    return batch["images"], [one["boxes"] for one in scenes.per_image(batch)]


def build_network():
    """The small network of this exercise: uint8 images (n, 64, 64, 3) to answers (n, 8, 8, 5), one row for each cell.

    Its first answer is "no sticker" everywhere, and boxes of 17 pixels.
    """
    from ..networks import detection

    whole = detection.build_detector(SIZE, widths=(8, 16, 32, 48), head=48, classes=1)
    return detection.keras.Model(whole.input, whole.get_layer("place").output, name="detector")


def box_error(truth, predicted):
    """1 minus the generalised IoU of the boxes of the cells: 0 where they are equal, up to 2.

    Args:
        truth, predicted: tensors (..., 4) of distances left, top, right, bottom, none below 0, in the same unit.

    Returns:
        tensor (...).

    >>> round(float(box_error(np.float32([1, 1, 1, 1]), np.float32([1, 1, 0, 1]))), 3)
    0.5
    """
    from ..networks import detection

    return 1 - detection.side_ious(truth, predicted)[1]


# How it is measured --------------------------------------------------------------------------------------------------


def _material(rng):
    """Scenes without boxes; the truth is their boxes."""
    images, truth = _scenes("validation", int(rng.integers(1, 2**40)) if rng else 0)
    return [Case(images)], truth


def _run(train_detector, images):
    """What the trained network answers for new scenes, raw."""
    model = train_detector(*load_sticker_boxes())
    check_model(model)
    return np.asarray(model.predict(images, verbose=0), np.float32)


def _score(values, truth):
    """Average precision and wrong boxes on new scenes; what the network said stays there for the diagnosis."""
    answers, wanted = np.asarray(values[0]), (len(truth), SIZE // CELL, SIZE // CELL, 5)
    if answers.shape != wanted:
        raise ValueError(f"for {len(truth)} images the network gives {answers.shape}, wanted {wanted}")
    if not np.isfinite(answers).all():
        raise ValueError("the network answers NaN or infinite numbers: the loss exploded; is a root, a logarithm or a "
                         "division in it, or is the learning rate too high?")  # fmt: skip
    sure, sides = 1 / (1 + np.exp(-np.clip(answers[..., 0], -50, 50))), UNIT * np.logaddexp(0, answers[..., 1:])
    return {**_precision(sure, _centred(sides), truth), "sure": sure, "sides": sides, "truth": truth}


def _centres():
    """x and y of the centres of the cells (8, 8, 2), rows first."""
    middle = CELL * (np.arange(SIZE // CELL) + 0.5)
    return np.stack(np.meshgrid(middle, middle), axis=-1)


def _centred(sides, centres=None):
    """Boxes of the cells from the distances to their sides."""
    centres = _centres() if centres is None else centres
    return np.concatenate([centres - sides[..., :2], centres + sides[..., 2:]], axis=-1)


def _precision(sure, boxes, truth):
    """Average precision at an IoU of 0.5 and 0.75, all stickers as one class, and sure boxes that fit none."""
    found, alarms = [], 0
    for scores, answers, things in zip(sure.reshape(len(sure), -1), boxes.reshape(len(boxes), -1, 4), truth):
        answers = np.clip(np.concatenate([answers[:, :2], np.maximum(answers[:, :2], answers[:, 2:])], 1), 0, SIZE)
        rows = np.flatnonzero(scores > 0.05)
        rows = rows[geometry.non_max_suppression(answers[rows], scores[rows], 0.5)]
        found.append({"boxes": answers[rows], "scores": scores[rows], "labels": np.zeros(len(rows), int)})
        alarms += (geometry.pairwise_iou(answers[rows[scores[rows] > 0.5]], things).max(1, initial=0) < 0.5).sum()
    there = [{"boxes": things, "labels": np.zeros(len(things), int)} for things in truth]
    measured = metrics.average_precision(there, found, thresholds=(0.5, 0.75))
    return {"AP50": measured["AP50"], "AP75": measured["AP75"], "wrong boxes": float(alarms / len(truth))}


# What an answer did wrong, from what its network says ----------------------------------------------------------------

_READINGS = [  # if the boxes fit better when they are read like this, then this is what was learnt
    ("x and y of the distances are exchanged: the order is left, top, right, bottom.",
     lambda sides: _centred(sides[..., [1, 0, 3, 2]])),
    ("The distances stand in another order: left, top, right, bottom, not left, right, top, bottom.",
     lambda sides: _centred(sides[..., [0, 2, 1, 3]])),
    ("The boxes are ten times too large: the distances are learnt in pixels, wanted in tens of pixels.",
     lambda sides: _centred(sides / UNIT)),
    ("The last two numbers are width and height: they are the distances to the right and to the bottom side.",
     lambda sides: np.concatenate([_centred(sides)[..., :2], _centred(sides)[..., :2] + sides[..., 2:]], axis=-1)),
    ("The numbers are the box itself, x1, y1, x2, y2: a cell knows only how far the sides are from its own centre.",
     lambda sides: sides),
    ("The boxes are half a cell too far to the lower right: the centre of a cell is at (column + 0.5) * 8.",
     lambda sides: _centred(sides, _centres() - CELL / 2)),
]  # fmt: skip


_BESIDE = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


def _advice(measured):
    """The likely mistake: how sure the network is where nothing is, and how else its boxes would fit."""
    sure, sides, truth = measured["sure"], measured["sides"], measured["truth"]
    (image, row, column), empty = _middles(truth), _empty(truth)
    nothing, own, mirrored = sure[empty].mean(), sure[image, row, column].mean(), sure[image, column, row].mean()
    beside = max(np.roll(sure, shift, axis=(1, 2))[image, row, column].mean() for shift in _BESIDE)
    if nothing > 0.1:
        return ("The network says yes everywhere: objectness has to learn from all cells, 1 where one is responsible "
                "and 0 where nothing is.")  # fmt: skip
    if mirrored > 1.5 * own and mirrored > beside:
        return "The targets are mirrored: a grid is [row, column], so the cell of a middle (x, y) is [y // 8, x // 8]."
    if beside > 1.5 * own:
        return "The targets stand beside the right cell: row and column are the middle of the box // 8, rounded down."
    if own < 2 * nothing:
        return "It tells things from ground no better than by guessing: is it trained, and are targets 1 anywhere?"
    readings = [_precision(sure[:80], read(sides[:80]), truth[:80]) for _, read in _READINGS]
    gains = [one["AP50"] + one["AP75"] - measured["AP50"] - measured["AP75"] for one in readings]
    if max(gains) > 0.3:
        return _READINGS[int(np.argmax(gains))][0]
    if np.median(sides[empty][:, :2] + sides[empty][:, 2:]) < 2:
        return "Boxes shrink in the empty cells: the loss of the distances counts only where a cell is responsible."
    if measured["AP50"] < 0.3:
        return "The stickers are found, but their boxes do not fit: do the distances learn, and in which cells?"
    return "On the way: more epochs; a learning rate that rises and falls; more cells near the middle responsible."


def _middles(truth):
    """Image, row and column of the cell that holds the middle of each box."""
    image = np.repeat(np.arange(len(truth)), [len(things) for things in truth])
    things = np.concatenate(truth)
    column, row = ((things[:, :2] + things[:, 2:]) / 2 // CELL).astype(int).clip(0, SIZE // CELL - 1).T
    return image, row, column


def _empty(truth):
    """Cells (n, 8, 8) whose centre lies in no box."""
    empty = np.ones((len(truth), SIZE // CELL, SIZE // CELL), bool)
    x, y = np.moveaxis(_centres(), -1, 0)
    for one, things in zip(empty, truth):
        for x1, y1, x2, y2 in things:
            one &= (x < x1) | (x > x2) | (y < y1) | (y > y2)
    return empty


q9 = Measured(
    "hw5.q9",
    "train_detector",
    4,
    [
        "Targets first. The middle of a box is ((x1 + x2) / 2, (y1 + y2) / 2); the cell that holds it is in row y // 8 "
        "and column x // 8, and its centre is at x = 8 * column + 4, y = 8 * row + 4. Try the box done by hand.",
        "A grid of answers is indexed [image, row, column]. Your q3 gives the distances; divide them by 10.",
        "`keras.ops.binary_crossentropy(wanted, logits, from_logits=True)` is one number for each cell, and all cells "
        "count: those that are not responsible learn to say no.",
        "`box_error` wants distances that are never negative, so give it the `keras.ops.softplus` of the answers. "
        "It is one number for each cell too; times 1 or 0, only responsible cells are left.",
        "Add both sums up and divide by the number of responsible cells. It learns faster when the neighbours of the "
        "middle are responsible too: cells whose centre is at most 6 pixels from it, in x and in y.",
    ],
    material=_material,
    run=_run,
    score=_score,
    limits={"AP50": (0.90, None), "AP75": (0.65, None), "wrong boxes": (None, 1)},
    shares={
        0.75: {"AP50": (0.85, None), "AP75": (0.45, None), "wrong boxes": (None, 2)},
        0.5: {"AP50": (0.60, None)},
        0.25: {"AP50": (0.30, None)},
    },
    advice=_advice,
    seconds=240,
)

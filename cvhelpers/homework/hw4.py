"""Homework 4, semantic segmentation: cases, hints and points. Lesson 15; Keras for q7 and q8 only."""

import numpy as np

from . import Case, Exercise
from .matching import Matching
from .measured import Measured

_rng = np.random.default_rng(4)


def _numbers(*shape, rng=_rng):
    return np.round(rng.normal(size=shape), 2).astype(np.float32)


def _labels(classes, *shape, rng=_rng):
    return rng.integers(0, classes, shape).astype(np.int32)


def _probabilities(*shape, rng=_rng):
    raw = rng.uniform(0.05, 1, shape)
    return np.round(raw / raw.sum(-1, keepdims=True), 3).astype(np.float32)


q1 = Exercise(
    "hw4.q1",
    "upsample",
    1,
    [
        "Each pixel becomes a block of factor × factor pixels of the same value.",
        "`np.repeat(maps, 2, axis=0)` doubles every row. The columns want the same.",
    ],
    [
        Case(np.float32([[1, 2], [3, 4]])[..., None], 2),
        Case(_numbers(2, 3, 1), 3),
        Case(_numbers(3, 2, 2), 2),
        Case(_numbers(1, 4, 3), 2),
        Case(_numbers(2, 2, 2), 1),
    ],
    fresh=lambda rng: [Case(_numbers(h, w, c, rng=rng), int(factor)) for h, w, c, factor in rng.integers(1, 6, (6, 4))],
)

q2 = Exercise(
    "hw4.q2",
    "confusion_matrix",
    1,
    [
        "Begin with `np.zeros((classes, classes), int)`. Each pixel adds 1 in the row of its true class and the column "
        "of its predicted class.",
        "`matrix[truth, prediction] += 1` counts a pair that occurs twice only once; `np.add.at(matrix, (truth, "
        "prediction), 1)` does not.",
        "Or give each pair a number of its own, truth * classes + prediction, and let `np.bincount(…, "
        "minlength=classes ** 2)` count.",
    ],
    [
        Case(np.int32([[0, 0, 1], [1, 1, 2]]), np.int32([[0, 1, 1], [1, 1, 0]]), 3),
        Case(_labels(2, 3, 4), _labels(2, 3, 4), 2),
        Case(_labels(3, 5, 2), _labels(3, 5, 2), 5),
        Case(_labels(4, 2, 3, 3), _labels(4, 2, 3, 3), 4),
        Case(np.int32([[1]]), np.int32([[1]]), 3),
        Case(_labels(2, 30, 40), _labels(2, 30, 40), 2),  # more than 255 pixels of each pair
    ],
    fresh=lambda rng: [
        Case(_labels(c, h, w, rng=rng), _labels(c, h, w, rng=rng), int(c) + 1)
        for c, h, w in [*rng.integers(2, 9, (6, 3)), (2, 40, 30)]
    ],
)


def _matrix(classes, rng=_rng, absent=()):
    matrix = rng.integers(0, 30, (classes, classes)) + 20 * np.eye(classes, dtype=int)
    for k in absent:
        matrix[k] = matrix[:, k] = 0
    return matrix


q3 = Exercise(
    "hw4.q3",
    "class_iou",
    2,
    [
        "For class k, the intersection is the number of pixels with truth k and prediction k: matrix[k, k].",
        "The row k sums up to the true pixels, the column k to the predicted ones. Both hold the intersection.",
        "union = row + column - intersection. Where it is 0 the class occurs nowhere: put np.nan there.",
    ],
    [
        Case(np.array([[8, 2], [4, 6]])),
        Case(_matrix(3)),
        Case(_matrix(4, absent=[2])),
        Case(np.array([[5, 0, 3], [1, 7, 0], [0, 0, 0]])),
        Case(np.array([[4, 0], [0, 9]])),
    ],
    fresh=lambda rng: [
        Case(_matrix(int(c), rng, absent=[int(rng.integers(0, c))] if c > 3 else [])) for c in rng.integers(2, 8, 6)
    ],
)


def _segmentations(images, height, width, classes, rng=_rng):
    truths = _labels(classes, images, height, width, rng=rng)
    truths[0] = 0  # not every class is in every image
    predictions = np.where(rng.uniform(size=truths.shape) < 0.7, truths, _labels(classes, *truths.shape, rng=rng))
    return truths, predictions.astype(np.int32)


q4 = Exercise(
    "hw4.q4",
    "mean_iou",
    2,
    [
        "Put your functions of q2 and q3 together: one confusion matrix for the pixels of all images.",
        "Classes that occur in no truth and in no prediction have the IoU nan; `np.nanmean` leaves them out.",
    ],
    [
        Case(np.int32([[[0, 0], [0, 0]], [[0, 1], [1, 1]]]), np.int32([[[0, 0], [0, 1]], [[0, 1], [1, 0]]]), 2),
        Case(*_segmentations(2, 3, 4, 3), 3),
        Case(*_segmentations(3, 4, 3, 3), 5),
        Case(*_segmentations(1, 3, 3, 2), 2),
    ],
    fresh=lambda rng: [
        Case(*_segmentations(n, h, w, c, rng), int(c) + int(extra))
        for n, h, w, c, extra in rng.integers([2, 3, 3, 2, 0], [5, 9, 9, 6, 3], (6, 5))
    ],
)

q5 = Exercise(
    "hw4.q5",
    "dice_loss",
    2,
    [
        "Make the truth as tall as the probabilities: `np.eye(classes)[truth]` is 1 at the true class and 0 elsewhere.",
        "For each class, the overlap is the sum over all pixels of probability times truth.",
        "Dice of a class is (2 * overlap + smooth) / (sum of probabilities + sum of truth + smooth); the loss is 1 "
        "minus the mean over the classes.",
    ],
    [
        Case(np.float32([[[0.9, 0.1], [0.4, 0.6]]]), np.int32([[0, 1]])),
        Case(_probabilities(2, 3, 3), _labels(3, 2, 3)),
        Case(_probabilities(3, 2, 4), _labels(2, 3, 2)),
        Case(_probabilities(2, 2, 2), _labels(2, 2, 2), smooth=0.1),
        Case(np.eye(3, dtype=np.float32)[np.int32([[0, 1], [2, 0]])], np.int32([[0, 1], [2, 0]])),
    ],
    fresh=lambda rng: [
        Case(_probabilities(h, w, c, rng=rng), _labels(c, h, w, rng=rng), smooth=float(smooth))
        for h, w, c, smooth in zip(*rng.integers(2, 8, (3, 6)), [1, 1, 0.5, 0.1, 2, 1e-3])
    ],
)

q6 = Exercise(
    "hw4.q6",
    "transposed_convolution",
    3,
    [
        "Begin with zeros of the output's shape: ((height - 1) * stride + kernel_height, the same for the width).",
        "Every input pixel is a stamp: at row i, column j it adds its value times the kernel to the window that starts "
        "at (i * stride, j * stride).",
        "`out[i * stride : i * stride + kernel_height, …] += image[i, j] * kernel` in two loops. Where stamps overlap, "
        "they add up.",
    ],
    [
        Case(np.float32([[1, 2], [0, -1]]), np.float32([[1, 0, 2], [0, 3, 0], [4, 0, 5]])),
        Case(_numbers(2, 3), _numbers(2, 2)),
        Case(_numbers(3, 2), _numbers(3, 3), stride=1),
        Case(_numbers(2, 2), _numbers(4, 3), stride=3),
        Case(_numbers(1, 3), _numbers(2, 4)),
    ],
    fresh=lambda rng: [
        Case(_numbers(h, w, rng=rng), _numbers(kh, kw, rng=rng), stride=int(stride))
        for h, w, kh, kw, stride in rng.integers([1, 1, 1, 1, 1], [6, 6, 5, 5, 4], (8, 5))
    ],
)


def _level(unet_level, fine_shape, coarse_shape, filters):
    """What one level of a decoder is: shape, parameters, and its values with the same weights for everybody."""
    from .._quiet import keras
    from .hw3 import summary

    fine, coarse = keras.Input(fine_shape), keras.Input(coarse_shape)
    model = keras.Model([fine, coarse], unet_level(fine, coarse, filters))
    rng = np.random.default_rng(0)
    pictures = [rng.normal(size=(1, *shape)).astype(np.float32) for shape in (fine_shape, coarse_shape)]
    return summary(model, pictures, any_order=True)


q7 = Exercise(
    "hw4.q7",
    "unet_level",
    2,
    [
        "`fine` and `coarse` are symbolic tensors: call Keras layers on them and return the last result.",
        "`keras.layers.Conv2DTranspose(filters, 2, strides=2)(coarse)` has the height and width of `fine`.",
        "Join with `keras.layers.Concatenate()([…, …])`, then a 3×3 convolution with `filters` filters, "
        'padding="same" and activation="relu".',
    ],
    [Case((4, 4, 4), (2, 2, 6), 5), Case((4, 6, 3), (2, 3, 2), 4)],
    run=_level,
    tolerance=1e-3,
    fresh=lambda rng: [
        Case((2 * int(h), 2 * int(w), int(c)), (int(h), int(w), int(d)), int(f))
        for h, w, c, d, f in rng.integers(2, 9, (2, 5))
    ],
    seconds=60,
)

SCENES = {"train": 600, "validation": 200}


def load_sticker_scenes(split="train"):
    """Images and maps of four classes: 0 grass, 1 brick, 2 gravel, 3 sticker.

    Args:
        split: ``"train"`` (600 scenes) or ``"validation"`` (200).

    Returns:
        images uint8 (n, 64, 64, 3) and labels int32 (n, 64, 64).

    >>> images, labels = load_sticker_scenes("validation")
    >>> images.shape, labels.max()
    ((200, 64, 64, 3), np.int32(3))
    """
    from .. import data

    batch = data.load_scenes(split, SCENES[split])
    return batch["images"], np.minimum(batch["semantic"], 3)


def _material(rng):
    """Scenes with maps to train on and scenes without; the truth is the maps of those."""
    from .. import data

    images, labels = load_sticker_scenes("train")
    seen, truth = load_sticker_scenes("validation")
    if rng:
        batch = data.load_scenes("validation", SCENES["validation"], seed=int(rng.integers(1, 2**40)))
        seen, truth = batch["images"], np.minimum(batch["semantic"], 3)
    return [Case(images, labels, seen)], truth


def _run(train_segmenter, images, labels, seen):
    """What the trained network answers for the scenes, and its parameters."""
    from .. import _quiet  # noqa: F401

    model = train_segmenter(images, labels)
    if not hasattr(model, "predict") or not hasattr(model, "weights"):
        raise TypeError(f"return the trained Keras model, not {type(model).__name__}")
    scores = np.asarray(model.predict(seen, batch_size=50, verbose=0))
    if scores.shape != (*seen.shape[:3], 4):
        raise ValueError(f"for images {seen.shape} the model gives {scores.shape}, wanted {(*seen.shape[:3], 4)}")
    parameters = sum(int(np.prod(weights.shape)) for weights in model.weights)
    return {"classes": scores.argmax(-1).astype(np.uint8), "parameters": parameters}


def _score(values, truth):
    """Mean IoU on scenes that the network has not seen, and its parameters."""
    prediction = values[0]["classes"]
    if prediction.shape != truth.shape:
        raise ValueError(f"the classes have the shape {prediction.shape}, wanted {truth.shape}")
    either = [((truth == k) | (prediction == k)).sum() for k in range(4)]
    both = [((truth == k) & (prediction == k)).sum() for k in range(4)]
    return {"mean IoU": float(np.mean(np.divide(both, either))), "parameters": values[0]["parameters"]}


def _advice(measured):
    if measured["parameters"] > 60_000:
        return "That are too many parameters: fewer filters in the coarse levels save most."
    if measured["mean IoU"] < 0.3:
        return "That is what guessing gives: was the network trained, and are its labels those that came in?"
    if measured["mean IoU"] < 0.65:
        return "Every pixel sees only its near neighbours: add levels with pooling, so that the receptive field grows."
    return (
        "On the way: more epochs, batch normalization with momentum 0.9, skips, a higher learning rate, in this order."
    )


q8 = Measured(
    "hw4.q8",
    "train_segmenter",
    4,
    [
        "Rescale to -1 … 1 first, `keras.layers.Rescaling(1 / 127.5, -1)`. Two or three poolings let a pixel see a "
        "whole sticker; your q7 brings the maps back to full size.",
        "End with `keras.layers.Conv2D(4, 1)` and train with SparseCategoricalCrossentropy(from_logits=True).",
        "Small batches of 16 give many steps. With BatchNormalization use momentum=0.9, or the test fails although "
        "the training went well.",
        "Widths 8, 16, 32, 48 with skips, Adam with a learning rate of 5e-3 and six epochs are enough.",
    ],
    material=_material,
    run=_run,
    score=_score,
    limits={"mean IoU": (0.80, None), "parameters": (None, 60_000)},
    advice=_advice,
    seconds=180,
)

_LOOK = [
    "First the borders: in one picture they are made of large squares, in another there are thin lines of classes that "
    "do not meet in the image.",
    "In the other three every shape is whole and stands elsewhere. Follow the sticker: is it as far up as in the right "
    "answer? Is it as far to the left?",
    "What is mirrored keeps its height. Exchanged rows and columns make of far up far left. Padding on one side alone "
    "moves everything away from that side.",
]
q9 = Matching("hw4.q9", "bugs", 1, _LOOK)

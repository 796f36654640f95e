"""The one-stage detector of lessons 16 to 18: a grid over the image, whose cells each name a box and a class.

Boxes are xyxy in pixels of the image, labels are class numbers of the scenes (3 to 12). Detections are a list with one
dict for each image: ``boxes`` float32 (m, 4), ``labels`` int32 (m,), ``scores`` float32 (m,), best first.
"""


import numpy as np

from .. import training
from .._quiet import keras
from ..boxes import non_max_suppression
from ..scenes import STICKER as FIRST_CLASS
from ..scenes import load_training_scenes
from ..training import compile_one_cycle
from .encoder import convolution, encoder

STRIDE = 8  # pixels between two cells of the grid
UNIT = 10.0  # the grid predicts distances in tens of pixels: numbers near 1 are easy to learn
CLASSES = 10


def build_detector(size=64, widths=(16, 32, 64, 96), head=96, classes=CLASSES, name="one_stage"):
    """A convolutional network with one answer for every 8×8 pixels: sticker here? which box? which class?

    Args:
        size: height and width of the images in pixels, divisible by 8.
        widths: filters at stride 1, 2, 4 and 8.
        head: filters of the two branches.
        classes: number of classes.
        name: of the model.

    Returns:
        keras.Model from uint8 (n, size, size, 3) to float32 (n, size / 8, size / 8, 5 + classes): objectness as a
        logit, the distances to the left, upper, right and lower side before softplus, logits of the classes.

    Introduced in lesson 16. Tian et al. 2019 (FCOS).

    >>> build_detector().output_shape
    (None, 8, 8, 15)
    """
    if size % STRIDE:
        raise ValueError(f"size is {size}: wanted a multiple of {STRIDE}")
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    x = encoder(images, widths)[-1]
    x = convolution(x, head)
    where, what = convolution(x, head), convolution(x, head)
    start = keras.initializers.Constant([-3.0, 0.3, 0.3, 0.3, 0.3])  # nearly no cell holds a sticker
    place = keras.layers.Conv2D(5, 1, bias_initializer=start, name="place")(where)
    kind = keras.layers.Conv2D(classes, 1, name="kind")(what)
    return keras.Model(images, keras.layers.Concatenate(name="answers")([place, kind]), name=name)


def cell_centres(size):
    """Centres of the cells of the grid over an image.

    Args:
        size: height and width of the image in pixels.

    Returns:
        float32 array (size / 8, size / 8, 2): x and y in pixels.

    Introduced in lesson 16.

    >>> cell_centres(16)[0].tolist()
    [[4.0, 4.0], [12.0, 4.0]]
    """
    centres = (np.arange(size // STRIDE, dtype=np.float32) + 0.5) * STRIDE
    return np.stack(np.meshgrid(centres, centres), -1)


def grid_targets(boxes, labels, size, reach=0.75):
    """What every cell should answer: cells near the middle of a box are responsible for it.

    Args:
        boxes: float array (n, k, 4), xyxy in pixels.
        labels: int array (n, k), -1 for padding.
        size: height and width of the images in pixels.
        reach: how far from the middle of the box a responsible cell may lie, in cells.

    Returns:
        float32 array (n, size / 8, size / 8, 6): responsible (0 or 1), distances to the left, upper, right and lower
        side in units of 10 pixels, class from 0. A cell that two boxes want goes to the nearer one.

    Introduced in lesson 16.

    >>> target = grid_targets([[[8, 8, 24, 24]]], [[7]], size=32)
    >>> target[..., 0].sum(), target[0, 1, 1].tolist()
    (np.float32(4.0), [1.0, 0.4000000059604645, 0.4000000059604645, 1.2000000476837158, 1.2000000476837158, 4.0])
    """
    boxes, labels = np.asarray(boxes, np.float32), np.asarray(labels)
    centres = cell_centres(size)
    targets = np.zeros((len(boxes), *centres.shape[:2], 6), np.float32)
    nearest = np.full(targets.shape[:3], np.inf, np.float32)
    for box, label in zip(boxes.swapaxes(0, 1), labels.T):  # the first thing of every image, then the second, ...
        box = box[:, None, None]
        sides = np.concatenate([centres - box[..., :2], box[..., 2:] - centres], -1)
        offset = np.abs(centres - (box[..., :2] + box[..., 2:]) / 2)
        distance = (offset**2).sum(-1)
        inside = (sides.min(-1) > 0) | (offset.max(-1) <= STRIDE / 2)
        responsible = (offset.max(-1) <= reach * STRIDE) & inside & (distance < nearest)
        responsible &= (label >= 0)[:, None, None]
        nearest = np.where(responsible, distance, nearest)
        kind = np.broadcast_to((label - FIRST_CLASS)[:, None, None, None], (*distance.shape, 1))
        answer = np.concatenate([np.ones_like(kind), np.maximum(sides, 0.5) / UNIT, kind], -1)
        targets = np.where(responsible[..., None], answer, targets).astype(np.float32)
    return targets


def side_ious(truth, predicted):
    """IoU and generalised IoU of boxes that are given as distances from one cell to the four sides.

    Args:
        truth, predicted: tensors (..., 4): left, upper, right, lower, in any unit.

    Returns:
        two tensors (...): IoU, 0 to 1, and generalised IoU, -1 to 1.

    Introduced in lesson 16. Rezatofighi et al. 2019.

    >>> iou, generalised = side_ious(np.float32([1, 1, 1, 1]), np.float32([1, 1, 1, 1]))
    >>> round(float(iou), 3), round(float(generalised), 3)
    (1.0, 1.0)
    """

    def area(sides):
        return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])

    intersection = area(keras.ops.minimum(truth, predicted))
    hull = area(keras.ops.maximum(truth, predicted)) + 1e-6
    union = area(truth) + area(predicted) - intersection + 1e-6
    return intersection / union, intersection / union - (hull - union) / hull


def detector_loss(class_weight=2.0, box_weight=2.0):
    """Loss of the one-stage detector: objectness everywhere, box and class only where a cell is responsible.

    Args:
        class_weight: how much the cross-entropy of the class counts; 0 trains places only.
        box_weight: how much 1 - generalised IoU counts.

    Returns:
        function of targets (:func:`grid_targets`) and answers (:func:`build_detector`); objectness learns the IoU of
        the box that the same cell predicts.

    Introduced in lesson 16.

    >>> targets, answers = np.zeros((1, 8, 8, 6), np.float32), np.full((1, 8, 8, 15), -9, np.float32)
    >>> float(detector_loss()(targets, answers)) < 0.01
    True
    """

    def loss(targets, answers):
        responsible = targets[..., 0]
        number = keras.ops.maximum(keras.ops.sum(responsible), 1.0)
        iou, generalised = side_ious(targets[..., 1:5], keras.ops.softplus(answers[..., 1:5]))
        quality = responsible * keras.ops.stop_gradient(iou)
        objectness = keras.ops.sum(keras.ops.binary_crossentropy(quality, answers[..., 0], from_logits=True))
        box = keras.ops.sum((1 - generalised) * responsible)
        kind = keras.losses.sparse_categorical_crossentropy(
            keras.ops.cast(targets[..., 5], "int32"), answers[..., 5:], from_logits=True
        )
        return (objectness + box_weight * box + class_weight * keras.ops.sum(kind * responsible)) / number

    return loss


def compile_detector(model, scenes, epochs, batch_size=32, peak=6e-3, class_weight=2.0, box_weight=2.0):
    """Prepare a one-stage detector for ``fit``: Adam, one cycle of the learning rate, the loss above.

    Args:
        model: from :func:`build_detector`.
        scenes: batch of scenes: ``images``, ``boxes``, ``labels``.
        epochs, batch_size: as for ``fit``.
        peak: highest learning rate.
        class_weight, box_weight: as for :func:`detector_loss`.

    Returns:
        images, targets: what ``fit`` wants.

    Introduced in lesson 16.

    >>> from cvhelpers import data
    >>> images, targets = compile_detector(build_detector(), data.load_scenes("train", 2), epochs=1)
    >>> images.shape, targets.shape
    ((2, 64, 64, 3), (2, 8, 8, 6))
    """
    images = scenes["images"]
    compile_one_cycle(model, len(images), epochs, batch_size, peak, detector_loss(class_weight, box_weight))
    return images, grid_targets(scenes["boxes"], scenes["labels"], images.shape[1])


def read_grid(answers, size):
    """What the numbers of the one-stage detector mean.

    Args:
        answers: float array (n, g, g, 5 + classes) as the model gives them.
        size: height and width of the images in pixels.

    Returns:
        boxes float32 (n, g * g, 4) clipped to the image, objectness float32 (n, g * g), probabilities of the classes
        float32 (n, g * g, classes).

    Introduced in lesson 16.

    >>> [part.shape for part in read_grid(np.zeros((1, 8, 8, 15), np.float32), size=64)]
    [(1, 64, 4), (1, 64), (1, 64, 10)]
    """
    centres = cell_centres(size)
    sides = np.logaddexp(0, answers[..., 1:5]) * UNIT
    boxes = np.concatenate([centres - sides[..., :2], centres + sides[..., 2:]], -1).clip(0, size)
    weights = np.exp(answers[..., 5:] - answers[..., 5:].max(-1, keepdims=True, initial=-1e9))
    objectness = 1 / (1 + np.exp(-answers[..., 0]))
    flat = (len(answers), -1)
    probabilities = weights / weights.sum(-1, keepdims=True)
    return boxes.reshape(*flat, 4), objectness.reshape(flat), probabilities.reshape(*flat, weights.shape[-1])


def places(boxes, objectness, threshold=0.5, least=0.05, most=20):
    """Cells that stay: those that are sure enough, without the worse ones of the same place.

    Args:
        boxes: float array (m, 4).
        objectness: float array (m,).
        threshold: intersection over union for non-maximum suppression.
        least: objectness below which a cell is silent.
        most: how many may stay.

    Returns:
        int array: rows, best first.

    Introduced in lesson 16.

    >>> places(np.float32([[0, 0, 9, 9], [1, 0, 9, 9], [20, 0, 29, 9]]), np.array([0.8, 0.9, 0.01]))
    array([1])
    """
    sure = np.flatnonzero(objectness > least)
    return sure[non_max_suppression(boxes[sure], objectness[sure], threshold)][:most]


def label_places(boxes, scores, every_label):
    """One image's detections from its places and their scores for each class.

    Args:
        boxes: float array (m, 4).
        scores: float array (m, classes).
        every_label: True reports every likely class of a box (average precision ranks them), False the best only.

    Returns:
        dict with ``boxes``, ``labels``, ``scores``, and ``rows`` (which place it came from), best first.

    Introduced in lesson 16.

    >>> label_places(np.float32([[0, 0, 9, 9]]), np.array([[0.1, 0.7]]), every_label=True)["labels"]
    array([4, 3], dtype=int32)
    """
    if every_label:
        rows, kinds = np.nonzero(scores > 0.02)
    else:
        rows, kinds = np.arange(len(scores)), scores.argmax(1) if len(scores) else np.zeros(0, int)
    order = np.argsort(-scores[rows, kinds], kind="stable")
    rows, kinds = rows[order], kinds[order]
    return {
        "boxes": boxes[rows].astype(np.float32),
        "labels": (kinds + FIRST_CLASS).astype(np.int32),
        "scores": scores[rows, kinds].astype(np.float32),
        "rows": rows,
    }


def detect(model, images, every_label=False, threshold=0.5):
    """Detections of the one-stage detector: one non-maximum suppression on objectness, since a place holds one thing.

    Args:
        model: from :func:`build_detector`.
        images: uint8 (n, size, size, 3).
        every_label: True reports every likely class of a box, as average precision wants it; False the best only.
        threshold: intersection over union for non-maximum suppression.

    Returns:
        list of n detections; the score is objectness × probability of the class.

    Introduced in lesson 16.

    >>> sorted(detect(build_detector(), np.zeros((1, 64, 64, 3), np.uint8))[0])
    ['boxes', 'labels', 'rows', 'scores']
    """
    found = []
    answers = model.predict(images, batch_size=100, verbose=0)
    for boxes, objectness, probabilities in zip(*read_grid(answers, images.shape[1])):
        keep = places(boxes, objectness, threshold)
        found.append(label_places(boxes[keep], objectness[keep, None] * probabilities[keep], every_label))
    return found


def train_detector(batch, epochs, seed=0, batch_size=32, name="one_stage", classes=CLASSES, **weights):
    """The one-stage detector of lesson 16, trained on any square pictures with boxes.

    Args:
        batch: dict as a batch of scenes: ``images``, ``boxes``, ``labels`` (3 is the first class, -1 padding).
        epochs, batch_size: as for ``fit``.
        seed: of the first weights and the order of the pictures.
        name: of the model.
        classes: number of classes.
        weights: of the parts of the loss, as for :func:`detector_loss`.

    Returns:
        the trained model.

    Introduced in lesson 16.
    """
    training.set_seed(seed)
    model = build_detector(batch["images"].shape[1], classes=classes, name=name)
    images, targets = compile_detector(model, batch, epochs, batch_size, **weights)
    training.fit(model, images, targets, batch_size=batch_size, epochs=epochs)
    return model


def train_one_stage(seed=0, count=4000, epochs=6, size=64):
    """The one-stage detector of lesson 16.

    Args:
        seed: of the first weights and the order of the scenes.
        count: number of scenes.
        epochs: how often each is seen.
        size: height and width of the scenes in pixels.

    Returns:
        the trained model.

    Introduced in lesson 16.
    """
    return train_detector(load_training_scenes(count, size), epochs, seed)


def train_proposer(seed=0, count=3000, epochs=3, size=64):
    """The first stage of the two-stage detector: the same network, but it never learns a class.

    Arguments and result as for :func:`train_one_stage`. Introduced in lesson 16.
    """
    batch = load_training_scenes(count, size)
    return train_detector(batch, epochs, seed, name="proposer", class_weight=0.0, box_weight=1.0)

"""The two-stage detector of lessons 16 to 18: a grid proposes places, a small network looks at each of them again.

Detections have the form that :mod:`cvhelpers.networks.detection` describes.
"""


import numpy as np

from .. import training
from .._quiet import keras
from ..boxes import decode, encode, pairwise_iou
from ..layers import RoIAlign
from ..scenes import load_training_scenes, per_image
from ..training import compile_one_cycle
from .detection import CLASSES, FIRST_CLASS, label_places, places, read_grid
from .encoder import convolution

BACKGROUND = CLASSES  # what the second stage answers when a proposal holds nothing
CROP = 28  # side of what the second stage looks at, in pixels


def propose(model, images, most=8, threshold=0.6, least=0.1):
    """First stage: boxes that probably hold something, whatever it is.

    Args:
        model: from :func:`build_detector`; its classes are not looked at.
        images: uint8 (n, size, size, 3).
        most: proposals for one image.
        threshold: intersection over union for non-maximum suppression.
        least: objectness below which a cell is silent.

    Returns:
        list of n dicts with ``boxes`` (m, 4) and ``scores`` (m,), best first.

    Introduced in lesson 16. Ren et al. 2015.

    >>> from cvhelpers.networks.detection import build_detector
    >>> sorted(propose(build_detector(), np.zeros((1, 64, 64, 3), np.uint8))[0])
    ['boxes', 'scores']
    """
    proposals = []
    answers = model.predict(images, batch_size=100, verbose=0)
    for boxes, objectness, _ in zip(*read_grid(answers, images.shape[1])):
        wide = np.where((boxes[:, 2:] - boxes[:, :2] > 3).all(1), objectness, 0)
        keep = places(boxes, wide, threshold, least, most)
        proposals.append({"boxes": boxes[keep], "scores": objectness[keep]})
    return proposals


def crop(images, boxes, size=CROP):
    """Cut boxes out of the image that each belongs to, all resized to the same square (RoIAlign on the pixels).

    Args:
        images: uint8 or float (n, height, width, channels).
        boxes: list of n float arrays (m, 4).
        size: side of the squares.

    Returns:
        float32 array (number of boxes, size, size, channels): one after the other, image by image.

    Introduced in lesson 16.

    >>> crop(np.full((1, 64, 64, 3), 7, np.uint8), [np.float32([[0, 0, 9, 9], [3, 3, 40, 40]])]).shape
    (2, 28, 28, 3)
    """
    flat, owner = np.concatenate(boxes), np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    align, crops = RoIAlign(size), []
    for start in range(0, len(flat), 2000):
        rows = slice(start, start + 2000)
        part = align([images[owner[rows]].astype(np.float32), flat[rows, None]])
        crops.append(keras.ops.convert_to_numpy(part)[:, 0])
    return np.concatenate(crops)


def build_classifier(classes=CLASSES, size=CROP):
    """Second stage: what is on this crop, and how should its box be mended?

    Args:
        classes: number of classes; one more answer means background.
        size: side of the crops in pixels.

    Returns:
        keras.Model from crops (n, size, size, 3), 0 to 255, to float32 (n, classes + 1 + 4): logits, then the four
        numbers of :func:`cvhelpers.boxes.encode`.

    Introduced in lesson 16. Girshick et al. 2014; Girshick 2015.

    >>> build_classifier().output_shape
    (None, 15)
    """
    crops = keras.Input((size, size, 3), name="crops")
    x = convolution(keras.layers.Rescaling(1 / 127.5, -1)(crops), 32)
    x = convolution(keras.layers.MaxPooling2D()(x), 48)
    x = convolution(keras.layers.MaxPooling2D()(x), 64)
    x = keras.layers.Dense(96, activation="relu")(keras.layers.Dropout(0.2)(keras.layers.Flatten()(x)))
    return keras.Model(crops, keras.layers.Dense(classes + 5, name="answers")(x), name="classifier")


def crop_targets(truths, proposals):
    """Class and mended box of every proposal, from the true box that it overlaps most.

    Args:
        truths: list of n dicts with ``boxes`` and ``labels``.
        proposals: list of n float arrays (m, 4).

    Returns:
        float32 array (number of proposals, 5): class from 0, or 10 (background) below an IoU of one half; the four
        numbers of :func:`cvhelpers.boxes.encode`.

    Introduced in lesson 16.

    >>> truth = {"boxes": np.float32([[0, 0, 10, 10]]), "labels": np.array([7])}
    >>> crop_targets([truth], [[[1, 0, 11, 10], [20, 20, 40, 40]]])[:, :2].tolist()
    [[4.0, -1.0], [10.0, -10.0]]
    """
    rows = []
    for truth, boxes in zip(truths, proposals):
        overlaps = pairwise_iou(boxes, truth["boxes"])
        best = overlaps.argmax(1)
        kind = np.where(overlaps.max(1) >= 0.5, truth["labels"][best] - FIRST_CLASS, BACKGROUND)
        rows.append(np.column_stack([kind, encode(truth["boxes"][best], boxes).clip(-10, 10)]))
    return np.concatenate(rows).astype(np.float32)


def classifier_loss(targets, answers):
    """Cross-entropy of the class for all crops, smooth L1 of the four numbers where the crop holds a thing.

    Args:
        targets: float tensor (n, 5) as :func:`crop_targets` makes them.
        answers: float tensor (n, classes + 1 + 4) as :func:`build_classifier` gives them.

    Returns:
        scalar tensor.

    Introduced in lesson 16. Girshick 2015.

    >>> sure = np.zeros((1, 15), np.float32)
    >>> sure[0, 3] = 20
    >>> round(float(classifier_loss(np.float32([[3, 0, 0, 0, 0]]), sure)), 3)
    0.0
    """
    kind = keras.ops.cast(targets[:, 0], "int32")
    logits, deltas = answers[:, :-4], answers[:, -4:]
    entropy = keras.losses.sparse_categorical_crossentropy(kind, logits, from_logits=True)
    distance = keras.ops.abs(targets[:, 1:] - deltas)
    smooth = keras.ops.sum(keras.ops.where(distance < 1, 0.5 * distance**2, distance - 0.5), -1)
    return keras.ops.mean(entropy + 0.5 * smooth * keras.ops.cast(kind < BACKGROUND, "float32"))


def jitter(boxes, rng, amount=0.08, size=64):
    """Boxes whose four sides are moved a little, as a proposal would miss them.

    Args:
        boxes: float array (n, 4).
        rng: NumPy random generator.
        amount: standard deviation, as a share of the width or height.
        size: the result is clipped to an image of this size.

    Returns:
        float32 array (n, 4).

    Introduced in lesson 16.

    >>> jitter(np.float32([[10, 10, 30, 30]]), np.random.default_rng(0)).shape
    (1, 4)
    """
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = (boxes + rng.normal(0, amount, boxes.shape) * sides).clip(0, size)
    bad = (moved[:, 2:] - moved[:, :2] < 3).any(1)
    return np.where(bad[:, None], boxes, moved).astype(np.float32)


def classifier_data(model, scenes, seed=0):
    """What the second stage learns from: crops at proposals and at slightly moved true boxes.

    Args:
        model: the first stage.
        scenes: batch of scenes: ``images``, ``boxes``, ``labels``.
        seed: of the random moves.

    Returns:
        crops float32 (m, 28, 28, 3), targets float32 (m, 5) as :func:`crop_targets` makes them.

    Introduced in lesson 16.

    >>> from cvhelpers import data
    >>> from cvhelpers.networks import detection
    >>> crops, targets = classifier_data(detection.build_detector(), data.load_scenes("train", 2))
    >>> len(crops) == len(targets), targets.shape[1]
    (True, 5)
    """
    rng, images = np.random.default_rng(seed), scenes["images"]
    truths = per_image({key: scenes[key] for key in ("boxes", "labels")})
    boxes = [
        np.concatenate([proposal["boxes"], jitter(truth["boxes"], rng, size=images.shape[1])])
        for proposal, truth in zip(propose(model, images), truths)
    ]
    return crop(images, boxes), crop_targets(truths, boxes)


def compile_classifier(model, count, epochs, batch_size=64, peak=4e-3):
    """Prepare the second stage for ``fit``: Adam, one cycle of the learning rate, :func:`classifier_loss`.

    Args:
        model: from :func:`build_classifier`.
        count: number of crops.
        epochs, batch_size: as for ``fit``.
        peak: highest learning rate.

    Returns:
        the model, compiled.

    Introduced in lesson 16.

    >>> compile_classifier(build_classifier(), 64, epochs=1).name
    'classifier'
    """
    return compile_one_cycle(model, count, epochs, batch_size, peak, classifier_loss)


def detect_in_two_stages(proposer, classifier, images, every_label=False):
    """Detections of both stages: propose, crop, classify, mend the box.

    Args:
        proposer: first stage, from :func:`cvhelpers.networks.detection.build_detector`.
        classifier: second stage, from :func:`build_classifier`.
        images: uint8 (n, size, size, 3).
        every_label: True reports every likely class of a box, as average precision wants it; False the best only.

    Returns:
        list of n detections; the score is objectness × probability of the class.

    Introduced in lesson 16. Ren et al. 2015.

    >>> from cvhelpers.networks.detection import build_detector
    >>> len(detect_in_two_stages(build_detector(), build_classifier(), np.zeros((2, 64, 64, 3), np.uint8)))
    2
    """
    proposals = propose(proposer, images)
    boxes = [p["boxes"] for p in proposals]
    if not any(map(len, boxes)):
        return [label_places(b, np.zeros((0, CLASSES)), every_label) for b in boxes]
    answers = classifier.predict(crop(images, boxes), batch_size=256, verbose=0)
    logits, deltas = answers[:, :-4], answers[:, -4:]
    weights = np.exp(logits - logits.max(1, keepdims=True, initial=-1e9))
    probabilities = weights / weights.sum(1, keepdims=True)
    found, ends = [], np.cumsum([len(b) for b in boxes])
    for proposal, end in zip(proposals, ends):
        rows = slice(end - len(proposal["boxes"]), end)
        mended = decode(deltas[rows], proposal["boxes"]).clip(0, images.shape[1])
        found.append(label_places(mended, proposal["scores"][:, None] * probabilities[rows, :BACKGROUND], every_label))
    return found


def train_classifier(proposer, seed=0, count=3000, epochs=5, size=64):
    """The second stage, trained on the proposals of the first.

    Arguments and result as for :func:`cvhelpers.networks.detection.train_one_stage`. Introduced in lesson 16.
    """
    training.set_seed(seed)
    crops, targets = classifier_data(proposer, load_training_scenes(count, size), seed)
    model = compile_classifier(build_classifier(), len(crops), epochs)
    training.fit(model, crops, targets, batch_size=64, epochs=epochs)
    return model

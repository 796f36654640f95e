"""The two-stage detector of lessons 16 to 18: a grid proposes places, a small network looks at each of them again.

Detections have the form that :mod:`cvhelpers.networks.detection` describes.
"""

import numpy as np

from .. import training
from .._quiet import keras
from ..boxes import decode, encode, pairwise_iou
from ..layers import RoIAlign
from ..ops import softmax
from ..scenes import THINGS, per_image
from ..training import compile_one_cycle
from ._ask import ask, ask_crops
from .detection import CLASS_COUNT, class_index, label_boxes, read_grid, surest_rows
from .encoder import convolution

CROP_PIXELS = 28  # side of what the second stage looks at
CROPS_AT_A_TIME = 2000
MOST_PROPOSALS = 30  # of one image
NARROWEST = 3  # pixels: a narrower proposal shows nothing
THING_FROM = 0.5  # IoU with a true box from which a proposal counts as the thing, below it as background
JITTER = 0.08  # how far the sides of true boxes move, as a share of the box: so far proposals miss them
LARGEST_SHIFT = 10.0  # of the four numbers that mend a box
BOX_WEIGHT = 0.5  # of the smooth L1 against the cross-entropy


def propose(model, images, most=MOST_PROPOSALS, threshold=0.6, least=0.1):
    """First stage: boxes that probably hold something, whatever it is.

    Args:
        model: from :func:`cvhelpers.networks.detection.build_detector`; its classes are not looked at.
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
    for boxes, objectness, _ in zip(*read_grid(ask(model, images), model.input_shape[1])):
        wide = np.where((boxes[:, 2:] - boxes[:, :2] > NARROWEST).all(1), objectness, 0)
        keep = surest_rows(boxes, wide, threshold, least, most)
        proposals.append({"boxes": boxes[keep], "scores": objectness[keep]})
    return proposals


def crop_pixels(images, boxes, size=CROP_PIXELS):
    """Cut boxes out of the image that each belongs to, all resized to the same square (RoIAlign on the pixels).

    Args:
        images: uint8 or float (n, height, width, channels).
        boxes: list of n float arrays (m, 4).
        size: side of the squares.

    Returns:
        float32 array (number of boxes, size, size, channels): one after the other, image by image.

    Introduced in lesson 16.

    >>> crop_pixels(np.full((1, 64, 64, 3), 7, np.uint8), [np.float32([[0, 0, 9, 9], [3, 3, 40, 40]])]).shape
    (2, 28, 28, 3)
    """
    counts = [len(some) for some in boxes]
    if not sum(counts):
        return np.zeros((0, size, size, images.shape[-1]), np.float32)
    flat, owner = np.concatenate([some for some in boxes if len(some)]), np.repeat(np.arange(len(boxes)), counts)
    align, crops = RoIAlign(size, stride=1, samples=1), []
    for start in range(0, len(flat), CROPS_AT_A_TIME):
        rows = slice(start, start + CROPS_AT_A_TIME)
        part = align([images[owner[rows]].astype(np.float32), flat[rows, None]])
        crops.append(keras.ops.convert_to_numpy(part)[:, 0])
    return np.concatenate(crops)


def build_classifier(classes=CLASS_COUNT, size=CROP_PIXELS):
    """Second stage: what is on this crop, and how should its box be mended?

    Args:
        classes: number of classes; one more answer, the last, means background.
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


def _crop_targets(truths, proposals, class_numbers=THINGS):
    """Class from 0 (background last) of every proposal and the four numbers that mend it: float32 (m, 5)."""
    rows = [np.zeros((0, 5))]
    for truth, boxes in zip(truths, proposals):
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        kind, deltas = np.full(len(boxes), len(class_numbers)), np.zeros((len(boxes), 4))
        if len(truth["boxes"]) and len(boxes):
            overlaps = pairwise_iou(boxes, truth["boxes"])
            best = overlaps.argmax(1)
            kind = np.where(overlaps.max(1) >= THING_FROM, class_index(truth["labels"], class_numbers)[best], kind)
            deltas = encode(truth["boxes"][best], boxes).clip(-LARGEST_SHIFT, LARGEST_SHIFT)
        rows.append(np.column_stack([kind, deltas]))
    return np.concatenate(rows).astype(np.float32)


def _classifier_loss(targets, answers):
    """Cross-entropy of the class for all crops, smooth L1 of the four numbers where the crop holds a thing."""
    kind = keras.ops.cast(targets[:, 0], "int32")
    logits, deltas = answers[:, :-4], answers[:, -4:]
    entropy = keras.losses.sparse_categorical_crossentropy(kind, logits, from_logits=True)
    distance = keras.ops.abs(targets[:, 1:] - deltas)
    smooth = keras.ops.sum(keras.ops.where(distance < 1, 0.5 * distance**2, distance - 0.5), -1)
    background = logits.shape[-1] - 1
    return keras.ops.mean(entropy + BOX_WEIGHT * smooth * keras.ops.cast(kind < background, "float32"))


def _jitter(boxes, rng, size, amount=JITTER):
    """Boxes (n, 4) whose four sides are moved a little, as a proposal would miss them, inside an image of this size."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = (boxes + rng.normal(0, amount, boxes.shape) * sides).clip(0, size)
    bad = (moved[:, 2:] - moved[:, :2] < NARROWEST).any(1)
    return np.where(bad[:, None], boxes, moved).astype(np.float32)


def classifier_data(model, scenes, seed=0, class_numbers=THINGS):
    """What the second stage learns from: crops at proposals and at slightly moved true boxes.

    Args:
        model: the first stage.
        scenes: batch of scenes: ``images``, ``boxes``, ``labels``.
        seed: of the random moves.
        class_numbers: the labels that there are; the first one is class 0 of the second stage.

    Returns:
        crops float32 (m, 28, 28, 3), targets float32 (m, 5): class from 0, the number of classes for background
        (no true box with an IoU of at least one half); the four numbers of :func:`cvhelpers.boxes.encode`.

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
        np.concatenate([proposal["boxes"], _jitter(truth["boxes"], rng, images.shape[1])])
        for proposal, truth in zip(propose(model, images), truths)
    ]
    return crop_pixels(images, boxes), _crop_targets(truths, boxes, class_numbers)


def compile_classifier(model, count, epochs, batch_size=64, peak=4e-3):
    """Prepare the second stage for ``fit``: Adam, one cycle, cross-entropy of the class and smooth L1 of the box.

    Args:
        model: from :func:`build_classifier`.
        count: number of crops.
        epochs, batch_size: as for ``fit``.
        peak: highest learning rate.

    Returns:
        the model, compiled.

    Introduced in lesson 16. Girshick 2015.

    >>> compile_classifier(build_classifier(), 64, epochs=1).name
    'classifier'
    """
    return compile_one_cycle(model, count, epochs, batch_size, peak, _classifier_loss)


def detect_in_two_stages(
    proposer, classifier, images, every_label=False, most=MOST_PROPOSALS, class_numbers=THINGS
):
    """Detections of both stages: propose, crop, classify, mend the box.

    Args:
        proposer: first stage, from :func:`cvhelpers.networks.detection.build_detector`.
        classifier: second stage, from :func:`build_classifier`.
        images: uint8 (n, size, size, 3).
        every_label: True reports every likely class of a box, as average precision wants it; False the best only.
        most: proposals for one image.
        class_numbers: the labels that the classifier was trained with.

    Returns:
        list of n detections; the score is objectness × probability of the class.

    Raises:
        ValueError: as for :func:`cvhelpers.networks.detection.detect`.

    Introduced in lesson 16. Ren et al. 2015.

    >>> from cvhelpers.networks.detection import build_detector
    >>> len(detect_in_two_stages(build_detector(), build_classifier(), np.zeros((2, 64, 64, 3), np.uint8)))
    2
    """
    proposals, found, start = propose(proposer, images, most), [], 0
    answers = ask_crops(classifier, crop_pixels(np.asarray(images), [p["boxes"] for p in proposals]))
    probabilities, deltas = softmax(answers[:, :-4])[:, :-1], answers[:, -4:]
    for proposal in proposals:
        rows = slice(start, start + len(proposal["boxes"]))
        start = rows.stop
        mended = decode(deltas[rows], proposal["boxes"]).clip(0, proposer.input_shape[1])
        found.append(label_boxes(mended, proposal["scores"][:, None] * probabilities[rows], every_label, class_numbers))
    return found


def train_classifier(proposer, batch, epochs, seed=0, batch_size=64, class_numbers=None):
    """The second stage, trained on the proposals of the first.

    Args:
        proposer: trained first stage.
        batch: dict as a batch of scenes: ``images``, ``boxes``, ``labels`` (-1 for padding).
        epochs, batch_size: as for ``fit``.
        seed: of the first weights, the random moves and the order of the crops.
        class_numbers: the labels that there are; when None those of the batch, in order.

    Returns:
        the trained model.

    Serves lesson 16.
    """
    training.set_seed(seed)
    labels = np.asarray(batch["labels"])
    class_numbers = np.unique(labels[labels >= 0]) if class_numbers is None else class_numbers
    crops, targets = classifier_data(proposer, batch, seed, class_numbers)
    model = compile_classifier(build_classifier(len(class_numbers)), len(crops), epochs, batch_size)
    training.fit(model, crops, targets, batch_size=batch_size, epochs=epochs)
    return model

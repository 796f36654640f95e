"""Masks for detected boxes: the mask head of lesson 17, on the frozen feature maps of a detector.

Detections have the form that :mod:`cvhelpers.networks.detection` describes; with masks they also hold ``masks``, bool
(m, height, width).
"""


import numpy as np

from .. import training
from .._quiet import keras
from ..layers import RoIAlign
from ..ops import sigmoid
from ..scenes import per_image
from ..training import compile_one_cycle
from ._ask import ask_crops, checked
from .encoder import convolution, layer_of_stride

CROP_CELLS = 14  # along each side of what the mask head sees
MASK_PIXELS = 2 * CROP_CELLS  # along each side of what it answers
MASK_FROM = 0.5  # probability from which a pixel counts as mask


def feature_maps(detector, strides=(2, 4)):
    """The part of a trained detector that ends in its fine feature maps; nothing in it will be trained again.

    Args:
        detector: from :func:`cvhelpers.networks.detection.build_detector`.
        strides: which maps, of 1, 2, 4 and 8.

    Returns:
        keras.Model from images to a list with one float array (n, size / stride, size / stride, channels) each.

    Introduced in lesson 17.

    >>> from cvhelpers.networks.detection import build_detector
    >>> [maps.shape[1:] for maps in feature_maps(build_detector()).outputs]
    [(32, 32, 32), (16, 16, 64)]
    """
    maps = [detector.get_layer(layer_of_stride(stride)).output for stride in strides]
    maps = keras.Model(detector.inputs[0], maps, name="feature_maps")
    maps.trainable = False
    return maps


def aligned_crops(maps, boxes, stride, size=CROP_CELLS):
    """Every box cut out of the maps without rounding (RoIAlign): the rule that the lesson compares with two others.

    Args:
        maps: float (n, height, width, channels).
        boxes: float (n, k, 4), xyxy in pixels of the image.
        stride: pixels of the image for one of the map.
        size: cells along each side.

    Returns:
        float32 (n, k, size, size, channels).

    Introduced in lesson 17.

    >>> aligned_crops(np.ones((1, 8, 8, 3), np.float32), np.float32([[[4, 4, 20, 20]]]), stride=4).shape
    (1, 1, 14, 14, 3)
    """
    return keras.ops.convert_to_numpy(RoIAlign(size, stride, samples=1)([maps, boxes]))


def crop_features(maps, images, boxes, rule=aligned_crops, batch_size=100):
    """What the mask head sees: every box cut out of every feature map, the channels stacked.

    Args:
        maps: from :func:`feature_maps`.
        images: uint8 (n, size, size, 3).
        boxes: list of n float arrays (m, 4).
        rule: function like :func:`aligned_crops` that crops.
        batch_size: images at a time.

    Returns:
        float16 array (number of boxes, 14, 14, channels), image by image.

    Introduced in lesson 17.

    >>> from cvhelpers.networks.detection import build_detector
    >>> maps, images = feature_maps(build_detector()), np.zeros((2, 64, 64, 3), np.uint8)
    >>> crop_features(maps, images, [np.float32([[0, 0, 20, 20]]), np.zeros((0, 4))]).shape
    (1, 14, 14, 96)
    """
    images, parts = checked(maps, images), []
    for start in range(0, len(images), batch_size):
        some = slice(start, start + batch_size)
        if any(map(len, boxes[some])):
            parts.append(crop_maps(_as_list(maps.predict_on_batch(images[some])), boxes[some], images.shape[1], rule))
    channels = sum(one.shape[-1] for one in maps.outputs)
    return np.concatenate([np.zeros((0, CROP_CELLS, CROP_CELLS, channels), np.float16), *parts])


def crop_maps(maps, boxes, size, rule=aligned_crops):
    """The same from maps that are there already.

    Args:
        maps: list of float arrays (n, height, width, channels) of the same images.
        boxes: list of n float arrays (m, 4), xyxy in pixels of the images.
        size: height and width of the images.
        rule: function like :func:`aligned_crops` that crops.

    Returns:
        float16 array (number of boxes, 14, 14, channels of all maps), image by image.

    >>> crop_maps([np.ones((2, 8, 8, 3)), np.ones((2, 4, 4, 5))], [np.zeros((0, 4)), [[0, 0, 9, 9]]], size=32).shape
    (1, 14, 14, 8)
    """
    padded, real = _pad(boxes)
    if not real.any():
        return np.zeros((0, CROP_CELLS, CROP_CELLS, sum(one.shape[-1] for one in maps)), np.float16)
    crops = [rule(np.asarray(one, np.float32), padded, size // one.shape[1])[real] for one in maps]
    return np.concatenate(crops, -1).astype(np.float16)


def _as_list(outputs):
    """The outputs of a model as a list: a model with one output gives none."""
    return outputs if isinstance(outputs, list) else [outputs]


def _pad(boxes):
    """List of (m, 4) arrays as one array (n, k, 4), and which rows are real (n, k)."""
    most = max(map(len, boxes), default=0)
    padded = np.zeros((len(boxes), most, 4), np.float32)
    real = np.arange(most) < np.array([len(some) for some in boxes])[:, None]
    if real.any():
        padded[real] = np.concatenate([some for some in boxes if len(some)])
    return padded, real


def mask_targets(masks, boxes):
    """What the mask head should answer: each true mask inside its box, resized to 28×28.

    Args:
        masks: list of n bool arrays (m, height, width).
        boxes: list of n float arrays (m, 4): where to look, usually the true boxes.

    Returns:
        float32 array (number of boxes, 28, 28): 0 or 1.

    Introduced in lesson 17.

    >>> float(mask_targets([np.ones((1, 64, 64), bool)], [np.float32([[3, 3, 20, 20]])]).mean())
    1.0
    """
    if not any(map(len, boxes)):
        return np.zeros((0, MASK_PIXELS, MASK_PIXELS), np.float32)
    flat, where = (np.concatenate([some for some in parts if len(some)]) for parts in (masks, boxes))
    inside = aligned_crops(flat[..., None].astype(np.float32), where[:, None], 1, MASK_PIXELS)
    return (inside[:, 0, ..., 0] > MASK_FROM).astype(np.float32)


def build_mask_head(channels=96, filters=32):
    """A small fully convolutional network that says for each pixel of a box whether it belongs to the thing.

    Args:
        channels: of the cropped features.
        filters: of its convolutions.

    Returns:
        keras.Model from (n, 14, 14, channels) to logits (n, 28, 28).

    Introduced in lesson 17. He et al. 2017.

    >>> build_mask_head().output_shape
    (None, 28, 28)
    """
    features = keras.Input((CROP_CELLS, CROP_CELLS, channels), name="features")
    x = convolution(convolution(features, filters), filters)
    x = keras.layers.Conv2DTranspose(filters, 2, strides=2, activation="relu")(x)
    logits = keras.layers.Reshape((MASK_PIXELS, MASK_PIXELS))(keras.layers.Conv2D(1, 1, dtype="float32")(x))
    return keras.Model(features, logits, name="mask_head")


def compile_mask_head(head, count, epochs, batch_size=64, peak=4e-3):
    """Prepare a mask head for ``fit``: Adam, one cycle of the learning rate, binary cross-entropy on logits.

    Args:
        head: from :func:`build_mask_head`.
        count: number of boxes.
        epochs, batch_size: as for ``fit``.
        peak: highest learning rate.

    Returns:
        the head, compiled.

    Introduced in lesson 17.

    >>> compile_mask_head(build_mask_head(), 64, epochs=1).name
    'mask_head'
    """
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return compile_one_cycle(head, count, epochs, batch_size, peak, loss)


def paste(probabilities, boxes, size):
    """Small masks back into the image: what each pixel centre reads in the mask of its box, 0 outside the box.

    Args:
        probabilities: float array (n, side, side), one small mask for each box.
        boxes: float array (n, 4), xyxy in pixels.
        size: height and width of the image.

    Returns:
        float32 array (n, size, size).

    Introduced in lesson 17.

    >>> paste(np.array([[[1.0]]]), np.array([[1, 1, 3, 2]]), size=4)[0, :2].tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """
    side, centres = probabilities.shape[1], np.arange(size) + 0.5

    def weights(low, high):
        """How much each cell of the small mask counts at each pixel centre along one axis: (n, size, side)."""
        place = (centres - low[:, None]) / np.maximum(high - low, 1e-6)[:, None]
        inside = (place >= 0) & (place <= 1)
        reads = np.clip(place * side - 0.5, 0, side - 1)
        return np.maximum(0, 1 - np.abs(reads[..., None] - np.arange(side))) * inside[..., None]

    across, down = (weights(boxes[:, k], boxes[:, k + 2]).astype(np.float32) for k in (0, 1))
    return down @ np.asarray(probabilities, np.float32) @ across.swapaxes(1, 2)


def add_masks(detections, maps, head, images, rule=aligned_crops):
    """Detections with a mask for each box; several labels of one box share its mask.

    Args:
        detections: list of n detections.
        maps: from :func:`feature_maps`.
        head: trained mask head.
        images: uint8 (n, size, size, 3).
        rule: function like :func:`aligned_crops` that crops.

    Returns:
        list of n detections that also hold ``masks``.

    Introduced in lesson 17.

    >>> from cvhelpers.networks.detection import build_detector
    >>> maps, images = feature_maps(build_detector()), np.zeros((1, 64, 64, 3), np.uint8)
    >>> found = [{"boxes": np.float32([[0, 0, 20, 20]]), "labels": [3], "scores": [0.9]}]
    >>> add_masks(found, maps, build_mask_head(), images)[0]["masks"].shape
    (1, 64, 64)
    """
    return fill_boxes(detections, head, lambda boxes: crop_features(maps, images, boxes, rule), maps.input_shape[1])


def fill_boxes(detections, head, crop, size):
    """The same for whatever way there is to cut boxes out of feature maps.

    Args:
        detections: list of n detections.
        head: trained mask head.
        crop: function from a list of n float arrays (m, 4) to what the head sees, as :func:`crop_features` gives it.
        size: height and width of the images.

    Returns:
        list of n detections that also hold ``masks``.
    """
    unique = [np.unique(np.reshape(one["boxes"], (-1, 4)), axis=0, return_inverse=True) for one in detections]
    boxes = [some for some, _ in unique]
    probabilities = sigmoid(ask_crops(head, crop(boxes)))
    masks = paste(probabilities, np.concatenate([np.zeros((0, 4)), *boxes]), size) > MASK_FROM
    ends = np.cumsum([0, *map(len, boxes)])
    return [
        one | {"masks": masks[start:end][rows.reshape(-1)]}
        for one, start, end, (_, rows) in zip(detections, ends, ends[1:], unique)
    ]


def fit_mask_head(detector, batches, epochs, seed=0, batch_size=64, rule=aligned_crops, strides=(2, 4)):
    """A mask head on the frozen feature maps of a detector, trained on any pictures with masks.

    Args:
        detector: trained one-stage detector or proposer.
        batches: iterable of dicts as batches of scenes: ``images``, ``boxes``, ``labels``, ``masks``.
        epochs, batch_size: as for ``fit``.
        seed: of the first weights and the order of the crops.
        rule: how boxes are cropped from the feature maps, as in :func:`aligned_crops`.
        strides: which feature maps the head sees.

    Returns:
        feature maps (a model) and the trained head.

    Raises:
        ValueError: there is no mask in the batches.

    Introduced in lesson 17.
    """
    training.set_seed(seed)
    maps = feature_maps(detector, strides)
    features, targets = [], []
    for batch in batches:
        truths = per_image(batch)
        boxes = [truth["boxes"] for truth in truths]
        features.append(crop_features(maps, batch["images"], boxes, rule))
        targets.append(mask_targets([truth["masks"] for truth in truths], boxes))
    features, targets = np.concatenate(features), np.concatenate(targets)
    if not len(targets):
        raise ValueError("the batches hold no thing: wanted at least one box with its mask")
    head = build_mask_head(features.shape[-1])
    head = compile_mask_head(head, len(features), epochs, batch_size)
    training.fit(head, features, targets, batch_size=batch_size, epochs=epochs)
    return maps, head

"""The U-Net of lessons 15 and 18: a class for every pixel of a scene, and how to train, run and judge it."""

import numpy as np

from .. import metrics
from .._quiet import keras
from ..layers import UpsampleBlock
from ..training import compile_one_cycle
from ._ask import checked
from .encoder import MOMENTUM, WIDTHS, borrowed_maps, encoder


def build_unet(
    size=64,
    classes=4,
    widths=WIDTHS,
    decoder=(32, 16, 8),
    skips=True,
    upsampling="transposed",
    momentum=MOMENTUM,
    name="unet",
    features=None,
):
    """An encoder, a decoder that climbs back to full size, and skips that bring the fine maps across.

    Args:
        size: height and width of the images in pixels, divisible by ``2 ** (len(widths) - 1)``; None takes any.
        classes: number of classes.
        widths: channels of the encoder, the finest maps first.
        decoder: filters of the decoder, the coarsest maps first; one fewer than ``widths``.
        skips: False leaves the skip connections out.
        upsampling: as in ``UpsampleBlock``.
        momentum: of the batch normalization.
        name: of the model.
        features: a ready network in place of the own encoder, as for :func:`cvhelpers.networks.encoder.borrowed_maps`;
            where its finest maps have stride 2, the decoder has one entry more, which climbs without a skip.

    Returns:
        keras.Model from uint8 (n, size, size, 3) to logits float32 (n, size, size, classes).

    Raises:
        ValueError: the size cannot be halved so often, or the lengths do not fit.

    Introduced in lesson 15. Ronneberger et al. 2015.

    >>> build_unet().output_shape
    (None, 64, 64, 4)
    """
    step = 2 ** len(decoder)
    if size is not None and (size < step or size % step):
        raise ValueError(f"size is {size!r}: wanted a multiple of {step}, or None")
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    *fine, x = encoder(images, widths, momentum) if features is None else borrowed_maps(images, features)
    finer = fine[::-1] + ([] if features is None else (len(decoder) - len(fine)) * [None])
    if len(decoder) != len(finer):
        raise ValueError(f"decoder has {len(decoder)} entries: wanted {len(finer)}, one for each doubling of the maps")
    for filters, skip in zip(decoder, finer):
        x = UpsampleBlock(filters, upsampling, momentum=momentum)([x, skip] if skips and skip is not None else [x])
    return keras.Model(images, keras.layers.Conv2D(classes, 1, name="logits", dtype="float32")(x), name=name)


def compile_segmenter(model, scene_count, epochs, batch_size=16, peak=6e-3, loss=None):
    """Give a model Adam with a one-cycle learning rate and the cross-entropy of every pixel.

    Args:
        model: network that answers with logits (n, height, width, classes).
        scene_count: number of training images.
        epochs: how often each is seen.
        batch_size: images per step; many small steps beat few large ones here.
        peak: highest learning rate.
        loss: another loss; cross-entropy on logits when None.

    Returns:
        the model, compiled.

    Introduced in lesson 15. Smith and Topin 2018 (one cycle).

    >>> compile_segmenter(build_unet(), 32, 1).loss.name
    'sparse_categorical_crossentropy'
    """
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return compile_one_cycle(model, scene_count, epochs, batch_size, peak, loss)


def segment(model, images, batch_size=100):
    """The most likely class of every pixel.

    Args:
        model: network that answers with logits (n, height, width, classes).
        images: uint8 (n, height, width, 3).
        batch_size: images at a time.

    Returns:
        int32 array (n, height, width).

    Introduced in lesson 15.

    >>> segment(build_unet(), np.zeros((1, 64, 64, 3), np.uint8)).shape
    (1, 64, 64)
    """
    images = checked(model, images)
    maps = np.zeros(images.shape[:3], np.int32)
    for first in range(0, len(images), batch_size):
        some = slice(first, first + batch_size)
        maps[some] = keras.ops.convert_to_numpy(model(images[some], training=False)).argmax(-1)
    return maps


def border_band(label_maps, radius=2):
    """The pixels near a border between classes: another class lies within ``radius`` pixels to a side or corner.

    Args:
        label_maps: int array (n, height, width).
        radius: half the width of the band, in pixels.

    Returns:
        bool array (n, height, width).

    Introduced in lesson 15.

    >>> border_band(np.array([[[0, 0, 0, 0, 1, 1]]]), radius=1).astype(int)
    array([[[0, 0, 0, 1, 1, 0]]])
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    window = (1, 2 * radius + 1, 2 * radius + 1)
    label_maps = np.asarray(label_maps)
    return maximum_filter(label_maps, window, mode="nearest") != minimum_filter(label_maps, window, mode="nearest")


def judge(truths, predictions, classes=4, radius=2):
    """How good label maps are.

    Args:
        truths: int array (n, height, width).
        predictions: int array of the same shape.
        classes: number of classes.
        radius: of the band around borders, in pixels.

    Returns:
        dict: ``mean_iou``, ``accuracy`` over all pixels, ``band_accuracy`` over those near a true border.

    Introduced in lesson 15.

    >>> judge(np.array([[[0, 1]]]), np.array([[[0, 1]]]), classes=2)["mean_iou"]
    1.0
    """
    right, band = truths == predictions, border_band(truths, radius)
    return {
        "mean_iou": metrics.mean_iou(truths, predictions, classes),
        "accuracy": float(right.mean()),
        "band_accuracy": float(right[band].mean()) if band.any() else float("nan"),
    }

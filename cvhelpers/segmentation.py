"""The U-Net of lessons 15 and 18: a class for every pixel of a scene, and how to train, run and judge it.

``python -m cvhelpers.segmentation`` trains the networks of lesson 15 once more and stores their weights in ``data/``.
"""

from . import _quiet  # noqa: F401  (TensorFlow without its log lines)

import keras  # isort: skip
import numpy as np
from keras import layers as L

from . import data, metrics, scenes, training
from .layers import UpsampleBlock

WIDTHS = (16, 32, 48, 64)
SHIPPED = {"15_unet": {}, "15_unet_without_skips": {"skips": False, "name": "unet_without_skips"}}  # weights in data/


def convolution(x, filters, momentum=0.9):
    """3×3 convolution, batch normalization, ReLU: the brick of the encoder.

    Args:
        x: symbolic maps (batch, height, width, channels).
        filters: channels of the result.
        momentum: of the moving averages; 0.9 follows within some dozens of steps.

    Returns:
        symbolic maps (batch, height, width, filters).

    Introduced in lesson 15.

    >>> convolution(keras.Input((8, 8, 3)), 16).shape
    (None, 8, 8, 16)
    """
    x = L.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return L.ReLU()(L.BatchNormalization(momentum=momentum)(x))


def encoder(images, widths=WIDTHS, momentum=0.9):
    """Maps at stride 1, 2, 4 and 8: what the picture holds, ever coarser in place and richer in meaning.

    Args:
        images: symbolic uint8 images (batch, height, width, 3).
        widths: channels at each stride; from the third on two convolutions.
        momentum: of the batch normalization.

    Returns:
        list of symbolic maps, the finest first.

    Introduced in lesson 15.

    >>> [maps.shape[1:] for maps in encoder(keras.Input((64, 64, 3)))]
    [(64, 64, 16), (32, 32, 32), (16, 16, 48), (8, 8, 64)]
    """
    x, maps = L.Rescaling(1 / 127.5, -1)(images), []
    for level, filters in enumerate(widths):
        x = L.MaxPooling2D()(x) if level else x
        x = convolution(x, filters, momentum)
        x = convolution(x, filters, momentum) if level >= 2 else x
        maps.append(x)
    return maps


def build_unet(
    size=64,
    classes=4,
    widths=WIDTHS,
    decoder=(32, 16, 8),
    skips=True,
    upsampling="transposed",
    momentum=0.9,
    name="unet",
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

    Returns:
        keras.Model from uint8 (n, size, size, 3) to logits float32 (n, size, size, classes).

    Raises:
        ValueError: the size cannot be halved so often, or the lengths do not fit.

    Introduced in lesson 15. Ronneberger et al. 2015.

    >>> build_unet().output_shape
    (None, 64, 64, 4)
    """
    step = 2 ** (len(widths) - 1)
    if len(decoder) != len(widths) - 1:
        raise ValueError(f"decoder has {len(decoder)} entries: wanted {len(widths) - 1}, one fewer than widths")
    if size is not None and (size < step or size % step):
        raise ValueError(f"size is {size!r}: wanted a multiple of {step}, or None")
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    *fine, x = encoder(images, widths, momentum)
    for filters, skip in zip(decoder, reversed(fine)):
        x = UpsampleBlock(filters, upsampling, momentum=momentum)([x, skip] if skips else [x])
    return keras.Model(images, L.Conv2D(classes, 1, name="logits")(x), name=name)


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


def compile_one_cycle(model, count, epochs, batch_size, peak, loss):
    """Compile a model with Adam whose learning rate goes through one cycle in the whole training.

    Args:
        model: Keras model.
        count: number of training examples.
        epochs, batch_size: as for ``fit``: they give the number of steps.
        peak: highest learning rate.
        loss: as for ``compile``.

    Returns:
        the model, compiled.

    Introduced in lesson 15. Smith and Topin 2018.

    >>> round(float(compile_one_cycle(build_unet(), 33, 2, 16, 0.006, "mse").optimizer.learning_rate), 4)
    0.0003
    """
    steps = epochs * -(-count // batch_size)
    model.compile(keras.optimizers.Adam(one_cycle(peak, steps)), loss)
    return model


def one_cycle(peak, steps, warm=0.15):
    """Learning rate that climbs to ``peak`` in the first 15 % of the steps and then falls to 0 along a cosine.

    Args:
        peak: highest learning rate.
        steps: number of steps of the whole training.
        warm: share of the steps that climb.

    Returns:
        a Keras learning rate schedule.

    Introduced in lesson 15. Smith and Topin 2018.

    >>> schedule = one_cycle(0.006, steps=100)
    >>> [round(float(schedule(step)), 4) for step in (0, 15, 100)]
    [0.0003, 0.006, 0.0]
    """
    warmup = max(1, int(warm * steps))
    return keras.optimizers.schedules.CosineDecay(
        peak / 20, max(1, steps - warmup), alpha=0.0, warmup_target=peak, warmup_steps=warmup
    )


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
    parts = [images[first : first + batch_size] for first in range(0, len(images), batch_size)]
    answers = [keras.ops.convert_to_numpy(model(part, training=False)) for part in parts]
    return np.concatenate([answer.argmax(-1) for answer in answers]).astype(np.int32)


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


def train_unet(count=4000, epochs=3, seed=0, **settings):
    """The U-Net of the course, trained on scenes of 64×64 pixels: some 45 seconds on two cores.

    Args:
        count: number of scenes.
        epochs: how often each is seen.
        seed: of the first weights and the order of the scenes.
        settings: as for ``build_unet``.

    Returns:
        the trained model.

    Introduced in lesson 15.
    """
    training.set_seed(seed)
    batch = data.load_scenes("train", count, settings.get("size", 64))
    images, truths = batch["images"], scenes.sticker_map(batch["semantic"])
    del batch
    model = compile_segmenter(build_unet(**settings), count, epochs)
    training.fit(model, images, truths, batch_size=16, epochs=epochs)
    return model


if __name__ == "__main__":
    for file_name, chosen in SHIPPED.items():
        print(data.save_weights(file_name, train_unet(**chosen)))

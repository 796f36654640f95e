"""The ImageNet network that ships with the course: photographs in, one of 1,000 names out, or its maps on the way.

EfficientNet-Lite0 (Apache-2.0) with readable layer names: ``stem``, ``block_1`` to ``block_16``, ``head``,
``features``, ``logits``. ``data/README.md`` has origin, licence and the command that made the files.
"""

import functools

import numpy as np

from ._paths import DATA
from ._quiet import keras

# For each stage: how many blocks, size of the depthwise kernel, stride of the first block, expansion, channels out.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# The last block before the map gets smaller again.
LAYER_OF_STRIDE = {2: "block_1", 4: "block_3", 8: "block_5", 16: "block_11", 32: "block_16"}
SMALLEST = 64
WEIGHTS, NAMES = DATA / "efficientnet_lite0.npz", DATA / "imagenet_classes.txt"


def imagenet_network(size=224, top=True, weights="imagenet"):
    """EfficientNet-Lite0 as a Keras model, with the weights that it learned from 1.3 million photographs.

    Args:
        size: height and width of the photographs, or a pair (height, width), each at least 64 pixels; 224 is what
            the network was trained with.
        top: True ends with ``logits``, 1,000 numbers, one for each class; False with ``features``, 1,280 numbers,
            the mean of each map of ``head``.
        weights: ``"imagenet"``, or None for random ones (a control: call :func:`calibrate` before you compare).

    Returns:
        ``keras.Model`` from photographs (batch, height, width, 3) with values 0 to 255 to float32 (batch, 1000) or
        (batch, 1280). The scaling is inside. Everything is trainable until you say otherwise.

    Raises:
        ValueError: the size is too small, or ``weights`` is something else.
        FileNotFoundError: the file with the weights is not there; the message says where to get it.

    Introduced in lesson 01. Tan and Le 2019; the *Lite* variant leaves out squeeze-and-excitation and uses ReLU6.

    >>> imagenet_network(96, top=False).output_shape
    (None, 1280)
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights is {weights!r}: wanted 'imagenet', or None for random ones")
    network = _build(_height_and_width(size), top)
    if weights:
        _fill(network)
    return network


def feature_maps(strides=(4, 8, 16, 32), size=224, network=None):
    """The maps of the network at these strides: what a detector or a segmentation network builds on.

    Args:
        strides: pixels of the photograph for one step on the map; some of 2, 4, 8, 16, 32.
        size: as for :func:`imagenet_network`; not used when there is a network.
        network: take the maps of this one, weights shared; a fresh one with ImageNet weights when None.

    Returns:
        ``keras.Model`` from photographs (batch, height, width, 3) with values 0 to 255 to a list with one map
        (batch, height / stride, width / stride, channels) for each stride; sizes are rounded up, channels are
        16, 24, 40, 112 and 320 for strides 2 to 32. No layer behind the last of these maps is part of it.

    Raises:
        ValueError: a stride is none of the five, or none is given.

    Introduced in lesson 15.

    >>> [tuple(m.shape[1:]) for m in feature_maps((8, 32), size=(96, 128)).outputs]
    [(12, 16, 40), (3, 4, 320)]
    """
    strides = list(strides)
    if not strides or any(stride not in LAYER_OF_STRIDE for stride in strides):
        raise ValueError(f"strides is {strides}: wanted some of {list(LAYER_OF_STRIDE)}, such as (8, 16)")
    network = network or imagenet_network(size, top=False)
    maps = [network.get_layer(LAYER_OF_STRIDE[stride]).output for stride in strides]
    return keras.Model(network.inputs[0], maps, name="feature_maps")


def split(network, layer):
    """The network in two parts that share its weights: what is kept and what is trained on.

    Args:
        network: from :func:`imagenet_network`.
        layer: the last one of the first part: ``"stem"``, ``"block_1"`` to ``"block_16"`` or ``"head"``.

    Returns:
        ``keras.Model`` from photographs to the map of that layer, and one from that map to the output. One after the
        other they are the network, so the maps of frozen layers can be computed once and kept.

    Raises:
        ValueError: the network cannot be cut there.

    Introduced in lesson 08.

    >>> front, back = split(imagenet_network(64, top=False), "block_13")
    >>> front.output_shape, back.output_shape
    ((None, 2, 2, 192), (None, 1280))
    """
    places = ["stem", *(f"block_{number}" for number in range(1, sum(stage[0] for stage in STAGES) + 1)), "head"]
    if layer not in places:
        raise ValueError(f"layer is {layer!r}: wanted one of {', '.join(places)}")
    cut = network.get_layer(layer).output
    return keras.Model(network.inputs[0], cut, name="front"), keras.Model(cut, network.outputs[0], name="back")


def preprocess(photos, size=224):
    """Photographs as the network wants them: the middle square, cut out and resized.

    Args:
        photos: one uint8 array (height, width), (height, width, 3) or (height, width, 4), or a list of such arrays
            of any sizes. Grey is repeated to three channels, a fourth channel is dropped.
        size: height and width in pixels of the result.

    Returns:
        float32 array (n, size, size, 3) with values 0 to 255; n is 1 for a single photograph. (The scaling to about
        -1 to 1 is the first layer of the network.)

    Raises:
        ValueError: an array is no photograph.

    Introduced in lesson 01.

    >>> preprocess(np.zeros((300, 451, 3), np.uint8)).shape
    (1, 224, 224, 3)
    """
    if isinstance(photos, np.ndarray) and photos.ndim < 4:
        photos = [photos]
    return np.stack([_middle_square(np.asarray(photo), size) for photo in photos])


def top_classes(logits, count=5):
    """The names of the largest logits and how sure the network is of each.

    Args:
        logits: float array (1000,) or (batch, 1000), as ``imagenet_network`` gives them.
        count: how many names, the best first.

    Returns:
        list of pairs (name, probability), or one such list for each row of a batch. The probabilities are those of
        the softmax over all 1,000 classes.

    Raises:
        ValueError: there are not 1,000 numbers for each photograph.

    Introduced in lesson 01.

    >>> name, probability = top_classes(np.eye(1000)[285] * 10, count=1)[0]
    >>> name, round(probability, 3)
    ('Egyptian cat', 0.957)
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape[-1:] != (1000,) or logits.ndim > 2:
        raise ValueError(f"logits has shape {logits.shape}: wanted (1000,) or (batch, 1000), before the softmax")
    if logits.ndim == 2:
        return [top_classes(row, count) for row in logits]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return [(class_names()[best], float(shares[best])) for best in np.argsort(-logits, kind="stable")[:count]]


@functools.cache
def class_names():
    """The 1,000 names of ImageNet's classes, in the order of the logits: the first word that WordNet has for each.

    Returns:
        tuple of str.

    Introduced in lesson 10.

    >>> class_names()[967]
    'espresso'
    """
    return tuple(_needed(NAMES).read_text("utf-8").splitlines())


def calibrate(network, images, batch_size=256):
    """Give the batch normalizations of a network the mean and variance that these images have there.

    Fresh batch normalizations expect mean 0 and variance 1 everywhere, which random weights do not give; calibrated
    they are a fair control. One batch passes in training mode; weights that gradients change stay as they are.

    Args:
        network: a Keras model with batch normalization, changed in place.
        images: array (n, ...) that fits the network; at most ``batch_size`` of them are used.
        batch_size: how many.

    Returns:
        the network.

    Introduced in lesson 02.

    >>> network = imagenet_network(64, top=False, weights=None)
    >>> calibrate(network, np.full((4, 64, 64, 3), 127)).get_layer("stem_norm").moving_mean.numpy().max().item()
    0.0
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    network(np.asarray(images[:batch_size], np.float32), training=True)
    for layer, momentum in zip(norms, before):
        layer.momentum = momentum
    return network


def _height_and_width(size):
    """Both sides of the input, checked."""
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or any(side is not None and side < SMALLEST for side in sides):
        raise ValueError(f"size is {size}: wanted at least {SMALLEST} pixels, as one number or as (height, width)")
    return sides


def _build(sides, top):
    """The network with fresh weights: He et al. 2015, each channel of a depthwise convolution by itself."""
    layers, initial = keras.layers, keras.initializers

    def convolution(x, name, filters, kernel=1, stride=1):
        settings = {"padding": "same", "use_bias": False, "kernel_initializer": initial.HeNormal(), "name": name}
        return layers.Conv2D(filters, kernel, stride, **settings)(x)

    def depthwise(x, name, kernel, stride):
        start = initial.VarianceScaling(2.0, "fan_out", "untruncated_normal")
        settings = {"padding": "same", "use_bias": False, "depthwise_initializer": start, "name": name}
        return layers.DepthwiseConv2D(kernel, stride, **settings)(x)

    def norm(x, name):
        return layers.BatchNormalization(epsilon=1e-3, name=name)(x)

    photos = keras.Input((*sides, 3), name="photos")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(photos)
    x = layers.ReLU(6.0, name="stem")(norm(convolution(x, "stem_conv", 32, 3, 2), "stem_norm"))
    number = 0
    for repeats, kernel, stride, expansion, filters in STAGES:
        for repeat in range(repeats):
            number += 1
            name, shortcut = f"block_{number}", x
            if expansion > 1:
                x = norm(convolution(x, f"{name}_expand_conv", x.shape[-1] * expansion), f"{name}_expand_norm")
                x = layers.ReLU(6.0, name=f"{name}_expand")(x)
            x = depthwise(x, f"{name}_depthwise_conv", kernel, 1 if repeat else stride)
            x = layers.ReLU(6.0, name=f"{name}_depthwise")(norm(x, f"{name}_depthwise_norm"))
            x = norm(convolution(x, f"{name}_project_conv", filters), f"{name}_project_norm")
            x = layers.Add(name=name)([x, shortcut]) if repeat else layers.Identity(name=name)(x)
    x = layers.ReLU(6.0, name="head")(norm(convolution(x, "head_conv", 1280), "head_norm"))
    x = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    if top:
        x = layers.Dense(1000, dtype="float32", name="logits")(x)
    return keras.Model(photos, x, name="efficientnet_lite0")


def _fill(network):
    """Read the weights of the file into the layers of these names."""
    with np.load(_needed(WEIGHTS)) as stored:
        for layer in network.layers:
            if layer.weights:
                layer.set_weights([stored[f"{layer.name}/{weight.name}"] for weight in layer.weights])


def _needed(path):
    """The path, or an error that says how to get the file."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.name} is not in {path.parent}: wanted the whole course, not the package alone. Get the file from "
            f"the folder data/ of the repository, or make it with: python -m cvhelpers.course weights backbone"
        )
    return path


def _middle_square(photo, size):
    """One photograph cut to its middle square and resized, without aliasing."""
    from PIL import Image

    if photo.ndim == 2:
        photo = np.repeat(photo[..., None], 3, -1)
    if photo.ndim != 3 or photo.shape[-1] not in (3, 4) or photo.dtype != np.uint8:
        raise ValueError(
            f"a photograph is {photo.dtype} of shape {photo.shape}: wanted uint8 (height, width, 3); "
            f"data.load_photo(path) reads any file that way"
        )
    side = min(photo.shape[:2])
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    square = Image.fromarray(photo[top : top + side, left : left + side, :3])
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR), np.float32)

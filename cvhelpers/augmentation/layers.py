"""The random transformations, one Keras layer each, and the chain that fuses them; how to use them: see the folder."""

import functools
import math

from .._quiet import keras, tf
from . import pixels
from .base import Augmenter, Draw, number, pair, symmetric

serializable = keras.saving.register_keras_serializable("cvhelpers")


@serializable
class RandomFlip(Augmenter):
    """Mirror each image left to right and, with a coin of its own, top to bottom.

    Args:
        horizontal: probability of left to right.
        vertical: probability of top to bottom.

    Introduced in lesson 09.

    >>> RandomFlip(horizontal=1.0)(tf.constant([[[1], [2], [3]]])).numpy().ravel().tolist()
    [3, 2, 1]
    """

    mirrors = True

    def __init__(self, horizontal=0.5, vertical=0.0, **settings):
        super().__init__(**settings)
        self.horizontal = number("horizontal", horizontal, 0, 1)
        self.vertical = number("vertical", vertical, 0, 1)

    def geometry(self, draw, batch, height, width):
        coins = draw.uniform((2, batch))
        x, y = pixels.to_float(coins[0] < self.horizontal), pixels.to_float(coins[1] < self.vertical)
        x_start, y_start = x * pixels.to_float(width), y * pixels.to_float(height)
        return pixels.axis_transform(batch, 1 - 2 * x, x_start, 1 - 2 * y, y_start), height, width

    def settings(self):
        return {"horizontal": self.horizontal, "vertical": self.vertical}


@serializable
class RandomScaledCrop(Augmenter):
    """Cut a random part out of each image and bring it to a fixed size, in one resampling.

    Args:
        height, width: of the images that come out, in pixels.
        scale: (smallest, largest) share of the area that is cut out, at most 1.
        ratio: (narrowest, widest) width over height of the part, relative to that of the whole image.

    Introduced in lesson 09. Szegedy et al. 2015, section 6. ``training=False`` brings the whole image to the size.

    >>> RandomScaledCrop(24, 32)(tf.zeros((100, 80, 3), tf.uint8)).shape
    TensorShape([24, 32, 3])
    """

    resizes = True

    def __init__(self, height, width, scale=(0.5, 1.0), ratio=(0.75, 4 / 3), **settings):
        super().__init__(**settings)
        self.height = number("height", height, 1, math.inf, whole=True)
        self.width = number("width", width, 1, math.inf, whole=True)
        self.scale, self.ratio = pair("scale", scale, 1), pair("ratio", ratio, math.inf)

    def geometry(self, draw, batch, height, width):
        height, width = pixels.to_float(height), pixels.to_float(width)
        high, wide, top, left = height, width, 0.0, 0.0
        if draw is not None:
            area, shape, x, y = tf.unstack(draw.uniform((4, batch)))
            area = self.scale[0] + area * (self.scale[1] - self.scale[0])
            narrow, broad = (math.log(r) / 2 for r in self.ratio)
            root = tf.exp(narrow + shape * (broad - narrow))
            wide, high = (tf.minimum(tf.sqrt(area) * r, 1.0) * size for r, size in ((root, width), (1 / root, height)))
            left, top = x * (width - wide), y * (height - high)
        own = pixels.axis_transform(batch, wide / self.width, left, high / self.height, top)
        return own, self.height, self.width

    def output_size(self, height, width):
        return self.height, self.width

    def settings(self):
        return {"height": self.height, "width": self.width, "scale": self.scale, "ratio": self.ratio}


@serializable
class RandomAffine(Augmenter):
    """Turn, scale and shift each image around its centre; the size stays.

    Args:
        rotation: degrees; f means between -f and f, counter-clockwise positive.
        scale: f means a factor between 1 - f and 1 + f.
        translation: f means a shift by at most that share of height and of width.
        fill: value of pixels that come from outside the image; masks get 0 there.

    Introduced in lesson 09. Boxes are those of the turned corners, so around a slanted shape they are not tight.

    >>> RandomAffine(rotation=90.0)(tf.zeros((20, 30, 3), tf.uint8)).shape
    TensorShape([20, 30, 3])
    """

    separable = False

    def __init__(self, rotation=0.0, scale=0.0, translation=0.0, fill=None, **settings):
        super().__init__(**settings)
        self.rotation = symmetric("rotation", rotation, 0, 360)
        self.scale = symmetric("scale", scale, 1, 0.95, lowest=0.05)
        self.translation = symmetric("translation", translation, 0, 1)
        self.fill = self.value_range[0] if fill is None else number("fill", fill, *self.value_range)

    def geometry(self, draw, batch, height, width):
        angle = draw.uniform((batch,), *self.rotation) * (math.pi / 180)
        scale = draw.uniform((batch,), *self.scale)
        high, wide = pixels.to_float(height), pixels.to_float(width)
        x, y = draw.uniform((batch,), *self.translation) * wide, draw.uniform((batch,), *self.translation) * high
        cos, sin, zero, one = tf.cos(angle) / scale, tf.sin(angle) / scale, tf.zeros((batch,)), tf.ones((batch,))
        # input = centre + turn (output - centre - shift), y pointing down
        start_x = wide / 2 - cos * (wide / 2 + x) + sin * (high / 2 + y)
        start_y = high / 2 - sin * (wide / 2 + x) - cos * (high / 2 + y)
        rows = [cos, -sin, start_x, sin, cos, start_y, zero, zero, one]
        return tf.reshape(tf.stack(rows, -1), (-1, 3, 3)), height, width

    def settings(self):
        return {"rotation": self.rotation, "scale": self.scale, "translation": self.translation, "fill": self.fill}


@serializable
class ColorJitter(Augmenter):
    """Change brightness, contrast, saturation and hue, in this order and clipped once at the end.

    Each is a number f for a symmetric range, or a pair for the range itself. All four are linear in red, green and
    blue, so that the layer costs one 3 × 3 matrix per image. Grey images have no saturation and no hue.

    Args:
        brightness: f shifts by -f to f of the value range.
        contrast: f stretches around the mean grey by a factor from 1 - f to 1 + f.
        saturation: f stretches the distance from grey by a factor from 1 - f to 1 + f.
        hue: f turns the colours by -f to f of the whole circle, at most 0.5.

    Introduced in lesson 09.

    >>> ColorJitter(brightness=(0.2, 0.2), contrast=0, saturation=0, hue=0)(tf.zeros((1, 1, 3), tf.uint8)).numpy()
    array([[[51, 51, 51]]], dtype=uint8)
    """

    kind = "colour"

    def __init__(self, brightness=0.2, contrast=0.3, saturation=0.3, hue=0.05, **settings):
        super().__init__(**settings)
        self.brightness = symmetric("brightness", brightness, 0, 1)
        self.contrast = symmetric("contrast", contrast, 1, 1, lowest=0)
        self.saturation = symmetric("saturation", saturation, 1, 1, lowest=0)
        self.hue = symmetric("hue", hue, 0, 0.5)

    def colour(self, draw, batch):
        numbers = tf.unstack(draw.uniform((4, batch)))
        units = (self.value_range[1] - self.value_range[0], 1.0, 1.0, 2 * math.pi)
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        return tuple(
            None if low == high == still else unit * (low + (high - low) * number)
            for number, (low, high), still, unit in zip(numbers, ranges, (0, 1, 1, 0), units)
        )

    def settings(self):
        return {name: getattr(self, name) for name in ("brightness", "contrast", "saturation", "hue")}


@serializable
class RandomBrightness(ColorJitter):
    """Shift all values of an image by a random share of the value range.

    Args:
        factor: f shifts by -f to f; a pair gives the range itself.

    Introduced in lesson 09.

    >>> RandomBrightness((-1, -1))(tf.fill((1, 1, 3), 200)).numpy().ravel().tolist()
    [0, 0, 0]
    """

    def __init__(self, factor=0.2, **settings):
        super().__init__(symmetric("factor", factor, 0, 1), 0, 0, 0, **settings)

    def settings(self):
        return {"factor": self.brightness}


@serializable
class RandomContrast(ColorJitter):
    """Stretch or flatten an image around its mean grey.

    Args:
        factor: f multiplies the distance from the mean by 1 - f to 1 + f; a pair gives the range itself.

    Introduced in lesson 09.

    >>> RandomContrast((0, 0))(tf.constant([[[0], [100]]])).numpy().ravel().tolist()
    [50, 50]
    """

    def __init__(self, factor=0.3, **settings):
        super().__init__(0, symmetric("factor", factor, 1, 1, lowest=0), 0, 0, **settings)

    def settings(self):
        return {"factor": self.contrast}


@serializable
class SaltAndPepper(Augmenter):
    """Make single pixels white (salt) or black (pepper).

    Args:
        amount: share of pixels that are hit, in steps of 1/65536.
        salt: share of white ones among them.

    Introduced in lesson 09.

    >>> SaltAndPepper(amount=1.0, salt=0.0)(tf.fill((1, 2, 1), 7)).numpy().ravel().tolist()
    [0, 0]
    """

    kind = "stamp"

    def __init__(self, amount=0.05, salt=0.5, **settings):
        super().__init__(**settings)
        self.amount, self.salt = number("amount", amount, 0, 1), number("salt", salt, 0, 1)

    def stamp(self, draw, batch, height, width):
        pepper = round(65536 * self.amount * (1 - self.salt))
        return "noise", (draw.uint16(batch, height, width), pepper, round(65536 * self.amount))

    def settings(self):
        return {"amount": self.amount, "salt": self.salt}


@serializable
class Cutout(Augmenter):
    """Cover one rectangle of exactly this size, at a random place inside the image; masks and boxes stay.

    Args:
        size: pixels, one number for a square or (height, width).
        value: what covers it, a number or one for each channel; None for the darkest value.

    Introduced in lesson 09. DeVries and Taylor 2017, whose squares may stick out of the image; these do not.

    >>> int((Cutout(size=2)(tf.ones((4, 4, 1))) == 0).numpy().sum())
    4
    """

    kind = "stamp"

    def __init__(self, size=8, value=None, **settings):
        super().__init__(**settings)
        sizes = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, (tuple, list)) else ()
        if len(sizes) != 2 or any(isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sizes):
            raise ValueError(f"size is {size!r}: wanted whole pixels, one number or (height, width), each at least 1")
        values = (value,) if isinstance(value, (int, float)) else value
        if values is not None and not all(self.value_range[0] <= v <= self.value_range[1] for v in values):
            raise ValueError(f"value is {value!r}: wanted a number inside the value range {self.value_range}")
        self.size, self.value = sizes, None if values is None else tuple(values)

    def stamp(self, draw, batch, height, width):
        high, wide = self.size
        if (isinstance(height, int) and high > height) or (isinstance(width, int) and wide > width):
            raise ValueError(f"size is {self.size}, but the images are {height} × {width}: wanted a hole that fits")
        numbers = draw.uniform((2, batch))
        places = [
            tf.cast(number * (pixels.to_float(size) - hole + 1), tf.int32)
            for number, size, hole in zip(tf.unstack(numbers), (height, width), self.size)
        ]
        return "hole", (*places, high, wide, self.value or self.value_range[0])

    def settings(self):
        return {"size": self.size, "value": self.value}


def _fold(seed, number):
    return Draw(seed).fold(number)


@serializable
class Augment(Augmenter):
    """Chain layers of this module in one pass: one resampling, one colour matrix, then cutout and noise.

    The result is that of the layers one after the other, but values are rounded and clipped only once, and it is
    faster. The order in the list holds: where it does not fit into one pass, further passes follow.

    Args:
        layers: layers of this module; their own seeds are not used.

    Introduced in lesson 09.

    >>> chain = Augment([RandomFlip(), RandomScaledCrop(64, 64), ColorJitter(), Cutout(16)], seed=1)
    >>> chain(tf.zeros((8, 96, 96, 3), tf.uint8)).shape
    TensorShape([8, 64, 64, 3])
    """

    def __init__(self, layers, seed=None, jit_compile="auto", **settings):
        others = [type(layer).__name__ for layer in layers if not isinstance(layer, Augmenter)]
        if others or not layers:
            raise ValueError(f"layers are {others or 'an empty list'}: wanted layers of cvhelpers.augmentation")
        ranges = {layer.value_range for layer in layers}
        if len(ranges) > 1:
            raise ValueError(f"the layers have the value ranges {sorted(ranges)}: wanted the same for all")
        settings.setdefault("value_range", layers[0].value_range)
        super().__init__(seed=seed, jit_compile=jit_compile, **settings)
        self.layers = list(layers)

    def chain(self):
        layers = [layer for part in self.layers for layer, _ in part.chain()]
        return [(layer, functools.partial(_fold, number=i)) for i, layer in enumerate(layers)]

    def output_size(self, height, width):
        for layer in self.layers:
            height, width = layer.output_size(height, width)
        return height, width

    def settings(self):
        return {"layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers]}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layers": [keras.saving.deserialize_keras_object(c) for c in config["layers"]]})


def map_dataset(dataset, layer, seed=0):
    """Augment every element of a dataset on all cores, with a seed for each: the same seed gives the same images.

    Args:
        dataset: ``tf.data.Dataset`` of images, of dicts, or of tuples whose first part is one of these. Batch it
            first: one call for 64 images costs little more than one for a single image.
        layer: a layer of this module.
        seed: whole number.

    Returns:
        the dataset with augmented images; each pass over it draws new numbers.

    Introduced in lesson 09.

    >>> images = tf.data.Dataset.from_tensor_slices(tf.zeros((8, 6, 6, 3), tf.uint8)).batch(4)
    >>> [batch.shape for batch in map_dataset(images, RandomFlip())]
    [TensorShape([4, 6, 6, 3]), TensorShape([4, 6, 6, 3])]
    """
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2, drop_remainder=True)

    def transform(element, numbers):
        if isinstance(element, tuple):
            return (layer(element[0], seed=numbers), *element[1:])
        return layer(element, seed=numbers)

    return tf.data.Dataset.zip(dataset, seeds).map(transform, num_parallel_calls=tf.data.AUTOTUNE)

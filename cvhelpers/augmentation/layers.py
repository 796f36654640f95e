"""The random transformations, one Keras layer each, and the chain that fuses them; how to use them: see the folder."""

import math
import random

from .._checks import whole_number
from .._quiet import keras, tf
from . import pixels
from .base import Augmenter
from .ranges import low_and_high, number_between, range_around
from .targets import demand

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
        self.horizontal = number_between("horizontal", horizontal, 0, 1)
        self.vertical = number_between("vertical", vertical, 0, 1)

    def geometry(self, draw, batch, height, width):
        coins = tf.ones((2, batch)) if draw is None else draw.uniform((2, batch))  # 1: no coin is below 1
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
        min_visibility: share of a box's area that must be inside the part; what shows less gets the label -1.

    Introduced in lesson 09. Szegedy et al. 2015, section 6. ``training=False`` brings the whole image to the size.
    What shrinks is antialiased.

    >>> RandomScaledCrop(24, 32)(tf.zeros((100, 80, 3), tf.uint8)).shape
    TensorShape([24, 32, 3])
    """

    resizes = True

    def __init__(self, height, width, scale=(0.5, 1.0), ratio=(0.75, 4 / 3), min_visibility=0.0, **settings):
        super().__init__(**settings)
        self.height = whole_number("height", height)
        self.width = whole_number("width", width)
        self.scale, self.ratio = low_and_high("scale", scale, 1), low_and_high("ratio", ratio)
        self.min_visibility = number_between("min_visibility", min_visibility, 0, 1)

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
        return {name: getattr(self, name) for name in ("height", "width", "scale", "ratio", "min_visibility")}


@serializable
class RandomAffine(Augmenter):
    """Turn, scale and shift each image around its centre; the size stays.

    Args:
        rotation: degrees; f means between -f and f, counter-clockwise positive.
        scale: f means a factor between 1 - f and 1 + f.
        translation: f means a shift by at most that share of height and of width.
        fill: value of pixels that come from outside the image; None for the darkest.
        mask_fill: label of such pixels in masks. None is 255 (void; -1 where the dtype ends before) in maps of whole
            numbers, -1 as the class in panoptic maps, and 0 or False in masks of several layers, floats and bools.
        min_visibility: share of a box's area that must be inside the image; what shows less gets the label -1.

    Introduced in lesson 09. Boxes are those of the turned corners, so around a slanted shape they are not tight.
    Where the scale may fall below two thirds, each output pixel is the mean of several points, at most 4 × 4.

    >>> RandomAffine(rotation=90.0)(tf.zeros((20, 30, 3), tf.uint8)).shape
    TensorShape([20, 30, 3])
    """

    separable = False

    def __init__(
        self, rotation=0.0, scale=0.0, translation=0.0, fill=None, mask_fill=None, min_visibility=0.0, **settings
    ):
        super().__init__(**settings)
        self.rotation = range_around("rotation", rotation, 0, 360)
        self.scale = range_around("scale", scale, 1, 0.95, lowest=0.05)
        self.translation = range_around("translation", translation, 0, 1)
        self.fill = number_between("fill", self.value_range[0] if fill is None else fill, *self.value_range)
        self.mask_fill = None if mask_fill is None else number_between("mask_fill", mask_fill, -math.inf, math.inf)
        self.min_visibility = number_between("min_visibility", min_visibility, 0, 1)
        self.most_shrinking = 1 / self.scale[0]

    def geometry(self, draw, batch, height, width):
        if draw is None:
            return pixels.axis_transform(batch), height, width
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
        names = ("rotation", "scale", "translation", "fill", "mask_fill", "min_visibility")
        return {name: getattr(self, name) for name in names}


@serializable
class ColorJitter(Augmenter):
    """Change brightness, contrast, saturation and hue, in this order and clipped once at the end.

    Each is a number f for a symmetric range, or a pair for the range itself. All four are linear in red, green and
    blue, so that the layer costs one 3 × 3 matrix per image. Grey images have no saturation and no hue.

    Args:
        brightness: f shifts by -f to f of the value range.
        contrast: f stretches around the mean grey by a factor from 1 - f to 1 + f.
        saturation: f stretches the distance from grey by a factor from 1 - f to 1 + f.
        hue: f turns the colours by -f to f of the whole circle, at most 0.5; upwards from red over yellow to green,
            as ``tf.image.adjust_hue`` does.

    Introduced in lesson 09.

    >>> ColorJitter(brightness=(0.2, 0.2), contrast=0, saturation=0, hue=0)(tf.zeros((1, 1, 3), tf.uint8)).numpy()
    array([[[51, 51, 51]]], dtype=uint8)
    """

    kind = "colour"

    def __init__(self, brightness=0.2, contrast=0.3, saturation=0.3, hue=0.05, **settings):
        super().__init__(**settings)
        self.brightness = range_around("brightness", brightness, 0, 1)
        self.contrast = range_around("contrast", contrast, 1, 1, lowest=0)
        self.saturation = range_around("saturation", saturation, 1, 1, lowest=0)
        self.hue = range_around("hue", hue, 0, 0.5)

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
        super().__init__(range_around("factor", factor, 0, 1), 0, 0, 0, **settings)

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
        super().__init__(0, range_around("factor", factor, 1, 1, lowest=0), 0, 0, **settings)

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
        self.amount, self.salt = number_between("amount", amount, 0, 1), number_between("salt", salt, 0, 1)

    def stamp(self, draw, batch, height, width, channels):
        pepper, salt = (round(65536 * self.amount * share) for share in (1 - self.salt, 1))
        return "noise", (draw.uint16(batch, height, width), tf.fill((batch,), pepper), tf.fill((batch,), salt))

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
        sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
        if len(sides) != 2:
            raise ValueError(f"size is {size!r}: wanted pixels, one number or (height, width)")
        self.size = tuple(whole_number("size", side) for side in sides)
        values = value if value is None or isinstance(value, (tuple, list)) else (value,)
        self.value = None if values is None else tuple(number_between("value", v, *self.value_range) for v in values)

    def stamp(self, draw, batch, height, width, channels):
        high, wide = self.size
        value = self.value or (self.value_range[0],)
        if len(value) not in (1, channels):
            raise ValueError(f"value is {value}, but the images have {channels} channels: wanted one number for each")
        if isinstance(height, int) and isinstance(width, int):
            if high > height or wide > width:
                raise ValueError(f"size is {self.size}, but the images are {height} × {width}: wanted a hole that fits")
        else:
            demand((high <= height) & (wide <= width), f"size is {self.size}: wanted a hole that fits into the images")
        top, left = (
            tf.cast(number * (pixels.to_float(size) - hole + 1), tf.int32)
            for number, size, hole in zip(tf.unstack(draw.uniform((2, batch))), (height, width), self.size)
        )
        return "hole", (top, left, tf.fill((batch,), high), tf.fill((batch,), wide), value)

    def settings(self):
        return {"size": self.size, "value": self.value}


@serializable
class Augment(Augmenter):
    """Chain layers of this module in one pass: one resampling, one colour matrix, then cutout and noise.

    The result is that of the layers one after the other, except that values are interpolated, rounded and clipped
    once for each pass instead of once for each layer: that is what makes it faster and sharper. Where layers do not
    fit into one pass, further passes follow: after another order than geometry, colour, stamps, and before a
    `RandomAffine` behind another resampling, so that what was cut off or shifted out stays away.

    Args:
        layers: layers of this module; their own seeds are not used. With ``p`` the chain as a whole is left out for
            some images.

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
        steps = [step for part in self.layers for step in part.chain()]
        return [step.under(i, self.p) for i, step in enumerate(steps)]

    def output_size(self, height, width):
        for layer in self.layers:
            height, width = layer.output_size(height, width)
        return height, width

    def settings(self):
        return {"layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers]}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layers": [keras.saving.deserialize_keras_object(c) for c in config["layers"]]})


def map_dataset(dataset, layer, seed=None):
    """Augment every element of a dataset on all cores, with a seed for each: the same seed gives the same images.

    Args:
        dataset: ``tf.data.Dataset`` of images, of dicts, or of tuples whose first part is one of these; what else in a
            tuple has the size of the images, such as masks, moves along. Batch it first: one call for 64 images costs
            little more than one for a single image.
        layer: a layer of this module.
        seed: whole number; None draws one, which `training.set_seed` repeats. Two calls with the same seed and equal
            layers toss the same coins.

    Returns:
        the dataset with augmented images; each pass over it draws new numbers.

    Introduced in lesson 09.

    >>> images = tf.data.Dataset.from_tensor_slices(tf.zeros((8, 6, 6, 3), tf.uint8)).batch(4)
    >>> [batch.shape for batch in map_dataset(images, RandomFlip())]
    [TensorShape([4, 6, 6, 3]), TensorShape([4, 6, 6, 3])]
    """
    seed = random.randrange(2**31) if seed is None else whole_number("seed", seed, 0)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2, drop_remainder=True)

    def transform(element, numbers):
        return layer(element, seed=numbers, training=True)

    return tf.data.Dataset.zip(dataset, seeds).map(transform, num_parallel_calls=tf.data.AUTOTUNE)

"""What the augmentation layers share: seeds, settings, reading and writing the input, and fusing a chain.

See ``layers`` for the layers themselves and ``pixels`` for the arithmetic.
"""

import functools
import math

from .._quiet import keras, tf
from . import pixels


class Draw:
    """Random numbers of one call: draw n depends on the seed and on n only.

    Keras's SeedGenerator counts its calls in the second word of the seed, so adding n to that word would make draw 2
    of one call equal to draw 1 of the next; folding n in does not.

    Args:
        seed: int32 tensor (2,).

    >>> seed = tf.constant([1, 2])
    >>> bool((Draw(seed).uniform((3,)) == Draw(seed).uniform((3,))).numpy().all())
    True
    """

    def __init__(self, seed):
        self.seed, self.count = seed, 0

    def fold(self, number):
        """A new seed from this one and a number."""
        return tf.random.experimental.stateless_fold_in(self.seed, number, alg="philox")

    def uniform(self, shape, low=0.0, high=1.0):
        """float32 numbers between low and high."""
        self.count += 1
        numbers = tf.random.stateless_uniform(shape, self.fold(self.count), alg="philox")
        return low + (high - low) * numbers

    def uint16(self, batch, height, width):
        """Whole numbers 0 to 65535, (batch, height, width): two from each word of 32 bits."""
        self.count += 1
        shape = (batch, (height * width + 1) // 2)
        words = tf.random.stateless_uniform(shape, self.fold(self.count), None, None, tf.int32, alg="philox")
        numbers = tf.reshape(tf.bitcast(words, tf.uint16), (batch, -1))
        return tf.reshape(numbers[:, : height * width], (batch, height, width))


def symmetric(name, factor, centre, largest, lowest=-math.inf):
    """Range (low, high) from one number f, which means centre ± f, or from a pair that gives the range itself.

    >>> symmetric("contrast", 0.3, centre=1, largest=1)
    (0.7, 1.3)
    >>> symmetric("contrast", -1, centre=1, largest=1)
    Traceback (most recent call last):
    ValueError: contrast is -1: wanted a number from 0 to 1, or a pair (low, high)
    """
    try:
        ends = (centre - factor, centre + factor) if isinstance(factor, (int, float)) else tuple(map(float, factor))
        wrong = len(ends) != 2 or not lowest <= ends[0] <= ends[1] < math.inf
        wrong |= isinstance(factor, (int, float)) and not 0 <= factor <= largest
    except (TypeError, ValueError):
        wrong = True
    if wrong:
        above = "" if lowest == -math.inf else f" with low at least {lowest:g}"
        raise ValueError(f"{name} is {factor!r}: wanted a number from 0 to {largest:g}, or a pair (low, high){above}")
    return ends


def number(name, value, low, high, whole=False):
    """The value, if it is a (whole) number between low and high.

    >>> number("height", 0.5, 1, math.inf, whole=True)
    Traceback (most recent call last):
    ValueError: height is 0.5: wanted a whole number at least 1
    """
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not low <= value <= high:
        limit = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} is {value!r}: wanted a {'whole ' if whole else ''}number {limit}")
    return value


def pair(name, value, largest):
    """(low, high) with 0 < low <= high <= largest, as floats.

    >>> pair("scale", [0.5, 1], largest=1)
    (0.5, 1.0)
    """
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not 0 < low <= high <= largest:
        limit = f" and at most {largest:g}" if largest < math.inf else ""
        raise ValueError(f"{name} is {value!r}: wanted a pair (low, high) above 0{limit}")
    return low, high


@functools.cache
def _xla_works():
    """Whether this TensorFlow can compile for the processor; where not, the layers run uncompiled."""
    try:
        with tf.init_scope():  # eager, even when asked from inside a graph
            return int(tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1))) == 2
    except Exception:
        return False


@functools.cache
def _compiled_once(function):
    return tf.function(function, jit_compile=True, autograph=False)


def _compiled(function, *arguments):
    # In a graph a new function each time: TensorFlow would warn about the many shapes of a shared one.
    wrap = _compiled_once if tf.executing_eagerly() else _compiled_once.__wrapped__
    return wrap(function)(*arguments)


class Augmenter(keras.layers.Layer):
    """What all layers of this module share: reading the input, seeds, masks, boxes, and the order of the passes.

    A subclass has a ``kind`` and the method of that name, which draws random numbers once for the batch; images, masks
    and boxes all follow from them.

    Args:
        value_range: darkest and brightest value of the images; what leaves it is clipped.
        seed: whole number for the same images again; None for other ones in each run.
        jit_compile: ``"auto"`` compiles with XLA inside ``tf.data`` and ``tf.function`` where height and width are
            known, and does not compile eager calls; True or False decide it.

    Raises:
        ValueError: a setting is outside its range, or at the first call the input has another form.
    """

    kind = "geometry"  # or "colour" or "stamp": the order in which Augment can fuse layers
    separable = True  # geometry without rotation: rows and columns can be resampled one after the other
    mirrors = False  # geometry that only turns pixels around: exact, without resampling
    resizes = False  # the output has a size of its own, also when nothing is trained

    def __init__(self, value_range=(0, 255), seed=None, jit_compile="auto", **settings):
        super().__init__(autocast=False, **settings)
        if len(value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(f"value_range is {value_range!r}: wanted (darkest, brightest), for instance (0, 255)")
        if jit_compile not in ("auto", True, False):
            raise ValueError(f"jit_compile is {jit_compile!r}: wanted 'auto', True or False")
        self.value_range, self.seed, self.jit_compile = tuple(value_range), seed, jit_compile
        self.generator = keras.random.SeedGenerator(seed)
        self.built = True

    def geometry(self, draw, batch, height, width):
        """(transform, height, width): (batch, 3, 3) from output to input, in pixel edges, and the new size."""
        raise NotImplementedError

    def colour(self, draw, batch):
        """(shift, contrast, saturation, hue), each (batch,) or None for no change."""
        raise NotImplementedError

    def stamp(self, draw, batch, height, width):
        """("hole" or "noise", numbers) as `pixels.finish` takes them."""
        raise NotImplementedError

    def output_size(self, height, width):
        """Height and width of what comes out for images of this size."""
        return height, width

    def chain(self):
        """The layers that work one after the other, with the seed of each."""
        return [(self, lambda seed: seed)]

    def call(self, inputs, seed=None, training=True):
        """Transform the images and what belongs to them.

        Args:
            inputs: image, batch, or dict.
            seed: one or two whole numbers that decide everything; None takes the layer's own sequence.
            training: False changes nothing but a fixed output size.
        """
        data = dict(inputs) if isinstance(inputs, dict) else {"images": inputs}
        if "images" not in data:
            raise ValueError(f"the dict has the entries {sorted(data)}: wanted 'images' among them")
        images = tf.convert_to_tensor(data["images"])
        self._check_images(images)
        chain = self.chain()
        if not training:
            size = tuple(images.shape[-3:-1])
            chain = [pair for pair in chain if pair[0].resizes]
            if not chain or (None not in size and size == self.output_size(*size)):
                return inputs
        if seed is None and training:
            seed = self.generator.next()
        seed = tf.cast(0 if seed is None else seed, tf.int32)
        seed = tf.stack([seed, 0]) if seed.shape.rank == 0 else tf.ensure_shape(seed, (2,))
        single = images.shape.rank == 3
        state = self._read({**data, "images": images}, single)
        for group in self._fusible(chain):
            steps = [(layer, Draw(own_seed(seed)) if training else None) for layer, own_seed in group]
            state = self._run(steps, state)
        data = self._write(data, state, single)
        return data if isinstance(inputs, dict) else data["images"]

    def _check_images(self, images):
        if images.shape.rank not in (3, 4) or images.shape[-1] is None:
            raise ValueError(
                f"images have the shape {images.shape}: wanted (height, width, channels) or a batch of them, with "
                "a known number of channels; in tf.data say it with tf.ensure_shape(images, (None, None, 3))"
            )
        if images.dtype == tf.bool or not (images.dtype.is_integer or images.dtype.is_floating):
            raise ValueError(f"images are {images.dtype.name}: wanted whole or floating numbers, for instance uint8")

    def _read(self, data, single):
        lift = (lambda t: tf.convert_to_tensor(t)[None]) if single else tf.convert_to_tensor
        state = {"images": lift(data["images"])}
        if "segmentation_masks" in data:
            masks = lift(data["segmentation_masks"])
            if masks.shape.rank not in (3, 4):
                raise ValueError(f"segmentation_masks have the shape {masks.shape}: wanted one for each image")
            state["masks"] = masks if masks.shape.rank == 4 else masks[..., None]
        if "bounding_boxes" in data:
            boxes = lift(data["bounding_boxes"]["boxes"])
            if boxes.shape.rank != 3 or boxes.shape[-1] != 4:
                raise ValueError(f"boxes of a batch have the shape {boxes.shape}: wanted (batch, n, 4), xyxy in pixels")
            labels = data["bounding_boxes"].get("labels")
            state |= {"boxes": boxes} if labels is None else {"boxes": boxes, "labels": lift(labels)}
        return state

    def _write(self, data, state, single):
        drop = (lambda t: t[0]) if single else (lambda t: t)
        data["images"] = drop(state["images"])
        if "masks" in state:
            flat = len(data["segmentation_masks"].shape) == data["images"].shape.rank - 1
            data["segmentation_masks"] = drop(state["masks"][..., 0] if flat else state["masks"])
        if "boxes" in state:
            moved = {name: drop(state[name]) for name in ("boxes", "labels") if name in state}
            data["bounding_boxes"] = {**data["bounding_boxes"], **moved}
        return data

    @staticmethod
    def _fusible(chain):
        """Cut the chain into passes of geometry, then colour, then stamps; another order starts a new pass."""
        order, groups = ("geometry", "colour", "stamp"), []
        for pair in chain:
            if groups and order.index(pair[0].kind) >= order.index(groups[-1][-1][0].kind):
                groups[-1].append(pair)
            else:
                groups.append([pair])
        return groups

    def _run(self, steps, state):
        """One pass of layers that fuse: one resampling, one colour matrix, then cutout and noise."""
        images = state["images"]
        dtype, (batch, height, width, channels) = images.dtype, pixels.shape_of(images)
        known = isinstance(height, int) and isinstance(width, int)
        compiled = self.jit_compile is True or (
            self.jit_compile == "auto" and known and not tf.executing_eagerly() and _xla_works()
        )
        run = _compiled if compiled else lambda function, *arguments: function(*arguments)
        of_kind = {kind: [s for s in steps if s[0].kind == kind] for kind in ("geometry", "colour", "stamp")}
        planar = False
        if of_kind["geometry"]:
            transform = None
            for layer, draw in of_kind["geometry"]:
                own, height, width = layer.geometry(draw, batch, height, width)
                transform = own if transform is None else tf.matmul(transform, own)
            layers = [layer for layer, _ in of_kind["geometry"]]
            state = self._move_targets(layers, state, transform, height, width, run)
            if all(layer.mirrors for layer in layers):
                images = run(pixels.mirror, images, transform)
            elif all(layer.separable for layer in layers):
                rows, columns = run(pixels.separable_taps, transform, *pixels.shape_of(images)[1:3], height, width)
                images = run(pixels.to_planar, run(pixels.resample_rows, images, *rows), channels)
                images, planar = run(pixels.resample_columns, images, *columns, dtype), True
            else:
                fill = next(layer.fill for layer in layers if not layer.separable)
                images = run(pixels.warp, images, transform, height, width, float(fill))
        colours = [layer.colour(draw, batch) for layer, draw in of_kind["colour"]]
        if channels == 1:
            colours = [(shift, contrast, None, None) for shift, contrast, _, _ in colours]
        mixes = any(saturation is not None or hue is not None for _, _, saturation, hue in colours)
        if mixes and channels != 3:
            raise ValueError(f"images have {channels} channels: saturation and hue need 3, or leave alone 1")
        if mixes and not planar:
            images, planar = run(pixels.to_planar, images, channels), True
        stamps = [layer.stamp(draw, batch, height, width) for layer, draw in of_kind["stamp"]]
        if colours or stamps or planar:
            parts = run(pixels.finish, images, colours, stamps, planar, self.value_range)
            images = run(pixels.from_planes, parts) if planar else parts[0]
        return {**state, "images": images}

    def _move_targets(self, layers, state, transform, height, width, run):
        state = dict(state)
        if "masks" in state:
            if all(layer.mirrors for layer in layers):
                state["masks"] = run(pixels.mirror, state["masks"], transform)
            else:
                state["masks"] = run(pixels.nearest, state["masks"], transform, height, width, 0)
        if "boxes" in state:
            boxes, inside = pixels.move_boxes(state["boxes"], transform, height, width)
            whole = state["boxes"].dtype.is_integer
            if "labels" in state:
                labels = state["labels"]
                inside &= labels != tf.cast(-1, labels.dtype)
                state["labels"] = tf.where(inside, labels, tf.cast(-1, labels.dtype))
            boxes = tf.where(inside[..., None], boxes, 0.0)
            state["boxes"] = tf.cast(tf.round(boxes) if whole else boxes, state["boxes"].dtype)
        return state

    def _sized(self, shape, rank_above):
        shape = tuple(shape)
        cut = len(shape) - rank_above
        return (*shape[:cut], *self.output_size(*shape[cut : cut + 2]), *shape[cut + 2 :])

    def compute_output_shape(self, input_shape):
        if not isinstance(input_shape, dict):
            return self._sized(input_shape, 3)
        flat = len(input_shape.get("segmentation_masks", ())) == len(input_shape["images"]) - 1
        above = {"images": 3, "segmentation_masks": 2 if flat else 3}
        return {k: self._sized(v, above[k]) if k in above else v for k, v in input_shape.items()}

    def compute_output_spec(self, inputs, seed=None, training=True):
        if not isinstance(inputs, dict):
            return keras.KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)
        sized = {name: inputs[name] for name in ("images", "segmentation_masks") if name in inputs}
        shapes = self.compute_output_shape({name: tensor.shape for name, tensor in sized.items()})
        same = keras.tree.map_structure(lambda t: keras.KerasTensor(t.shape, t.dtype), dict(inputs))
        return same | {name: keras.KerasTensor(shape, sized[name].dtype) for name, shape in shapes.items()}

    def get_config(self):
        own = {"value_range": list(self.value_range), "seed": self.seed, "jit_compile": self.jit_compile}
        return {**super().get_config(), **own, **self.settings()}

    def settings(self):
        """What a subclass was made with, for saving."""
        return {}

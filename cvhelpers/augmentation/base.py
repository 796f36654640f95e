"""What the augmentation layers share: seeds, settings, and the plan of a chain with its execution.

See ``layers`` for the layers themselves, ``targets`` for what travels with the images, ``pixels`` for the arithmetic.
"""

import functools
import math
import zlib
from typing import NamedTuple

from .._checks import whole_number
from .._quiet import keras, tf
from . import pixels, targets
from .ranges import number_between

KINDS = ("geometry", "colour", "stamp")  # the order in which layers fit into one pass
MOST_SAMPLES = 4  # along each side of an output pixel, where rotated images shrink


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

    def uniform(self, shape, low=0.0, high=1.0):
        """float32 numbers between low and high."""
        bits = self._words(shape) & 0x7FFFFF | 0x3F800000  # of a float32 from 1 to 2; XLA's own floats are others
        return low + (high - low) * (tf.bitcast(bits, tf.float32) - 1.0)

    def uint16(self, batch, height, width):
        """Whole numbers 0 to 65535, (batch, height, width): two from each word of 32 bits."""
        words = self._words((batch, (height * width + 1) // 2))
        numbers = tf.reshape(tf.bitcast(words, tf.uint16), (batch, -1))
        return tf.reshape(numbers[:, : height * width], (batch, height, width))

    def _words(self, shape):
        """int32 numbers with random bits, the same whether compiled or not."""
        self.count += 1
        return tf.random.stateless_uniform(shape, fold(self.seed, self.count), None, None, tf.int32, alg="philox")


def fold(seed, number):
    """A new seed from a seed (2,) and a whole number."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


class Step(NamedTuple):
    """One layer of a chain with the functions that make its seed and its coins out of the seed of the call."""

    layer: object
    seed: object  # seed of the call -> seed of the layer
    coins: tuple = ()  # (p, seed of the call -> seed of the coin), one for each p below 1 that must let it happen

    def under(self, number, p):
        """The same step inside a chain: ``number`` is its place, ``p`` the probability of the whole chain."""
        inner = self.seed
        coins = self.coins if p == 1 else ((p, functools.partial(fold, number=-1)), *self.coins)
        return Step(self.layer, lambda seed: inner(fold(seed, number)), coins)


class Move(NamedTuple):
    """What one pass does, with all its random numbers drawn."""

    stages: list  # of `targets.Stage`
    colours: list  # as `pixels.finish` takes them
    stamps: list  # as `pixels.finish` takes them


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
    """The function compiled with XLA, made once."""
    return tf.function(function, jit_compile=True, autograph=False)


def _compiled(function, *arguments):
    """Call the function compiled with XLA."""
    # In a graph a new function each time: TensorFlow would warn about the many shapes of a shared one.
    wrap = _compiled_once if tf.executing_eagerly() else _compiled_once.__wrapped__
    return wrap(function)(*arguments)


def _uncompiled(function, *arguments):
    """Call the function as it is."""
    return function(*arguments)


class Augmenter(keras.layers.Layer):
    """What all layers of this module share: seeds, probabilities, plan and execution.

    A subclass has a ``kind`` and the method of that name, which draws random numbers once for the batch; images, masks
    and boxes all follow from them.

    Args:
        p: probability that an image is changed at all.
        value_range: darkest and brightest value of the images; what leaves it is clipped.
        seed: whole number for the same images again; None for other ones in each run. Different layers draw
            different numbers from the same seed.
        jit_compile: ``"auto"`` compiles with XLA inside ``tf.data`` and ``tf.function`` where height and width are
            known, and does not compile eager calls; True or False decide it.

    Raises:
        ValueError: a setting is outside its range, or at the first call the input has another form.
    """

    kind = "geometry"  # or "colour" or "stamp": the order in which Augment can fuse layers
    separable = True  # geometry without rotation: rows and columns can be resampled one after the other
    mirrors = False  # geometry that only turns pixels around: exact, without resampling
    resizes = False  # the output has a size of its own, also when nothing is trained
    min_visibility = 0.0  # share of a box that must stay inside, for geometry
    most_shrinking = 1.0  # input pixels for one output pixel, for geometry that is not separable
    fill = mask_fill = None  # what comes from outside the image, for geometry that is not separable

    def __init__(self, p=1.0, value_range=(0, 255), seed=None, jit_compile="auto", **settings):
        super().__init__(autocast=False, **settings)
        if len(value_range) != 2 or not -math.inf < value_range[0] < value_range[1] < math.inf:
            raise ValueError(f"value_range is {value_range!r}: wanted (darkest, brightest), for instance (0, 255)")
        if jit_compile not in ("auto", True, False):
            raise ValueError(f"jit_compile is {jit_compile!r}: wanted 'auto', True or False")
        self.p, self.jit_compile = number_between("p", p, 0, 1), jit_compile
        self.value_range = tuple(value.item() if hasattr(value, "item") else value for value in value_range)
        self.seed = None if seed is None else whole_number("seed", seed, 0)
        self.generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    def geometry(self, draw, batch, height, width):
        """(transform, height, width): (batch, 3, 3) from output to input, in pixel edges, and the new size.

        ``draw`` is None for what happens to images that are left alone.
        """
        raise NotImplementedError

    def colour(self, draw, batch):
        """(shift, contrast, saturation, hue), each (batch,) or None for no change."""
        raise NotImplementedError

    def stamp(self, draw, batch, height, width, channels):
        """("hole" or "noise", numbers) as `pixels.finish` takes them."""
        raise NotImplementedError

    def output_size(self, height, width):
        """Height and width of what comes out for images of this size."""
        return height, width

    def chain(self):
        """The layers that work one after the other, as a list of `Step`."""
        own = zlib.crc32(repr((type(self).__name__, sorted(self.settings().items()))).encode()) >> 1
        coins = () if self.p == 1 else ((self.p, lambda seed: fold(fold(seed, own), 0)),)
        return [Step(self, functools.partial(fold, number=own), coins)]

    def call(self, inputs, seed=None, training=None):
        """Transform the images and what belongs to them.

        Args:
            inputs: image, batch, dict, or a tuple that begins with one of these.
            seed: one or two whole numbers that decide everything; None takes the layer's own sequence.
            training: True transforms, False changes nothing but a fixed output size; None transforms when the layer
                is called by itself, and inside a model does as the model does: training, yes; answering, no.
        """
        if training is None:
            training = self._stands_alone()
        images = tf.convert_to_tensor(targets.get(inputs, targets.find_images(inputs)))
        self._check_images(images)
        chain = [step for step in self.chain() if training or step.layer.resizes]
        size = tuple(images.shape[-3:-1])
        if not chain or (not training and None not in size and size == self.output_size(*size)):
            return inputs
        single, seed = images.shape.rank == 3, self._seed_of_call(seed) if training else None
        if any(step.layer.kind == "geometry" for step in chain):
            roles = targets.find_targets(inputs)
        else:
            roles = {targets.find_images(inputs): "images"}
        state = targets.read(inputs, roles, single)
        for group in _passes(chain):
            state = self._execute(self._decide(group, seed, state[next(iter(roles))]), state, roles)
        return targets.write(inputs, roles, state, single)

    def _stands_alone(self):
        """Whether this layer was called by itself, not by a model or a layer around it."""
        context = getattr(self, "_get_call_context", None)  # Keras has no public name for it
        return context is None or context().entry_layer is self

    def _seed_of_call(self, seed):
        """int32 (2,) from what the caller gave, or the next of the layer's own, another one on each replica."""
        if seed is not None:
            seed = tf.cast(seed, tf.int32)
            return tf.stack([seed, 0]) if seed.shape.rank == 0 else tf.ensure_shape(seed, (2,))
        seed = tf.cast(self.generator.next(), tf.int32)
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            seed = fold(seed, replica.replica_id_in_sync_group)
        return seed

    def _check_images(self, images):
        """Refuse what is no image or batch of images."""
        if images.shape.rank not in (3, 4) or images.shape[-1] is None:
            raise ValueError(
                f"images have the shape {images.shape}: wanted (height, width, channels) or a batch of them, with "
                "a known number of channels; in tf.data say it with tf.ensure_shape(images, (None, None, 3))"
            )
        if images.dtype == tf.bool or not (images.dtype.is_integer or images.dtype.is_floating):
            raise ValueError(f"images are {images.dtype.name}: wanted whole or floating numbers, for instance uint8")

    def _runner(self, images):
        """How to call functions of pixels: compiled with XLA or as they are."""
        known = isinstance(images.shape[1], int) and isinstance(images.shape[2], int)
        auto = self.jit_compile == "auto" and known and not tf.executing_eagerly() and _xla_works()
        return _compiled if self.jit_compile is True or auto else _uncompiled

    def _decide(self, group, seed, images):
        """Draw the random numbers of one pass, as a `Move`; in a graph in one compiled call, as they are many."""
        if seed is None or tf.executing_eagerly() or self._runner(images) is _uncompiled:
            return self._drawn(group, seed, images)
        form = []  # the move without its tensors, which are all that a compiled function may return

        def draw(seed, images):
            form[:] = tf.nest.flatten(move := self._drawn(group, seed, images)), move
            return [part for part in form[0] if tf.is_tensor(part)]

        tensors = iter(_compiled(draw, seed, images))
        return tf.nest.pack_sequence_as(form[1], [next(tensors) if tf.is_tensor(p) else p for p in form[0]])

    def _drawn(self, group, seed, images):
        """The `Move` of one pass."""
        batch, height, width, channels = pixels.shape_of(images)
        move = Move([], [], [])
        for layer, own_seed, coins in group:
            draw, happens = None if seed is None else Draw(own_seed(seed)), None
            for p, coin_seed in coins if draw else ():
                coin = Draw(coin_seed(seed)).uniform((batch,)) < p
                happens = coin if happens is None else happens & coin
            if layer.kind == "geometry":
                transform, new_height, new_width = layer.geometry(draw, batch, height, width)
                if happens is not None:
                    still = layer.geometry(None, batch, height, width)[0]
                    transform = tf.where(happens[:, None, None], transform, still)
                height, width = new_height, new_width
                move.stages.append(targets.Stage(transform, height, width, layer))
            elif layer.kind == "colour":
                move.colours.append(pixels.colour_where(happens, layer.colour(draw, batch)))
            else:
                stamp = layer.stamp(draw, batch, height, width, channels)
                move.stamps.append(pixels.stamp_where(happens, *stamp))
        return move

    def _execute(self, move, state, roles):
        """One resampling of everything, then one pass of colour, cutout and noise over the images."""
        path = next(iter(roles))
        images = state[path]
        channels, run, planar = images.shape[3], self._runner(images), False
        if move.stages:
            state = targets.move(state, roles, move.stages, run)
            images, planar = _resample(images, move.stages, run)
        colours = move.colours
        if channels == 1:
            colours = [(shift, contrast, None, None) for shift, contrast, _, _ in colours]
        mixes = any(saturation is not None or hue is not None for _, _, saturation, hue in colours)
        if mixes and channels != 3:
            raise ValueError(f"images have {channels} channels: saturation and hue need 3, or leave alone 1")
        if mixes and not planar:
            images, planar = _to_planar(images, images.shape[2], channels, run), True
        if planar and _in_words(images, images.shape[1], run):
            words = run(pixels.finish_words, images, colours, move.stamps, planar, self.value_range)
            images = _bytes_of(run(pixels.from_planes, words))
        elif colours or move.stamps or planar:
            parts = run(pixels.finish, images, colours, move.stamps, planar, self.value_range)
            images = run(pixels.from_planes, parts) if planar else parts[0]
        return {**state, path: images}

    def compute_output_spec(self, inputs, seed=None, training=None):
        roles, outputs = targets.find_targets(inputs), inputs
        images = targets.get(inputs, next(iter(roles)))
        size = self.output_size(*images.shape[-3:-1])
        for path, role in roles.items():
            tensor = targets.get(inputs, path)
            shape = targets.resized(tensor.shape, role, len(images.shape) == 3, *size)
            outputs = targets.replace(outputs, path, keras.KerasTensor(shape, tensor.dtype))
        return keras.tree.map_structure(lambda t: keras.KerasTensor(t.shape, t.dtype), outputs)

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        return (*shape[:-3], *self.output_size(*shape[-3:-1]), shape[-1])

    def get_config(self):
        own = {"p": self.p, "value_range": list(self.value_range), "seed": self.seed, "jit_compile": self.jit_compile}
        return {**super().get_config(), **own, **self.settings()}

    def settings(self):
        """What a subclass was made with, for saving."""
        return {}


def _passes(chain):
    """Cut a chain into passes of geometry, then colour, then stamps; what does not fit behind starts a new pass.

    Where a layer may show what lies outside its input, that input has to be there: after a resampling it starts a new
    pass, so that a cut stays cut and what was shifted out does not come back.
    """
    passes = []
    for step in chain:
        last = passes[-1] if passes else []
        fits = last and KINDS.index(step.layer.kind) >= KINDS.index(last[-1].layer.kind)
        if fits and (step.layer.separable or all(before.layer.mirrors for before in last)):
            last.append(step)
        else:
            passes.append([step])
    return passes


def _resample(images, stages, run):
    """The images moved by all stages at once, and whether they are planar now."""
    transform, height, width = targets.compose(stages), stages[-1].height, stages[-1].width
    height_in, width_in, channels = pixels.shape_of(images)[1:]
    layers = [stage.layer for stage in stages]
    if all(layer.mirrors for layer in layers):
        return run(pixels.mirror, images, transform), False
    if all(layer.separable for layer in layers):
        rows, columns = run(pixels.separable_taps, transform, height_in, width_in, height, width)
        planar = _to_planar(run(pixels.resample_rows, images, *rows), width_in, channels, run)
        return run(pixels.resample_columns, planar, *columns, images.dtype), True
    free = next(layer for layer in layers if not layer.separable)
    sides = ((height_in, height), (width_in, width))
    smaller = max([a / b for a, b in sides if isinstance(a, int) and isinstance(b, int)] or [1])
    samples = min(max(round(free.most_shrinking * max(smaller, 1)), 1), MOST_SAMPLES)
    own = run is _compiled
    return run(pixels.warp, images, transform, height, width, float(free.fill), samples, own), False


def _in_words(images, width, run):
    """Whether compiled code can turn the images four bytes at a time, which takes half of the time of single bytes."""
    return run is _compiled and images.dtype == tf.uint8 and isinstance(width, int) and width % 4 == 0


def _to_planar(images, width, channels, run):
    """`pixels.to_planar`, by words where that is possible."""
    if not _in_words(images, width, run):
        return run(pixels.to_planar, images, channels)
    batch, height = pixels.shape_of(images)[:2]
    words = tf.bitcast(tf.reshape(images, (batch, height, width * channels // 4, 4)), tf.uint32)
    return run(pixels.split_words, run(pixels.to_planar, words, 1), channels)


def _bytes_of(words):
    """Images (batch, height, width, channels) of bytes from words (batch, height, width / 4, channels)."""
    batch, height, width, channels = pixels.shape_of(words)
    return tf.reshape(tf.bitcast(words, tf.uint8), (batch, height, width * 4, channels))

"""Keras layers and blocks that the networks of the course are built from."""

import numpy as np

from ._checks import whole_number
from ._quiet import keras, tf


def _as_list(inputs):
    """One tensor, or one shape, as a list of one; a saved shape comes back as a list of numbers."""
    several = isinstance(inputs, (list, tuple)) and not isinstance(inputs[-1], (int, type(None)))
    return list(inputs) if several else [inputs]


class Block(keras.layers.Layer):
    """A layer that is a small network itself: ``connect`` writes it down, ``network`` is the Keras model it became.

    Args:
        strides: step of the block in pixels.
        batch_normalization: True puts a BatchNormalization behind every convolution.
        momentum: of the batch normalization; 0.9 for short trainings, since 0.99 needs 500 steps to settle.
        use_bias: whether the convolutions have biases; None means only where no batch normalization follows.
        kernel_initializer: of every convolution, as in Keras.

    Serves lesson 13.

    >>> block = InceptionModule(64, 96, 128, 16, 32, 32)
    >>> block.build((None, 28, 28, 192))
    >>> block.network.get_layer("conv_5x5").count_params()
    12832
    """

    def __init__(
        self, strides=1, batch_normalization=True, momentum=0.99, use_bias=None, kernel_initializer="he_normal",
        **settings,
    ):  # fmt: skip
        super().__init__(**settings)
        self.strides = whole_number("strides", strides)
        self.batch_normalization = batch_normalization
        self.momentum = momentum
        self.use_bias = not batch_normalization if use_bias is None else use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def connect(self, inputs):
        """The block as a graph of Keras layers: from the symbolic input to the symbolic output."""
        raise NotImplementedError

    def convolution(self, x, filters, kernel_size, name, strides=1, relu=True):
        """A convolution that keeps the size, its batch normalization if the block has one, and ReLU."""
        initializer = keras.initializers.serialize(self.kernel_initializer)  # its own draw for each convolution
        common = dict(use_bias=self.use_bias, kernel_initializer=initializer, dtype=self.dtype_policy)
        x = keras.layers.Conv2D(filters, kernel_size, strides, "same", name=f"conv_{name}", **common)(x)
        if self.batch_normalization:
            settings = dict(momentum=self.momentum, epsilon=1e-5, dtype=self.dtype_policy)
            x = keras.layers.BatchNormalization(name=f"norm_{name}", **settings)(x)
        return keras.layers.ReLU(name=f"relu_{name}", dtype=self.dtype_policy)(x) if relu else x

    def build(self, input_shape):
        self.compute_output_shape(input_shape)  # complains about what does not fit
        inputs = [keras.Input((None, None, shape[-1]), dtype=self.compute_dtype) for shape in _as_list(input_shape)]
        self.network = keras.Model(inputs, self.connect(*inputs), name="network")

    def call(self, inputs):
        return self.network(_as_list(inputs))

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            kind = type(self).__name__
            raise ValueError(f"{kind} got input of shape {input_shape}: wanted (batch, height, width, channels)")
        batch, height, width, channels = input_shape
        height, width = (n if n is None else -(-n // self.strides) for n in (height, width))
        return batch, height, width, self.output_channels(channels)

    def get_config(self):
        return super().get_config() | {
            "strides": self.strides,
            "batch_normalization": self.batch_normalization,
            "momentum": self.momentum,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("cvhelpers")
class InceptionModule(Block):
    """Four branches side by side, 1×1, 3×3, 5×5 and pooling, their maps stacked; the arguments are a row of Table 1.

    Args:
        filters_1x1: filters of the 1×1 branch.
        reduce_3x3: filters of the 1×1 bottleneck before the 3×3 convolution; None leaves the bottleneck out.
        filters_3x3: filters of the 3×3 branch.
        reduce_5x5, filters_5x5: the same for the 5×5 branch.
        pool_projection: filters of the 1×1 convolution behind the 3×3 max pooling; None passes the pooled maps on.
        batch_normalization: False as in the paper, which is older than batch normalization.
        settings: as for ``Block``.

    Shapes: (batch, height, width, channels) → (batch, height, width, filters of all branches together).

    Raises:
        ValueError: a number of filters is not a positive whole number.

    Introduced in lesson 13. Szegedy et al. 2015, figure 2 (a) naive, (b) with bottlenecks.

    >>> InceptionModule(64, 96, 128, 16, 32, 32).compute_output_shape((None, 28, 28, 192))
    (None, 28, 28, 256)
    >>> InceptionModule(64, None, 128, None, 32, None).compute_output_shape((None, 28, 28, 192))
    (None, 28, 28, 416)
    """

    def __init__(
        self, filters_1x1, reduce_3x3, filters_3x3, reduce_5x5, filters_5x5, pool_projection,
        batch_normalization=False, **settings,
    ):  # fmt: skip
        super().__init__(batch_normalization=batch_normalization, **settings)
        if self.strides != 1:
            raise ValueError(f"strides={self.strides}: an InceptionModule keeps the size; pool before or behind it")
        row = {
            "filters_1x1": filters_1x1, "reduce_3x3": reduce_3x3, "filters_3x3": filters_3x3,
            "reduce_5x5": reduce_5x5, "filters_5x5": filters_5x5, "pool_projection": pool_projection,
        }  # fmt: skip
        left_out = {name for name in ("reduce_3x3", "reduce_5x5", "pool_projection") if row[name] is None}
        self.row = {k: None if k in left_out else whole_number(k, v) for k, v in row.items()}

    def connect(self, inputs):
        row = self.row
        branches = [self.convolution(inputs, row["filters_1x1"], 1, "1x1")]
        for size in (3, 5):
            x, reduce = inputs, row[f"reduce_{size}x{size}"]
            if reduce is not None:
                x = self.convolution(x, reduce, 1, f"reduce_{size}x{size}")
            branches.append(self.convolution(x, row[f"filters_{size}x{size}"], size, f"{size}x{size}"))
        pooled = keras.layers.MaxPooling2D(3, 1, "same", name="pool", dtype=self.dtype_policy)(inputs)
        if row["pool_projection"] is not None:
            pooled = self.convolution(pooled, row["pool_projection"], 1, "pool_projection")
        return keras.layers.Concatenate(name="concatenate", dtype=self.dtype_policy)([*branches, pooled])

    def output_channels(self, channels):
        row = self.row
        pooled = channels if row["pool_projection"] is None else row["pool_projection"]
        return row["filters_1x1"] + row["filters_3x3"] + row["filters_5x5"] + pooled

    def get_config(self):
        config = super().get_config() | self.row
        config.pop("strides")
        return config


@keras.saving.register_keras_serializable("cvhelpers")
class ResidualBlock(Block):
    """Two 3×3 convolutions whose result is added to the input: ``relu(F(x) + x)``.

    Args:
        filters: of both convolutions.
        strides: of the first convolution.
        shortcut: how ``x`` is brought to another shape. ``"A"``: every ``strides``-th pixel, missing channels filled
            with zeros, no parameters; ``"B"``: a 1×1 convolution where the shape changes, ``x`` itself where not;
            None: no shortcut, a plain block ``relu(F(x))`` to compare with.
        settings: as for ``Block``.

    Shapes: (batch, height, width, channels) → (batch, ceil(height / strides), ceil(width / strides), filters).

    Raises:
        ValueError: an unknown shortcut, or shortcut A to fewer channels than the input has.

    Introduced in lesson 14. He et al. 2016, figure 2 and section 4.1.

    >>> block = ResidualBlock(32, strides=2, shortcut="A")
    >>> block.build((None, 32, 32, 16))
    >>> block.compute_output_shape((None, 32, 32, 16)), block.count_params()
    ((None, 16, 16, 32), 14080)
    """

    def __init__(self, filters, strides=1, shortcut="B", **settings):
        super().__init__(strides=strides, **settings)
        if shortcut not in ("A", "B", None):
            raise ValueError(f"shortcut={shortcut!r}: wanted 'A' (zeros), 'B' (1×1 convolution) or None (plain)")
        self.filters, self.shortcut = whole_number("filters", filters), shortcut

    def residual(self, inputs):
        """F(x): what the block learns to add to its input."""
        x = self.convolution(inputs, self.filters, 3, "1", self.strides)
        return self.convolution(x, self.filters, 3, "2", relu=False)

    def connect(self, inputs):
        x = self.residual(inputs)
        if self.shortcut is not None:
            x = keras.layers.Add(name="add", dtype=self.dtype_policy)([x, self.shortened(inputs)])
        return keras.layers.ReLU(name="relu", dtype=self.dtype_policy)(x)

    def shortened(self, x):
        """x in the shape of F(x)."""
        channels, wanted = x.shape[-1], self.output_channels(x.shape[-1])
        if self.strides == 1 and channels == wanted:
            return x
        if self.shortcut == "B":
            return self.convolution(x, wanted, 1, "shortcut", self.strides, relu=False)
        if channels > wanted:
            raise ValueError(f"shortcut 'A' cannot go from {channels} channels to {wanted}: take shortcut='B'")
        x = keras.layers.MaxPooling2D(1, self.strides, name="subsample", dtype=self.dtype_policy)(x)
        return keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, wanted - channels)])

    def output_channels(self, channels):
        return self.filters

    def get_config(self):
        return super().get_config() | {"filters": self.filters, "shortcut": self.shortcut}


@keras.saving.register_keras_serializable("cvhelpers")
class BottleneckBlock(ResidualBlock):
    """The residual block of the deep ResNets: 1×1 down, 3×3, 1×1 up to four times the filters, added to the input.

    Args:
        filters: of the first two convolutions; the third has ``expansion`` times as many.
        strides: of the first 1×1 convolution and of the shortcut, as in the paper and in Keras (others stride in 3×3).
        shortcut, settings: as for ``ResidualBlock``.
        expansion: how many times more channels leave the block.

    Shapes: (batch, height, width, channels) → (batch, ceil(height / strides), ceil(width / strides),
    expansion × filters).

    Introduced in lesson 14. He et al. 2016, figure 5.

    >>> BottleneckBlock(64).compute_output_shape((None, 56, 56, 64))
    (None, 56, 56, 256)
    """

    def __init__(self, filters, strides=1, shortcut="B", expansion=4, **settings):
        super().__init__(filters, strides, shortcut, **settings)
        self.expansion = whole_number("expansion", expansion)

    def residual(self, inputs):
        x = self.convolution(inputs, self.filters, 1, "1", self.strides)
        x = self.convolution(x, self.filters, 3, "2")
        return self.convolution(x, self.filters * self.expansion, 1, "3", relu=False)

    def output_channels(self, channels):
        return self.filters * self.expansion

    def get_config(self):
        return super().get_config() | {"expansion": self.expansion}


@keras.saving.register_keras_serializable("cvhelpers")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each value by the activity of the neighbouring channels at the same pixel: loud ones quieten the rest.

    Args:
        depth_radius: neighbours on either side; ``n = 2 * depth_radius + 1`` channels in the sum, fewer at the ends.
        bias, alpha, beta: ``x / (bias + alpha * sum of squares) ** beta``; the defaults are AlexNet's.

    Shapes: any with channels last; unchanged.

    Raises:
        ValueError: a negative radius, or a bias that is not positive.

    Introduced in lesson 10. Krizhevsky et al. 2012, section 3.3; the arguments are named as in ``tf.nn.lrn``.

    >>> normalized = LocalResponseNormalization(depth_radius=1, bias=1, alpha=1, beta=1)(keras.ops.ones((1, 1, 1, 3)))
    >>> [round(float(value), 3) for value in normalized[0, 0, 0]]
    [0.333, 0.25, 0.333]
    """

    def __init__(self, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75, **settings):
        super().__init__(**settings)
        if not bias > 0:
            raise ValueError(f"bias is {bias}: wanted a number above 0, since it is what is divided by")
        self.depth_radius = whole_number("depth_radius", depth_radius, 0)
        self.bias, self.alpha, self.beta = bias, alpha, beta

    def call(self, inputs):
        radius, channels = self.depth_radius, inputs.shape[-1]
        around = [(0, 0)] * (len(inputs.shape) - 1) + [(radius, radius)]
        wide = keras.ops.cast(inputs, "float32")  # the square of 300 is beyond half precision
        squares = keras.ops.pad(keras.ops.square(wide), around)
        energy = sum(squares[..., i : i + channels] for i in range(2 * radius + 1))
        return keras.ops.cast(wide / (self.bias + self.alpha * energy) ** self.beta, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        names = ("depth_radius", "bias", "alpha", "beta")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("cvhelpers")
class RoIAlign(keras.layers.Layer):
    """Cuts boxes out of feature maps and resizes each to the same grid, without rounding any coordinate.

    The definition, the arguments and the result are those of :func:`cvhelpers.ops.roi_align`, for batches.

    Args:
        size: side of the grid in cells, or (rows, columns).
        stride: pixels of the image for one pixel of the map.
        samples: points along each side of a cell.

    Call it on ``[maps, boxes]``: float (n, height, width, channels) and float (n, k, 4) xyxy in pixels of the image;
    the result is float (n, k, rows, columns, channels).

    Introduced in lesson 17. He et al. 2017, section 3.

    >>> maps, boxes = np.arange(16.0).reshape(1, 4, 4, 1), np.array([[[0, 0, 2, 2]]])
    >>> RoIAlign(size=1, samples=2)([maps, boxes]).numpy().item()
    2.5
    """

    def __init__(self, size, stride=1, samples=1, **settings):
        super().__init__(autocast=False, **settings)  # in half precision the edge 511.3 would become 512
        self.size = whole_number("size", size) if np.ndim(size) == 0 else [whole_number("size", side) for side in size]
        self.stride, self.samples = stride, whole_number("samples", samples)
        if not stride > 0:
            raise ValueError(f"stride is {stride!r}: wanted a number above 0")

    def call(self, inputs):
        maps, boxes = (tf.convert_to_tensor(part) for part in inputs)
        maps, boxes = tf.cast(maps, self.compute_dtype), tf.cast(boxes, "float32")
        rows, columns = np.broadcast_to(self.size, 2)
        down = tf.cast(self._weights(boxes[..., 1::2], rows, tf.shape(maps)[1]), maps.dtype)
        across = tf.cast(self._weights(boxes[..., 0::2], columns, tf.shape(maps)[2]), maps.dtype)
        return tf.einsum("nkqw,nkpwc->nkpqc", across, tf.einsum("nkph,nhwc->nkpwc", down, maps))

    def _weights(self, edges, cells, length):
        """How much each of ``length`` pixels counts in each cell between two edges (n, k, 2): (n, k, cells, length)."""
        low, high = edges[..., :1], edges[..., 1:]
        steps = (np.arange(cells * self.samples, dtype=np.float32) + 0.5) / (cells * self.samples)
        last = tf.cast(length, tf.float32) - 1
        place = tf.clip_by_value((low + (high - low) * steps) / self.stride - 0.5, 0.0, last)
        hats = tf.nn.relu(1 - tf.abs(place[..., None] - tf.range(length, dtype=tf.float32)))
        shape = tf.concat([tf.shape(edges)[:2], [cells, self.samples, length]], 0)
        return tf.reduce_mean(tf.reshape(hats, shape), 3)

    def compute_output_shape(self, input_shape):
        maps, boxes = input_shape
        return (*boxes[:2], *np.broadcast_to(self.size, 2).tolist(), maps[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size, "stride": self.stride, "samples": self.samples}


@keras.saving.register_keras_serializable("cvhelpers")
class UpsampleBlock(Block):
    """Doubles the height and width, lays finer maps of the encoder beside the result, and convolves both together.

    Args:
        filters: of the upsampling convolution, if it is one, and of the 3×3 convolution behind it.
        upsampling: ``"transposed"`` (a learned 2×2 transposed convolution), ``"nearest"`` or ``"bilinear"``.
        settings: as for ``Block``.

    Shapes: (batch, height, width, channels), or a list of it and the skip (batch, 2 height, 2 width, any channels)
    → (batch, 2 height, 2 width, filters).

    Raises:
        ValueError: an unknown kind of upsampling, or a skip that is not twice as large.

    Introduced in lesson 15. Ronneberger et al. 2015 (U-Net).

    >>> block = UpsampleBlock(8)
    >>> block.compute_output_shape([(None, 16, 16, 32), (None, 32, 32, 4)])
    (None, 32, 32, 8)
    >>> block.build([(None, 16, 16, 32), (None, 32, 32, 4)]); block.count_params()  # 2·2·32·8+8 + 3·3·(8+4)·8 + 4·8
    1928
    """

    def __init__(self, filters, upsampling="transposed", **settings):
        super().__init__(**settings)
        if upsampling not in ("transposed", "nearest", "bilinear"):
            raise ValueError(f"upsampling={upsampling!r}: wanted 'transposed', 'nearest' or 'bilinear'")
        if self.strides != 1:
            raise ValueError(f"strides={self.strides}: an UpsampleBlock doubles the size, nothing else")
        self.filters, self.upsampling = whole_number("filters", filters), upsampling

    def connect(self, x, *skips):
        if self.upsampling == "transposed":
            initializer = keras.initializers.serialize(self.kernel_initializer)
            settings = dict(kernel_initializer=initializer, dtype=self.dtype_policy, name="upsample")
            x = keras.layers.Conv2DTranspose(self.filters, 2, strides=2, **settings)(x)
        else:
            settings = dict(interpolation=self.upsampling, dtype=self.dtype_policy, name="upsample")
            x = keras.layers.UpSampling2D(2, **settings)(x)
        if skips:
            x = keras.layers.Concatenate(name="concatenate", dtype=self.dtype_policy)([x, *skips])
        return self.convolution(x, self.filters, 3, "3x3")

    def compute_output_shape(self, input_shape):
        (batch, *size, _), *skips = _as_list(input_shape)
        size = [n if n is None else 2 * n for n in size]
        for skip in skips:
            if any(None not in (n, m) and n != m for n, m in zip(size, skip[1:3])):
                raise ValueError(f"the skip has size {tuple(skip[1:3])}: wanted {tuple(size)}, twice that of the input")
        return batch, *size, self.filters

    def get_config(self):
        config = super().get_config() | {"filters": self.filters, "upsampling": self.upsampling}
        config.pop("strides")
        return config

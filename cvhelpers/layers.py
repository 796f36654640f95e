"""Keras layers and blocks that the networks of the course are built from, and what each layer of a network costs."""

import math
import typing

from . import _quiet  # noqa: F401  (TensorFlow without its log lines)

import keras  # isort: skip
import tensorflow as tf  # isort: skip


class Block(keras.layers.Layer):
    """A layer that is a small network itself: ``connect`` writes it down, ``network`` is the Keras model it became.

    Args:
        strides: step of the block in pixels; the output has ``ceil(height / strides)`` rows.
        batch_normalization: True puts a BatchNormalization behind every convolution.
        momentum: of the batch normalization; 0.9 for short trainings, since 0.99 needs 500 steps to settle.
        use_bias: whether the convolutions have biases; None means only where no batch normalization follows.
        kernel_initializer: of every convolution, as in Keras.

    Introduced in lesson 13.

    >>> block = InceptionModule(64, 96, 128, 16, 32, 32)
    >>> block.build((None, 28, 28, 192))
    >>> block.network.get_layer("conv_5x5").count_params()
    12832
    """

    def __init__(
        self,
        strides=1,
        batch_normalization=True,
        momentum=0.99,
        use_bias=None,
        kernel_initializer="he_normal",
        **settings,
    ):
        super().__init__(**settings)
        _whole_numbers(type(self).__name__, strides=strides)
        self.strides = strides
        self.batch_normalization = batch_normalization
        self.momentum = momentum
        self.use_bias = not batch_normalization if use_bias is None else use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def connect(self, inputs):
        """The block as a graph of Keras layers: from the symbolic input to the symbolic output."""
        raise NotImplementedError

    def output_channels(self, channels):
        """Channels of the output for an input of so many channels."""
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
        if len(input_shape) != 4 or input_shape[-1] is None:
            kind = type(self).__name__
            raise ValueError(f"{kind} got input of shape {input_shape}: wanted (batch, height, width, channels)")
        inputs = keras.Input((None, None, input_shape[-1]), dtype=self.compute_dtype, name="input")
        self.network = keras.Model(inputs, self.connect(inputs), name="network")

    def call(self, inputs):
        return self.network(inputs)

    def compute_output_shape(self, input_shape):
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
        self,
        filters_1x1,
        reduce_3x3,
        filters_3x3,
        reduce_5x5,
        filters_5x5,
        pool_projection,
        batch_normalization=False,
        **settings,
    ):
        super().__init__(batch_normalization=batch_normalization, **settings)
        if self.strides != 1:
            raise ValueError(f"strides={self.strides}: an InceptionModule keeps the size; pool before or behind it")
        self.row = {
            "filters_1x1": filters_1x1,
            "reduce_3x3": reduce_3x3,
            "filters_3x3": filters_3x3,
            "reduce_5x5": reduce_5x5,
            "filters_5x5": filters_5x5,
            "pool_projection": pool_projection,
        }
        optional = ("reduce_3x3", "reduce_5x5", "pool_projection")
        _whole_numbers("InceptionModule", **{k: v for k, v in self.row.items() if v is not None or k not in optional})

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
        _whole_numbers(type(self).__name__, filters=filters)
        if shortcut not in ("A", "B", None):
            raise ValueError(f"shortcut={shortcut!r}: wanted 'A' (zeros), 'B' (1×1 convolution) or None (plain)")
        self.filters, self.shortcut = filters, shortcut

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
        _whole_numbers("BottleneckBlock", expansion=expansion)
        self.expansion = expansion

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
        if depth_radius < 0 or depth_radius != int(depth_radius) or bias <= 0:
            raise ValueError(f"depth_radius={depth_radius}, bias={bias}: wanted a whole number ≥ 0 and a bias above 0")
        self.depth_radius, self.bias, self.alpha, self.beta = int(depth_radius), bias, alpha, beta

    def call(self, inputs):
        radius, channels = self.depth_radius, inputs.shape[-1]
        around = [(0, 0)] * (len(inputs.shape) - 1) + [(radius, radius)]
        squares = keras.ops.pad(keras.ops.square(inputs), around)
        energy = sum(squares[..., i : i + channels] for i in range(2 * radius + 1))
        return inputs / (self.bias + self.alpha * energy) ** self.beta

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        names = ("depth_radius", "bias", "alpha", "beta")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _whole_numbers(owner, **values):
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner} got {name}={value!r}: wanted a whole number of at least 1")


class LayerCost(typing.NamedTuple):
    """One row of a cost table: output shape without the batch; parameters in all and trainable; multiply-adds.

    >>> LayerCost("fc8", "Dense", (1000,), 4097000, 4097000, 4096000).multiply_adds
    4096000
    """

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    trainable: int
    multiply_adds: int


class CostTable(list):
    """List of ``LayerCost`` that prints as a table with a line of totals.

    >>> table = CostTable([LayerCost("conv", "Conv2D", (28, 28, 6), 156, 156, 117600)])
    >>> table.parameters, table.multiply_adds
    (156, 117600)
    """

    parameters = property(lambda self: sum(row.parameters for row in self))
    trainable = property(lambda self: sum(row.trainable for row in self))
    multiply_adds = property(lambda self: sum(row.multiply_adds for row in self))

    def __str__(self):
        rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for row in self:
            shape = "×".join(map(str, row.output_shape))
            rows.append((row.name, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
        total = f"total ({self.trainable:,} trainable)"
        rows.append(("", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = [_line(row, widths) for row in rows]
        lines[-1] = total + lines[-1][len(total) :]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _line(cells, widths):
    cells = [cell.rjust(n) if i > 2 else cell.ljust(n) for i, (cell, n) in enumerate(zip(cells, widths))]
    return "  ".join(cells)


def cost_table(model, input_shape=None, inside=False):
    """What each layer of a network costs: parameters and multiply-adds for one image, with the shape of its output.

    Args:
        model: a Keras model with one input; functional, sequential or subclassed.
        input_shape: of one image, such as ``(224, 224, 3)``; the model's own when None.
        inside: False has one row for each layer of the model, with everything inside a block or an inner model summed
            up; True has a row for each innermost layer, named ``block/layer``.

    Returns:
        ``CostTable``: list of ``LayerCost`` in the order of computation. Multiply-adds count convolutions (grouped,
        depthwise, transposed too) and dense layers, as papers do; biases, normalization, activations and pooling
        count 0. A layer used twice costs its multiply-adds twice and its parameters once.

    Raises:
        ValueError: no fixed input shape, or a layer whose multiplications are not known here.

    Introduced in lesson 10.

    >>> model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Conv2D(6, 5, name="C1")])
    >>> cost_table(model)[0]
    LayerCost(name='C1', kind='Conv2D', output_shape=(28, 28, 6), parameters=156, trainable=156, multiply_adds=117600)
    """
    shape = tuple(input_shape or model.input_shape[1:])
    if None in shape:
        raise ValueError(f"the model takes images of any size, {shape}: wanted for instance input_shape=(224, 224, 3)")
    return CostTable(_rows(_trace(model, shape), inside, counted=set(), depth=0))


class _Call(typing.NamedTuple):
    layer: keras.layers.Layer
    inputs: tuple  # shapes with the batch
    outputs: tuple
    children: list  # calls of other layers inside this one


def _trace(model, shape):
    """The call of the model for one image, with the calls inside it; traced with symbols, nothing is computed."""
    stack, ordinary = [[]], keras.layers.Layer.__call__

    def watched(layer, inputs, *args, **kwargs):
        stack.append([])
        outputs = ordinary(layer, inputs, *args, **kwargs)
        children = stack.pop()
        if isinstance(layer, Block):
            children = children[0].children  # the network of a block is the block
        shapes = (tuple(tensor.shape) for tensor in (tf.nest.flatten(inputs)[0], tf.nest.flatten(outputs)[0]))
        stack[-1].append(_Call(layer, *shapes, children))
        return outputs

    keras.layers.Layer.__call__ = watched
    try:
        graph = tf.function(lambda image: model(image, training=False), autograph=False)
        graph.get_concrete_function(tf.TensorSpec((1, *shape), "float32"))
    finally:
        keras.layers.Layer.__call__ = ordinary
    return stack[0][0]


def _rows(call, inside, counted, depth, prefix=""):
    layer, rows = call.layer, []
    if call.children and (inside or depth == 0):
        name = f"{prefix}{layer.name}/" if depth else ""
        rows = [row for child in call.children for row in _rows(child, inside, counted, depth + 1, name)]
    weights = [weight for weight in layer.weights if id(weight) not in counted]
    counted.update(map(id, weights))
    if rows and not weights:
        return rows
    trainable = {id(weight) for weight in layer.trainable_weights}
    sizes = [(math.prod(weight.shape), id(weight) in trainable) for weight in weights]
    parameters, learned = sum(size for size, _ in sizes), sum(size for size, learned in sizes if learned)
    cost = 0 if rows else _multiply_adds(call)
    kind = type(layer).__name__
    return [*rows, LayerCost(prefix + layer.name, kind, call.outputs[1:], parameters, learned, cost)]


def _multiply_adds(call):
    layer, known = call.layer, keras.layers
    if call.children:
        return sum(map(_multiply_adds, call.children))
    inputs, outputs = math.prod(call.inputs), math.prod(call.outputs)
    if isinstance(layer, (known.Conv1D, known.Conv2D, known.Conv3D)):
        return outputs * math.prod(layer.kernel.shape[:-1])  # kernel: height, width, channels of one group, filters
    if isinstance(layer, (known.Conv1DTranspose, known.Conv2DTranspose, known.Conv3DTranspose)):
        return inputs * math.prod(layer.kernel.shape[:-1])  # kernel: height, width, filters, channels
    if isinstance(layer, (known.DepthwiseConv1D, known.DepthwiseConv2D)):
        return outputs * math.prod(layer.kernel.shape[:-2])
    if isinstance(layer, (known.SeparableConv1D, known.SeparableConv2D)):
        kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return outputs // layer.filters * kernels
    if isinstance(layer, known.Dense):
        return outputs * layer.kernel.shape[0]
    if isinstance(layer, known.Embedding) or all(len(weight.shape) < 2 for weight in layer.weights):
        return 0
    raise ValueError(f"layer {layer.name!r} is a {type(layer).__name__}: its multiplications are not known here")

"""What each layer of a network costs: parameters and multiply-adds, as a table."""

import math
import typing

from ._quiet import keras, tf
from .layers import Block


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

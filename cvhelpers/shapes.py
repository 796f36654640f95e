"""Arithmetic on shapes: output size, cost and receptive field of convolutions, without computing any of them.

:mod:`cvhelpers.ops` offers these functions too. Nothing here knows Keras: a model is read by its attributes' names.
"""

from typing import NamedTuple

import numpy as np

from ._checks import whole_number


def margins(size, kernel, stride, padding):
    """Zeros before and after ``size`` pixels. TensorFlow's "same" puts an odd one at the end.

    Introduced in lesson 04.

    >>> margins(8, kernel=3, stride=2, padding="same")
    (0, 1)
    """
    if isinstance(padding, str):
        if padding == "valid":
            return 0, 0
        if padding == "same":
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            return total // 2, total - total // 2
        raise ValueError(f"padding is {padding!r}: wanted 'valid', 'same' or a whole number")
    return (whole_number("padding", padding, 0),) * 2


def conv_output_size(size, kernel, stride=1, padding=0):
    """Number of positions of a filter along one side of an image: ``floor((size + 2 padding - kernel) / stride) + 1``.

    Args:
        size: pixels along that side.
        kernel: pixels of the filter along that side.
        stride: pixels between two positions.
        padding: zeros added at both ends, ``"valid"`` (none), or ``"same"`` (as TensorFlow: ``ceil(size / stride)``).

    Returns:
        int, at least 1.

    Raises:
        ValueError: the filter does not fit once, or a number is too small or not whole.

    Introduced in lesson 04. Dumoulin and Visin 2016.

    >>> conv_output_size(7, 3), conv_output_size(7, 3, stride=2), conv_output_size(7, 3, stride=3)
    (5, 3, 2)
    """
    size, kernel, stride = whole_number("size", size), whole_number("kernel", kernel), whole_number("stride", stride)
    padded = size + sum(margins(size, kernel, stride, padding))
    if kernel > padded:
        raise ValueError(
            f"the kernel is {kernel} pixels, the image with its padding only {padded}: wanted a kernel that fits; "
            "make it smaller or add padding"
        )
    return (padded - kernel) // stride + 1


class ConvolutionCost(NamedTuple):
    """What :func:`conv_cost` returns.

    >>> ConvolutionCost((28, 28, 1), 76, 58800).parameters
    76
    """

    output_shape: tuple
    parameters: int
    multiply_adds: int


def conv_cost(image_shape, filters, kernel, stride=1, padding="valid", bias=True, groups=1):
    """Parameters and multiply-adds of a convolution, without computing it.

    Args:
        image_shape: (height, width, channels) of one image.
        filters: number of filters.
        kernel: side of the filters in pixels, or (kernel_height, kernel_width).
        stride, padding: as in :func:`conv2d`.
        bias: whether each filter has a bias.
        groups: number of groups that the channels are divided into; a filter sees one group.

    Returns:
        ConvolutionCost: ``output_shape``, ``parameters``, ``multiply_adds`` (one for each weight and position; the
        bias is not counted).

    Raises:
        ValueError: as :func:`conv2d`, or channels that the groups do not divide.

    Introduced in lesson 03.

    >>> conv_cost((32, 32, 3), filters=6, kernel=5)
    ConvolutionCost(output_shape=(28, 28, 6), parameters=456, multiply_adds=352800)
    """
    if len(tuple(image_shape)) != 3:
        raise ValueError(f"image_shape is {image_shape!r}: wanted (height, width, channels)")
    height, width, channels = (whole_number("image_shape", side) for side in image_shape)
    filters, groups = whole_number("filters", filters), whole_number("groups", groups)
    kernel_height, kernel_width = (kernel, kernel) if np.ndim(kernel) == 0 else kernel
    rows = conv_output_size(height, kernel_height, stride, padding)
    columns = conv_output_size(width, kernel_width, stride, padding)
    if channels % groups or filters % groups:
        raise ValueError(f"{groups} groups do not divide {channels} channels and {filters} filters: wanted a divisor")
    weights = kernel_height * kernel_width * (channels // groups) * filters
    return ConvolutionCost((rows, columns, filters), weights + filters * bool(bias), weights * rows * columns)


class ReceptiveField(NamedTuple):
    """Output pixel i of a stack of layers depends on the input pixels from ``start + i jump``, ``size`` of them.

    ``start`` is negative where padding lets the first output look over the edge.

    >>> ReceptiveField(7, 1, 0).size
    7
    """

    size: int = 1
    jump: int = 1
    start: int = 0

    def behind(self, kernel, stride=1, padding=0, dilation=1, size=None):
        """The field of a layer that reads maps which have this field; ``size``, where known, is the side of these maps.

        >>> ReceptiveField().behind(3).behind(3).size
        5
        """
        kernel, stride = whole_number("kernel", kernel), whole_number("stride", stride)
        span = (kernel - 1) * whole_number("dilation", dilation) + 1
        size = size or stride * span  # where it is unknown: one that the stride divides
        before, _ = margins(size, span, stride, padding)
        return ReceptiveField(self.size + (span - 1) * self.jump, self.jump * stride, self.start - before * self.jump)


def receptive_field(layers, layer=None):
    """How many input pixels, along one side, one output of a stack of layers depends on.

    Args:
        layers: list of (kernel, stride), (kernel, stride, padding) or (kernel, stride, padding, dilation); or a built
            Keras model, whose branches may split and join (the height counts where a filter is not square). A layer of
            your own that hides convolutions tells its branches as ``receptive_field_paths``, a list of such lists.
        layer: name of the layer of a model whose output is asked for; the model's output when None. Layers without
            positions (flatten, global pooling, dense) keep the field of the map that they read.

    Returns:
        ReceptiveField: ``size`` in pixels, ``jump`` (input pixels between the fields of two neighbouring outputs) and
        ``start`` (first pixel of the first field). Where branches join, the field that covers all of them.

    Raises:
        ValueError: an entry has another form, no such layer, or a layer enlarges its maps or hides its filters.

    Introduced in lesson 05. Araujo, Norris and Sim 2019.

    >>> receptive_field([(3, 1), (3, 1), (3, 1)])
    ReceptiveField(size=7, jump=1, start=0)
    """
    if not hasattr(layers, "layers"):
        return _path_field(layers, ReceptiveField())
    parts = {part.name: part for part in layers.layers}
    if layer is not None and layer not in parts:
        raise ValueError(f"no layer is called {layer!r}: wanted one of {', '.join(parts)}")
    target = layers.outputs[0] if layer is None else parts[layer].output
    return _tensor_field(target, layers.inputs, [ReceptiveField()] * len(layers.inputs))


def _path_field(path, field):
    for entry in path:
        if not 2 <= len(entry := tuple(entry)) <= 4:
            raise ValueError(f"a layer is {entry!r}: wanted (kernel, stride), and perhaps padding and dilation")
        field = field.behind(*entry)
    return field


def _tensor_field(target, inputs, fields):
    """Field of a symbolic Keras tensor where the tensors ``inputs`` have those fields: walks back through the graph."""
    known = {id(tensor): field for tensor, field in zip(inputs, fields)}
    waiting = [target]
    while waiting:
        layer, node, index = waiting[-1]._keras_history
        read = layer._inbound_nodes[node].input_tensors
        if missing := [tensor for tensor in read if id(tensor) not in known]:
            waiting += missing
            continue
        tensor = waiting.pop()
        if id(tensor) not in known:
            known[id(tensor)] = _layer_field(layer, index, [known[id(t)] for t in read], read[0].shape)
    return known[id(target)]


def _layer_field(layer, index, fields, shape):
    """Field of output ``index`` of one Keras layer that reads maps with those fields."""
    layer = getattr(layer, "network", layer)  # a block of cvhelpers.layers holds its small model there
    if hasattr(layer, "layers") and hasattr(layer, "outputs"):  # a model inside the model
        return _tensor_field(layer.outputs[index], layer.inputs, fields)
    kind, field = type(layer).__name__, _cover(layer, fields)
    if "Transpose" in kind or "UpSampling" in kind:
        raise ValueError(f"layer {layer.name!r} enlarges its maps: wanted only layers that keep or shrink them")
    if kind == "ZeroPadding2D":
        return field.behind(1, padding=layer.padding[0][0])
    if kind == "Cropping2D":
        return field._replace(start=field.start + layer.cropping[0][0] * field.jump)
    if paths := getattr(layer, "receptive_field_paths", None):
        return _cover(layer, [_path_field(path, field) for path in paths])
    kernel = _kernel(layer)
    if kernel is None:
        if any(map(_kernel, getattr(layer, "_layers", []))):
            raise ValueError(f"layer {layer.name!r} hides convolutions: wanted its receptive_field_paths")
        return field
    return field.behind(
        kernel[0], layer.strides[0], layer.padding, getattr(layer, "dilation_rate", (1,))[0], size=shape[1]
    )


def _kernel(layer):
    return getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)


def _cover(layer, fields):
    """The smallest field that covers fields which meet in one layer."""
    if len({field.jump for field in fields}) > 1:
        raise ValueError(f"layer {layer.name!r} joins maps of different strides: wanted branches of one stride")
    start = min(field.start for field in fields)
    return ReceptiveField(max(field.start + field.size for field in fields) - start, fields[0].jump, start)

"""Each operation of the course as a small NumPy function: the definitions that lessons, layers and tests refer to.

Images are batches ``(batch, height, width, channels)``. Floats keep their precision (float64 in, float64 out), but
sums of float16 are taken and given in float32; whole numbers stay whole where the result can. Arithmetic on shapes
alone lives in :mod:`cvhelpers.shapes`.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ._checks import whole_number
from .shapes import (
    ConvolutionCost,
    ReceptiveField,
    conv_cost,
    conv_output_size,
    margins,
    receptive_field,
)

__all__ = [
    "ConvolutionCost", "ReceptiveField", "average_pool2d", "batch_normalization", "conv2d", "conv2d_loops",
    "conv_cost", "conv_output_size", "cross_entropy", "margins", "max_pool2d", "receptive_field", "roi_align",
    "sigmoid", "softmax",
]  # fmt: skip

# ------------------------------------------------------------------------------------------------------------ checks


def _array(name, value, rank, wanted):
    """The value as an array of numbers with that many axes, or a ValueError that says what was wanted."""
    value = np.asarray(value)
    if value.dtype.kind not in "biufc":
        raise ValueError(f"{name} holds {value.dtype}: wanted numbers")
    if value.ndim != rank:
        hint = ""
        if name == "images" and value.ndim in (2, 3):
            hint = "; write images[None] for one image" if value.ndim == 3 else "; write images[None, :, :, None]"
        raise ValueError(f"{name} has shape {value.shape}: wanted {wanted}{hint}")
    return value


def _wide(array):
    """The array in at least float32: float16 overflows at 65,504 and keeps three digits; whole numbers as float64."""
    return array.astype(np.result_type(array, np.float32) if array.dtype.kind == "f" else np.float64, copy=False)


def _images(images):
    return _array("images", images, 4, "(batch, height, width, channels)")


# ------------------------------------------------------------------------------------------------------- convolution


def _convolution(images, kernels, bias, stride, padding):
    """Checked and padded arguments of a convolution, and its empty result."""
    images = _images(images)
    kernels = _array("kernels", kernels, 4, "(kernel_height, kernel_width, channels, filters)")
    batch, height, width, channels = images.shape
    kernel_height, kernel_width, depth, filters = kernels.shape
    if depth != channels:
        raise ValueError(
            f"images of shape {images.shape} have {channels} channels, kernels of shape {kernels.shape} have {depth}: "
            "wanted equal numbers, a filter spans the whole depth"
        )
    stride = whole_number("stride", stride)
    rows = conv_output_size(height, kernel_height, stride, padding)
    columns = conv_output_size(width, kernel_width, stride, padding)
    dtype = np.result_type(images, kernels)
    dtype = np.dtype(np.int64) if dtype.kind in "biu" else np.result_type(dtype, np.float32)
    if bias is not None:
        bias = _array("bias", bias, 1, f"({filters},), one number for each filter")
        if len(bias) != filters:
            raise ValueError(f"bias has shape {bias.shape}: wanted ({filters},), one number for each filter")
        dtype = np.result_type(dtype, bias) if dtype.kind == "i" else dtype
    zeros = margins(height, kernel_height, stride, padding), margins(width, kernel_width, stride, padding)
    if any(map(any, zeros)):
        images = np.pad(images, ((0, 0), *zeros, (0, 0)))
    return images, kernels.astype(dtype, copy=False), bias, stride, np.empty((batch, rows, columns, filters), dtype)


def conv2d_loops(images, kernels, bias=None, stride=1, padding="valid"):
    """The definition of a convolutional layer, to be read: same arguments and result as :func:`conv2d`, slow.

    Introduced in lesson 03. LeCun et al. 1998.

    >>> conv2d_loops(np.arange(9).reshape(1, 3, 3, 1), np.ones((2, 2, 1, 1), int))[0, :, :, 0]
    array([[ 8, 12],
           [20, 24]])
    """
    images, kernels, bias, stride, maps = _convolution(images, kernels, bias, stride, padding)
    kernel_height, kernel_width, _, filters = kernels.shape
    for image in range(maps.shape[0]):
        for row in range(maps.shape[1]):
            for column in range(maps.shape[2]):
                top, left = row * stride, column * stride
                window = images[image, top : top + kernel_height, left : left + kernel_width, :]
                for number in range(filters):
                    maps[image, row, column, number] = np.sum(window * kernels[:, :, :, number])
    return maps if bias is None else maps + bias.astype(maps.dtype)


def conv2d(images, kernels, bias=None, stride=1, padding="valid"):
    """Slide every filter over every image and take dot products: what ``keras.layers.Conv2D`` computes.

    As everywhere in deep learning the filter is not flipped: mathematically this is a cross-correlation.

    Args:
        images: array (batch, height, width, channels).
        kernels: array (kernel_height, kernel_width, channels, filters).
        bias: array (filters,), added to each map; nothing when None.
        stride: pixels between two positions, down and across.
        padding: ``"valid"`` (none), ``"same"`` (zeros so that stride 1 keeps the size, an odd one at the bottom or
            right, as TensorFlow), or a whole number of zeros on all four sides.

    Returns:
        array (batch, rows, columns, filters): one activation map for each image and filter. int64 when images, kernels
        and bias all are whole numbers; float32 for float16, whose sums would overflow.

    Raises:
        ValueError: wrong rank, channels that differ, a kernel larger than the image, a stride below 1, another padding.

    Introduced in lesson 02. LeCun et al. 1998; lowering to a matrix product: Chellapilla et al. 2006.

    >>> conv2d(np.ones((1, 32, 32, 3)), np.ones((5, 5, 3, 6))).shape
    (1, 28, 28, 6)
    """
    images, kernels, bias, stride, maps = _convolution(images, kernels, bias, stride, padding)
    batch, rows, columns, filters = maps.shape
    kernel_height, kernel_width, channels, _ = kernels.shape
    matrix = kernels.reshape(-1, filters)
    # One image, and of it so many rows at a time that the windows stay in the processor's cache.
    block = max(1, 2**17 // max(1, columns * len(matrix)))
    windows = np.empty((min(block, rows), columns, kernel_height, kernel_width * channels), maps.dtype)
    for image, map_ in zip(images, maps):
        # With channels last, a row of a window is one run of kernel_width * channels numbers.
        lines = np.ascontiguousarray(image).reshape(len(image), -1)
        views = sliding_window_view(lines, (kernel_height, kernel_width * channels))[::stride, :: stride * channels]
        for top in range(0, rows, block):
            part = windows[: min(block, rows - top)]
            np.copyto(part, views[top : top + block], casting="unsafe")
            map_[top : top + block] = (part.reshape(-1, len(matrix)) @ matrix).reshape(len(part), columns, filters)
    if bias is not None:
        maps += bias.astype(maps.dtype)
    return maps


# ----------------------------------------------------------------------------------------------------------- pooling


def _pool_taps(images, size, stride):
    """The images seen through each pixel of the pooling window: size x size arrays of the output's shape."""
    images, size = _images(images), whole_number("size", size)
    stride = size if stride is None else whole_number("stride", stride)
    rows, columns = (conv_output_size(side, size, stride) for side in images.shape[1:3])
    for row in range(size):
        for column in range(size):
            last_row, last_column = row + stride * (rows - 1), column + stride * (columns - 1)
            yield images[:, row : last_row + 1 : stride, column : last_column + 1 : stride]


def max_pool2d(images, size=2, stride=None):
    """The largest number in each window of each channel.

    Args:
        images: array (batch, height, width, channels).
        size: side of the window in pixels.
        stride: pixels between two windows; ``size`` when None. Pixels that fill no window are ignored.

    Returns:
        array (batch, rows, columns, channels) of the images' dtype.

    Raises:
        ValueError: wrong rank, a window larger than the image, a size or stride below 1.

    Introduced in lesson 06.

    >>> max_pool2d(np.arange(16).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 5,  7],
           [13, 15]])
    """
    first, *others = _pool_taps(images, size, stride)
    largest = first.copy()
    for tap in others:
        np.maximum(largest, tap, out=largest)
    return largest


def average_pool2d(images, size=2, stride=None):
    """The mean of each window of each channel: arguments as :func:`max_pool2d`; at least float32 comes out.

    Introduced in lesson 03. LeCun et al. 1998.

    >>> average_pool2d(np.arange(16).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    first, *others = _pool_taps(images, size, stride)
    total = first.astype(np.result_type(first, np.float32))  # a copy
    for tap in others:
        total += tap
    return total / total.dtype.type(1 + len(others))


# ------------------------------------------------------------------------------------- softmax, loss, normalization


def softmax(logits, axis=-1):
    """Turn logits into probabilities: positive, with sum 1. The largest logit is subtracted first: nothing overflows.

    Args:
        logits: array of any shape.
        axis: the axis of the classes.

    Returns:
        float array of the same shape.

    Raises:
        ValueError: there is no such axis.

    Introduced in lesson 07.

    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    exponentials = np.exp(_shifted(logits, axis))
    return exponentials / exponentials.sum(axis, keepdims=True)


def sigmoid(logits):
    """Turn each logit into a probability of its own, ``1 / (1 + exp(-logit))``; nothing overflows.

    Args:
        logits: array of any shape.

    Returns:
        float array of the same shape, between 0 and 1.

    Serves lesson 16.

    >>> sigmoid([0.0, -1000.0]).tolist()
    [0.5, 0.0]
    """
    return np.exp(-np.logaddexp(0, -_wide(np.asarray(logits))))


def _shifted(logits, axis):
    logits = _wide(np.asarray(logits))
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"logits have shape {logits.shape}, axis is {axis}: wanted one of their {logits.ndim} axes")
    return logits - logits.max(axis, keepdims=True)


def cross_entropy(logits, labels):
    """Mean cross-entropy, in nats, between the softmax of the logits and the true classes.

    Args:
        logits: array (..., classes), before any softmax.
        labels: whole numbers (...), each from 0 to classes - 1.

    Returns:
        float, the mean over all examples; as Keras with ``from_logits=True``, without its clipping.

    Raises:
        ValueError: the shapes do not belong together, or a label is no class.

    Introduced in lesson 07.

    >>> round(cross_entropy([[0.0, 0.0]], [1]), 4)
    0.6931
    """
    shifted, labels = _shifted(logits, -1), np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels hold {labels.dtype}: wanted whole numbers, the index of the true class")
    if labels.shape != shifted.shape[:-1] or not labels.size:
        raise ValueError(f"labels have shape {labels.shape}: wanted {shifted.shape[:-1]}, one for each row of logits")
    if labels.min() < 0 or labels.max() >= shifted.shape[-1]:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}: wanted 0 to {shifted.shape[-1] - 1}")
    true = np.take_along_axis(shifted, labels[..., None], -1)[..., 0]
    return float(np.mean(np.log(np.exp(shifted).sum(-1)) - true))


def batch_normalization(inputs, gamma=1.0, beta=0.0, mean=None, variance=None, epsilon=1e-3):
    """Give every channel mean 0 and variance 1, then scale and shift it.

    Args:
        inputs: array (..., channels).
        gamma, beta: learned scale and shift, numbers or arrays (channels,).
        mean, variance: arrays (channels,): the moving averages that are used at inference. As in training, the
            statistics of these inputs are taken when both are None.
        epsilon: added to the variance; Keras's default.

    Returns:
        float array of the shape of the inputs.

    Raises:
        ValueError: only one of mean and variance is given, or a parameter does not fit the channels.

    Introduced in lesson 14. Ioffe and Szegedy 2015.

    >>> batch_normalization(np.array([[1.0], [3.0]]), epsilon=0)
    array([[-1.],
           [ 1.]])
    """
    inputs = _wide(np.asarray(inputs))
    if inputs.ndim < 2:
        raise ValueError(f"inputs have shape {inputs.shape}: wanted (..., channels) with at least two axes")
    if (mean is None) != (variance is None):
        raise ValueError("only one of mean and variance is given: wanted both (inference) or neither (training)")
    if mean is None:
        axes = tuple(range(inputs.ndim - 1))
        mean, variance = inputs.mean(axes), inputs.var(axes)
    parameters = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
    for name, value in parameters.items():
        parameters[name] = value = np.asarray(value, inputs.dtype)
        if value.shape not in ((), inputs.shape[-1:]):
            raise ValueError(f"{name} has shape {value.shape}: wanted {inputs.shape[-1:]}, one number for each channel")
    gamma, beta, mean, variance = parameters.values()
    return (inputs - mean) * (gamma / np.sqrt(variance + inputs.dtype.type(epsilon))) + beta


# --------------------------------------------------------------------------------------------------------- RoI align


def roi_align(features, boxes, size, stride=1, samples=1):
    """Cut boxes out of a feature map and resize each to the same grid, without rounding any coordinate.

    Every cell of the grid is the mean of samples x samples points, read bilinearly. The centre of a pixel lies half a
    pixel behind its edge: that shift is part of the computation. Points outside the map read its nearest pixel.

    Args:
        features: float array (height, width, channels), the map of one image.
        boxes: array (n, 4), xyxy in pixels of the image.
        size: side of the grid, or (rows, columns).
        stride: pixels of the image for one pixel of the map, along each side.
        samples: points along each side of a cell.

    Returns:
        float array (n, rows, columns, channels).

    Raises:
        ValueError: wrong rank, boxes without four numbers, a size or number of samples below 1, a stride not above 0.

    Introduced in lesson 17. He et al. 2017, section 3.

    >>> roi_align(np.arange(16.0).reshape(4, 4, 1), [[0, 0, 2, 2]], size=1, samples=2).item()
    2.5
    """
    features = _array("features", features, 3, "(height, width, channels)")
    features = _wide(features)
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes have shape {boxes.shape}: wanted (n, 4), xyxy")
    if not stride > 0:
        raise ValueError(f"stride is {stride!r}: wanted a number above 0")
    samples = whole_number("samples", samples)
    sides = [whole_number("size", side) for side in ((size, size) if np.ndim(size) == 0 else size)]

    def weights(low, high, cells, length):
        """How much each of ``length`` pixels counts in each cell between two edges: (n, cells, length)."""
        steps = (np.arange(cells * samples) + 0.5) / (cells * samples)
        points = np.clip((low + (high - low) * steps) / stride - 0.5, 0, length - 1)
        hats = np.maximum(0, 1 - abs(points[..., None] - np.arange(length)))
        return hats.reshape(len(hats), cells, samples, length).mean(2).astype(features.dtype)

    left, top, right, bottom = np.split(boxes, 4, axis=1)
    down, across = weights(top, bottom, sides[0], features.shape[0]), weights(left, right, sides[1], features.shape[1])
    rows = np.tensordot(down, features, axes=(2, 0))  # (n, rows, width, channels)
    return np.matmul(across[:, None], rows)

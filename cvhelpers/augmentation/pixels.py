"""What the augmentation layers do to pixels, masks and boxes: pure TensorFlow functions without random numbers.

Each function is small enough for one compiled call, since XLA is fastest when a pass over the image stands alone:
one call for everything would repeat the gathers of a resampling in each of its consumers. A *planar* batch has the
layout (batch, width, channels, height): rows became contiguous, so that gathers copy memory and arithmetic runs on
whole vectors. A *transform* is a float32 tensor (batch, 3, 3) that maps a point of the output, as (x, y, 1) in
pixel edges, to its point of the input.
"""

import numpy as np

from .._quiet import tf

TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def to_float(values):
    return tf.cast(values, tf.float32)


def restore(values, dtype, value_range):
    """Clip float values to the range and give them the dtype; whole-number types are rounded, never wrapped around.

    >>> restore(tf.constant([-3.0, 99.6, 300.0]), tf.uint8, (0, 255)).numpy()
    array([  0, 100, 255], dtype=uint8)
    """
    values = tf.clip_by_value(values, float(value_range[0]), float(value_range[1]))
    return tf.cast(tf.round(values) if dtype.is_integer else values, dtype)


# ---------------------------------------------------------------- geometry


def axis_transform(batch, x_scale=1.0, x_start=0.0, y_scale=1.0, y_start=0.0):
    """Transform (batch, 3, 3) without rotation: input = start + scale * output on each axis.

    >>> axis_transform(1, x_scale=-1.0, x_start=8.0).numpy()[0].tolist()
    [[-1.0, 0.0, 8.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    zero, one = tf.zeros((batch,)), tf.ones((batch,))
    rows = [one * x_scale, zero, one * x_start, zero, one * y_scale, one * y_start, zero, zero, one]
    return tf.reshape(tf.stack(rows, -1), (-1, 3, 3))


def separable_taps(transform, height_in, width_in, height, width):
    """`neighbours` for the rows and for the columns of an output of this size, by a transform without rotation."""
    rows = positions(transform[:, 1, 2], transform[:, 1, 1], height)
    columns = positions(transform[:, 0, 2], transform[:, 0, 0], width)
    return neighbours(rows, height_in), neighbours(columns, width_in)


def positions(start, scale, size_out):
    """Where the centre of every output pixel lies on one axis of the input, in pixel edges: (batch, size_out)."""
    return start[:, None] + scale[:, None] * (tf.range(size_out, dtype=tf.float32) + 0.5)


def neighbours(position, size_in):
    """The two input pixels around each position and the weight of the second, for linear interpolation."""
    place = tf.clip_by_value(position - 0.5, 0.0, to_float(size_in) - 1.0)
    first = tf.cast(place, tf.int32)
    return first, tf.minimum(first + 1, size_in - 1), place - to_float(first)


def resample_rows(images, first, second, weight):
    """Interpolate between rows: (batch, height, width, channels) -> (batch, out, width * channels).

    uint8 becomes uint16 with 8 fractional bits (exact enough: the result is within one grey level), all else float32.
    """
    batch, height, width, channels = shape_of(images)
    rows = tf.reshape(images, (batch, height, width * channels))
    return _mix(rows, first, second, weight, tf.uint16 if images.dtype == tf.uint8 else None, 256)


def resample_columns(planar, first, second, weight, dtype):
    """Interpolate between columns of a planar batch; uint16 from `resample_rows` becomes ``dtype`` again."""
    batch, width, channels, height = shape_of(planar)
    columns = tf.reshape(planar, (batch, width, channels * height))
    if dtype == tf.uint8:
        mixed = _mix(columns, first, second, weight, tf.uint32, 65536)
        half, bits = tf.constant(1 << 23, tf.uint32), tf.constant(24, tf.uint32)
        mixed = tf.cast(tf.bitwise.right_shift(mixed + half, bits), dtype)
    else:
        mixed = _mix(columns, first, second, weight)
        mixed = tf.cast(tf.round(mixed) if dtype.is_integer else mixed, dtype)
    return tf.reshape(mixed, (batch, -1, channels, height))


def _mix(lines, first, second, weight, fixed=None, one=1):
    a, b, weight = tf.gather(lines, first, batch_dims=1), tf.gather(lines, second, batch_dims=1), weight[..., None]
    if fixed is not None:
        weight = tf.cast(tf.round(weight * one), fixed)
        return tf.cast(a, fixed) * (tf.constant(one, fixed) - weight) + tf.cast(b, fixed) * weight
    return to_float(a) * (1 - weight) + to_float(b) * weight


def to_planar(images, channels=None):
    """(batch, height, width, channels) -> (batch, width, channels, height), or the same from `resample_rows`."""
    shape = shape_of(images)
    channels = channels or shape[3]
    flat = tf.reshape(images, (shape[0], shape[1], -1))
    return tf.reshape(tf.transpose(flat, (0, 2, 1)), (shape[0], -1, channels, shape[1]))


def from_planes(planes):
    """Channels as a list of (batch, width, height) -> images (batch, height, width, channels)."""
    return tf.stack([tf.transpose(plane, (0, 2, 1)) for plane in planes], -1)


def mirror(images, transform):
    """Flip those images whose transform has a negative scale; exact, all dtypes, images or masks."""
    flip = [transform[:, axis, axis] < 0 for axis in (0, 1)]
    images = tf.where(flip[0][:, None, None, None], tf.reverse(images, (2,)), images)
    return tf.where(flip[1][:, None, None, None], tf.reverse(images, (1,)), images)


def warp(images, transform, height, width, fill):
    """Resample by any transform with bilinear interpolation; what lies outside the input becomes ``fill``."""
    batch, height_in, width_in, channels = shape_of(images)
    x, y = _points(transform, height, width)
    flat = tf.reshape(images, (batch, height_in * width_in, channels))
    total, covered = 0.0, 0.0
    for dy in (0.0, 1.0):
        for dx in (0.0, 1.0):
            column, row = tf.floor(x - 0.5) + dx, tf.floor(y - 0.5) + dy
            weight = (1 - tf.abs(x - 0.5 - column)) * (1 - tf.abs(y - 0.5 - row))
            index, inside = _flat_index(column, row, height_in, width_in)
            weight = tf.where(inside, weight, 0.0)[..., None]
            total += weight * to_float(tf.gather(flat, index, batch_dims=1))
            covered += weight
    values = tf.reshape(total + (1 - covered) * fill, (batch, height, width, channels))
    return tf.cast(tf.round(values) if images.dtype.is_integer else values, images.dtype)


def nearest(masks, transform, height, width, fill):
    """Resample masks by any transform: the value of the pixel around the point, ``fill`` outside; all dtypes."""
    batch, height_in, width_in, channels = shape_of(masks)
    x, y = _points(transform, height, width)
    index, inside = _flat_index(tf.floor(x), tf.floor(y), height_in, width_in)
    flat = tf.gather(tf.reshape(masks, (batch, height_in * width_in, channels)), index, batch_dims=1)
    flat = tf.where(inside[..., None], flat, tf.cast(fill, masks.dtype))
    return tf.reshape(flat, (batch, height, width, channels))


def _points(transform, height, width):
    """Input x and y of the centres of all output pixels, each (batch, height * width)."""
    row, column = tf.meshgrid(tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32), indexing="ij")
    column, row = tf.reshape(column + 0.5, (1, -1)), tf.reshape(row + 0.5, (1, -1))
    points = (
        transform[:, axis, 0, None] * column + transform[:, axis, 1, None] * row + transform[:, axis, 2, None]
        for axis in (0, 1)
    )
    return tuple(points)


def _flat_index(column, row, height, width):
    inside = (column >= 0) & (row >= 0) & (column < to_float(width)) & (row < to_float(height))
    column = tf.clip_by_value(tf.cast(column, tf.int32), 0, width - 1)
    return tf.clip_by_value(tf.cast(row, tf.int32), 0, height - 1) * width + column, inside


def move_boxes(boxes, transform, height, width):
    """Boxes of the output: the tight box around the four moved corners, clipped to the image.

    Args:
        boxes: (batch, n, 4), xyxy in pixels of the input.
        transform: (batch, 3, 3), output to input.
        height, width: of the output.

    Returns:
        float32 (batch, n, 4), and bool (batch, n): whether anything of the box is left inside the image.
    """
    x1, y1, x2, y2 = tf.unstack(to_float(boxes), axis=-1)
    corners = tf.stack([tf.stack([x1, x2, x1, x2], -1), tf.stack([y1, y1, y2, y2], -1)], 1)  # (batch, 2, n, 4)
    inverse = tf.linalg.inv(transform)
    corners = tf.einsum("bij,bjnk->bink", inverse[:, :2, :2], corners) + inverse[:, :2, 2][:, :, None, None]
    limit = tf.stack([to_float(width), to_float(height)])[:, None]
    low, high = (tf.clip_by_value(edge(corners, -1), 0.0, limit) for edge in (tf.reduce_min, tf.reduce_max))
    inside = tf.reduce_all(high > low, 1)
    moved = tf.transpose(tf.concat([low, high], 1), (0, 2, 1))
    return tf.where(inside[..., None], moved, 0.0), inside


def shape_of(tensor):
    """The sizes of a tensor: Python integers where they are known, scalars of TensorFlow where not."""
    dynamic = tf.shape(tensor)
    return [size if size is not None else dynamic[i] for i, size in enumerate(tensor.shape)]


# ---------------------------------------------------------------- colour


def colour_matrix(steps, mean):
    """Fold colour changes into one matrix and one offset per image: each of them is linear in red, green, blue.

    Args:
        steps: list of (shift, contrast, saturation, hue), each (batch,) or None for no change; hue as an angle.
        mean: float (batch, channels), mean colour of each image; only contrast needs it.

    Returns:
        matrix: float32 (batch, channels, channels), or (batch, 1, 1) when all channels change alike.
        offset: float32 (batch, channels).
    """
    matrix, offset = tf.ones((1, 1, 1)), tf.zeros_like(mean)
    for shift, contrast, saturation, hue in steps:
        if shift is not None:
            offset, mean = offset + shift[:, None], mean + shift[:, None]
        if contrast is not None:
            factor = contrast[:, None]
            centre = (1 - factor) * tf.reduce_mean(mean, 1, keepdims=True)
            matrix, offset, mean = factor[..., None] * matrix, factor * offset + centre, factor * mean + centre
        if saturation is not None or hue is not None:
            turn = _chroma(saturation, hue)
            offset, mean = tf.linalg.matvec(turn, offset), tf.linalg.matvec(turn, mean)
            matrix = turn * matrix if matrix.shape[-1] == 1 else tf.matmul(turn, matrix)
    return matrix, offset


def _chroma(saturation, hue):
    """Stretch (saturation) and turn (hue) the two colour axes of YIQ; brightness stays: (batch, 3, 3)."""
    saturation = tf.ones_like(hue) if saturation is None else saturation
    hue = tf.zeros_like(saturation) if hue is None else hue
    cos, sin = saturation * tf.cos(hue), saturation * tf.sin(hue)
    zero, one = tf.zeros_like(cos), tf.ones_like(cos)
    turn = tf.reshape(tf.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], -1), (-1, 3, 3))
    return tf.einsum("ij,bjk,kl->bil", np.linalg.inv(TO_YIQ).astype("float32"), turn, np.float32(TO_YIQ))


def mean_colour(images, planar):
    """Mean of each channel, (batch, channels); one axis after the other, which XLA turns into vector code."""
    whole = images.dtype in (tf.uint8, tf.int8, tf.uint16, tf.int16)
    total = tf.reduce_sum(tf.cast(images, tf.int32) if whole else to_float(images), 1)
    other = 2 if planar else 1  # after the first sum
    sizes = shape_of(images)
    return to_float(tf.reduce_sum(total, other)) / to_float(sizes[1] * sizes[1 + other])


def finish(images, steps, stamps, planar, value_range):
    """Colour, cutout and noise in one pass over a batch.

    Args:
        images: (batch, height, width, channels), or planar (batch, width, channels, height).
        steps: as for `colour_matrix`; an empty list changes no colour.
        stamps: list of ``("hole", (top, left, height, width, value))`` with int32 (batch,) twice, the size, a number
            per channel, and ``("noise", (numbers, pepper, salt))`` with uint16 (batch, height, width): pixels below the
            number ``pepper`` become darkest, those below ``salt`` brightest.
        planar: which of the two layouts.
        value_range: darkest and brightest value.

    Returns:
        list of tensors of the same dtype: one (batch, width, height) for each channel of a planar batch, otherwise
        the images alone.
    """
    dtype, channels = images.dtype, images.shape[2 if planar else 3]
    parts = tf.unstack(images, axis=2) if planar else [images]
    extra = (slice(None), None, None) if planar else (slice(None), None, None, None)
    if steps:
        needs_mean = any(contrast is not None for _, contrast, _, _ in steps)
        mean = mean_colour(images, planar) if needs_mean else tf.zeros((shape_of(images)[0], channels))
        matrix, offset = colour_matrix(steps, mean)
        floats = [to_float(part) for part in parts]
        if matrix.shape[-1] == 1:
            floats = [matrix[:, 0, 0][extra] * part + offset[:, 0][extra] for part in floats]
        else:
            terms = [[matrix[:, i, j][extra] * floats[j] for j in range(3)] for i in range(3)]
            floats = [sum(terms[i]) + offset[:, i][extra] for i in range(3)]
        parts = [restore(part, dtype, value_range) for part in floats]
    for name, numbers in stamps:
        parts = (_cover if name == "hole" else _sprinkle)(parts, planar, value_range, *numbers)
    return parts


def _cover(parts, planar, value_range, top, left, high, wide, value):
    height, width = (shape_of(parts[0])[axis] for axis in ((2, 1) if planar else (1, 2)))
    rows, columns = _span(top, high, height), _span(left, wide, width)
    hole = rows[:, None, :] & columns[:, :, None] if planar else (rows[:, :, None] & columns[:, None, :])[..., None]
    fills = np.broadcast_to(value, len(parts) if planar else parts[0].shape[-1]).tolist()
    fills = [tf.constant(v, parts[0].dtype) for v in (fills if planar else [fills])]
    return [tf.where(hole, fill, part) for fill, part in zip(fills, parts)]


def _sprinkle(parts, planar, value_range, numbers, pepper, salt):
    numbers = tf.cast(tf.transpose(numbers, (0, 2, 1)) if planar else numbers[..., None], tf.int32)
    low, high = (tf.constant(v, parts[0].dtype) for v in value_range)
    return [tf.where(numbers < salt, tf.where(numbers < pepper, low, high), part) for part in parts]


def _span(start, length, size):
    place = tf.range(size)[None]
    return (place >= start[:, None]) & (place < start[:, None] + length)

"""What the augmentation layers do to pixels, masks and boxes: pure TensorFlow functions without random numbers.

Each function is small enough for one compiled call, since XLA is fastest when a pass over the image stands alone:
one call for everything would repeat the gathers of a resampling in each of its consumers. A *planar* batch has the
layout (batch, width, channels, height): rows became contiguous, so that gathers copy memory and arithmetic runs on
whole vectors. A *transform* is a float32 tensor (batch, 3, 3) that maps a point of the output, as (x, y, 1) in
pixel edges, to its point of the input.
"""

import math

import numpy as np

from .._quiet import tf

ROUNDING = 1.5 * 2**23  # float32 has no fractions at this size: a sum with it ends in the rounded number
TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def to_float(values):
    return tf.cast(values, tf.float32)


def restore(values, dtype, value_range):
    """Clip float values to the range and give them the dtype; whole-number types are rounded, never wrapped around.

    >>> restore(tf.constant([-3.0, 99.6, 300.0]), tf.uint8, (0, 255)).numpy()
    array([  0, 100, 255], dtype=uint8)
    """
    values = tf.minimum(tf.maximum(values, float(value_range[0])), float(value_range[1]))
    if dtype.is_integer and max(map(abs, value_range)) <= 2**22:  # the bits are faster than tf.round and a cast
        whole = tf.bitcast(values + ROUNDING, tf.int32) - np.float32(ROUNDING).view(np.int32)
        return tf.cast(whole, dtype)
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
    """`taps` for the rows and for the columns of an output of this size, by a transform without rotation."""
    rows = taps(transform[:, 1, 2], transform[:, 1, 1], height_in, height)
    return rows, taps(transform[:, 0, 2], transform[:, 0, 0], width_in, width)


def taps(start, scale, size_in, size_out):
    """Which input pixels every output pixel of one axis is made of: linear interpolation, antialiased when shrinking.

    The weights fall linearly from the centre to a distance of one input pixel, or of one output pixel where that is
    larger, as ``tf.image.resize(antialias=True)`` has it; what lies outside the input does not count.

    Args:
        start, scale: (batch,), input = start + scale * output, in pixel edges.
        size_in, size_out: of the axis; the cut may not be wider than the input.

    Returns:
        index: int32 (batch, size_out, n), and weight: float32 of the same shape, which sums to 1.
    """
    centre = start[:, None] + scale[:, None] * (tf.range(size_out, dtype=tf.float32) + 0.5) - 0.5
    reach = tf.maximum(tf.abs(scale), 1.0)[:, None]
    first = tf.math.ceil(centre - reach)
    if isinstance(size_in, int) and isinstance(size_out, int):
        count = math.ceil(2 * max(size_in / size_out, 1))
    else:
        count = tf.cast(tf.math.ceil(2 * tf.maximum(to_float(size_in) / to_float(size_out), 1.0)), tf.int32)
    place = first[..., None] + to_float(tf.range(count))
    weight = tf.maximum(1 - tf.abs(place - centre[..., None]) / reach[..., None], 0.0)
    weight = tf.where((place >= 0) & (place < to_float(size_in)), weight, 0.0)
    weight /= tf.reduce_sum(weight, -1, keepdims=True)
    return tf.clip_by_value(tf.cast(place, tf.int32), 0, size_in - 1), weight


def resample_rows(images, index, weight):
    """Mix rows: (batch, height, width, channels) -> (batch, out, width * channels), float32 or still uint8."""
    batch, height, width, channels = shape_of(images)
    return _mix(tf.reshape(images, (batch, height, width * channels)), index, weight)


def resample_columns(planar, index, weight, dtype):
    """Mix columns of a planar batch and give it the dtype of the images; whole numbers are rounded."""
    batch, width, channels, height = shape_of(planar)
    mixed = _mix(tf.reshape(planar, (batch, width, channels * height)), index, weight)
    mixed = tf.cast(tf.round(mixed) if dtype.is_integer and mixed.dtype.is_floating else mixed, dtype)
    return tf.reshape(mixed, (batch, shape_of(mixed)[1], channels, height))


def _mix(lines, index, weight):
    """Weighted sums of lines (batch, size_in, n): (batch, size_out, n), float32, or uint8 for two lines of uint8."""
    dtype, count = lines.dtype, index.shape[-1]
    if count is None:  # the size is known at run time only
        return tf.einsum("bot,botn->bon", weight, to_float(tf.gather(lines, index, batch_dims=1)))
    if count == 2 and dtype == tf.uint8:  # whole numbers are faster: weights in 65536ths
        second = tf.cast(tf.round(weight[..., 1:] * 65536), tf.uint32)
        a, b = (tf.cast(tf.gather(lines, index[..., i], batch_dims=1), tf.uint32) for i in (0, 1))
        mixed = a * (tf.constant(65536, tf.uint32) - second) + b * second + tf.constant(32768, tf.uint32)
        return tf.cast(tf.bitwise.right_shift(mixed, tf.constant(16, tf.uint32)), dtype)
    parts = ((tf.gather(lines, index[..., i], batch_dims=1), weight[..., i, None]) for i in range(count))
    return sum(to_float(part) * share for part, share in parts)


def to_planar(images, channels):
    """(batch, height, width, channels) or (batch, height, width * channels) -> (batch, width, channels, height)."""
    batch, height, *line = shape_of(images)
    flat = tf.reshape(images, (batch, height, math.prod(line)))
    return tf.reshape(tf.transpose(flat, (0, 2, 1)), (batch, math.prod(line) // channels, channels, height))


def from_planes(planes):
    """Channels as a list of (batch, width, height) -> images (batch, height, width, channels)."""
    if tf.executing_eagerly():  # one turn of bytes that lie side by side
        batch, width, height = shape_of(planes[0])
        lines = tf.reshape(tf.stack(planes, 2), (batch, width * len(planes), height))
        return tf.reshape(tf.transpose(lines, (0, 2, 1)), (batch, height, width, len(planes)))
    return tf.stack([tf.transpose(plane, (0, 2, 1)) for plane in planes], -1)


def split_words(planar, channels):
    """Planar words (batch, n, 1, height), four bytes each -> planar bytes (batch, width, channels, height)."""
    four = [tf.cast(tf.bitwise.right_shift(planar, tf.constant(8 * k, tf.uint32)), tf.uint8) for k in range(4)]
    batch, count, _, height = shape_of(planar)
    return tf.reshape(tf.concat(four, 2), (batch, count * 4 // channels, channels, height))


def pack_words(planes):
    """As many planes of words, (batch, width / 4, height), as planes of bytes: four bytes that are image neighbours."""
    near = [tf.cast(plane[:, k::4], tf.uint32) for k in range(4) for plane in planes]
    place = [tf.constant(256**k, tf.uint32) for k in range(4)]
    return [sum(byte * factor for byte, factor in zip(near[k : k + 4], place)) for k in range(0, len(near), 4)]


def mirror(images, transform):
    """Flip those images whose transform has a negative scale; exact, all dtypes, images or masks."""
    batch = tf.shape(images)[0]
    for axis in (0, 1):
        flip = transform[:, axis, axis] < 0
        if not tf.executing_eagerly() or tf.reduce_any(flip):  # whole images picked: `where` would go pixel by pixel
            both = tf.concat([images, tf.reverse(images, (2 - axis,))], 0)
            images = tf.gather(both, tf.range(batch) + tf.where(flip, batch, 0))
    return images


def warp(images, transform, height, width, fill, samples=1, own=True):
    """Resample by any transform with bilinear interpolation; what lies outside the input becomes ``fill``.

    Args:
        images: (batch, height, width, channels).
        transform: (batch, 3, 3), output to input.
        height, width: of the output.
        fill: a number.
        samples: how many points along each side of an output pixel are averaged. They lie as far apart as an output
            pixel is wider than an input pixel, so that nothing is blurred where nothing shrinks.
        own: by our own gathers, which XLA can compile; TensorFlow's own operation, three times as fast, it cannot.
    """
    total, covered = 0.0, 0.0
    spread = tf.maximum(1 - 1 / tf.maximum(tf.sqrt(tf.reduce_sum(transform[:, :2, :2] ** 2, 1)), 1e-6), 0.0)  # x, y
    for i in range(samples * samples):
        step = ((i // samples + 0.5) / samples - 0.5, (i % samples + 0.5) / samples - 0.5)
        offset = tf.einsum("bij,bj->bi", transform[:, :2, :2], spread * tf.constant(step))
        if not own:
            total += _projected(images, transform, offset, height, width, fill)
            continue
        x, y = _points(transform, height, width)
        share, hit = _bilinear(images, x + offset[:, :1], y + offset[:, 1:])
        total, covered = total + share, covered + hit
    values = (total + (samples * samples - covered) * fill * own) / (samples * samples)
    values = tf.reshape(values, (shape_of(images)[0], height, width, shape_of(images)[3]))
    return tf.cast(tf.round(values) if images.dtype.is_integer else values, images.dtype)


def _projected(images, transform, offset, height, width, fill):
    """Bilinear resampling by TensorFlow's operation, which counts from the centre of the first pixel."""
    turn = transform[:, :2, :2]
    start = transform[:, :2, 2] + offset + tf.reduce_sum(turn, 2) / 2 - 0.5
    rows = tf.pad(tf.reshape(tf.concat([turn, start[..., None]], 2), (-1, 6)), [(0, 0), (0, 2)])
    project = tf.raw_ops.ImageProjectiveTransformV3
    how = {"interpolation": "BILINEAR", "fill_mode": "CONSTANT", "fill_value": fill}
    return project(images=to_float(images), transforms=rows, output_shape=tf.stack([height, width]), **how)


def _bilinear(images, x, y):
    """Weighted sum of the up to four pixels around each point, (batch, n, channels), and the sum of their weights."""
    batch, height, width, channels = shape_of(images)
    flat = tf.reshape(images, (batch, height * width, channels))
    total, covered = 0.0, 0.0
    for dy in (0.0, 1.0):
        for dx in (0.0, 1.0):
            column, row = tf.floor(x - 0.5) + dx, tf.floor(y - 0.5) + dy
            weight = (1 - tf.abs(x - 0.5 - column)) * (1 - tf.abs(y - 0.5 - row))
            index, inside = _flat_index(column, row, height, width)
            weight = tf.where(inside, weight, 0.0)[..., None]
            total += weight * to_float(tf.gather(flat, index, batch_dims=1))
            covered += weight
    return total, covered


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
    return [
        transform[:, axis, 0, None] * column + transform[:, axis, 1, None] * row + transform[:, axis, 2, None]
        for axis in (0, 1)
    ]


def _flat_index(column, row, height, width):
    inside = (column >= 0) & (row >= 0) & (column < to_float(width)) & (row < to_float(height))
    column = tf.clip_by_value(tf.cast(column, tf.int32), 0, width - 1)
    return tf.clip_by_value(tf.cast(row, tf.int32), 0, height - 1) * width + column, inside


def move_boxes(boxes, transform, height, width, least_side=0.0, min_visibility=0.0):
    """Boxes of the output: the tight box around the four moved corners, clipped to the image.

    Args:
        boxes: (batch, n, 4), xyxy in pixels of the input.
        transform: (batch, 3, 3), output to input.
        height, width: of the output.
        least_side: pixels that both sides must have after clipping.
        min_visibility: share of the moved box's area that must lie inside the image.

    Returns:
        float32 (batch, n, 4), zeros for boxes that are gone, and bool (batch, n): whether a box is left.
    """
    x1, y1, x2, y2 = tf.unstack(to_float(boxes), axis=-1)
    corners = tf.stack([tf.stack([x1, x2, x1, x2], -1), tf.stack([y1, y1, y2, y2], -1)], 1)  # (batch, 2, n, 4)
    inverse = tf.linalg.inv(transform)
    corners = tf.einsum("bij,bjnk->bink", inverse[:, :2, :2], corners) + inverse[:, :2, 2][:, :, None, None]
    limit = tf.stack([to_float(width), to_float(height)])[:, None]
    ends = [edge(corners, -1) for edge in (tf.reduce_min, tf.reduce_max)]  # each (batch, 2, n)
    low, high = (tf.clip_by_value(end, 0.0, limit) for end in ends)
    inside = tf.reduce_all((high > low) & (high - low >= least_side - 1e-3), 1)
    visible = tf.reduce_prod(high - low, 1) >= (min_visibility - 1e-5) * tf.reduce_prod(ends[1] - ends[0], 1)
    moved = tf.transpose(tf.concat([low, high], 1), (0, 2, 1))
    return tf.where((inside & visible)[..., None], moved, 0.0), inside & visible


def shape_of(tensor):
    """The sizes of a tensor: Python integers where they are known, scalars of TensorFlow where not."""
    dynamic = tf.shape(tensor)
    return [size if size is not None else dynamic[i] for i, size in enumerate(tensor.shape)]


# ---------------------------------------------------------------- colour


def colour_where(happens, colour):
    """(shift, contrast, saturation, hue) with no change for the images whose coin (batch,) says so; None: for none."""
    if happens is None:
        return colour
    still = (0.0, 1.0, 1.0, 0.0)
    return tuple(None if value is None else tf.where(happens, value, same) for value, same in zip(colour, still))


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
    cos, sin = saturation * tf.cos(hue), -saturation * tf.sin(hue)  # from red over yellow to green
    zero, one = tf.zeros_like(cos), tf.ones_like(cos)
    turn = tf.reshape(tf.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], -1), (-1, 3, 3))
    return tf.einsum("ij,bjk,kl->bil", np.linalg.inv(TO_YIQ).astype("float32"), turn, np.float32(TO_YIQ))


def mean_colour(images, planar):
    """Mean of each channel, (batch, channels)."""
    batch, first, width, last = shape_of(images)
    lines = tf.reshape(images, (batch, first, -1))
    whole = images.dtype == tf.uint8
    if whole and isinstance(first, int) and not tf.executing_eagerly():  # 256 lines fit in 16 bits: vector code
        groups = min(max(16, math.isqrt(first)), 256, first)
        size = first // groups
        total = tf.cast(sum(tf.cast(lines[:, i * size : (i + 1) * size], tf.uint16) for i in range(groups)), tf.int32)
        total = sum(total[:, i] for i in range(size))  # written out; XLA's own reduction reads one number at a time
        total += tf.reduce_sum(tf.cast(lines[:, groups * size :], tf.int32), 1)
    else:
        total = tf.reduce_sum(tf.cast(lines, tf.int32 if whole else tf.float32), 1)
    total = tf.reshape(tf.cast(total, tf.float64), (batch, width, last))  # photographs exceed 32 bits
    total = to_float(tf.reduce_sum(total, 2 if planar else 1))
    return total / to_float(first * (last if planar else width))


def finish(images, steps, stamps, planar, value_range):
    """Colour, cutout and noise in one pass over a batch.

    Args:
        images: (batch, height, width, channels), or planar (batch, width, channels, height).
        steps: as for `colour_matrix`; an empty list changes no colour.
        stamps: list of ``("hole", (top, left, high, wide, value))``, int32 (batch,) four times and a number for each
            channel or for all, and ``("noise", (numbers, pepper, salt))``, uint16 (batch, height, width) and int32
            (batch,) twice: pixels below ``pepper`` become darkest, the others below ``salt`` brightest.
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


def finish_words(images, steps, stamps, planar, value_range):
    """`finish` for a planar batch of bytes, with words as result."""
    return pack_words(finish(images, steps, stamps, planar, value_range))


def stamp_where(happens, name, numbers):
    """A stamp as `finish` takes it, without effect on the images whose coin (batch,) says so; None: on none."""
    only = lambda n: n if happens is None else tf.where(happens, n, 0)  # noqa: E731
    if name == "hole":
        top, left, high, wide, value = numbers
        return name, (top, left, only(high), wide, value)
    numbers, pepper, salt = numbers
    return name, (numbers, only(pepper), only(salt))


def _cover(parts, planar, value_range, top, left, high, wide, value):
    height, width = (shape_of(parts[0])[axis] for axis in ((2, 1) if planar else (1, 2)))
    rows, columns = _span(top, high, height), _span(left, wide, width)
    hole = rows[:, None, :] & columns[:, :, None] if planar else (rows[:, :, None] & columns[:, None, :])[..., None]
    fills = np.broadcast_to(value, len(parts) if planar else parts[0].shape[-1]).tolist()
    fills = [tf.cast(v, parts[0].dtype) for v in (fills if planar else [fills])]
    return [tf.where(hole, fill, part) for fill, part in zip(fills, parts)]


def _sprinkle(parts, planar, value_range, numbers, pepper, salt):
    numbers = tf.cast(tf.transpose(numbers, (0, 2, 1)) if planar else numbers[..., None], tf.int32)
    extra = (slice(None), *[None] * (numbers.shape.rank - 1))
    pepper, salt = pepper[extra], salt[extra]
    low, high = (tf.constant(v, parts[0].dtype) for v in value_range)
    return [tf.where(numbers < salt, tf.where(numbers < pepper, low, high), part) for part in parts]


def _span(start, length, size):
    place = tf.range(size)[None]
    return (place >= start[:, None]) & (place < (start + length)[:, None])

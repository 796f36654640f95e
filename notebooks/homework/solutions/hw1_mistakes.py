"""Homework 1: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# q1: output size


def q1_wrong_one_side(size, kernel, stride=1, padding=0):
    """Both ends get `padding` pixels: it looks as if you added them at one end only."""
    return (size + padding - kernel) // stride + 1


def q1_wrong_no_padding(size, kernel, stride=1, padding=0):
    """It looks as if `padding` is not used."""
    return (size - kernel) // stride + 1


def q1_wrong_no_stride(size, kernel, stride=1, padding=0):
    """It looks as if `stride` is not used."""
    return size + 2 * padding - kernel + 1


def q1_wrong_plus_one_first(size, kernel, stride=1, padding=0):
    """The first place counts always: divide by the stride first, then add 1."""
    return (size + 2 * padding - kernel + 1) // stride


def q1_wrong_no_plus_one(size, kernel, stride=1, padding=0):
    """You count the steps of the window; there is one place more than steps."""
    return (size + 2 * padding - kernel) // stride


def q1_wrong_not_rounded(size, kernel, stride=1, padding=0):
    """A window that does not fit is left out: round down, with // instead of /."""
    return (size + 2 * padding - kernel) / stride + 1


def q1_wrong_rounded_up(size, kernel, stride=1, padding=0):
    """A window that does not fit is left out: round down, not up."""
    return -(-(size + 2 * padding - kernel) // stride) + 1


def q1_wrong_padding_late(size, kernel, stride=1, padding=0):
    """The padding is added at the end: it makes the row longer, so it comes before the division by the stride."""
    return (size - kernel) // stride + 1 + 2 * padding


def q1_wrong_kernel_late(size, kernel, stride=1, padding=0):
    """The kernel is subtracted after the division: first what is left of the row, then divide by the stride."""
    return (size + 2 * padding) // stride - kernel + 1


def q1_wrong_nearest(size, kernel, stride=1, padding=0):
    """`round` goes to the nearest whole number: a window that does not fit any more does not count, so round down."""
    return round((size + 2 * padding - kernel) / stride + 1)


def q1_wrong_no_kernel(size, kernel, stride=1, padding=0):
    """The size of the window plays no part here: that is the rule for padding "same". A window needs `kernel` pixels.
    """
    return -(-size // stride)


def q1_right_count(size, kernel, stride=1, padding=0):
    return len(range(0, size + 2 * padding - kernel + 1, stride))


def q1_right_numpy_integer(size, kernel, stride=1, padding=0):
    return np.int64((size + 2 * padding - kernel) // stride + 1)


def q1_right_floor(size, kernel, stride=1, padding=0):
    return np.floor((size + 2 * padding - kernel) / stride) + 1


# q2: one channel


def _windows(image, kernel):
    return sliding_window_view(image, kernel.shape)


def q2_wrong_flipped(image, kernel):
    """The kernel is turned by 180 degrees: that is convolution in mathematics; here the kernel stays as it is."""
    return np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel[::-1, ::-1])


def q2_wrong_padded(image, kernel):
    """The image was padded: here the window stays inside, so the result is smaller than the image."""
    height, width = kernel.shape
    image = np.pad(image, (((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)))
    return np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel)


def q2_wrong_last_missing(image, kernel):
    """The last row and the last column of places are missing: there are height - kernel_height + 1 rows of them."""
    out = np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel)
    return out[: max(1, len(out) - 1), : max(1, out.shape[1] - 1)]


def q2_wrong_mean(image, kernel):
    """The products are summed, not averaged."""
    return np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel) / kernel.size


def q2_wrong_transposed_kernel(image, kernel):
    """Rows and columns of the kernel are exchanged."""
    return np.einsum("ijkl,kl->ij", _windows(image, kernel.T), kernel.T)


def q2_wrong_square_only(image, kernel):
    """The height is used for the width too: image and kernel need not be square."""
    size = image.shape[0] - kernel.shape[0] + 1
    out = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            out[i, j] = (image[i : i + kernel.shape[0], j : j + kernel.shape[0]] * kernel).sum()
    return out


def q2_wrong_matrix_product(image, kernel):
    """`@` is a matrix product: multiply window and kernel number by number, with `*`, and add up."""
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    windows = [[image[i : i + height, j : j + width] for j in range(columns)] for i in range(rows)]
    return np.array([[(window @ kernel).sum() for window in row] for row in windows])


def q2_wrong_mirrored(image, kernel):
    """The kernel is mirrored left to right: it stays as it is."""
    return np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel[:, ::-1])


def q2_wrong_absolute(image, kernel):
    """The signs are gone: an activation may be negative."""
    return np.abs(np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel))


def q2_wrong_zeros(image, kernel):
    """All values are zero: the result is created but never filled."""
    return np.zeros((image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1))


def q2_wrong_last_product(image, kernel):
    """Only the last product is there: add each product to the number, `+=`, in place of overwriting it."""
    return _windows(image, kernel)[..., -1, -1] * kernel[-1, -1]


def q2_wrong_largest(image, kernel):
    """That is the largest product of each window: the products are added up."""
    return (_windows(image, kernel) * kernel).max(axis=(2, 3))


def q2_right_einsum(image, kernel):
    return np.einsum("ijkl,kl->ij", _windows(image, kernel), kernel)


def q2_right_list(image, kernel):
    (height, width), rows, columns = kernel.shape, *(np.subtract(image.shape, kernel.shape) + 1)
    return [[float((image[i : i + height, j : j + width] * kernel).sum()) for j in range(columns)] for i in range(rows)]


def q2_right_float64(image, kernel):
    return q2_right_einsum(image.astype(np.float64), kernel.astype(np.float64))


# q3: many channels


def _convolve(image, kernels, bias, stride=1):
    height, width = kernels.shape[:2]
    windows = sliding_window_view(image, (height, width), (0, 1))[::stride, ::stride]
    return np.einsum("ijckl,klcf->ijf", windows, kernels) + bias


def q3_wrong_no_bias(image, kernels, bias, stride=1):
    """The bias of each filter is missing."""
    return _convolve(image, kernels, 0 * bias, stride)


def q3_wrong_no_stride(image, kernels, bias, stride=1):
    """It looks as if `stride` is not used."""
    return _convolve(image, kernels, bias)


def q3_wrong_bias_per_channel(image, kernels, bias, stride=1):
    """The bias is added once for each channel: it comes once, after the sum over the channels."""
    return _convolve(image, kernels, bias * image.shape[2], stride)


def q3_wrong_first_bias(image, kernels, bias, stride=1):
    """Every filter gets the first bias: filter f has bias[f]."""
    return _convolve(image, kernels, bias[0], stride)


def q3_wrong_minus_bias(image, kernels, bias, stride=1):
    """The bias is subtracted: add it."""
    return _convolve(image, kernels, -bias, stride)


def q3_wrong_mean_over_channels(image, kernels, bias, stride=1):
    """The channels are summed, not averaged."""
    return _convolve(image, kernels / image.shape[2], bias, stride)


def q3_wrong_first_channel(image, kernels, bias, stride=1):
    """Only the first channel of the image is used: a filter spans all of them."""
    return _convolve(image[..., :1], kernels[:, :, :1], bias, stride)


def q3_wrong_filters_first(image, kernels, bias, stride=1):
    """The filters belong on the last axis of the result, (height, width, filters); here they come first."""
    return _convolve(image, kernels, bias, stride).transpose(2, 0, 1)


def q3_wrong_window_not_moved(image, kernels, bias, stride=1):
    """The result has the right size, but the window moves by 1: it starts at i * stride and j * stride."""
    out = _convolve(image, kernels, bias, stride)
    return _convolve(image, kernels, bias)[: out.shape[0], : out.shape[1]]


def q3_wrong_flipped(image, kernels, bias, stride=1):
    """The kernels are turned by 180 degrees: here they stay as they are."""
    return _convolve(image, kernels[::-1, ::-1], bias, stride)


def q3_wrong_padded(image, kernels, bias, stride=1):
    """The image was padded, as with padding "same": here no window may stick out."""
    gaps = []
    for extent, size in zip(image.shape, kernels.shape[:2]):
        total = max((-(-extent // stride) - 1) * stride + size - extent, 0)
        gaps.append((total // 2, total - total // 2))
    return _convolve(np.pad(image, [*gaps, (0, 0)]), kernels, bias, stride)


def q3_wrong_rows_only(image, kernels, bias, stride=1):
    """The stride moves the window down, but not to the right: it belongs to the columns as well."""
    return _convolve(image, kernels, bias)[::stride]


def q3_wrong_all_biases(image, kernels, bias, stride=1):
    """Every filter gets the sum of all biases: filter f has bias[f] alone."""
    return _convolve(image, kernels, bias.sum(), stride)


def q3_wrong_last_product(image, kernels, bias, stride=1):
    """The channels overwrite each other, the last one stays: add them up, with `+=`."""
    return _convolve(image[..., -1:], kernels[:, :, -1:], bias, stride)


def q3_wrong_first_filter(image, kernels, bias, stride=1):
    """Every map comes from the first filter: map f belongs to kernels[..., f]."""
    return _convolve(image, np.repeat(kernels[..., :1], kernels.shape[-1], axis=-1), bias, stride)


def q3_right_loops(image, kernels, bias, stride=1):
    height, width, _, filters = kernels.shape
    rows, columns = (image.shape[0] - height) // stride + 1, (image.shape[1] - width) // stride + 1
    out = np.empty((rows, columns, filters), np.float64)
    for i, j, f in np.ndindex(out.shape):
        window = image[i * stride : i * stride + height, j * stride : j * stride + width]
        out[i, j, f] = np.vdot(window, kernels[..., f]) + bias[f]
    return out


# q4: pooling


def _pool(maps, size, stride, reduce):
    return reduce(sliding_window_view(maps, (size, size), (0, 1))[::stride, ::stride], axis=(-2, -1))


def q4_wrong_always_max(maps, size=2, stride=2, kind="max"):
    """It looks as if `kind` is not used: this is the maximum, where the average is wanted."""
    return _pool(maps, size, stride, np.max)


def q4_wrong_always_average(maps, size=2, stride=2, kind="max"):
    """This is the average of each window, where the maximum is wanted."""
    return _pool(maps, size, stride, np.mean)


def q4_wrong_sum(maps, size=2, stride=2, kind="max"):
    """The values of a window are summed: the average is the sum divided by how many they are."""
    return _pool(maps, size, stride, np.max if kind == "max" else np.sum)


def q4_wrong_zeros(maps, size=2, stride=2, kind="max"):
    """All values are zero: the result is created but never filled."""
    return np.zeros_like(_pool(maps, size, stride, np.max))


def q4_wrong_from_zero(maps, size=2, stride=2, kind="max"):
    """The maximum starts at 0, so negative values are lost: take the maximum of the window alone."""
    out = _pool(maps, size, stride, np.max if kind == "max" else np.mean)
    return np.maximum(out, 0) if kind == "max" else out


def q4_wrong_over_channels(maps, size=2, stride=2, kind="max"):
    """The channels are pooled together: each channel is pooled on its own and keeps its place."""
    out = _pool(maps, size, stride, np.max if kind == "max" else np.mean)
    return (np.max if kind == "max" else np.mean)(out, axis=2, keepdims=True)


def q4_wrong_stride_is_size(maps, size=2, stride=2, kind="max"):
    """The window moves by `size`: it should move by `stride`, so windows may overlap."""
    return _pool(maps, size, size, np.max if kind == "max" else np.mean)


def q4_wrong_size_is_stride(maps, size=2, stride=2, kind="max"):
    """`size` and `stride` are exchanged."""
    return _pool(maps, stride, size, np.max if kind == "max" else np.mean)


def q4_wrong_divided_by_size(maps, size=2, stride=2, kind="max"):
    """The average divides by `size`: a window holds size * size numbers."""
    return _pool(maps, size, stride, np.max if kind == "max" else np.mean) * (1 if kind == "max" else size)


def q4_wrong_kinds_exchanged(maps, size=2, stride=2, kind="max"):
    """Maximum and average are exchanged: look at `kind` again."""
    return _pool(maps, size, stride, np.mean if kind == "max" else np.max)


def q4_wrong_minimum(maps, size=2, stride=2, kind="max"):
    """This is the smallest value of each window, where the largest is wanted."""
    return _pool(maps, size, stride, np.min if kind == "max" else np.mean)


def q4_wrong_padded(maps, size=2, stride=2, kind="max"):
    """Windows that stick out were kept, as with padding "same": here they are left out."""
    maps, (reduce, fill) = maps.astype(float), (np.max, -np.inf) if kind == "max" else (np.nanmean, np.nan)
    gaps = []
    for extent in maps.shape[:2]:
        total = max((-(-extent // stride) - 1) * stride + size - extent, 0)
        gaps.append((total // 2, total - total // 2))
    return _pool(np.pad(maps, [*gaps, (0, 0)], constant_values=fill), size, stride, reduce)


def q4_wrong_window_of_stride(maps, size=2, stride=2, kind="max"):
    """The windows are `stride` wide and high: they are moved by `stride`, and hold `size`×`size` pixels."""
    rows, columns = _pool(maps, size, stride, np.max).shape[:2]
    return _pool(maps, stride, stride, np.max if kind == "max" else np.mean)[:rows, :columns]


def q4_right_loops(maps, size=2, stride=2, kind="max"):
    rows, columns = ((extent - size) // stride + 1 for extent in maps.shape[:2])
    reduce = np.amax if kind == "max" else np.average
    windows = [
        [maps[r * stride : r * stride + size, c * stride : c * stride + size] for c in range(columns)]
        for r in range(rows)
    ]
    return np.array([[reduce(window, axis=(0, 1)) for window in row] for row in windows])


# q5: parameters by hand


def q5_wrong_no_bias():
    """The biases are missing: one for each filter, and one for each unit of the dense layer."""
    return {"conv1": 450, "pool": 0, "conv2": 864, "dense": 23040, "total": 24354}


def q5_wrong_one_channel():
    """A filter spans all channels: 3 in the image, 6 after the first convolution, 16 before the dense layer."""
    return {"conv1": 156, "pool": 0, "conv2": 160, "dense": 1450, "total": 1766}


def q5_wrong_one_filter():
    """That is one filter of each convolution: multiply by how many there are."""
    return {"conv1": 76, "pool": 0, "conv2": 55, "dense": 23050, "total": 23181}


def q5_wrong_positions():
    """You multiplied by the number of positions: the weights are shared by all of them, so count them once."""
    return {"conv1": 456 * 28 * 28, "pool": 0, "conv2": 880 * 12 * 12, "dense": 23050, "total": 507274}


def q5_wrong_image_channels():
    """A filter of the second convolution spans the 6 channels that come out of the first one, not 3."""
    return {"conv1": 456, "pool": 0, "conv2": 448, "dense": 23050, "total": 23954}


def q5_wrong_size_kept():
    """The second convolution shrinks the maps, too: from 14 to 12 pixels, before the dense layer sees them."""
    return {"conv1": 456, "pool": 0, "conv2": 880, "dense": 31370, "total": 32706}


def q5_wrong_one_bias():
    """One bias for a whole layer is too few: each filter and each unit has one of its own."""
    return {"conv1": 451, "pool": 0, "conv2": 865, "dense": 23041, "total": 24357}


def q5_wrong_sum():
    """The layers are right, the total is not their sum."""
    return {"conv1": 456, "pool": 0, "conv2": 880, "dense": 23050, "total": 1336}


def q5_wrong_pooling():
    """Pooling has no parameters."""
    return {"conv1": 456, "pool": 24, "conv2": 880, "dense": 23050, "total": 24410}


def q5_wrong_not_pooled():
    """Pooling halves height and width before the second convolution: follow the size through the layers."""
    return {"conv1": 456, "pool": 0, "conv2": 880, "dense": 108170, "total": 109506}


def q5_wrong_window():
    """A window of the pooling has nothing to learn: it takes the largest of its numbers, without any parameter."""
    return {"conv1": 456, "pool": 4, "conv2": 880, "dense": 23050, "total": 24390}


def q5_wrong_not_flattened():
    """A unit of the dense layer sees the flattened maps, 12·12·16 numbers, and not one number for each channel."""
    return {"conv1": 456, "pool": 0, "conv2": 880, "dense": 170, "total": 1506}


def q5_wrong_padded():
    """Nothing is padded: the first convolution leaves 28×28 of 32×32, so the dense layer sees 12×12×16, not 16×16×16.
    """
    return {"conv1": 456, "pool": 0, "conv2": 880, "dense": 40970, "total": 42306}


def q5_right_numpy():
    return {"conv1": np.int64(456), "pool": 0.0, "conv2": 880, "dense": 23050, "total": np.array(24386)}


# q6: 1×1 convolution


def q6_wrong_no_bias(maps, weights, bias):
    """The bias of each filter is missing."""
    return maps @ weights


def q6_wrong_flat(maps, weights, bias):
    """The values are right, but they are still a table with one row for each pixel: reshape back to (height, width,
    filters)."""
    return maps.reshape(-1, maps.shape[2]) @ weights + bias


def q6_wrong_mixed(maps, weights, bias):
    """Pixels and channels were mixed up: reshape keeps the order, so channels must stay on the last axis."""
    table = maps.transpose(2, 0, 1).reshape(-1, maps.shape[2])
    return (table @ weights + bias).reshape(*maps.shape[:2], -1)


def q6_wrong_channels_first(maps, weights, bias):
    """`reshape(channels, …)` mixes pixels and channels: one row for each pixel is reshape(height * width, channels)."""
    height, width, channels = maps.shape
    return (maps.reshape(channels, -1).T @ weights + bias).reshape(height, width, -1)


def q6_wrong_transposed(maps, weights, bias):
    """The weights have one row for each channel and one column for each filter; rows and columns are exchanged."""
    table = maps.reshape(-1, maps.shape[2])
    return (table @ weights.reshape(weights.shape[::-1]).T + bias).reshape(*maps.shape[:2], -1)


def q6_wrong_columns_first(maps, weights, bias):
    """Height and width are exchanged in the last reshape."""
    return (maps.reshape(-1, maps.shape[2]) @ weights + bias).reshape(maps.shape[1], maps.shape[0], -1)


def q6_right_einsum(maps, weights, bias):
    return np.einsum("hwc,cf->hwf", maps, weights) + bias


def q6_right_loops(maps, weights, bias):
    return np.array([[[sum(pixel * w) + b for w, b in zip(weights.T, bias)] for pixel in row] for row in maps])


# q7: softmax and cross-entropy


def _softmax(logits, axis=-1):
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def q7_wrong_unstable(logits, labels):
    """The exponential of a large logit overflows: subtract the largest logit of each row first."""
    with np.errstate(all="ignore"):
        exponentials = np.exp(logits)
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def q7_wrong_log_of_zero(logits, labels):
    """A probability was rounded to 0 and its logarithm is infinite: take the logarithm of the formula, not of the
    number."""
    with np.errstate(all="ignore"):
        return -np.log(_softmax(logits)[np.arange(len(labels)), labels]).mean()


def q7_wrong_clipped(logits, labels):
    """A small number keeps the logarithm finite, but hides how wrong the network is: use z - log(sum(exp(z)))."""
    return -np.log(_softmax(logits)[np.arange(len(labels)), labels] + 1e-7).mean()


def q7_wrong_tiny(logits, labels):
    """1e-9 keeps the logarithm finite, but hides how wrong the network is: use z - log(sum(exp(z)))."""
    return -np.log(_softmax(logits)[np.arange(len(labels)), labels] + 1e-9).mean()


def q7_wrong_tinier(logits, labels):
    """1e-12 keeps the logarithm finite, but hides how wrong the network is: use z - log(sum(exp(z)))."""
    return -np.log(np.clip(_softmax(logits)[np.arange(len(labels)), labels], 1e-12, 1)).mean()


def q7_wrong_all_pairs(logits, labels):
    """`[:, labels]` takes the columns of all labels in every row: take labels[i] in row i alone."""
    z = logits - logits.max(axis=1, keepdims=True)
    return -(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))[:, labels].mean()


def q7_wrong_no_softmax(logits, labels):
    """The logarithm of the sum of the exponentials is missing: these are logits, not yet logarithms of a softmax."""
    return -(logits - logits.max(axis=1, keepdims=True))[np.arange(len(labels)), labels].mean()


def q7_wrong_no_logarithm(logits, labels):
    """The logarithm is missing: the loss is -log(probability), not 1 - probability."""
    return (1 - _softmax(logits)[np.arange(len(labels)), labels]).mean()


def q7_wrong_axis(logits, labels):
    """The softmax runs down the columns: each row is one image, so sum over axis 1."""
    with np.errstate(all="ignore"):
        return -np.log(_softmax(logits, axis=0)[np.arange(len(labels)), labels]).mean()


def q7_wrong_sum(logits, labels):
    """The losses of the images are summed: the mean is wanted."""
    return q7_right_log_sum_exp(logits, labels) * len(labels)


def q7_wrong_sign(logits, labels):
    """The sign is missing: a logarithm of a probability is negative, a loss is not."""
    return -q7_right_log_sum_exp(logits, labels)


def q7_wrong_all_classes(logits, labels):
    """Only the probability of the true class counts: pick column labels[i] in row i."""
    z = logits - logits.max(axis=1, keepdims=True)
    return -(z - np.log(np.exp(z).sum(axis=1, keepdims=True))).mean()


def q7_wrong_base_2(logits, labels):
    """This is the logarithm to base 2: take np.log."""
    return q7_right_log_sum_exp(logits, labels) / np.log(2)


def q7_wrong_probabilities(logits, labels):
    """The logits go in as if they were probabilities: in Keras say from_logits=True, by hand take the softmax first."""
    clipped = np.clip(logits.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.log(clipped / clipped.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels].mean()


def q7_wrong_mean_of_all(logits, labels):
    """The mean runs over all classes as well: add up over the classes, take the mean over the images."""
    return q7_right_log_sum_exp(logits, labels) / logits.shape[1]


def q7_wrong_errors(logits, labels):
    """That is the share of wrong answers: the loss is -log(probability of the true class), however sure it was."""
    return (logits.argmax(axis=1) != labels).mean()


def q7_wrong_surest(logits, labels):
    """The largest probability of each row is taken: what counts is that of the true class, labels[i]."""
    z = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)).mean()


def q7_right_log_sum_exp(logits, labels):
    highest = logits.astype(np.float64).max(axis=1)
    total = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return (total - logits[np.arange(len(labels)), labels]).mean()


def q7_right_loops(logits, labels):
    losses = [np.logaddexp.reduce(row.astype(float)) - row[label] for row, label in zip(logits, labels)]
    return sum(losses) / len(losses)


# q8: features of digits


def _edge_maps(images):
    down = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]) / 4
    slope = np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]) / 4
    kernels = [sign * kernel for kernel in (down, down.T, slope, slope[::-1]) for sign in (1, -1)]
    windows = sliding_window_view(images / 255.0, (3, 3), axis=(1, 2))
    return np.tensordot(windows, np.stack(kernels, axis=-1), ((3, 4), (0, 1)))


def _pooled(maps, size):
    side = maps.shape[1] // size
    blocks = maps[:, : side * size, : side * size].reshape(len(maps), side, size, side, size, -1)
    return blocks.mean(axis=(2, 4)).reshape(len(maps), -1)


def q8_wrong_pixels(images):
    """These features are the pixels again: convolve first."""
    return images.reshape(len(images), -1) / 255


def q8_wrong_no_relu(images):
    """These features are linear in the image, and a linear readout gains nothing from that: apply ReLU before
    pooling."""
    return _pooled(_edge_maps(images), 4)


def q8_wrong_global(images):
    """So few numbers cannot say where in the image something is: pool over small windows, not over the whole map."""
    return np.maximum(_edge_maps(images), 0).mean(axis=(1, 2))


def q8_wrong_constant(images):
    """That is what guessing gives: do the features depend on the image at all?"""
    return np.ones((len(images), 50))


def q8_wrong_not_pooled(images):
    """That are too many numbers for one image: pool more."""
    return np.maximum(_edge_maps(images), 0).reshape(len(images), -1)


def q8_right_three(images):
    return _pooled(np.maximum(_edge_maps(images), 0), 3)


# q9: five wrong pictures; who says k for every picture is told what bug k looks like


def q9_wrong_turned():
    """Bug 1 leaves the ground black, and the edges glow that are dark in the right answer: the opposite sides."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q9_wrong_exchanged():
    """Bug 2 leaves the ground black, and edges of another direction glow: above and below for left and right, or
    back."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q9_wrong_no_relu():
    """Bug 3 makes the ground grey, since 0 lies in the middle now: one side of a thing is bright, the other dark."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q9_wrong_bytes():
    """Bug 4 breaks smooth changes into black and white specks: a sum below 0 or above 255 jumps to the other end."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q9_wrong_padded():
    """Bug 5 changes nothing inside and adds one bright line at a border, where the image meets the zeros."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q9_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([4, 1, 5, 2, 3, 2, 5, 3, 1, 4])))

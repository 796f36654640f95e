"""The operations against Keras, TensorFlow, SciPy, hand-computed numbers and their own definitions."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import scipy.special

from cvhelpers import ops
from cvhelpers._quiet import keras, tf

DECK = np.array([[29, 15, 28, 184], [0, 100, 70, 38], [12, 12, 7, 2], [12, 12, 45, 6]])[None, :, :, None]
few_examples = hypothesis.settings(max_examples=40, deadline=None, derandomize=True)


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@st.composite
def convolutions(draw):
    """Arguments of a convolution that fits: images, kernels, bias, stride, padding."""
    whole = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    kernel_height, kernel_width, channels, filters = whole(1, 4), whole(1, 4), whole(1, 3), whole(1, 3)
    height, width = kernel_height + whole(0, 6), kernel_width + whole(0, 6)
    seed = whole(0, 1000)
    images = normal(whole(1, 3), height, width, channels, seed=seed)
    kernels = normal(kernel_height, kernel_width, channels, filters, seed=seed + 1)
    padding = draw(st.sampled_from(["valid", "same", 0, 1, 2]))
    return images, kernels, draw(st.sampled_from([None, np.arange(filters) - 0.5])), whole(1, 4), padding


# ---------------------------------------------------------------------------------------------------------- convolution


@few_examples
@hypothesis.given(convolutions())
def test_fast_convolution_equals_its_definition(arguments):
    fast, loops = ops.conv2d(*arguments), ops.conv2d_loops(*arguments)
    assert fast.shape == loops.shape and fast.dtype == loops.dtype == np.float64
    np.testing.assert_allclose(fast, loops, atol=1e-12)


@few_examples
@hypothesis.given(convolutions())
def test_convolution_equals_tensorflow_for_every_stride_and_padding(arguments):
    images, kernels, bias, stride, padding = arguments
    size = [[0, 0], [padding] * 2, [padding] * 2, [0, 0]] if isinstance(padding, int) else padding.upper()
    expected = tf.nn.conv2d(images, kernels, stride, size).numpy() + (0 if bias is None else bias)
    np.testing.assert_allclose(ops.conv2d(*arguments), expected, atol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "shape, kernel", [((64, 32, 32, 3), (5, 5, 16)), ((32, 28, 28, 64), (3, 3, 64)), ((16, 56, 56, 32), (3, 3, 32))]
)
def test_float32_convolution_equals_tensorflow_to_1e_5_at_the_sizes_of_the_benchmark(shape, kernel, padding):
    images = normal(*shape, dtype=np.float32)
    kernels = normal(*kernel[:2], shape[-1], kernel[2], dtype=np.float32)
    expected = tf.nn.conv2d(images, kernels, 1, padding.upper()).numpy()
    maps = ops.conv2d(images, kernels, padding=padding)
    assert maps.dtype == np.float32
    assert np.abs(maps - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("mode, padding", [("valid", "valid"), ("same", "same")])
def test_float64_convolution_equals_scipy_to_1e_12(mode, padding):
    images, kernels = normal(2, 17, 23, 3), normal(5, 3, 3, 4, seed=1)
    maps = ops.conv2d(images, kernels, padding=padding)
    for image in range(2):
        for number in range(4):
            pairs = zip(np.moveaxis(images[image], -1, 0), np.moveaxis(kernels[..., number], -1, 0))
            expected = sum(scipy.signal.correlate2d(channel, kernel, mode) for channel, kernel in pairs)
            np.testing.assert_allclose(maps[image, :, :, number], expected, atol=1e-12)


def test_convolution_equals_the_keras_layer_with_its_bias():
    layer = keras.layers.Conv2D(4, (3, 2), strides=2, padding="same", bias_initializer="normal")
    images = normal(2, 9, 8, 3, dtype=np.float32)
    expected = layer(images).numpy()
    kernels, bias = layer.get_weights()
    np.testing.assert_allclose(ops.conv2d(images, kernels, bias, 2, "same"), expected, atol=1e-5)


def test_convolution_does_not_flip_the_kernel():
    images, kernels = normal(1, 6, 6, 1), np.array([[1.0, 2.0], [3.0, 4.0]])[:, :, None, None]
    flipped = scipy.signal.convolve2d(images[0, :, :, 0], kernels[::-1, ::-1, 0, 0], "valid")
    np.testing.assert_allclose(ops.conv2d(images, kernels)[0, :, :, 0], flipped, atol=1e-12)


def test_convolution_of_whole_numbers_is_exact_and_does_not_overflow():
    images = np.full((1, 4, 4, 1), 255, np.uint8)
    for function in (ops.conv2d, ops.conv2d_loops):
        maps = function(images, np.full((3, 3, 1, 1), 100, np.int8), bias=[-1])
        assert maps.dtype == np.int64 and (maps == 255 * 100 * 9 - 1).all()


def test_convolution_of_bytes_with_float_kernels_is_float32():
    maps = ops.conv2d(np.full((1, 4, 4, 1), 255, np.uint8), np.full((3, 3, 1, 1), 1 / 9, np.float32))
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, 255, rtol=1e-6)


def test_convolution_works_on_views_and_leaves_its_arguments_alone():
    images, kernels, bias = normal(2, 12, 10, 3)[:, ::2, ::-1], normal(3, 3, 4, 3).transpose(0, 1, 3, 2), np.ones(4)
    before = images.copy(), kernels.copy()
    maps = ops.conv2d(images, kernels, bias, padding=1)
    np.testing.assert_allclose(maps, ops.conv2d_loops(images, kernels, bias, padding=1), atol=1e-12)
    assert (images == before[0]).all() and (kernels == before[1]).all() and (bias == 1).all()


def test_whole_numbers_with_a_bias_that_has_a_fraction_give_floats():
    for function in (ops.conv2d, ops.conv2d_loops):
        maps = function(np.ones((1, 2, 2, 1), int), np.ones((2, 2, 1, 1), np.int8), bias=[0.25])
        assert maps.dtype == np.float64 and maps.item() == 4.25


def test_convolution_of_an_image_larger_than_one_block_equals_scipy():
    images, kernels = normal(1, 300, 400, 1), normal(7, 7, 1, 1, seed=1)
    expected = scipy.ndimage.correlate(images[0, :, :, 0], kernels[:, :, 0, 0], mode="constant")
    np.testing.assert_allclose(ops.conv2d(images, kernels, padding="same")[0, :, :, 0], expected, atol=1e-11)


@few_examples
@hypothesis.given(st.integers(0, 100), st.integers(1, 3))
def test_convolution_is_equivariant_to_shifts(seed, shift):
    images, kernels = normal(1, 9, 9, 2, seed=seed), normal(3, 3, 2, 2, seed=seed + 1)
    maps = ops.conv2d(images, kernels)
    np.testing.assert_allclose(ops.conv2d(images[:, shift:], kernels), maps[:, shift:], atol=1e-12)


@few_examples
@hypothesis.given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.sampled_from(["valid", "same", 0, 1, 3]))
def test_output_size_counts_the_positions_that_fit(size, kernel, stride, padding):
    before, after = ops.margins(size, kernel, stride, padding)
    positions = [top for top in range(0, size + before + after, stride) if top + kernel <= size + before + after]
    if positions:
        assert ops.conv_output_size(size, kernel, stride, padding) == len(positions)
    else:
        with pytest.raises(ValueError, match="wanted a kernel that fits"):
            ops.conv_output_size(size, kernel, stride, padding)


def test_output_sizes_of_the_deck():
    assert [ops.conv_output_size(7, 3, stride) for stride in (1, 2, 3)] == [5, 3, 2]
    assert ops.conv_output_size(32, 5) == 28
    assert ops.conv_output_size(8, 3, 2, "same") == 4


# --------------------------------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize(
    "shape, filters, kernel, settings",
    [
        ((32, 32, 3), 6, 5, {}),
        ((32, 32, 3), 1, 5, {}),
        ((9, 7, 4), 8, (3, 2), {"strides": 2, "padding": "same", "groups": 4}),
        ((9, 7, 4), 8, 1, {"use_bias": False}),
    ],
)
def test_cost_equals_what_keras_counts(shape, filters, kernel, settings):
    layer = keras.layers.Conv2D(filters, kernel, **settings)
    model = keras.Sequential([keras.Input(shape), layer])
    names = {"strides": "stride", "use_bias": "bias"}
    cost = ops.conv_cost(shape, filters, kernel, **{names.get(name, name): value for name, value in settings.items()})
    assert cost.output_shape == model.output_shape[1:] and cost.parameters == model.count_params()
    assert cost.multiply_adds == np.prod(layer.kernel.shape) * np.prod(cost.output_shape[:2])


def test_one_filter_has_76_parameters_and_six_have_456():
    assert ops.conv_cost((32, 32, 3), 1, 5) == ((28, 28, 1), 76, 28 * 28 * 75)
    assert ops.conv_cost((32, 32, 3), 6, 5).parameters == 456


# ------------------------------------------------------------------------------------------------------------ pooling


def test_pooling_of_the_deck():
    assert ops.max_pool2d(DECK)[0, :, :, 0].tolist() == [[100, 184], [12, 45]]
    assert ops.average_pool2d(DECK)[0, :, :, 0].tolist() == [[36, 80], [12, 15]]


@few_examples
@hypothesis.given(st.integers(1, 4), st.sampled_from([None, 1, 2, 3]), st.integers(0, 7), st.integers(0, 7))
def test_pooling_equals_tensorflow(size, stride, taller, wider):
    images = normal(2, size + taller, size + wider, 3, seed=taller)
    pooled = {ops.max_pool2d: tf.nn.max_pool2d, ops.average_pool2d: tf.nn.avg_pool2d}
    for ours, reference in pooled.items():
        expected = reference(images, size, stride or size, "VALID")
        np.testing.assert_allclose(ours(images, size, stride), expected, atol=1e-12)


def test_pooling_keeps_precision_and_leaves_its_argument_alone():
    images = np.full((1, 4, 4, 1), 200, np.uint8)
    assert ops.max_pool2d(images).dtype == np.uint8
    assert ops.average_pool2d(images).dtype == np.float32 and (ops.average_pool2d(images) == 200).all()
    assert ops.average_pool2d(images.astype(np.float64)).dtype == np.float64 and (images == 200).all()


# -------------------------------------------------------------------------------------- softmax, loss, normalization


@few_examples
@hypothesis.given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8), st.floats(-100, 100))
def test_softmax_is_a_distribution_that_a_constant_does_not_change(logits, constant):
    probabilities = ops.softmax(logits)
    assert (probabilities >= 0).all() and abs(probabilities.sum() - 1) < 1e-12
    np.testing.assert_allclose(ops.softmax(np.array(logits) + constant), probabilities, atol=1e-9)
    np.testing.assert_allclose(probabilities, scipy.special.softmax(logits), atol=1e-12)


def test_softmax_works_along_any_axis_and_does_not_overflow():
    logits = normal(3, 4, 5, dtype=np.float32) * 500
    for axis in range(-3, 3):
        result = ops.softmax(logits, axis)
        assert result.dtype == np.float32 and np.isfinite(result).all()
        np.testing.assert_allclose(result, scipy.special.softmax(logits, axis), atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 10), (2, 3, 4, 7)])
def test_cross_entropy_equals_keras_on_logits(shape):
    logits = normal(*shape) * 5
    labels = np.random.default_rng(1).integers(0, shape[-1], shape[:-1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert ops.cross_entropy(logits, labels) == pytest.approx(float(loss(labels, logits)), rel=1e-5)


def test_cross_entropy_of_a_very_wrong_answer_is_finite():
    assert ops.cross_entropy([[1000.0, 0.0]], [1]) == 1000


def test_batch_normalization_equals_keras_in_training_and_at_inference():
    images = normal(4, 5, 6, 3, dtype=np.float32) * 3 + 2
    layer = keras.layers.BatchNormalization()
    layer.build(images.shape)
    layer.set_weights([np.float32(w) for w in ([1, 2, 3], [4, 5, 6], [0.1, 0.2, 0.3], [1, 2, 3])])
    gamma, beta, mean, variance = layer.get_weights()
    np.testing.assert_allclose(
        ops.batch_normalization(images, gamma, beta, mean, variance), layer(images, training=False), atol=1e-5
    )
    np.testing.assert_allclose(ops.batch_normalization(images, gamma, beta), layer(images, training=True), atol=1e-4)


def test_batch_normalization_gives_every_channel_mean_0_and_variance_1():
    result = ops.batch_normalization(normal(50, 8, 3) * 7 + 5, epsilon=0)
    np.testing.assert_allclose(result.mean((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(result.var((0, 1)), 1, atol=1e-12)


# ---------------------------------------------------------------------------------------------------------- RoI align


def test_roi_align_of_the_whole_map_at_its_own_size_is_the_map():
    features = normal(5, 7, 2)
    np.testing.assert_allclose(ops.roi_align(features, [[0, 0, 7, 5]], (5, 7), samples=1)[0], features, atol=1e-12)


def test_roi_align_reads_a_linear_map_exactly_at_the_centres_of_the_cells():
    rows, columns = np.mgrid[0:12, 0:10] + 0.5  # the value is the coordinate of the pixel's centre
    features = np.stack([rows, columns], -1)
    left, top, right, bottom = 1.7, 2.1, 7.9, 10.3
    cells = ops.roi_align(features, [[left, top, right, bottom]], (4, 3), samples=3)[0]
    np.testing.assert_allclose(cells[:, 0, 0], top + (np.arange(4) + 0.5) * (bottom - top) / 4, atol=1e-12)
    np.testing.assert_allclose(cells[0, :, 1], left + (np.arange(3) + 0.5) * (right - left) / 3, atol=1e-12)


def test_roi_align_equals_crop_and_resize_with_average_pooling():
    features = normal(16, 20, 3, dtype=np.float32)
    boxes = np.array([[2, 3, 11, 9], [1.5, 2.25, 18.5, 13.75]], np.float32)
    size, samples = 7, 2
    x0, y0, x1, y1 = boxes.T
    half = np.stack([(y1 - y0), (x1 - x0)], 1) / (size * samples) / 2
    corners = np.stack([y0 + half[:, 0], x0 + half[:, 1], y1 - half[:, 0], x1 - half[:, 1]], 1) - 0.5
    crops = tf.image.crop_and_resize(
        features[None], corners / np.array([15, 19, 15, 19], np.float32), [0, 0], [size * samples] * 2
    )
    expected = tf.nn.avg_pool2d(crops, samples, samples, "VALID")
    result = ops.roi_align(features, boxes, size, samples=samples)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_roi_align_scales_boxes_of_the_image_to_the_map():
    features, boxes = normal(8, 8, 2), np.array([[4.0, 8.0, 20.0, 28.0]])
    np.testing.assert_allclose(ops.roi_align(features, boxes, 4, 4), ops.roi_align(features, boxes / 4, 4))
    assert ops.roi_align(features, np.zeros((0, 4)), 4).shape == (0, 4, 4, 2)


# ---------------------------------------------------------------------------------------------------------- bad input

IMAGES, KERNELS = np.zeros((1, 8, 8, 3)), np.zeros((3, 3, 3, 2))


@pytest.mark.parametrize("function", [ops.conv2d, ops.conv2d_loops])
@pytest.mark.parametrize(
    "change, message",
    [
        ({"images": np.zeros((8, 8, 3))}, r"images has shape \(8, 8, 3\): wanted \(batch, .*images\[None\]"),
        ({"images": np.zeros((8, 8))}, r"images has shape \(8, 8\): wanted .*images\[None, :, :, None\]"),
        ({"images": np.zeros(8)}, r"images has shape \(8,\): wanted"),
        ({"images": [[[["a"]]]]}, "images holds <U1: wanted numbers"),
        ({"kernels": np.zeros((3, 3, 3))}, r"kernels has shape \(3, 3, 3\): wanted \(kernel_height"),
        ({"kernels": np.zeros((3, 3, 1, 2))}, r"have 3 channels, kernels of shape \(3, 3, 1, 2\) have 1: wanted equal"),
        ({"kernels": np.zeros((9, 3, 3, 2))}, "the kernel is 9 pixels, the image with its padding only 8: wanted"),
        ({"kernels": np.zeros((3, 11, 3, 2)), "padding": 1}, "the kernel is 11 pixels, .* only 10: wanted"),
        ({"bias": np.zeros(3)}, r"bias has shape \(3,\): wanted \(2,\)"),
        ({"bias": 1.0}, r"bias has shape \(\): wanted \(2,\)"),
        ({"stride": 0}, "stride is 0: wanted a whole number, 1 or more"),
        ({"stride": 1.5}, "stride is 1.5: wanted a whole number"),
        ({"stride": (2, 2)}, r"stride is \(2, 2\): wanted a whole number"),
        ({"padding": "SAME"}, "padding is 'SAME': wanted 'valid', 'same' or a whole number"),
        ({"padding": -1}, "padding is -1: wanted a whole number, 0 or more"),
        ({"padding": None}, "padding is None: wanted a whole number"),
    ],
)
def test_bad_arguments_of_a_convolution_are_named(function, change, message):
    with pytest.raises(ValueError, match=message):
        function(**({"images": IMAGES, "kernels": KERNELS} | change))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ops.conv_output_size(3, 5), "the kernel is 5 pixels, the image with its padding only 3: wanted"),
        (lambda: ops.conv_output_size(0, 1), "size is 0: wanted a whole number, 1 or more"),
        (lambda: ops.conv_output_size(7, 3, 0), "stride is 0: wanted"),
        (lambda: ops.conv_output_size(7, 3, 1, "full"), "padding is 'full': wanted"),
        (lambda: ops.conv_cost((32, 32), 6, 5), r"image_shape is \(32, 32\): wanted \(height, width, channels\)"),
        (lambda: ops.conv_cost((32, 32, 3), 6, 33), "the kernel is 33 pixels"),
        (lambda: ops.conv_cost((32, 32, 3), 0, 5), "filters is 0: wanted"),
        (lambda: ops.conv_cost((32, 32, 3), 6, 5, groups=2), "2 groups do not divide 3 channels and 6 filters"),
        (lambda: ops.max_pool2d(IMAGES[0]), r"images has shape \(8, 8, 3\): wanted"),
        (lambda: ops.max_pool2d(IMAGES, 9), "the kernel is 9 pixels"),
        (lambda: ops.max_pool2d(IMAGES, 0), "size is 0: wanted"),
        (lambda: ops.average_pool2d(IMAGES, 2, 0), "stride is 0: wanted"),
        (lambda: ops.average_pool2d(IMAGES[0, 0]), r"images has shape \(8, 3\): wanted"),
        (lambda: ops.softmax([1.0, 2.0], axis=1), r"logits have shape \(2,\), axis is 1: wanted"),
        (lambda: ops.softmax(3.0), r"logits have shape \(\), axis is -1: wanted"),
        (lambda: ops.cross_entropy([[0.0, 1.0]], [2]), "labels run from 2 to 2: wanted 0 to 1"),
        (lambda: ops.cross_entropy([[0.0, 1.0]], [-1]), "labels run from -1 to -1: wanted 0 to 1"),
        (lambda: ops.cross_entropy([[0.0, 1.0]], [[0, 1]]), r"labels have shape \(1, 2\): wanted \(1,\)"),
        (lambda: ops.cross_entropy([[0.0, 1.0]], [1.0]), "labels hold float64: wanted whole numbers"),
        (lambda: ops.batch_normalization(IMAGES, mean=0.0), "only one of mean and variance"),
        (lambda: ops.batch_normalization(IMAGES, gamma=np.ones(2)), r"gamma has shape \(2,\): wanted \(3,\)"),
        (lambda: ops.batch_normalization(np.ones(3)), r"inputs have shape \(3,\): wanted"),
        (lambda: ops.roi_align(IMAGES, [[0, 0, 1, 1]], 2), r"features has shape \(1, 8, 8, 3\): wanted \(height"),
        (lambda: ops.roi_align(IMAGES[0], [0, 0, 1, 1], 2), r"boxes have shape \(4,\): wanted \(n, 4\)"),
        (lambda: ops.roi_align(IMAGES[0], [[0, 0, 1, 1]], 0), "size is 0: wanted"),
        (lambda: ops.roi_align(IMAGES[0], [[0, 0, 1, 1]], 2, samples=0), "samples is 0: wanted"),
        (lambda: ops.roi_align(IMAGES[0], [[0, 0, 1, 1]], 2, stride=0), "stride is 0: wanted"),
    ],
)
def test_other_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "name, call",
    [
        ("size", lambda: ops.conv_output_size(0, 3)),
        ("kernel", lambda: ops.conv_output_size(7, 0)),
        ("stride", lambda: ops.conv_output_size(7, 3, 0)),
        ("image_shape", lambda: ops.conv_cost((0, 8, 3), 1, 1)),
        ("filters", lambda: ops.conv_cost((8, 8, 3), 0, 1)),
        ("groups", lambda: ops.conv_cost((8, 8, 3), 1, 1, groups=0)),
        ("stride", lambda: ops.conv2d(IMAGES, KERNELS, stride=0)),
        ("size", lambda: ops.max_pool2d(IMAGES, 0)),
        ("stride", lambda: ops.max_pool2d(IMAGES, 2, 0)),
        ("samples", lambda: ops.roi_align(IMAGES[0], [[0, 0, 1, 1]], 1, samples=0)),
        ("size", lambda: ops.roi_align(IMAGES[0], [[0, 0, 1, 1]], (1, 0))),
    ],
)
def test_the_argument_that_is_0_is_the_one_that_is_named(name, call):
    with pytest.raises(ValueError, match=f"^{name} is 0: wanted"):
        call()


def test_a_star_import_brings_every_public_function():
    assert sorted(ops.__all__) == sorted(set(ops.__all__)) and all(hasattr(ops, name) for name in ops.__all__)
    own = {name for name, value in vars(ops).items() if getattr(value, "__module__", "") == "cvhelpers.ops"}
    assert {name for name in own if not name.startswith("_")} <= set(ops.__all__)


# ------------------------------------------------------------------------------------------------- half precision


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: ops.conv2d(x[None, :, None, None], np.ones((3, 1, 1, 1), x.dtype)),
        lambda x: ops.conv2d_loops(x[None, :, None, None], np.ones((3, 1, 1, 1), x.dtype)),
        lambda x: ops.average_pool2d(np.tile(x[None, :, None, None], (1, 1, 3, 1)), 3),
        lambda x: ops.batch_normalization(x[:, None]),
        lambda x: ops.softmax(x / 100),
        lambda x: ops.cross_entropy(x[None], [0]),
        lambda x: ops.roi_align(np.tile(x[:, None, None], (1, 2, 1)), [[0, 0, 2, 3]], 1, samples=3),
        lambda x: ops.sigmoid(-x / 1000),
    ],
)
def test_half_precision_loses_nothing_on_the_way(compute):
    """Sums of float16 overflow at 65,504 and keep three digits: the result is that of float64, in float32."""
    numbers = np.array([100, 3000, 65_000])
    half, full = compute(numbers.astype(np.float16)), compute(numbers.astype(float))
    np.testing.assert_allclose(half, full, rtol=1e-3, atol=1e-6)


def test_normalizing_half_precision_by_hand():
    result = ops.batch_normalization(np.array([[100], [3000]], np.float16), epsilon=0)
    assert result.dtype == np.float32 and result.ravel().tolist() == [-1, 1]


def test_sigmoid_by_hand_and_far_out():
    assert ops.sigmoid(np.log([1 / 3, 1, 3])).tolist() == pytest.approx([0.25, 0.5, 0.75])
    assert ops.sigmoid([-1e4, 1e4]).tolist() == [0, 1]

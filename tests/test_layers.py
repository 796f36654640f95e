"""The blocks against hand-computed cases, independent functional builds, TensorFlow and the published counts."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers import costs, layers, ops
from cvhelpers._quiet import keras, tf

few = settings(max_examples=12, deadline=None)
K = keras.layers


def model_of(layer, shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


def random_images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def centre_kernel(value, channels):
    """A 3×3 kernel that multiplies every channel by the value."""
    kernel = np.zeros((3, 3, channels, channels), "float32")
    kernel[1, 1] = value * np.eye(channels)
    return kernel


# --------------------------------------------------------------------------------------------------- InceptionModule


def inception_by_hand(x, kernels):
    """The module from raw TensorFlow operations, as figure 2 of the paper; bottlenecks where there are kernels."""

    def branch(x, *names):
        for name in names:
            if name in kernels:
                kernel, bias = kernels[name]
                x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        return x

    pooled = tf.nn.max_pool2d(x, 3, 1, "SAME")
    branches = [
        branch(x, "conv_1x1"),
        branch(x, "conv_reduce_3x3", "conv_3x3"),
        branch(x, "conv_reduce_5x5", "conv_5x5"),
        branch(pooled, "conv_pool_projection"),
    ]
    return tf.concat(branches, -1).numpy()


@pytest.mark.parametrize("row", [(4, 3, 5, 2, 3, 2), (4, None, 5, None, 3, None), (1, None, 2, 3, 4, None)])
def test_inception_module_equals_four_branches_of_raw_tensorflow(row):
    module, x = layers.InceptionModule(*row), random_images(2, 7, 6, 5)
    output = module(x).numpy()
    for layer in module.network.layers:
        if layer.weights:  # biases other than zero
            layer.set_weights([layer.get_weights()[0], random_images(*layer.bias.shape, seed=1)])
    kernels = {layer.name: layer.get_weights() for layer in module.network.layers if layer.weights}
    assert output.shape == module.compute_output_shape(x.shape)
    np.testing.assert_allclose(module(x), inception_by_hand(x, kernels), rtol=1e-4, atol=1e-5)


def test_bottlenecks_of_inception_3a_save_parameters_and_multiply_adds():
    row, shape = (64, 96, 128, 16, 32, 32), (28, 28, 192)
    slim = costs.cost_table(model_of(layers.InceptionModule(*row), shape))
    naive = costs.cost_table(model_of(layers.InceptionModule(64, None, 128, None, 32, None), shape))
    weights = 192 * (64 + 96 + 16 + 32) + 9 * 96 * 128 + 25 * 16 * 32
    assert (slim.parameters, slim.multiply_adds) == (weights + 64 + 96 + 128 + 16 + 32 + 32, weights * 28 * 28)
    weights = 192 * (64 + 9 * 128 + 25 * 32)
    assert (naive.parameters, naive.multiply_adds) == (weights + 64 + 128 + 32, weights * 28 * 28)


def test_googlenet_of_table_1_has_the_known_number_of_parameters():
    rows = [
        (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), "pool",
        (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), "pool",
        (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
    ]  # fmt: skip
    x = inputs = keras.Input((224, 224, 3))
    x = K.MaxPooling2D(3, 2, "same")(K.Conv2D(64, 7, 2, "same")(x))
    x = K.MaxPooling2D(3, 2, "same")(K.Conv2D(192, 3, padding="same")(K.Conv2D(64, 1)(x)))
    for row in rows:
        x = K.MaxPooling2D(3, 2, "same")(x) if row == "pool" else layers.InceptionModule(*row)(x)
    assert x.shape == (None, 7, 7, 1024)
    model = keras.Model(inputs, K.Dense(1000)(K.GlobalAveragePooling2D()(x)))
    table = costs.cost_table(model)
    assert table.parameters == model.count_params() == 6_998_552
    assert round(table.multiply_adds / 1e6) == 1583


# ------------------------------------------------------------------------------------- ResidualBlock, BottleneckBlock


def test_residual_block_adds_its_input_to_two_convolutions():
    x = np.array([[-3.0, 1.0], [2.0, 0.0]], "float32").reshape(1, 2, 2, 1)
    for shortcut, expected in ((None, [0, 2, 4, 0]), ("A", [0, 3, 6, 0]), ("B", [0, 3, 6, 0])):
        block = layers.ResidualBlock(1, shortcut=shortcut, batch_normalization=False, use_bias=False)
        block(x)
        block.set_weights([centre_kernel(1, 1), centre_kernel(2, 1)])  # F(x) = 2 relu(x)
        np.testing.assert_allclose(block(x).numpy().ravel(), expected, atol=1e-6)


def residual_by_hand(x, block, bottleneck):
    """The block in inference mode from raw TensorFlow operations and the weights of the block, by name."""
    get = block.network.get_layer

    def convolve(x, name, strides=1):
        layer = get(f"conv_{name}")
        x = tf.nn.conv2d(x, layer.kernel.numpy(), strides, "SAME")
        if layer.use_bias:
            x = x + layer.bias.numpy()
        if block.batch_normalization:
            gamma, beta, mean, variance = get(f"norm_{name}").get_weights()
            x = (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        return x

    y = tf.nn.relu(convolve(x, "1", block.strides))
    y = convolve(tf.nn.relu(convolve(y, "2")), "3") if bottleneck else convolve(y, "2")
    if block.shortcut == "B" and (block.strides > 1 or x.shape[-1] != y.shape[-1]):
        y += convolve(x, "shortcut", block.strides)
    elif block.shortcut:
        x = x[:, :: block.strides, :: block.strides]
        y += np.pad(x, [(0, 0)] * 3 + [(0, y.shape[-1] - x.shape[-1])])
    return tf.nn.relu(y).numpy()


@given(
    kind=st.sampled_from([layers.ResidualBlock, layers.BottleneckBlock]),
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    channels=st.integers(1, 4),
    strides=st.integers(1, 3),
    shortcut=st.sampled_from(["A", "B", None]),
    batch_normalization=st.booleans(),
    use_bias=st.sampled_from([True, False, None]),
)
@few
def test_residual_blocks_equal_raw_tensorflow(kind, size, channels, strides, shortcut, batch_normalization, use_bias):
    block = kind(4, strides, shortcut, batch_normalization=batch_normalization, use_bias=use_bias)
    x = random_images(2, *size, channels)
    block(x)
    random = np.random.default_rng(1)
    block.set_weights([random.uniform(0.2, 1.0, weight.shape) for weight in block.weights])
    output = block(x, training=False).numpy()
    assert output.shape == block.compute_output_shape(x.shape)
    assert block.compute_output_shape((None, None, None, channels)) == (None, None, None, output.shape[-1])
    expected = residual_by_hand(x, block, kind is layers.BottleneckBlock)
    np.testing.assert_allclose(output, expected, rtol=2e-4, atol=2e-3)


def test_block_with_zero_weights_is_the_identity_on_what_comes_out_of_a_relu():
    x = random_images(2, 6, 6, 4)
    for kind in (layers.ResidualBlock(4), layers.BottleneckBlock(1)):
        block = type(kind).from_config(kind.get_config() | {"kernel_initializer": "zeros"})
        assert np.array_equal(block(np.abs(x), training=True), np.abs(x))
        assert np.array_equal(block(x), np.maximum(x, 0))
    plain = layers.ResidualBlock(4, shortcut=None, kernel_initializer="zeros")
    assert not plain(np.abs(x)).numpy().any()


def test_shortcut_a_takes_every_second_pixel_and_fills_channels_with_zeros():
    x = np.abs(random_images(1, 5, 6, 3))
    block = layers.ResidualBlock(7, strides=2, shortcut="A", kernel_initializer="zeros")
    output = block(x).numpy()
    assert output.shape == (1, 3, 3, 7)
    assert np.array_equal(output[..., :3], x[:, ::2, ::2]) and not output[..., 3:].any()


def small_resnet(depth, shortcut):
    """The network of the paper's section 4.2 for images of 32 × 32."""
    x = inputs = keras.Input((32, 32, 3))
    x = K.ReLU()(K.BatchNormalization()(K.Conv2D(16, 3, padding="same", use_bias=False)(x)))
    for stage, filters in enumerate((16, 32, 64)):
        for index in range((depth - 2) // 6):
            x = layers.ResidualBlock(filters, 2 if stage and not index else 1, shortcut)(x)
    return keras.Model(inputs, K.Dense(10)(K.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize(
    "depth, shortcut, trainable", [(20, "A", 269_722), (20, None, 269_722), (20, "B", 272_474), (56, "A", 853_018)]
)
def test_small_resnets_have_the_published_number_of_parameters(depth, shortcut, trainable):
    model = small_resnet(depth, shortcut)
    table = costs.cost_table(model)
    assert table.trainable == trainable == sum(np.prod(w.shape) for w in model.trainable_weights)
    assert table.parameters == model.count_params()


def resnet(kind, blocks, use_bias):
    x = inputs = keras.Input((224, 224, 3))
    x = K.ReLU()(K.BatchNormalization()(K.Conv2D(64, 7, 2, "same", use_bias=use_bias)(x)))
    x = K.MaxPooling2D(3, 2, "same")(x)
    for stage, count in enumerate(blocks):
        for index in range(count):
            strides = 2 if stage and not index else 1
            x = kind(64 * 2**stage, strides, use_bias=use_bias, name=f"conv{stage + 2}_block{index + 1}")(x)
    return keras.Model(inputs, K.Dense(1000)(K.GlobalAveragePooling2D()(x)))


def test_resnet50_of_bottleneck_blocks_equals_keras_applications_layer_by_layer():
    ours = costs.cost_table(resnet(layers.BottleneckBlock, (3, 4, 6, 3), use_bias=True), inside=True)
    theirs = costs.cost_table(keras.applications.ResNet50(weights=None))
    assert ours.parameters == theirs.parameters == 25_636_712
    assert ours.trainable == theirs.trainable == 25_583_592
    assert ours.multiply_adds == theirs.multiply_adds

    def of_block(table, prefix):  # the two order the branches of a block differently
        return sorted(tuple(row[1:]) for row in table if row.name.startswith(prefix) and row.parameters)

    for stage, count in zip(range(2, 6), (3, 4, 6, 3)):
        for index in range(1, count + 1):
            prefix = f"conv{stage}_block{index}"
            assert of_block(ours, prefix + "/") == of_block(theirs, prefix + "_")


def test_resnet18_of_residual_blocks_has_the_known_parameters_and_receptive_field():
    model = resnet(layers.ResidualBlock, (2, 2, 2, 2), use_bias=False)
    table = costs.cost_table(model)
    assert (table.trainable, table.parameters) == (11_689_512, 11_699_112)
    assert round(table.multiply_adds / 1e6) == 1814
    assert ops.receptive_field(model, "conv5_block2").size == 435


def test_receptive_field_of_a_block_is_that_of_its_largest_branch():
    field = ops.receptive_field
    assert field(model_of(layers.InceptionModule(4, 4, 4, 4, 4, 4), (8, 8, 3))).size == 5
    assert field(model_of(layers.ResidualBlock(4, 2, "A"), (8, 8, 4)))[:2] == (7, 2)
    assert field(model_of(layers.BottleneckBlock(4), (8, 8, 3))).size == 3


# --------------------------------------------------------------------------------------- LocalResponseNormalization


@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9)),
    depth_radius=st.integers(0, 6),
    bias=st.floats(0.5, 3),
    alpha=st.floats(0, 2),
    beta=st.floats(0.1, 1.5),
)
@few
def test_local_response_normalization_equals_tensorflow(shape, depth_radius, bias, alpha, beta):
    x = random_images(*shape)
    layer = layers.LocalResponseNormalization(depth_radius, bias, alpha, beta)
    np.testing.assert_allclose(layer(x), tf.nn.lrn(x, depth_radius, bias, alpha, beta), rtol=1e-4, atol=1e-6)


def test_local_response_normalization_of_three_channels_by_hand():
    x = np.array([3.0, 0.0, 4.0], "float32").reshape(1, 1, 1, 3)
    layer = layers.LocalResponseNormalization(depth_radius=1, bias=1, alpha=1, beta=0.5)
    np.testing.assert_allclose(layer(x).numpy().ravel(), [3 / 10**0.5, 0, 4 / 17**0.5], rtol=1e-6)


# ------------------------------------------------------------------------------------------------ all blocks together

EVERY = [
    layers.InceptionModule(2, 3, 4, 1, 2, 3, name="with_bottlenecks"),
    layers.InceptionModule(2, None, 4, None, 2, None, batch_normalization=True, momentum=0.8, name="naive"),
    layers.ResidualBlock(6, strides=2, shortcut="A", momentum=0.9, name="option_a"),
    layers.ResidualBlock(6, strides=2, shortcut="B", batch_normalization=False, name="option_b"),
    layers.ResidualBlock(6, shortcut=None, kernel_initializer="glorot_normal", name="plain"),
    layers.BottleneckBlock(2, expansion=3, use_bias=True, name="bottleneck"),
    layers.LocalResponseNormalization(1, 1.0, 0.1, 0.5, name="lrn"),
    layers.UpsampleBlock(3, name="upsample_without_skip"),
]


@pytest.mark.parametrize("layer", EVERY, ids=lambda layer: layer.name)
def test_saved_and_loaded_layer_gives_the_same_output(layer, tmp_path):
    x = random_images(4, 9, 8, 3)
    model = model_of(type(layer).from_config(layer.get_config()), (9, 8, 3))
    if model.trainable_weights:
        model.compile("sgd", "mse")
        model.fit(x, np.zeros(model.compute_output_shape(x.shape)), verbose=0)  # statistics and biases other than zero
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].get_config() == layer.get_config()
    assert np.array_equal(model(x), loaded(x))
    assert np.array_equal(keras.models.clone_model(model)(x).shape, model(x).shape)


@pytest.mark.parametrize("layer", EVERY, ids=lambda layer: layer.name)
def test_layer_takes_images_of_any_size_after_it_was_built(layer):
    layer = type(layer).from_config(layer.get_config())
    for size in ((9, 8), (4, 5)):
        x = random_images(2, *size, 3)
        assert layer(x).shape == layer.compute_output_shape(x.shape)
    inputs = keras.Input((None, None, 3))
    assert layer(inputs).shape == layer.compute_output_shape(inputs.shape)


@pytest.mark.parametrize("layer", EVERY, ids=lambda layer: layer.name)
def test_layer_is_copied_and_exported_with_its_weights(layer, tmp_path):
    x = random_images(2, 9, 8, 3)
    model = model_of(type(layer).from_config(layer.get_config()), (9, 8, 3))
    assert np.array_equal(copy.deepcopy(model)(x), model(x))
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(tf.constant(x)), model(x), atol=1e-5)


def test_a_block_with_a_skip_and_roi_align_are_saved_copied_and_exported(tmp_path):
    maps, skip, boxes = keras.Input((8, 8, 3)), keras.Input((16, 16, 2)), keras.Input((2, 4))
    parts = [layers.UpsampleBlock(4)([maps, skip]), layers.RoIAlign((2, 3), 2, 2)([maps, boxes])]
    model = keras.Model([maps, skip, boxes], parts)
    x = [random_images(2, 8, 8, 3), random_images(2, 16, 16, 2), np.float32([[[1, 2, 9, 12], [0, 0, 16, 16]]] * 2)]
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    others = [keras.models.load_model(tmp_path / "model.keras"), copy.deepcopy(model)]
    for other in (*(other(x) for other in others), served.serve([tf.constant(part) for part in x])):
        for ours, theirs in zip(model(x), other):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_half_precision_moves_no_box_and_overflows_nowhere():
    maps = np.tile(np.arange(600, dtype=np.float32)[None, None, :, None] / 600, (1, 4, 1, 1))
    box = np.float32([[[510.3, 0, 512.3, 4]]])  # its centre is 511.3: the value there is 510.8 / 600
    crop = layers.RoIAlign(1, dtype="mixed_float16")([maps, box])
    assert crop.dtype == "float16"
    assert float(crop[0, 0, 0, 0, 0]) == pytest.approx(510.8 / 600, abs=1e-3)
    loud = layers.LocalResponseNormalization(0, 1.0, 1.0, 0.5, dtype="mixed_float16")(np.full((1, 1, 1, 1), 300.0))
    assert float(loud[0, 0, 0, 0]) == pytest.approx(300 / (1 + 300**2) ** 0.5, abs=1e-3)


@pytest.mark.parametrize("stride, samples, size", [(1, 1, 4), (4, 2, (2, 3)), (2, 3, 1)])
def test_roi_align_equals_the_definition_also_outside_the_image(stride, samples, size):
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(3, 9, 7, 2)).astype(np.float32)
    corner = rng.uniform(-12, 30, (3, 5, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 30, (3, 5, 2))], -1).astype(np.float32)
    expected = [ops.roi_align(one, its, size, stride, samples) for one, its in zip(maps, boxes)]
    np.testing.assert_allclose(layers.RoIAlign(size, stride, samples)([maps, boxes]), expected, atol=1e-4)
    np.testing.assert_allclose(layers.RoIAlign(3)([maps, boxes])[0], ops.roi_align(maps[0], boxes[0], 3), atol=1e-4)


def test_every_convolution_starts_with_weights_of_its_own():
    for initializer in ("he_normal", keras.initializers.HeNormal()):
        block = layers.ResidualBlock(4, kernel_initializer=initializer)
        block.build((None, 8, 8, 4))
        first, second = (block.network.get_layer(f"conv_{i}").kernel.numpy() for i in (1, 2))
        assert not np.array_equal(first, second)


def test_batch_normalization_of_a_block_moves_in_training_only():
    block, x = layers.ResidualBlock(4, momentum=0.9), random_images(8, 6, 6, 3)
    block(x, training=False)
    norm = block.network.get_layer("norm_1")
    assert norm.momentum == 0.9 and not norm.moving_mean.numpy().any()
    block(x, training=True)
    mean = block.network.get_layer("conv_1")(x).numpy().mean((0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean, 0.1 * mean, rtol=1e-3, atol=1e-6)


def test_frozen_block_has_no_trainable_weights():
    block = layers.BottleneckBlock(4)
    block.build((None, 8, 8, 3))
    assert len(block.trainable_weights) == 12
    block.trainable = False
    assert not block.trainable_weights and len(block.non_trainable_weights) == 20


def test_block_computes_in_the_precision_it_was_given():
    block = layers.ResidualBlock(4, dtype="mixed_bfloat16")
    assert block(random_images(1, 4, 4, 3)).dtype == "bfloat16"
    assert {weight.dtype for weight in block.weights} == {"float32"}


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: layers.InceptionModule(64, 0, 128, 16, 32, 32), "reduce_3x3 is 0"),
        (lambda: layers.InceptionModule(64, 96, None, 16, 32, 32), "filters_3x3 is None"),
        (lambda: layers.InceptionModule(64, 96, 128, 16, 32, 32, strides=2), "keeps the size"),
        (lambda: layers.ResidualBlock(8, shortcut="C"), "shortcut='C'"),
        (lambda: layers.ResidualBlock(8.0), "filters is 8.0"),
        (lambda: layers.ResidualBlock(8, strides=0), "strides is 0"),
        (lambda: layers.BottleneckBlock(8, expansion=True), "expansion is True"),
        (lambda: layers.ResidualBlock(4, shortcut="A")(np.ones((1, 8, 8, 6))), "from 6 channels to 4"),
        (lambda: layers.ResidualBlock(4)(np.ones((8, 8, 6))), "batch, height, width, channels"),
        (lambda: layers.LocalResponseNormalization(depth_radius=-1), "depth_radius is -1"),
        (lambda: layers.LocalResponseNormalization(bias=0), "bias is 0"),
    ],
)
def test_bad_settings_are_refused_with_the_reason(build, words):
    with pytest.raises(ValueError, match=words):
        build()

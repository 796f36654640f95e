"""The cost table against Keras, TensorFlow's profiler, ``ops.conv_cost`` and published totals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers import costs, layers, ops
from cvhelpers._quiet import keras, tf

K = keras.layers


def sequential(shape, *parts):
    return keras.Sequential([keras.Input(shape), *parts])


def profiled(model, shape):
    """Multiply-adds of the convolutions and matrix products as TensorFlow's own profiler counts them."""
    from tensorflow.python.profiler import model_analyzer, option_builder

    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, *shape))).graph
    options = option_builder.ProfileOptionBuilder(option_builder.ProfileOptionBuilder.float_operation())
    options = options.with_accounted_types(["Conv2D", "DepthwiseConv2dNative", "MatMul"]).with_empty_output()
    return model_analyzer.profile(graph, options=options.build()).total_float_ops // 2


@given(
    size=st.tuples(st.integers(5, 12), st.integers(5, 12)),
    groups=st.integers(1, 3),
    kernel=st.sampled_from([1, 3, (2, 5)]),
    strides=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
    use_bias=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_row_of_a_convolution_is_what_conv_cost_computes(size, groups, kernel, strides, padding, use_bias):
    convolution = K.Conv2D(2 * groups, kernel, strides, padding, groups=groups, use_bias=use_bias)
    (row,) = costs.cost_table(sequential((*size, 3 * groups), convolution))
    expected = ops.conv_cost((*size, 3 * groups), 2 * groups, kernel, strides, padding, use_bias, groups)
    assert (row.output_shape, row.parameters, row.multiply_adds) == tuple(expected)


@pytest.mark.parametrize(
    "layer, expected",
    [
        (K.Conv2D(8, 3, strides=2, padding="same"), 8 * 8 * 8 * 9 * 6),
        (K.Conv2D(8, 3, dilation_rate=2), 12 * 12 * 8 * 9 * 6),
        (K.Conv2DTranspose(8, 3, strides=2, padding="same"), 16 * 16 * 9 * 6 * 8),
        (K.DepthwiseConv2D(3, depth_multiplier=2), 14 * 14 * 9 * 6 * 2),
        (K.SeparableConv2D(8, 3, depth_multiplier=2), 14 * 14 * (9 * 12 + 12 * 8)),
        (K.Dense(5), 16 * 16 * 6 * 5),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_multiply_adds_of_every_kind_of_layer_by_hand(layer, expected):
    model = sequential((16, 16, 6), layer)
    (row,) = costs.cost_table(model)
    assert (row.parameters, row.multiply_adds) == (model.count_params(), expected)


@pytest.mark.parametrize("network, published", [("MobileNet", 569), ("MobileNetV2", 300), ("ResNet50", 3858)])
def test_networks_of_keras_have_the_published_cost(network, published):
    model = getattr(keras.applications, network)(weights=None)
    table = costs.cost_table(model)
    assert table.parameters == model.count_params()
    assert table.trainable == sum(np.prod(weight.shape) for weight in model.trainable_weights)
    assert abs(table.multiply_adds / 1e6 - published) < 1.5
    assert table.multiply_adds == profiled(model, (224, 224, 3))
    for row in table:
        layer = model.get_layer(row.name)
        assert (row.parameters, row.output_shape) == (layer.count_params(), layer.output.shape[1:])


def test_vgg16_needs_its_known_number_of_multiply_adds_in_each_stage():
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    x = K.Flatten()(base.output)
    for units in (4096, 4096, 1000):
        x = K.Dense(units, kernel_initializer="zeros", dtype="float16")(x)  # half the memory, the same counts
    table = costs.cost_table(keras.Model(base.input, x))
    assert table.parameters == 138_357_544
    stages = [sum(r.multiply_adds for r in table if r.name.startswith(f"block{n}")) for n in range(1, 6)]
    assert [round(cost / 1e6) for cost in stages] == [1936, 2775, 4624, 4624, 1387]


def nested_model():
    inner = keras.Sequential([keras.Input((8, 8, 4)), K.Conv2D(4, 3, padding="same", name="conv")], name="inner")
    inputs = keras.Input((8, 8, 4))
    x = layers.ResidualBlock(4, name="block")(inner(inputs))
    return keras.Model(inputs, keras.Model(inner.inputs, K.ReLU(name="relu")(inner.outputs[0]), name="outer")(x))


def test_inner_models_and_blocks_are_one_row_or_opened():
    model = nested_model()
    closed, opened = costs.cost_table(model), costs.cost_table(model, inside=True)
    assert [row.name for row in closed] == ["inner", "block", "outer"]
    assert [row.name for row in opened if row.kind == "Conv2D"] == [
        "inner/conv", "block/conv_1", "block/conv_2", "outer/conv"
    ]  # fmt: skip
    assert closed.parameters == opened.parameters == model.count_params()
    assert closed.multiply_adds == opened.multiply_adds == 4 * 8 * 8 * 9 * 4 * 4


def test_layer_used_twice_has_its_parameters_once_and_its_cost_twice():
    inputs, convolution = keras.Input((8, 8, 4)), K.Conv2D(4, 1, name="shared")
    model = keras.Model(inputs, convolution(convolution(inputs)))
    assert [(row.parameters, row.multiply_adds) for row in costs.cost_table(model)] == [(20, 1024), (0, 1024)]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution, self.dense = K.Conv2D(4, 3), K.Dense(10)
        self.scale = self.add_weight(shape=(3,), name="scale")

    def call(self, inputs):
        return self.dense(keras.ops.mean(self.convolution(inputs * self.scale), (1, 2)))


def test_subclassed_model_is_counted_as_it_computes():
    model = Subclassed()
    model(np.zeros((1, 8, 8, 3)))
    table = costs.cost_table(model, (8, 8, 3))
    assert table.parameters == model.count_params() == 112 + 50 + 3
    assert table.multiply_adds == 36 * 27 * 4 + 40


def test_counting_leaves_the_model_and_keras_as_they_were():
    model, call = nested_model(), keras.layers.Layer.__call__
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    costs.cost_table(model)
    with pytest.raises(ValueError):
        costs.cost_table(sequential((4, 3), K.LSTM(2)))
    assert keras.layers.Layer.__call__ is call
    assert nodes == [len(layer._inbound_nodes) for layer in model.layers]


def test_printed_table_has_a_line_for_each_layer_and_the_totals():
    lines = str(costs.cost_table(sequential((32, 32, 1), K.Conv2D(6, 5, name="C1"), K.ReLU(name="relu")))).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "multiply-adds"]
    assert lines[2].split() == ["C1", "Conv2D", "28×28×6", "156", "117,600"]
    assert lines[-1].split() == ["total", "(156", "trainable)", "156", "117,600"]
    assert len({len(line) for line in lines}) == 1


def test_what_cannot_be_counted_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"input_shape=\(224, 224, 3\)"):
        costs.cost_table(sequential((None, None, 3), K.Conv2D(4, 3)))
    with pytest.raises(ValueError, match="is a LSTM"):
        costs.cost_table(sequential((4, 3), K.LSTM(2, name="memory")))
    assert costs.cost_table(sequential((None, None, 3), K.Conv2D(4, 3)), (8, 8, 3)).multiply_adds == 36 * 27 * 4

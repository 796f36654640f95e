"""Receptive fields against known networks and against gradients; ``test_ops.py`` has the rest of ``shapes``."""

import numpy as np
import pytest

from cvhelpers._quiet import keras, tf
from cvhelpers.shapes import ReceptiveField, receptive_field

L = keras.layers


def measured_field(model, row):
    """First row that output ``row`` depends on and the number of rows from there to the last, by the gradient."""
    image = tf.random.stateless_normal((1, *model.input_shape[1:]), seed=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(model(image)[:, row])
    rows = np.flatnonzero(np.abs(tape.gradient(value, image)).sum((0, 2, 3)))
    return rows[0], rows[-1] - rows[0] + 1


def vgg16():
    """(kernel, stride) of every layer of VGG16 up to pool5."""
    return sum(([(3, 1)] * count + [(2, 2)] for count in (2, 2, 3, 3, 3)), [])


@pytest.mark.parametrize(
    "name, layers, size",
    [
        ("three 3x3", [(3, 1)] * 3, 7),
        ("LeNet-5 C5", [(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)], 32),
        ("AlexNet pool5", [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)], 195),
        ("VGG16 conv5_3", vgg16()[:-1], 196),
        ("VGG16 pool5", vgg16(), 212),
        ("two dilated 3x3", [(3, 1, 1, 1), (3, 1, 2, 2)], 7),
        ("no layer", [], 1),
    ],
)
def test_receptive_fields_of_known_networks(name, layers, size):
    assert receptive_field(layers).size == size


def test_receptive_field_of_vgg16_as_keras_builds_it():
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    assert receptive_field(model) == (212, 32, -90)
    assert receptive_field(model, "block5_conv3").size == 196


def test_receptive_field_of_resnet18_is_435():
    x = inputs = keras.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2, padding="same")(L.Conv2D(2, 7, 2, padding="same")(x))
    for stride in (1, 1, 2, 1, 2, 1, 2, 1):
        y = L.Conv2D(2, 3, padding="same")(L.Conv2D(2, 3, stride, padding="same")(x))
        x = L.Add()([y, x if stride == 1 else L.Conv2D(2, 1, stride)(x)])
    model = keras.Model(inputs, L.Dense(10)(L.GlobalAveragePooling2D()(x)))
    assert receptive_field(model)[:2] == (435, 32)


@pytest.mark.parametrize(
    "layers",
    [
        [L.Conv2D(2, 3), L.AveragePooling2D(2), L.Conv2D(2, 5, padding="same")],
        [L.Conv2D(2, 3, 2, padding="same"), L.ReLU(), L.Conv2D(2, 3, dilation_rate=2), L.DepthwiseConv2D(3)],
        [L.ZeroPadding2D(((2, 1), (0, 0))), L.Conv2D(2, 4, 2), L.Conv2D(1, 1), L.SeparableConv2D(2, 3, padding="same")],
    ],
)
def test_receptive_field_equals_the_reach_of_the_gradient(layers):
    model = keras.Sequential([keras.Input((40, 40, 2)), *layers])
    size, jump, start = receptive_field(model)
    middle = model.output_shape[1] // 2
    assert measured_field(model, middle) == (start + middle * jump, size)


def test_branches_are_covered_by_one_field_and_models_may_be_nested():
    inputs = keras.Input((32, 32, 1))
    branches = [L.Conv2D(1, size, padding="same", kernel_initializer="ones")(inputs) for size in (1, 3, 5)]
    module = keras.Model(inputs, L.Concatenate()(branches), name="module")
    nested = keras.Sequential([keras.Input((64, 64, 1)), L.AveragePooling2D(2), module, L.Flatten(), L.Dense(1)])
    assert receptive_field(module) == (5, 1, -2)
    assert receptive_field(nested) == (10, 2, -4)
    model = keras.Sequential([keras.Input((64, 64, 1)), nested.layers[0], module])
    assert measured_field(model, 16) == (-4 + 16 * 2, 10)


class Block(L.Layer):
    """A residual block of two 3x3 convolutions, as an own layer."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.first, self.second = L.Conv2D(1, 3, padding="same"), L.Conv2D(1, 3, padding="same")

    def call(self, inputs):
        return inputs + self.second(self.first(inputs))


class OpenBlock(Block):
    receptive_field_paths = [[(3, 1, "same"), (3, 1, "same")], []]


def test_a_layer_that_hides_convolutions_has_to_tell_its_paths():
    with pytest.raises(ValueError, match="layer 'closed' hides convolutions: wanted its receptive_field_paths"):
        receptive_field(keras.Sequential([keras.Input((16, 16, 1)), Block(name="closed")]))
    model = keras.Sequential([keras.Input((16, 16, 1)), OpenBlock()])
    assert receptive_field(model) == (5, 1, -2)
    assert measured_field(model, 8) == (6, 5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: receptive_field([(3,)]), r"a layer is \(3,\): wanted \(kernel, stride\)"),
        (lambda: receptive_field([(3, 0)]), "stride is 0: wanted a whole number, 1 or more"),
        (lambda: receptive_field([(0, 1)]), "kernel is 0: wanted a whole number, 1 or more"),
        (lambda: receptive_field([(3, 1, -1)]), "padding is -1: wanted a whole number, 0 or more"),
        (lambda: ReceptiveField().behind(3, dilation=0), "dilation is 0: wanted"),
    ],
)
def test_bad_layers_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_models_are_named():
    inputs = keras.Input((16, 16, 1))
    half = L.MaxPooling2D(name="half")(inputs)
    enlarged = keras.Model(inputs, L.UpSampling2D(name="larger")(half))
    with pytest.raises(ValueError, match="layer 'larger' enlarges its maps"):
        receptive_field(enlarged)
    with pytest.raises(ValueError, match="no layer is called 'conv': wanted one of .*half"):
        receptive_field(enlarged, "conv")


def test_cropping_moves_the_start_of_the_field():
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, strides=2)(inputs)
    model = keras.Model(inputs, layers.Conv2D(4, 3)(layers.Cropping2D(((2, 0), (1, 1)))(x)))
    # two rows of the map are cut off, each two pixels of the image further on
    assert receptive_field(model) == ReceptiveField(size=7, jump=2, start=4)

"""Homework 3, image classification: cases, hints and points. Lessons 10 to 14; Keras from q3 on."""

import numpy as np

from . import Case, Exercise
from .matching import Matching
from .measured import Measured, with_accuracy

KERAS = True  # grading gives the process the memory that TensorFlow needs
_rng = np.random.default_rng(3)


def _numbers(*shape, rng=_rng):
    return np.round(rng.normal(size=shape), 2).astype(np.float32)


q1 = Exercise(
    "hw3.q1",
    "receptive_field",
    1,
    [
        "Begin with one pixel: the field is 1, and neighbouring pixels of the map are 1 pixel of the image apart "
        "(the jump).",
        "A layer with a kernel of k adds k - 1 steps to the field; each step is as long as the jump before this layer.",
        "After the layer the jump is multiplied by its stride. Go through the layers from the image on.",
    ],
    [
        Case([(3, 1)]),
        Case([(3, 1), (3, 1), (3, 1)]),
        Case([(2, 2), (3, 1)]),
        Case([(3, 1), (2, 2)]),
        Case([(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)]),
        Case([(1, 1), (3, 2), (1, 1), (3, 2)]),
        Case([]),
        Case([(7, 2), (3, 2), (3, 1), (3, 1)]),
    ],
    fresh=lambda rng: [
        Case([(int(k), int(s)) for k, s in rng.integers([1, 1], [8, 4], (n, 2))]) for n in rng.integers(1, 9, 10)
    ],
)


def _normalization_case(shape, training, rng=_rng, **more):
    channels = shape[-1]
    gamma, beta, mean = (_numbers(channels, rng=rng) for _ in range(3))
    variance = np.round(rng.uniform(0.5, 2, channels), 2).astype(np.float32)
    return Case(2 * _numbers(*shape, rng=rng) + 1, gamma, beta, mean, variance, training=training, **more)


q2 = Exercise(
    "hw3.q2",
    "batch_normalization",
    3,
    [
        "In training the mean and the variance of this batch are used: one of each for every channel, over all "
        "images, rows "
        "and columns, that is axis=(0, 1, 2).",
        "out = gamma * (maps - mean) / sqrt(variance + epsilon) + beta",
        "The moving mean becomes momentum * moving_mean + (1 - momentum) * mean of the batch; the variance in the "
        "same way.",
        "Without training the moving values are used and stay as they are.",
    ],
    [
        _normalization_case((2, 2, 2, 1), True),
        _normalization_case((2, 2, 2, 1), False),
        _normalization_case((2, 2, 3, 2), True),
        _normalization_case((1, 3, 2, 2), True, momentum=0.5),
        _normalization_case((3, 2, 1, 3), False, epsilon=0.5),
        _normalization_case((2, 1, 3, 2), True, epsilon=0.5),
    ],
    fresh=lambda rng: [
        _normalization_case((n, h, w, c), bool(training), rng, momentum=0.8)
        for n, h, w, c, training in rng.integers([2, 2, 2, 1, 0], [5, 6, 6, 5, 2], (6, 5))
    ],
)

q3 = Exercise(
    "hw3.q3",
    "weights",
    1,
    [
        "A 3×3 convolution from c to f channels has 3 * 3 * c * f weights; biases are not counted here.",
        "The bottleneck: 1×1 from 256 to 64, then 3×3 from 64 to 64, then 1×1 from 64 back to 256.",
    ],
)


# Networks from a specification: judged by their values, with weights that are the same for everybody -----------------


def _parts(layer):
    """The layer and all layers inside it, also those of a network inside a network."""
    inner = list(layer._flatten_layers(include_self=False, recursive=False))
    return [layer, *(part for one in inner for part in _parts(one))]


def fill_weights(model, any_order=False):
    """Give every weight of a Keras model a value that depends on its role and size only.

    So two networks that compute the same agree, whatever the order in which their layers were made; a dense layer on
    flattened maps agrees with the convolution that it replaces. Variances become positive, and the epsilon of batch
    normalization, which nobody states, is that of Keras.

    Args:
        model: a built Keras model; changed in place.
        any_order: whether a convolution treats all of its input channels alike, so that their order does not matter.

    Returns:
        the same model.
    """
    for layer in _parts(model):
        if type(layer).__name__ == "BatchNormalization":
            layer.epsilon = 1e-3
    for variable in model.weights:
        if "seed" in variable.path or np.dtype(str(variable.dtype)).kind != "f":
            continue  # states of random layers
        role, size = variable.path.split("/")[-1], int(np.prod(variable.shape))
        rng = np.random.default_rng([size, sum(map(ord, role))])
        # As in He initialisation: the scale of the values stays alike from layer to layer.
        inputs = max(1, size // int(variable.shape[-1])) if len(variable.shape) > 1 else 1
        values = rng.normal(size=size) * np.sqrt(2 / inputs) if inputs > 1 else rng.uniform(0.5, 1.5, size)
        if role in ("beta", "bias", "moving_mean"):
            values = values - 1
        values = values.reshape(variable.shape).astype(np.float32)
        if any_order and values.ndim == 4 and "transpose" not in variable.path:
            values[:] = values[:, :, :1]
        variable.assign(values)
    return model


def summary(model, inputs, any_order=False):
    """Shape, number of parameters and values of a Keras model for one input, with weights by :func:`fill_weights`.

    Args:
        model: a Keras model.
        inputs: float array, a batch, or a list of such arrays.
        any_order: as for :func:`fill_weights`.

    Returns:
        dict with ``output shape`` (without the batch), ``parameters`` and ``values``.
    """
    model(inputs)  # a network without a stated input gets its weights here
    values = np.asarray(fill_weights(model, any_order)(inputs, training=False))
    return {"output shape": list(values.shape[1:]), "parameters": int(model.count_params()), "values": values}


def _run_lenet(build):
    """Input, output, parameters of each layer and values of a network for images of 28×28×1."""
    model = build()
    shape = getattr(model, "input_shape", (None, 28, 28, 1)) if getattr(model, "inputs", None) else (None, 28, 28, 1)
    if tuple(shape[1:]) != (28, 28, 1):
        return {"input shape": list(shape[1:])}
    facts = summary(model, np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 1)).astype(np.float32))
    own = [[w for w in part.weights if part is not model] for part in _parts(model) if len(_parts(part)) == 1]
    return {
        "input shape": list(shape[1:]),
        "output shape": facts["output shape"],
        "parameters of each layer": [int(sum(np.prod(w.shape) for w in weights)) for weights in own if weights],
        "values": facts["values"],
    }


q4 = Exercise(
    "hw3.q4",
    "build_lenet5",
    2,
    [
        'A keras.Sequential of an Input and the seven layers: padding "same" keeps the size, activation "tanh" works '
        "for convolutions and dense layers alike.",
        "Average pooling is layers.AveragePooling2D(2): only the convolutions and dense layers have weights and "
        "activations.",
        "After the second pooling the maps are 5×5×16; Flatten makes 400 numbers of them, for a dense layer with 120 "
        "units.",
        "The last layer has 10 units and softmax. In all 61,706 parameters.",
    ],
    [Case()],
    run=_run_lenet,
    seconds=60,
)


def _run_block(block, shape, *settings):
    """Shape, parameters and values of a block of layers on maps of a shape."""
    import keras

    inputs = keras.Input(shape)
    model = keras.Model(inputs, block(inputs, *settings))
    batch = np.random.default_rng(sum(shape)).uniform(-1, 1, (1, *shape)).astype(np.float32)
    return summary(model, batch)


q5 = Exercise(
    "hw3.q5",
    "inception",
    3,
    [
        'Each branch starts from the same maps: layers.Conv2D(filters, size, padding="same", activation="relu")(maps).',
        "A reduction is a 1×1 convolution, with ReLU too, before the 3×3 or the 5×5.",
        'The last branch: layers.MaxPooling2D(3, strides=1, padding="same"), then a 1×1 convolution.',
        "layers.Concatenate()([…]) joins along the channels, in the order 1×1, 3×3, 5×5, pooling.",
    ],
    [
        Case((4, 4, 3), 2, 2, 3, 1, 2, 1),
        Case((3, 5, 4), 1, 3, 2, 2, 4, 2),
        Case((2, 3, 6), 3, 4, 4, 2, 1, 3),
    ],
    run=_run_block,
    tolerance=1e-3,
    fresh=lambda rng: [Case((5, 4, 5), *map(int, rng.integers(1, 6, 6))) for _ in range(2)],
    seconds=60,
)

q6 = Exercise(
    "hw3.q6",
    "residual_block",
    3,
    [
        'The main path: Conv2D(filters, 3, strides=stride, padding="same", use_bias=False), BatchNormalization, ReLU, '
        'Conv2D(filters, 3, padding="same", use_bias=False), BatchNormalization. No ReLU here yet.',
        "The shortcut is the input itself when its shape fits: stride 1 and maps.shape[-1] == filters.",
        "Otherwise the shortcut is Conv2D(filters, 1, strides=stride, use_bias=False) and BatchNormalization.",
        "layers.Add()([main, shortcut]), and ReLU at the very end.",
    ],
    [
        Case((3, 3, 2), 2),
        Case((4, 3, 2), 3),
        Case((5, 4, 2), 2, 2),
        Case((4, 6, 3), 2, 2),
    ],
    run=_run_block,
    tolerance=1e-3,
    fresh=lambda rng: [Case((6, 5, 4), int(f), int(s)) for f, s in rng.integers([2, 1], [7, 3], (3, 2))],
    seconds=60,
)


# The open exercise ---------------------------------------------------------------------------------------------------


def _material(rng):
    """Digits with labels to train on, and 1,000 others without; the truth is the labels of those."""
    from .. import data
    from .hw1 import redraw

    images, labels = data.load_digits("train")
    test, truth = data.load_digits("validation+test" if rng else "test")
    if rng:
        rows = rng.permutation(len(test))[:1000]
        test, truth = redraw(test[rows, ..., 0], rng)[..., None], truth[rows]
    return [Case(images, labels, test)], truth


def _run(build_and_train, images, labels, test):
    """What the trained network answers for the test images, and what it is made of."""
    model = build_and_train(images, labels)
    return {
        "scores": np.asarray(model.predict(test, verbose=0), np.float32),
        "parameters": sum(int(np.prod(weights.shape)) for weights in model.weights),
        "convolutions": sum("Conv" in type(layer).__name__ for layer in model.layers),
    }


def _score(values, truth):
    """Parameters of the trained network, and its accuracy on 1,000 digits that it has not seen."""
    return with_accuracy(values[0], truth, classes=10)


def _advice(measured):
    if measured["parameters"] > 60_000:
        return (
            "Too many parameters: look where they sit. A dense layer on large maps is most of them; pool more before "
            "it."
        )
    if measured["accuracy"] < 0.2:
        return "That is what guessing gives: is the network trained, and does `build_and_train` return it?"
    if not measured["convolutions"]:
        return "Without convolutions this is as far as it goes: use the structure of the image."
    if measured["accuracy"] < 0.94:
        return "It works. Train longer, and see whether batch normalization or a third convolution helps."
    return "Nearly. Lower the learning rate towards the end, or let the images shift a little while it trains."


q7 = Measured(
    "hw3.q7",
    "build_and_train",
    4,
    [
        "layers.Rescaling(1 / 255) as the first layer makes the pixels small numbers, in training and in the test.",
        "Two or three blocks of convolution, batch normalization, ReLU and pooling, then one dense layer of 10 units.",
        "BatchNormalization(momentum=0.9) adapts fast enough for a short training; 8 epochs with batches of 64 will "
        "do.",
        "A learning rate that falls to zero helps: keras.optimizers.schedules.CosineDecay(0.003, number_of_steps).",
    ],
    material=_material,
    run=_run,
    score=_score,
    limits={"accuracy": (0.96, None), "parameters": (None, 60_000)},
    advice=_advice,
    seconds=180,
)

_LOOK = [
    "Two matrices are right but for one or two rows. Which mistake concerns one digit, which one two?",
    "In one matrix all rows look alike: there the answers have nothing to do with the labels.",
    "Two are left. Write 1, 6, 8 and 9 on paper; look at the sheet in a mirror, then turn it. Which digits are still "
    "what they were? Which have become another digit?",
]
q8 = Matching("hw3.q8", "mistakes", 1, _LOOK)

"""Homework 3, image classification: cases, hints and points. Lessons 10 to 14; Keras from q3 on."""

import numpy as np

from . import Case, Exercise

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


# Networks from a specification ---------------------------------------------------------------------------------------


def _run_lenet(build):
    from .networks import summary

    model = build()
    sizes = [int(sum(np.prod(w.shape) for w in layer.weights)) for layer in model.layers if layer.weights]
    images = np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 1)).astype(np.float32)
    if tuple(model.input_shape[1:]) != (28, 28, 1):
        return {"input shape": list(model.input_shape[1:])}
    facts = summary(model, images)
    return {
        "input shape": list(model.input_shape[1:]),
        "output shape": facts["output shape"],
        "parameters of each layer": sizes,
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
    import keras

    from .networks import summary

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


def _measure(build_and_train):
    """Parameters of the trained network, and its accuracy on 1,000 digits that it has not seen."""
    from .. import data

    images, labels = data.load_digits("train")
    model = build_and_train(images.copy(), labels.copy())
    test, truth = data.load_digits("test")
    scores = np.asarray(model.predict(test, verbose=0))
    if scores.shape != (len(test), 10):
        raise ValueError(f"for {len(test)} images the network gives {scores.shape}, wanted ({len(test)}, 10)")
    return {
        "accuracy": float((scores.argmax(-1) == truth).mean()),
        "parameters": int(model.count_params()),
        "convolutions": sum("Conv" in type(layer).__name__ for layer in model.layers),
    }


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


q7 = Exercise(
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
    [Case()],
    run=_measure,
    limits={"accuracy": (0.96, None), "parameters": (None, 60_000)},
    advice=_advice,
    seconds=180,
)

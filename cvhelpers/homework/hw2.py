"""Homework 2, training: cases, hints and points. Lessons 08 and 09; Keras for q1 and q8 only."""

import warnings

import numpy as np

from . import Case, Exercise
from .compare import describe_kind
from .hw1 import as_text, fresh_digits, load_digits
from .matching import Matching
from .measured import Measured
from .transfer import load_squares, q8

__all__ = ["as_text", "few_digits", "load_digits", "load_squares", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"]

KERAS = True  # grading gives the process the memory that TensorFlow needs
_rng = np.random.default_rng(2)


def _image(height, width, channels=3, rng=_rng):
    return rng.integers(0, 256, (height, width, channels)).astype(np.uint8)


def _boxes(height, width, count, rng=_rng):
    left, top = rng.integers(0, width, count), rng.integers(0, height, count)
    right = left + 1 + rng.integers(0, width - left)
    bottom = top + 1 + rng.integers(0, height - top)
    return np.stack([left, top, right, bottom], axis=1).astype(np.float32)


# q1 · freeze and count -----------------------------------------------------------------------------------------------


def _build(kind):
    """The small networks on which q1 is checked."""
    import keras

    layers = keras.layers
    body = {
        "dense": [layers.Dense(4, name="hidden"), layers.ReLU(name="relu")],
        "small": [
            layers.Conv2D(4, 3, name="conv1"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(6, 3, name="conv2"),
            layers.ReLU(name="relu"),
            layers.Flatten(name="flatten"),
        ],
        "normalized": [
            layers.Conv2D(4, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.GlobalAveragePooling2D(name="average"),
        ],
    }
    body["partly_frozen"] = body["frozen"] = [layers.Conv2D(4, 3, name="conv"), layers.Flatten(name="flatten")]
    shape = (5,) if kind == "dense" else (10, 10, 1)
    model = keras.Sequential([layers.Input(shape), *body[kind], layers.Dense(3, name="head")], name=kind)
    if kind == "partly_frozen":
        for layer in model.layers:
            layer.trainable = False
    if kind == "frozen":
        model.trainable = False
    return model


def _run_freeze(freeze, kind, count):
    """What one step of training changes after `freeze`, whatever the flags say."""
    from .._quiet import keras

    keras.utils.set_random_seed(1)
    model = _build(kind)
    returned = freeze(model, count)
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    rng, before = np.random.default_rng(0), [np.array(weights) for weights in model.weights]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns where nothing trains, and a case asks for that
        model.train_on_batch(rng.normal(size=(16, *model.input_shape[1:])), rng.normal(size=(16, 3)))
    steps = {weights.path: (np.asarray(weights) != old).any() for weights, old in zip(model.weights, before)}
    learned = [[w for w in layer.weights if steps[w.path] and "moving" not in w.path] for layer in model.layers]
    return {
        "layers that train": [layer.name for layer, weights in zip(model.layers, learned) if weights],
        "parameters that train": sum(int(np.prod(weights.shape)) for layer in learned for weights in layer),
        "returned": returned,
    }


q1 = Exercise(
    "hw2.q1",
    "freeze",
    2,
    [
        "`layer.trainable = False` freezes a layer, `layer.weights` is empty for layers that have nothing to learn.",
        "First make a list of the layers with weights, in order. All but the last `count` of them are frozen.",
        "A model that is frozen as a whole trains nothing, whatever its layers say; and `model.trainable = …` sets all "
        "of its layers. So which of the two comes first?",
        "Compare positions in the list rather than slicing from its end: what is the slice for a count of 0? "
        "`model.trainable_weights` has what still trains; the size of one is the product of its shape.",
    ],
    [
        Case("dense", 1),
        Case("small", 1),
        Case("small", 2),
        Case("small", 0),
        Case("normalized", 1),
        Case("normalized", 2),
        Case("partly_frozen", 1),
        Case("frozen", 1),
        Case("frozen", 2),
    ],
    fresh=lambda rng: [Case("small", 3), Case("normalized", 3), Case("partly_frozen", 2), Case("dense", 2)],
    run=_run_freeze,
    seconds=60,
)


# q2 to q6 · augmentation by hand -------------------------------------------------------------------------------------

q2 = Exercise(
    "hw2.q2",
    "flip_horizontal",
    2,
    [
        "The pixels: `image[:, ::-1]` reverses the columns.",
        "A box edge at x lands at width - x. The edges lie between pixels, so there is no -1.",
        "The left edge becomes the right one: the new x_min comes from the old x_max, and the other way round.",
    ],
    [
        Case(_image(2, 3, 1), np.float32([[0, 0, 1, 1]])),
        Case(_image(3, 4, 1), np.float32([[1, 0, 4, 2], [0, 1, 2, 3]])),
        Case(_image(4, 2, 3), np.float32([[0, 1, 1, 4]])),
        Case(_image(2, 5, 3), np.zeros((0, 4), np.float32)),
        Case(_image(5, 6, 3), _boxes(5, 6, 4)),
    ],
    fresh=lambda rng: [
        Case(_image(h, w, 3, rng), _boxes(h, w, n, rng)) for h, w, n in rng.integers([2, 2, 0], [9, 9, 6], (6, 3))
    ],
)

q3 = Exercise(
    "hw2.q3",
    "salt_and_pepper",
    1,
    [
        "`noise < amount / 2` is a mask of the pixels that turn black; which ones turn white?",
        "A mask of shape (height, width) can index an image of shape (height, width, 3): all channels are set at once.",
        "The image is not yours to write into: begin with `image.copy()`.",
    ],
    [
        Case(_image(2, 2, 1), np.array([[0.05, 0.5], [0.95, 0.15]]), 0.2),
        Case(_image(2, 3, 3), np.array([[0.0, 0.3, 0.99], [0.2, 0.7, 0.8]]), 0.5),
        Case(_image(1, 3, 1), np.array([[0.25, 0.5, 0.75]]), 0.5),  # exactly at the two limits
        Case(_image(3, 2, 3), _rng.random((3, 2)), 0.0),
        Case(_image(3, 3, 3), _rng.random((3, 3)), 1.0),
        Case(_image(4, 5, 3), _rng.random((4, 5)), 0.4),
    ],
    dtype=True,
    fresh=lambda rng: [
        Case(_image(h, w, 3, rng), rng.random((h, w)), float(amount))
        for h, w, amount in zip(rng.integers(2, 9, 6), rng.integers(2, 9, 6), rng.random(6))
    ],
)

q4 = Exercise(
    "hw2.q4",
    "change_brightness",
    1,
    [
        "uint8 holds 0 to 255 only: 200 * 2 becomes 144 there. Compute with floats.",
        "Round with np.rint, then np.clip(…, 0, 255), and only then turn back into uint8.",
    ],
    [
        Case(np.uint8([[[10], [100]], [[200], [255]]]), 1.5),
        Case(np.uint8([[[0], [3]], [[101], [254]]]), 0.6),
        Case(np.uint8([[[7], [5]], [[1], [3]]]), 0.25),
        Case(_image(2, 3), 1.0),
        Case(_image(3, 2), 3.37),
        Case(_image(2, 2), 0.0),
    ],
    dtype=True,
    fresh=lambda rng: [Case(_image(4, 5, 3, rng), float(factor)) for factor in rng.uniform(0, 3, 6)],
)

q5 = Exercise(
    "hw2.q5",
    "crop",
    2,
    [
        "Cut the image first: rows top to top + height, columns left to left + width.",
        "In the crop the origin is another one: subtract left from both x and top from both y.",
        "np.clip the x to 0 … width and the y to 0 … height; what lies outside has then no width or no height.",
        "keep = (x_max > x_min) & (y_max > y_min) selects boxes and labels together.",
    ],
    [
        Case(_image(4, 4, 1), np.float32([[1, 1, 3, 4]]), np.array([5]), top=1, left=0, height=3, width=4),
        Case(_image(4, 5, 1), np.float32([[0, 0, 3, 2]]), np.array([2]), top=1, left=1, height=2, width=3),
        Case(
            _image(5, 4, 1),
            np.float32([[0, 0, 1, 1], [2, 1, 4, 4]]),
            np.array([7, 1]),
            top=1,
            left=1,
            height=3,
            width=2,
        ),
        Case(_image(3, 5, 1), np.zeros((0, 4), np.float32), np.zeros(0, int), top=0, left=2, height=3, width=2),
        Case(
            _image(4, 4, 1),
            np.float32([[0, 0, 2, 4], [2, 0, 4, 4]]),
            np.array([3, 4]),
            top=0,
            left=2,
            height=4,
            width=2,
        ),
        Case(_image(6, 7, 3), _boxes(6, 7, 5), np.array([0, 1, 2, 3, 4]), top=2, left=3, height=3, width=4),
    ],
    fresh=lambda rng: [
        Case(
            _image(8, 9, 3, rng),
            _boxes(8, 9, n, rng),
            np.arange(n),
            top=int(t),
            left=int(x),
            height=int(h),
            width=int(w),
        )
        for n, t, x, h, w in rng.integers([1, 0, 0, 2, 2], [7, 5, 5, 5, 5], (8, 5))
    ],
)


def _masks(height, width, count, rng=_rng):
    masks = np.zeros((count, height, width), bool)
    for mask, (left, top, right, bottom) in zip(masks, _boxes(height, width, count, rng).astype(int)):
        mask[top:bottom, left:right] = True
    return masks


_BAR = np.array([[[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]], bool)

q6 = Exercise(
    "hw2.q6",
    "cutout",
    2,
    [
        "The square may stick out at any side. A negative start in a slice counts from the end: take max(0, top).",
        "Set image[rows, columns] to 0 and masks[:, rows, columns] to False, both on copies.",
        "For each object count the True pixels before and after: masks.sum(axis=(1, 2)).",
        "kept = after >= before / 2, and an object of which nothing is left is not kept; the masks are then "
        "masks[kept].",
    ],
    [
        Case(_image(3, 4, 1), _BAR, 0, 0, 2),
        Case(_image(3, 4, 1), _BAR, 0, 1, 3),
        Case(_image(3, 4, 1), _BAR, -1, -1, 2),
        Case(_image(3, 4, 1), _BAR, 2, 3, 3),
        Case(_image(4, 3, 3), np.zeros((0, 4, 3), bool), 1, 1, 1),
        Case(_image(4, 5, 3), _masks(4, 5, 3), 1, 1, 2),
        Case(_image(5, 4, 1), np.zeros((1, 5, 4), bool), 0, 0, 2),
    ],
    fresh=lambda rng: [
        Case(_image(7, 8, 3, rng), _masks(7, 8, int(n), rng), int(t), int(x), int(s))
        for n, t, x, s in rng.integers([1, -3, -3, 1], [5, 7, 8, 6], (8, 4))
    ],
)


# q7 · an open exercise -----------------------------------------------------------------------------------------------


def few_digits():
    """Ten digits of each class: images uint8 (100, 28, 28) and labels (100,)."""
    digits = load_digits()
    labels = digits["train_labels"]
    rows = np.concatenate([np.flatnonzero(labels == k)[:10] for k in range(10)])
    return digits["train_images"][rows], labels[rows]


def _unit(images):
    rows = images.reshape(len(images), -1) / 255.0
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _material(rng):
    """A hundred digits, to be augmented ten times; the truth is their labels, and digits to test on."""
    if rng:
        digits = fresh_digits(rng)
        rows = np.concatenate([np.flatnonzero(digits["train_labels"] == k)[:10] for k in range(10)])
        images, labels = digits["train_images"][rows], digits["train_labels"][rows]
    else:
        digits, (images, labels) = load_digits(), few_digits()
    seeds = rng.integers(0, 2**31, 10) if rng else range(10)
    truth = images, labels, digits["test_images"], digits["test_labels"]
    return [Case(images, int(seed)) for seed in seeds], truth


def _score(values, truth):
    """Test accuracy of a kernel classifier on pixels, trained on 100 digits and ten augmented copies of each."""
    images, labels, test, wanted = truth
    for version in values:
        if not isinstance(version, np.ndarray) or version.shape != images.shape or version.dtype != np.uint8:
            raise ValueError(f"got {describe_kind(version)}, wanted uint8 {images.shape}, as the images came in")
    learn, see = _unit(np.concatenate([images, *values])), _unit(test)
    goal = np.eye(10)[np.tile(labels, 11)] - 0.1
    weights = np.linalg.solve(np.exp(6 * (learn @ learn.T - 1)) + 0.01 * np.eye(len(learn)), goal)
    scores = np.exp(6 * (see @ learn.T - 1)) @ weights
    return {
        "accuracy": float((scores.argmax(1) == wanted).mean()),
        "moved": float(np.mean([(version != images).any(axis=(1, 2)).mean() for version in values])),
        "mirrored": float(np.mean([(version == images[:, :, ::-1]).all(axis=(1, 2)).mean() for version in values])),
    }


def _advice(measured):
    if measured["mirrored"] > 0.3:
        return "Many digits are mirrored: that is another shape, and no digit any more."
    if measured["moved"] < 0.5:
        return "Most images came back unchanged: a copy teaches nothing new."
    if measured["accuracy"] < 0.70:
        return "This is far worse than no augmentation: can you still read the digits? Look at them with as_text."
    if measured["accuracy"] < 0.775:
        return (
            "This is worse than no augmentation: does the change keep the meaning? A mirrored digit is another shape."
        )
    if measured["accuracy"] < 0.81:
        return (
            "That changes nothing: the test images are clean and evenly lit. Change what differs between writers, the "
            "place."
        )
    return "On the way: combine small shifts with small rotations or scalings, drawn anew for each image."


q7 = Measured(
    "hw2.q7",
    "augment",
    3,
    [
        "What differs between two people who write the same digit? Brightness and noise do not, here.",
        "Draw a shift of -2 to 2 pixels for each image: rng.integers(-2, 3, 2); np.roll moves an image over both axes.",
        "For a rotation compute where each output pixel comes from: (y, x) of a grid around the centre, times a "
        "rotation "
        "matrix, rounded and clipped to the image; then image[rows, columns].",
    ],
    material=_material,
    run=lambda augment, images, seed: augment(images, np.random.default_rng(seed)),
    score=_score,
    limits={"accuracy": (0.83, None)},
    advice=_advice,
)

_LOOK = [
    "Is it learned at all? One pair of curves creeps down from the dotted line, another one comes from far above and "
    "stops there: those are the two rates.",
    "In the other three the solid curve falls. How far? One stops above 1.4, on the images it learned from as on "
    "others, although nothing is hard there.",
    "Two are left that learn by heart: the solid curve goes to zero. On other images one of them is better than "
    "guessing; the other one gets worse than guessing, the surer it becomes. Which one learned something true?",
]
q9 = Matching("hw2.q9", "mistakes", 1, _LOOK)

"""Homework 1, components of a convolutional network: cases, hints and points. Lessons 02 to 07; NumPy only."""

import numpy as np

from . import FOLDER, Case, Exercise
from .compare import describe
from .matching import Matching
from .measured import Measured

_rng = np.random.default_rng(1)
DIGITS = FOLDER.parents[1] / "data/homework_digits.npz"


def _numbers(*shape, rng=_rng):
    return np.round(rng.normal(size=shape), 2).astype(np.float32)


def load_digits():
    """Handwritten digits that come with the course: dict with 500 images to learn from and 500 to test on.

    ``train_images``, ``test_images`` uint8 (500, 28, 28); ``train_labels``, ``test_labels`` uint8 (500,). A part of
    MNIST, 50 of each class; NumPy alone reads it.

    >>> load_digits()["train_images"].shape
    (500, 28, 28)
    """
    with np.load(DIGITS) as file:
        return {name: file[name] for name in file.files}


def as_text(image):
    """A grey image as text, one character for each pixel: what is bright is dense.

    >>> print(as_text(np.array([[0, 255]])))
      ██
    """
    shades = np.asarray(image, float)
    levels = np.clip((shades - shades.min()) / (np.ptp(shades) or 1) * 4.999, 0, 4).astype(int)
    return "\n".join("".join(" ░▒▓█"[level] * 2 for level in row).rstrip() for row in levels)


q1 = Exercise(
    "hw1.q1",
    "conv_output_size",
    1,
    [
        "Draw a row of 7 pixels and slide a window of 3 over it. How many places has the window?",
        "Without padding and with stride 1 there are size - kernel + 1 places. Padding makes the row longer, at both "
        "ends.",
        "With stride s only every s-th place counts, beginning with the first: divide (what is left - kernel) by s, "
        "round "
        "down with //, and then add 1.",
    ],
    [
        Case(7, 3),
        Case(7, 3, stride=2),
        Case(7, 3, padding=1),
        Case(7, 3, stride=3),
        Case(8, 3, stride=3),
        Case(10, 3, stride=2),
        Case(28, 5),
        Case(227, 11, stride=4),
        Case(32, 5, padding=2),
        Case(13, 3, stride=2, padding=1),
        Case(5, 5),
        Case(3, 5, padding=1),
    ],
    fresh=lambda rng: [
        Case(int(k + rng.integers(0, 60)), int(k), stride=int(rng.integers(1, 5)), padding=int(rng.integers(0, 4)))
        for k in rng.integers(1, 9, 12)
    ],
)

q2 = Exercise(
    "hw1.q2",
    "convolve_channel",
    2,
    [
        "Make an array of zeros of the output's shape, then fill it with two loops: one over rows, one over columns.",
        "At row i and column j the window is image[i:i + kernel_height, j:j + kernel_width]; it is multiplied with the "
        "kernel, number by number, and the products are summed.",
        "The kernel is not turned round: what deep learning calls convolution is cross-correlation.",
    ],
    [
        Case(np.float32([[1, 2, 0], [0, 1, 3], [4, 0, 1]]), np.float32([[1, 0], [2, -1]])),
        Case(_numbers(4, 4), _numbers(3, 3)),
        Case(_numbers(5, 3), _numbers(2, 2)),
        Case(_numbers(4, 6), _numbers(1, 3)),
        Case(_numbers(3, 3), _numbers(3, 3)),
    ],
    fresh=lambda rng: [
        Case(_numbers(*rng.integers(5, 12, 2), rng=rng), _numbers(*rng.integers(1, 6, 2), rng=rng)) for _ in range(6)
    ],
)

q3 = Exercise(
    "hw1.q3",
    "convolve",
    3,
    [
        "The filter number f is kernels[:, :, :, f]: it spans all channels of the image. One window times one filter "
        "is one "
        "sum over rows, columns and channels; then its bias comes on top.",
        "The window of output pixel (i, j) starts at row i * stride and column j * stride.",
        "The result has the shape (output_height, output_width, filters); use the formula of q1 for the first two.",
    ],
    [
        Case(_numbers(3, 3, 2), _numbers(2, 2, 2, 1), _numbers(1)),
        Case(_numbers(4, 5, 1), _numbers(3, 3, 1, 2), _numbers(2)),
        Case(_numbers(5, 5, 3), _numbers(3, 3, 3, 2), _numbers(2), stride=2),
        Case(_numbers(6, 4, 2), _numbers(1, 3, 2, 3), _numbers(3)),
        Case(_numbers(6, 7, 2), _numbers(3, 2, 2, 2), _numbers(2), stride=3),
    ],
    fresh=lambda rng: [
        Case(_numbers(h, w, c, rng=rng), _numbers(kh, kw, c, f, rng=rng), _numbers(f, rng=rng), stride=int(s))
        for h, w, c, kh, kw, f, s in rng.integers([5, 5, 1, 1, 1, 1, 1], [12, 12, 5, 5, 5, 6, 4], (6, 7))
    ],
)

q4 = Exercise(
    "hw1.q4",
    "pool",
    2,
    [
        "Pooling looks at each channel on its own and has no weights. Begin with the convolution of q3 and replace "
        "the sum.",
        "For a window `maps[r:r + size, c:c + size]`, `.max(axis=(0, 1))` gives one number for each channel.",
        '`kind` is a text: with "average" take `.mean(axis=(0, 1))`. Windows that do not fit any more are left out.',
    ],
    [
        Case(np.float32([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]])[..., None]),
        Case(
            np.float32([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]])[..., None], kind="average"
        ),
        Case(-np.abs(_numbers(4, 4, 1)) - 1),
        Case(_numbers(4, 6, 2)),
        Case(_numbers(5, 5, 1), size=3, stride=2),
        Case(_numbers(5, 7, 2), kind="average"),
        Case(_numbers(7, 5, 3), size=3, stride=2, kind="average"),
    ],
    fresh=lambda rng: [
        Case(_numbers(h, w, c, rng=rng), size=int(k), stride=int(s), kind=str(rng.choice(["max", "average"])))
        for h, w, c, k, s in rng.integers([4, 4, 1, 1, 1], [11, 11, 5, 5, 4], (8, 5))
    ],
)

q5 = Exercise(
    "hw1.q5",
    "parameters",
    1,
    [
        "One filter of the first layer has 5 * 5 * 3 weights and one bias. How many filters are there?",
        "Pooling has nothing to learn. The second convolution sees as many channels as the first one has filters.",
        "The dense layer sees every number of the last maps: count them first, with the formula of q1.",
    ],
)

q6 = Exercise(
    "hw1.q6",
    "convolve_1x1",
    2,
    [
        "A 1×1 convolution does the same at every pixel: its channels, as a row, times the matrix of weights.",
        "Reshape the maps to a table with one row for each pixel: (height * width, channels).",
        "Multiply with `@`, add the bias, and reshape back to (height, width, filters).",
    ],
    [
        Case(_numbers(2, 2, 3), _numbers(3, 2), _numbers(2)),
        Case(_numbers(2, 3, 2), _numbers(2, 2), _numbers(2)),
        Case(_numbers(3, 1, 1), _numbers(1, 4), _numbers(4)),
        Case(_numbers(4, 5, 4), _numbers(4, 3), _numbers(3)),
    ],
    fresh=lambda rng: [
        Case(_numbers(h, w, c, rng=rng), _numbers(c, f, rng=rng), _numbers(f, rng=rng))
        for h, w, c, f in rng.integers(1, 9, (6, 4))
    ],
)

q7 = Exercise(
    "hw1.q7",
    "cross_entropy",
    2,
    [
        "First the softmax of each row: exponentials, divided by the sum of the row. Subtract the largest logit of "
        "the row "
        "before you take exponentials: the result is the same and nothing overflows.",
        "The loss of a row is minus the logarithm of the probability at its label: probabilities[i, labels[i]].",
        "If a probability is rounded to 0 its logarithm is infinite. With z = logits - maximum the logarithm of the "
        "softmax "
        "is z - log(sum(exp(z))), with no division and no zero.",
    ],
    [
        Case(np.float32([[0, 0]]), np.array([1])),
        Case(np.float32([[2, 1, 0]]), np.array([0])),
        Case(np.float32([[1, 2, 3], [3, 0, 1]]), np.array([2, 1])),
        Case(np.float32([[1000, 0], [0, 10]]), np.array([0, 1])),
        Case(np.float32([[0, 200, -200]]), np.array([2])),
        Case(_numbers(4, 5), np.array([0, 4, 2, 2])),
    ],
    absolute=1e-5,
    fresh=lambda rng: [
        Case(_numbers(n, c, rng=rng) * float(scale), rng.integers(0, c, n))
        for n, c, scale in zip(rng.integers(1, 9, 6), rng.integers(2, 12, 6), [1, 3, 10, 100, 300, 1000])
    ],
)


def redraw(images, rng):
    """Digits as somebody else might have written them: each a little turned, stretched and moved, and so in no file.

    Args:
        images: uint8 array (n, 28, 28).
        rng: NumPy generator.

    Returns:
        uint8 array of the same shape.

    >>> redraw(np.zeros((2, 28, 28), np.uint8), np.random.default_rng(0)).shape
    (2, 28, 28)
    """
    count, (y, x) = len(images), np.mgrid[:28, :28] - 13.5
    angle, scale = (rng.uniform(low, high, (count, 1, 1)) for low, high in ((-0.06, 0.06), (0.97, 1.03)))
    down, across = rng.uniform(-0.5, 0.5, (2, count, 1, 1))
    rows = np.clip(scale * (np.cos(angle) * y + np.sin(angle) * x) + down + 13.5, 0, 26.999)
    columns = np.clip(scale * (np.cos(angle) * x - np.sin(angle) * y) + across + 13.5, 0, 26.999)
    top, left, image = rows.astype(int), columns.astype(int), np.arange(count)[:, None, None]
    rows, columns = rows - top, columns - left
    upper = images[image, top, left] * (1 - columns) + images[image, top, left + 1] * columns
    lower = images[image, top + 1, left] * (1 - columns) + images[image, top + 1, left + 1] * columns
    return np.rint(upper * (1 - rows) + lower * rows).astype(np.uint8)


def fresh_digits(rng):
    """500 digits to learn from and 2,000 to test on, drawn from the 5,000 of the course and redrawn."""
    from ..samples import load_digits as pool

    (images, labels), parts = pool("train+validation+test"), {"train": [], "test": []}
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))[:250]
        parts["train"].append(rows[:50])
        parts["test"].append(rows[50:])
    made = {}
    for part, rows in parts.items():
        rows = rng.permutation(np.concatenate(rows))
        made |= {f"{part}_images": redraw(images[rows, ..., 0], rng), f"{part}_labels": labels[rows]}
    return made


def _material(rng):
    """Digits in two parts, and four sets that tell whether the features are linear in the image."""
    digits = fresh_digits(rng) if rng else load_digits()
    few = digits["train_images"][:20] // 2
    images = [digits["train_images"], digits["test_images"], few, few[::-1], few + few[::-1], np.zeros_like(few)]
    return [Case(part) for part in images], (digits["train_labels"], digits["test_labels"])


_TOO_MANY = "features for each image: "


def _run(features, images):
    """Features as float32; of far too many numbers only how many there are for each image, as a text."""
    found = np.asarray(features(images), np.float32)
    return found if found.size <= 5000 * len(images) else f"{_TOO_MANY}{found.size // len(images)}"


def _score(values, truth):
    """Accuracy of a linear readout of the features of digits, and what helps to say why it is low."""
    if isinstance(values[0], str) and values[0].startswith(_TOO_MANY):
        return {"accuracy": 0.0, "features": int(values[0].removeprefix(_TOO_MANY)), "linear": False}
    for value, labels in zip(values, (*truth, *[np.zeros(20)] * 4)):
        if not isinstance(value, np.ndarray) or value.ndim != 2 or value.shape != (len(labels), *values[0].shape[1:]):
            found = value.shape if isinstance(value, np.ndarray) else describe(value)
            raise ValueError(f"for {len(labels)} images the features are {found}, wanted ({len(labels)}, some number)")
        if not value.size or not np.isfinite(value).all():
            raise ValueError("some features are NaN or infinite" if value.size else "there are no features")
    learn, see, first, second, both, offset = (value.astype(float) for value in values)
    many = learn.shape[1] > 1500  # not worth the time
    return {
        "accuracy": 0.0 if many else _readout(learn, truth[0], see, truth[1]),
        "features": learn.shape[1],
        "linear": bool(np.allclose(first + second - offset, both, rtol=1e-3, atol=1e-3 * np.abs(both).max())),
    }


def _readout(learn, labels, see, truth):
    """Test accuracy of a linear classifier, fitted by least squares with a penalty on large weights."""
    mean, scale = learn.mean(0), learn.std(0).mean() or 1.0
    learn, see = (learn - mean) / scale, (see - mean) / scale
    penalty = 0.1 * learn.shape[1] * np.eye(len(learn))
    weights = learn.T @ np.linalg.solve(learn @ learn.T + penalty, np.eye(10)[labels] - 0.1)
    return float(((see @ weights).argmax(1) == truth).mean())


def _advice(measured):
    if measured["features"] > 1500:
        return "That are too many numbers for one image: pool more."
    if measured["accuracy"] < 0.2:
        return "That is what guessing gives: do the features depend on the image at all?"
    if measured["features"] < 40:
        return (
            "So few numbers cannot say where in the image something is: pool over small windows, not over the whole "
            "map."
        )
    if measured["linear"] and measured["features"] == 784:
        return "These features are the pixels again: convolve first."
    if measured["linear"]:
        return (
            "These features are linear in the image, and a linear readout gains nothing from that: apply ReLU before "
            "pooling."
        )
    return "On the way. Do the kernels cover edges in all directions, and both signs of each?"


q8 = Measured(
    "hw1.q8",
    "features",
    4,
    [
        "Begin with one kernel for vertical edges, for example [[1, 0, -1], [2, 0, -2], [1, 0, -1]], and look at its "
        "maps.",
        "After ReLU a kernel answers to one side of a stroke only: use each kernel and its negative, in four "
        "directions.",
        "`np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))` has the shape (n, 26, 26, 3, 3): with "
        "`np.tensordot` it convolves all images at once.",
        "Average pooling over windows of about 4×4 pixels keeps where an edge is, roughly, and forgets the rest.",
    ],
    material=_material,
    run=_run,
    score=_score,
    limits={"accuracy": (0.90, None), "features": (1, 1500)},
    shares={0.5: {"accuracy": (0.86, None), "features": (1, 1500)}},
    advice=_advice,
)

_LOOK = [
    "First the ground, where nothing changes in the image: there the right answer is 0, black. In two pictures it is "
    "not.",
    "Then one thing that is brighter than what is around it. On which of its sides does the right answer glow, and on "
    "which does the picture?",
    "A kernel that is turned round answers to the opposite side; one whose rows and columns are exchanged to another "
    "direction: above and below instead of left and right, or the other way.",
    "What is left is like the right answer, but for one border. Zeros are black, so where they meet the image is an "
    "edge.",
]
q9 = Matching("hw1.q9", "bugs", 1, _LOOK)

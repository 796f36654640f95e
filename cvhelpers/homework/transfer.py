"""The open exercise of homework 2 on photographs: freeze, train, unfreeze, and what can be measured of it."""

import numpy as np

from . import Case
from .measured import Measured, check_model, with_accuracy

CUT = "block_15"  # everything up to here stays as it came


def load_squares(split="train", seed=0):
    """Small squares of twelve photographs, as in lesson 08: which photograph was each cut from?

    Args:
        split: ``"train"`` (20 squares of each photograph, from its left half) or ``"test"`` (40, from its right half).
        seed: whole number from 0; another seed cuts elsewhere.

    Returns:
        images uint8 (n, 64, 64, 3) and labels int32 (n,), in random order.

    >>> [array.shape for array in load_squares()]
    [(240, 64, 64, 3), (240,)]
    """
    from ..samples import load_crops

    images, labels = load_crops(split, {"train": 20, "test": 40}[split], seed=seed)
    rows = np.random.default_rng([seed, split == "test"]).permutation(len(labels))
    return images[rows], labels[rows]


def _material(rng):
    """Squares with labels to train on, and others without; the truth is the labels of those."""
    seed = int(rng.integers(1, 2**40)) if rng else 0
    (images, labels), (seen, truth) = load_squares("train", seed), load_squares("test", seed)
    return [Case(images, labels, seen)], truth


def _run(transfer, images, labels, seen):
    """What the trained network answers, how many arrays of the backbone moved, and how many kernels behind the cut."""
    from .. import backbone

    network = backbone.imagenet_network(64, top=False)
    parts = backbone.split(network, CUT)
    before = [part.get_weights() for part in parts]
    model = transfer(network, images, labels)
    check_model(model)
    moved = [
        [weight.path for weight, old in zip(part.weights, arrays) if (np.asarray(weight) != old).any()]
        for part, arrays in zip(parts, before)
    ]
    return {
        "scores": np.asarray(model.predict(seen, batch_size=60, verbose=0), np.float32),
        "moved up to block 15": len(moved[0]),
        "refined behind it": sum("_conv/" in path for path in moved[1]),
    }


def _score(values, truth):
    """Accuracy on squares that the network has not seen, and the arrays that moved."""
    return with_accuracy(values[0], truth, classes=12)


def _advice(measured):
    if measured["accuracy"] < 0.35:
        return (
            "That is little more than guessing gives: an untrained head knows nothing, and a high rate makes the "
            "backbone forget."
        )
    if measured["moved up to block 15"]:
        return "What should stay frozen has moved. Was it frozen before `compile`, and with it its batch normalization?"
    if not measured["refined behind it"]:
        return (
            "Only the head has trained. After `trainable` was changed, `fit` goes on with the old step until you "
            "compile again; and it is the network that came in which should be refined, no copy."
        )
    if measured["refined behind it"] < 4:
        return "Block 16 and the convolution behind it have four kernels, and not all of them have moved."
    return "It works, and more is there: give the head about 100 steps at 0.01 first, then refine at about 0.0001."


q8 = Measured(
    "hw2.q8",
    "transfer",
    3,
    [
        "`keras.Sequential([network, keras.layers.Dense(12)])` is the whole model. Your q1 freezes: what does "
        "`freeze(network, 0)` leave to train?",
        "First phase: compile with Adam at 0.01, then about 100 steps: 240 squares in batches of 16 are 15 steps an "
        "epoch. The loss is SparseCategoricalCrossentropy(from_logits=True), since the head has no softmax.",
        "Second phase: `freeze(network, 8)` opens block 16 and the last convolution, with their batch normalization. "
        "Then compile again, or nothing new trains.",
        "The rate of the second phase is low, 0.0001, and a few epochs are enough: what the network knows is worth "
        "more than what 240 squares can teach.",
    ],
    material=_material,
    run=_run,
    score=_score,
    limits={"accuracy": (0.70, None), "moved up to block 15": (None, 0), "refined behind it": (4, None)},
    shares={0.5: {"accuracy": (0.70, None), "moved up to block 15": (None, 0)}},
    advice=_advice,
    seconds=240,
)

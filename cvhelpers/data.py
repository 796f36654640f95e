"""Which images the course has: digits, photographs, scenes made from them, your own pictures; and our weights.

Nothing here downloads anything, unless a function says so in its name and in its docstring.
"""

import pathlib

import numpy as np

from . import scenes
from ._paths import DATA
from .annotations import load_annotated, load_photo, prepare_photos, some_photos  # noqa: F401  (own pictures)
from .downloads import (  # noqa: F401  (the optional downloads)
    NotAvailable,
    if_available,
    load_cifar10,
    load_penn_fudan,
    load_pets,
)
from .samples import PHOTOS, load_crops, load_digits, load_photos  # noqa: F401


def load_scenes(split="train", count=100, size=64, seed=0):
    """Sticker scenes with the exact answer to all five tasks, made on the spot: some 2,000 of 64 pixels per second.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``; they share no digit and no piece of ground.
        count: number of scenes; a larger batch begins with the scenes of a smaller one.
        size: height and width in pixels, 48 to 128.
        seed: whole number from 0; another seed gives other scenes.

    Returns:
        dict of arrays ``images``, ``classes``, ``boxes``, ``labels``, ``masks``, ``semantic`` and ``panoptic``; their
        shapes and types stand in :func:`cvhelpers.scenes.make_scenes`.

    Raises:
        ValueError: an argument is out of range.

    Introduced in lesson 01.

    >>> load_scenes("test", 3)["images"].shape
    (3, 64, 64, 3)
    """
    return scenes.make_scenes(split, count, size, seed)


def hold_out(batch, every=5):
    """Split a set that comes without a test part: the first image of every five is for the test.

    Args:
        batch: dict of arrays with one row for each image; what is no array belongs to all and goes to both parts.
        every: one image of so many is held out.

    Returns:
        two dicts like the batch: what is learnt from, what is judged.

    Introduced in lesson 08.

    >>> learn, judged = hold_out({"images": np.arange(7)})
    >>> learn["images"].tolist(), judged["images"].tolist()
    ([1, 2, 3, 4, 6], [0, 5])
    """
    held = np.arange(len(batch["images"])) % every == 0
    return some_photos(batch, ~held), some_photos(batch, held)


def load_weights(name, model=None, folder=DATA):
    """Trained weights that the course ships, because their training would take too long in class.

    Args:
        name: of the file without its ending: the number of the lesson and the network, as in ``"15_unet"``.
        model: a Keras model that receives the weights; None only reads them.
        folder: where the file lies.

    Returns:
        the model, or without one the list of float32 arrays, in the order of ``model.get_weights()``.

    Raises:
        ValueError: there is no such file, or it belongs to another network.

    Introduced in lesson 15; ``data/README.md`` has the command that made each file.

    >>> load_weights("15_unet")[0].shape
    (3, 3, 3, 16)
    """
    path = pathlib.Path(folder) / f"{name}.npz"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in pathlib.Path(folder).glob("[0-9][0-9]_*.npz"))) or "none"
        raise ValueError(f"there are no weights called {name!r}: wanted one of {there}")
    with np.load(path) as stored:
        weights = [stored[key].astype(np.float32) for key in stored.files]
    if model is None:
        return weights
    wanted, found = [tuple(w.shape) for w in model.get_weights()], [w.shape for w in weights]
    if wanted != found:
        first = next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), min(len(wanted), len(found)))
        a, b = (shapes[first] if first < len(shapes) else "nothing" for shapes in (wanted, found))
        raise ValueError(
            f"the weights {name!r} do not belong to {model.name!r}: array {first} is {b} in the file, {a} in the "
            f"network; build the network of the lesson, or train it and store it with save_weights"
        )
    model.set_weights(weights)
    return model


def save_weights(name, model, folder=DATA):
    """Store the weights of a model for :func:`load_weights`: half precision, compressed.

    Args:
        name: of the file without its ending.
        model: a built Keras model.
        folder: where the file goes.

    Returns:
        path of the file.

    Raises:
        ValueError: a weight is too large for half precision, or not a number.

    Serves lesson 15.
    """
    half = [np.asarray(w).astype(np.float16) for w in model.get_weights()]
    if not all(np.isfinite(w).all() for w in half):
        raise ValueError(f"the weights of {model.name!r} are not all finite and below 65,504: not stored")
    path = pathlib.Path(folder) / f"{name}.npz"
    np.savez_compressed(path, **{f"{i:03}": w for i, w in enumerate(half)})
    return path

"""Digits and photographs that the course and its dependencies ship; imports nothing of the course but paths."""

import functools

import numpy as np

from ._paths import DATA

# Every photograph comes with scikit-image; data/README.md has origin and licence of each.
PHOTOS = (
    "astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry",
    "brick", "grass", "gravel", "camera", "coins",
)  # fmt: skip

_DIGIT_SPLITS = {"train": (0, 3500), "validation": (3500, 4000), "test": (4000, 5000)}


def load_digits(split="train", size=28):
    """Real handwritten digits: 5,000 images of MNIST, 500 of each class, in three parts that share no image.

    Args:
        split: ``"train"`` (3,500 images), ``"validation"`` (500), ``"test"`` (1,000), or several joined by ``+``.
        size: height and width in pixels, 28 or more; a black border makes up the difference (LeNet-5 wants 32).

    Returns:
        images: uint8 array (n, size, size, 1), white ink on black.
        labels: int32 array (n,), 0 to 9.

    Raises:
        ValueError: the split has another name, or the size is below 28.

    Introduced in lesson 02. LeCun et al. 1998.

    >>> images, labels = load_digits("test")
    >>> images.shape, labels.shape
    ((1000, 28, 28, 1), (1000,))
    """
    unknown = [part for part in split.split("+") if part not in _DIGIT_SPLITS]
    if unknown:
        raise ValueError(f"split is {split!r}: wanted one of {list(_DIGIT_SPLITS)}, or several joined by '+'")
    images, labels = _digits()
    if size < images.shape[1]:
        raise ValueError(f"size is {size}: wanted 28 or more; a digit is never cut")
    rows = np.concatenate([np.arange(*_DIGIT_SPLITS[part]) for part in split.split("+")])
    border = size - images.shape[1]
    sides = (border // 2, border - border // 2)
    return np.pad(images[rows], ((0, 0), sides, sides, (0, 0))), labels[rows]


@functools.cache
def _digits():
    with np.load(DATA / "digits.npz") as stored:
        images, labels = stored["images"], stored["labels"]
    return images[..., None], labels.astype(np.int32)


def load_photos(*names):
    """Photographs that ship with scikit-image; the grey ones are repeated to three channels.

    Args:
        names: which ones, of ``PHOTOS``; all when none is named.

    Returns:
        dict from name to uint8 array (height, width, 3), in the order of the names.

    Raises:
        ValueError: a name is not in ``PHOTOS``.

    Introduced in lesson 01; origin and licence of each image stand in ``data/README.md``.

    >>> load_photos("chelsea")["chelsea"].shape
    (300, 451, 3)
    """
    import skimage.data

    unknown = [name for name in names if name not in PHOTOS]
    if unknown:
        raise ValueError(f"no photograph is called {', '.join(map(repr, unknown))}: wanted some of {', '.join(PHOTOS)}")
    photos = {name: np.asarray(getattr(skimage.data, name)()) for name in names or PHOTOS}
    return {name: np.repeat(p[..., None], 3, -1) if p.ndim == 2 else p for name, p in photos.items()}


def load_crops(split="train", per_class=20, size=64, seed=0):
    """A task with few real labelled pictures: from which of the twelve photographs was this small square cut?

    A crop shows 48×48 pixels, made brighter or darker at random, so that the mean colour does not give the answer
    away. Crops for training come from the left half of each photograph, those for testing from the right half; eight
    columns between them are in neither. The classes are twelve photographs, not twelve kinds of thing.

    Args:
        split: ``"train"`` or ``"test"``.
        per_class: how many crops of each photograph.
        size: height and width in pixels that each crop is resized to.
        seed: whole number from 0; another seed cuts elsewhere.

    Returns:
        images: uint8 array (12 * per_class, size, size, 3); the classes take turns, so the first 12 * k images are k
            of each class, and a larger set begins with a smaller one.
        labels: int32 array (12 * per_class,): the place of the photograph in ``PHOTOS``.

    Raises:
        ValueError: the split has another name.

    Introduced in lesson 02.

    >>> images, labels = load_crops("test", per_class=2)
    >>> images.shape, labels[:4].tolist()
    ((24, 64, 64, 3), [0, 1, 2, 3])
    """
    from PIL import Image

    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}: wanted 'train' or 'test'")
    images = np.empty((per_class, len(PHOTOS), size, size, 3), np.uint8)
    for number, photo in enumerate(load_photos().values()):
        middle = photo.shape[1] // 2
        half = photo[:, : middle - 4] if split == "train" else photo[:, middle + 4 :]
        rng = np.random.default_rng([seed, split == "test", number])
        for crop in images[:, number]:
            top, left = (rng.integers(side - 47) for side in half.shape[:2])
            square = Image.fromarray(half[top : top + 48, left : left + 48])
            pixels = np.asarray(square.resize((size, size), Image.Resampling.BICUBIC), float)
            crop[:] = np.clip(pixels * rng.uniform(0.6, 1.4) + rng.uniform(-30, 30), 0, 255).round()
    labels = np.tile(np.arange(len(PHOTOS), dtype=np.int32), per_class)
    return images.reshape(-1, size, size, 3), labels

"""Own photographs with own labels as the course's batch, every one in a square."""

import collections

import numpy as np
from PIL import Image

from .folder import read_folder
from .photographs import is_on_its_side, letterbox, open_photo, size_in_square
from .things import AnnotationError, Thing

ORIENTATIONS = ("auto", "as shown", "as stored")
SAME_SHAPE = 0.02  # by so much width / height may differ before a picture is another one
LEAST_SIDE = 1.0  # pixels of the photograph: a box that is thinner has no area


def load_annotated(folder, size=256, names=None, orientation="auto", most=100):
    """Your own pictures with your own labels, whatever tool drew them: COCO, LabelMe, CVAT, Pascal VOC, YOLO.

    Args:
        folder: with the pictures and the label files, in any arrangement that the tools make; the folders below it
            are read too.
        size: height and width in pixels of the squares that the pictures are fitted into.
        names: of the classes, in the order of their numbers: only for YOLO files that come without such a list.
        orientation: labels were drawn on the photograph ``"as shown"`` (turned as its EXIF entry says) or
            ``"as stored"``; ``"auto"`` takes them as shown unless the label file names a size that fits only the
            stored picture.
        most: things on one picture at most.

    Returns:
        dict. Arrays have a row for each picture, tuples belong to all of them:

        - ``images``: uint8 (n, size, size, 3): the picture at the top left, grey beside it.
        - ``boxes``: float32 (n, k, 4), xyxy in pixels of the square; ``labels``: int32 (n, k), ``names[label]`` is
          the class, -1 is padding; ``masks``: bool (n, k, size, size).
        - ``outlined``: bool (n, k): False where a tool drew a box only; its mask is the whole rectangle.
        - ``files``: (n,) paths; ``scales``: float32 (n,): divide boxes by it to be back in the photograph's pixels.
        - ``names``: the classes, sorted; ``notes``: what was read in another way than written, or left out.

    Raises:
        AnnotationError: a ValueError for whatever cannot be decided; it names the file and the mend.

    COCO: Lin et al. 2014. Pascal VOC: Everingham et al. 2010.

    Introduced in lesson 01.
    """
    if orientation not in ORIENTATIONS:
        raise AnnotationError(f"orientation is {orientation!r}: wanted one of {', '.join(map(repr, ORIENTATIONS))}")
    pairs, notes = read_folder(folder, names)
    pictures = []
    for path, entry in pairs:
        photo, full, stretch = _opened(path, entry, size, orientation, notes)
        square, scale = letterbox(photo, size, full)
        things = [_fitted(thing, entry, full, stretch, scale, size, notes) for thing in entry.things]
        things = _without_doubles([thing for thing in things if thing], notes)
        if len(things) > most:
            notes[f"left out: more than {most} things on one picture, {path.name}"] += len(things) - most
        pictures.append((str(path), square, scale, things[:most]))
    proper = _proper_names([name for *_, things in pictures for name, *_ in things], notes)
    if not proper:
        raise AnnotationError(f"{folder}: {len(pictures)} pictures with label files, but not one thing on them")
    return _batch(pictures, proper, size, notes)


def _batch(pictures, proper, size, notes):
    """The arrays of :func:`load_annotated`."""
    classes = sorted(set(proper.values()))
    n, k = len(pictures), max(1, *(len(things) for *_, things in pictures))
    batch = {
        "images": np.stack([square for _, square, _, _ in pictures]),
        "boxes": np.zeros((n, k, 4), np.float32),
        "labels": np.full((n, k), -1, np.int32),
        "masks": np.zeros((n, k, size, size), bool),
        "outlined": np.zeros((n, k), bool),
        "files": np.array([path for path, *_ in pictures]),
        "scales": np.array([scale for _, _, scale, _ in pictures], np.float32),
        "names": tuple(classes),
        "notes": tuple(f"{text} ({count} ×)" if count > 1 else text for text, count in sorted(notes.items())),
    }
    for row, (*_, things) in enumerate(pictures):
        for place, (name, box, mask, outlined) in enumerate(things):
            batch["boxes"][row, place], batch["masks"][row, place] = box, mask
            batch["labels"][row, place] = classes.index(proper[name.lower()])
            batch["outlined"][row, place] = outlined
    return batch


def _opened(path, entry, size, orientation, notes):
    """The photograph as its labels mean it, its full size, and what the labels' numbers are multiplied with."""
    photo, full = open_photo(path, size, upright=orientation != "as stored")
    if entry.shares:
        return photo, full, full
    told = _size_told(entry)
    if told is None or told == full:
        return photo, full, (1.0, 1.0)
    if told == full[::-1] and orientation == "auto" and _is_stored_turned(path):
        notes[
            "read: the label file names the size of the photograph before EXIF turns it: read as stored; LOOK at it, "
            "Label Studio wants orientation='as shown'"
        ] += 1
        return *open_photo(path, size, upright=False), (1.0, 1.0)
    stretch = (full[0] / told[0], full[1] / told[1])
    if told == full[::-1] and orientation == "as shown":  # Label Studio: numbers of the shown picture, stored size
        return photo, full, stretch
    if abs(stretch[0] / stretch[1] - 1) < SAME_SHAPE:
        notes["read: photograph of another size than its labels, of the same shape: scaled"] += 1
        return photo, full, stretch
    raise AnnotationError(
        f"{entry.source.name}: labels for {told[0]}×{told[1]} pixels, but {path.name} has {full[0]}×{full[1]}: is it "
        "the picture that was labelled?"
    )


def _size_told(entry):
    """The size that the label file names as two whole numbers, or None."""
    if entry.size is None:
        return None
    try:
        told = tuple(int(float(side)) for side in entry.size)
    except (TypeError, ValueError, OverflowError):
        told = (0, 0)
    if len(told) != 2 or min(told) < 1:
        raise AnnotationError(f"{entry.source.name}: a picture of the size {entry.size}: export it once more")
    return told


def _is_stored_turned(path):
    """Whether EXIF turns this file by 90 degrees."""
    with Image.open(path) as picture:
        return is_on_its_side(picture)


def _fitted(thing, entry, full, stretch, scale, size, notes):
    """One thing in pixels of the square: (name, box, mask, whether it has an outline); None where it is left out."""
    thing = _checked(thing, entry)
    if not thing.name:
        notes["left out: thing without a name"] += 1
        return None
    box = np.array(thing.box, float) * (*stretch, *stretch)
    box = np.concatenate([np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])])
    box = box.clip(0, (*full, *full))
    if not np.isfinite(box).all() or (box[2:] - box[:2]).min() < LEAST_SIDE:
        notes["left out: box without area, or outside the picture"] += 1
        return None
    box *= scale
    mask = np.zeros((size, size), bool)
    inside, _ = size_in_square(full, size)
    for part in thing.parts:
        if part.dtype == bool:
            small = Image.fromarray(part).resize(inside, Image.Resampling.NEAREST)
            mask[: inside[1], : inside[0]] |= np.asarray(small)
        else:
            mask |= filled(part * stretch * scale, size)
    if not thing.parts:
        mask = filled(box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2), size)
    if not mask.any():
        notes[f"left out: thing that is smaller than a pixel in {size}×{size}"] += 1
        return None
    return thing.name, box, mask, bool(thing.parts)


def filled(polygon, size):
    """The pixels whose centres lie in a polygon.

    Args:
        polygon: float array (m, 2), x and y of pixel edges.
        size: height and width of the mask; one number for a square.

    Returns:
        bool array (height, width).

    >>> filled(np.array([[1, 0], [3, 0], [3, 2], [1, 2]]), 4).astype(int)[:3].tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    from skimage.draw import polygon2mask

    return polygon2mask(np.broadcast_to(size, 2), polygon[:, ::-1] - 0.5)


def _checked(thing, entry):
    """The thing with numbers that are numbers and a name that is a word, or an error that names the file."""
    try:
        box = tuple(float(number) for number in thing.box)
        parts = [part if part.dtype == bool else part.astype(float) for part in thing.parts]
        if not (thing.name is None or isinstance(thing.name, str)):
            raise ValueError(f"a class is called {thing.name!r}")
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("an outline has a point that is no number")
        return Thing((thing.name or "").strip(), box, parts)
    except (TypeError, ValueError) as error:
        raise AnnotationError(f"{entry.source.name} cannot be read ({error}): export it once more") from None


def _without_doubles(things, notes):
    """The things of one picture without those whose name and box are there already."""
    kept = []
    for thing in things:
        if any(other[0] == thing[0] and np.abs(other[1] - thing[1]).max() < 0.5 for other in kept):
            notes["left out: the same box twice"] += 1
        else:
            kept.append(thing)
    return kept


def _proper_names(names, notes):
    """{name in small letters: the spelling that most labels use}; different spellings of one class are a note."""
    spellings = collections.defaultdict(collections.Counter)
    for name in names:
        spellings[name.lower()][name] += 1
    for counts in spellings.values():
        if len(counts) > 1:
            notes[f"read: {' and '.join(sorted(counts))} taken as one class"] += 1
    return {small: counts.most_common(1)[0][0] for small, counts in spellings.items()}


def describe(batch):
    """What a folder held, in words: pictures, things of each class, and the notes.

    Args:
        batch: from :func:`load_annotated`.

    Returns:
        text of a few lines.

    Introduced in lesson 19.

    >>> batch = {"images": np.zeros((2, 8, 8, 3)), "labels": np.array([[1, 0], [1, -1]]), "names": ("cup", "key"),
    ...          "outlined": np.array([[True, True], [False, False]]), "notes": ("left out: crowd region",)}
    >>> print(describe(batch))
    2 pictures, 3 things: 1 cup, 2 key
    2 of 3 have an outline, the others are boxes
    left out: crowd region
    """
    there = batch["labels"] >= 0
    counts = np.bincount(batch["labels"][there], minlength=len(batch["names"]))
    of_each = ", ".join(f"{count} {name}" for count, name in zip(counts, batch["names"]))
    lines = [f"{len(batch['images'])} pictures, {there.sum()} things: {of_each}"]
    outlined = (batch["outlined"] & there).sum()
    if outlined < there.sum():
        lines.append(f"{outlined} of {there.sum()} have an outline, the others are boxes")
    return "\n".join([*lines, *batch["notes"]])


def some_photos(batch, rows):
    """Some pictures of a batch, everything that belongs to them with them.

    Args:
        batch: from :func:`load_annotated`.
        rows: whole numbers, a slice, or a bool for each picture.

    Returns:
        dict like the batch.

    Introduced in lesson 19.

    >>> some_photos({"images": np.arange(4), "names": ("cup",)}, [3, 1])
    {'images': array([3, 1]), 'names': ('cup',)}
    """
    return {key: value[rows] if isinstance(value, np.ndarray) else value for key, value in batch.items()}

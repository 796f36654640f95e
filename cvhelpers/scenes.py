"""Sticker scenes: photographed ground with numbered stickers on it, and the exact answer to all five tasks.

The ground is *stuff* (grass, brick, gravel), the stickers are *things*: each carries a handwritten digit, and the digit
is its class. One list of class numbers, ``CLASSES``, holds for ``labels``, ``semantic`` and ``panoptic`` alike.

Training, validation and test scenes share neither a digit nor a piece of ground.
"""

import functools

import numpy as np

from . import samples

CLASSES = ("grass", "brick", "gravel", *(f"digit {digit}" for digit in range(10)))
STUFF = (0, 1, 2)
THINGS = tuple(range(3, 13))
STICKER = 3  # the class of every thing where only four classes are told apart
STICKER_CLASSES = (*CLASSES[:3], "sticker")

# Each split cuts its ground from its own part of the photographs: rows and columns as fractions.
_GROUND = {
    "train": (0.0, 0.5, 0.0, 1.0),
    "validation": (0.5, 1.0, 0.0, 0.5),
    "test": (0.5, 1.0, 0.5, 1.0),
}
_ZOOM = (0.80, 0.75, 0.75)
_TINT = np.array([[0.75, 1.05, 0.55], [1.25, 0.85, 0.70], [1.0, 1.0, 1.0]], np.float32)
_SMALLEST, _LARGEST = 48, 128  # scene sizes in pixels
_FRAME = 36  # a sticker template: the digit's 28 pixels and a margin
_PATCH = 48  # the largest sticker with its shadow fits into so many pixels
_DEPTH = 3.0  # templates store the distance to the sticker's edge, plus this, so that 0 is far outside
_CHUNK = 64
_DIGIT_VISIBLE, _STICKER_VISIBLE, _FEWEST_PIXELS = 0.7, 0.6, 30


def make_scenes(split, count, size=64, seed=0, start=0):
    """A batch of scenes with the ground truth of all five tasks.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``; they share no digit and no piece of ground.
        count: number of scenes.
        size: height and width in pixels, 48 to 128; a scene holds at most ``size // 16`` stickers.
        seed: whole number from 0; another seed gives other scenes.
        start: number of the first scene. Scene ``i`` of a split, size and seed is the same in every batch.

    Returns:
        dict of arrays; n is ``count``, k is ``size // 16``:

        - ``images``: uint8 (n, size, size, 3).
        - ``classes``: int32 (n,), the class of the whole scene: the stuff that covers most of it.
        - ``boxes``: float32 (n, k, 4), xyxy pixel edges, tight around the visible mask; 0 for padding.
        - ``labels``: int32 (n, k), the class of each sticker, 3 to 12 (the digit plus 3); -1 for padding.
        - ``masks``: bool (n, k, size, size), what is visible of each sticker; False for padding.
        - ``semantic``: int32 (n, size, size), the class of every pixel.
        - ``panoptic``: int32 (n, size, size, 2), class and instance number of every pixel; the number is 0 for stuff
          and row + 1 of ``labels`` for things.

    Raises:
        ValueError: an argument is out of range.

    Serves lesson 01. Kirillov et al. 2019 name stuff, things and the panoptic format.

    >>> batch = make_scenes("test", 2)
    >>> batch["images"].shape, batch["boxes"].shape, batch["panoptic"].shape
    ((2, 64, 64, 3), (2, 4, 4), (2, 64, 64, 2))
    """
    _check(split, count, size, seed, start)
    stickers, pixels = size // 16, (size, size)
    batch = {
        "images": np.empty((count, *pixels, 3), np.uint8),
        "classes": np.empty(count, np.int32),
        "boxes": np.empty((count, stickers, 4), np.float32),
        "labels": np.empty((count, stickers), np.int32),
        "masks": np.empty((count, stickers, *pixels), bool),
        "semantic": np.empty((count, *pixels), np.int32),
        "panoptic": np.empty((count, *pixels, 2), np.int32),
    }
    for first in range(0, count, _CHUNK):
        part = {key: value[first : first + _CHUNK] for key, value in batch.items()}
        _fill(part, split, size, seed, start + first)
    return batch


def sticker_map(semantic):
    """The label map with four classes: the three kinds of stuff, and 3 for every sticker whatever its digit.

    Args:
        semantic: whole numbers, any shape, classes as in ``CLASSES``.

    Returns:
        array of the same shape and type, 0 to 3 as in ``STICKER_CLASSES``.

    Introduced in lesson 15.

    >>> sticker_map([[0, 2], [3, 12]])
    array([[0, 2], [3, 3]])
    """
    return np.minimum(semantic, STICKER)


def per_image(batch):
    """The things of each scene without padding, as the metrics want them.

    Args:
        batch: dict with ``boxes`` (n, k, 4), ``labels`` (n, k) and perhaps ``masks`` (n, k, height, width).

    Returns:
        list of n dicts with the same keys: boxes (m, 4), labels (m,), masks (m, height, width), m differing.

    Introduced in lesson 16.

    >>> [len(one["labels"]) for one in per_image(make_scenes("test", 3))]
    [3, 3, 1]
    """
    keys = [key for key in ("boxes", "labels", "masks") if key in batch]
    return [{key: batch[key][i][row >= 0] for key in keys} for i, row in enumerate(np.asarray(batch["labels"]))]


def training_batches(count, size=64):
    """The first training scenes, a thousand at a time: the masks of all would fill the memory."""
    for start in range(0, count, 1000):
        yield make_scenes("train", min(1000, count - start), size, start=start)


def load_training_scenes(count, size=64, keys=("images", "boxes", "labels")):
    """The first training scenes, only those parts that a training needs."""
    parts = [{key: batch[key] for key in keys} for batch in training_batches(count, size)]
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}


def tight_boxes(masks):
    """The smallest box around each mask.

    Args:
        masks: bool array (..., height, width).

    Returns:
        float32 array (..., 4), xyxy pixel edges; 0 where a mask is empty.

    Introduced in lesson 01.

    >>> tight_boxes(np.eye(5, dtype=bool)[1:4])
    array([1., 0., 4., 3.], dtype=float32)
    """
    masks = np.asarray(masks, bool)
    height, width = masks.shape[-2:]
    rows, columns = masks.any(-1), masks.any(-2)
    left, top = columns.argmax(-1), rows.argmax(-1)
    right, bottom = width - columns[..., ::-1].argmax(-1), height - rows[..., ::-1].argmax(-1)
    boxes = np.stack([left, top, right, bottom], -1).astype(np.float32)
    return boxes * rows.any(-1)[..., None]


def _check(split, count, size, seed, start):
    if split not in _GROUND:
        raise ValueError(f"split is {split!r}: wanted one of {', '.join(map(repr, _GROUND))}")
    limits = {"count": (count, 1, None), "size": (size, _SMALLEST, _LARGEST), "seed": (seed, 0, None)}
    for name, (value, low, high) in {**limits, "start": (start, 0, None)}.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < low or (high is not None and value > high):
            wanted = f"from {low} to {high}" if high is not None else f"of at least {low}"
            raise ValueError(f"{name} is {value!r}: wanted a whole number {wanted}")


@functools.cache
def _digits(split):
    """Ink (n, frame, frame) 0 to 1, depth (2 + n, frame, frame) of disc, square and one outline per digit, labels."""
    from scipy.ndimage import distance_transform_edt

    images, labels = samples.load_digits(split)
    margin = (_FRAME - 28) // 2
    ink = np.pad(images[..., 0], ((0, 0), (margin, margin), (margin, margin))).astype(np.float32) / 255
    ink = np.rint(ink * 128) / 128  # few bits: the products in _draw_stickers are then exact on every machine
    y, x = np.abs(np.mgrid[:_FRAME, :_FRAME] - (_FRAME - 1) / 2)
    disc = np.hypot(x, y) - 15.5
    square = np.hypot(np.maximum(x - 9, 0), np.maximum(y - 9, 0)) - 5
    outlines = [distance_transform_edt(one < 0.35) - 4.5 for one in ink]
    depth = np.clip(_DEPTH - np.stack([disc, square, *outlines]), 0, 2 * _DEPTH)
    return ink, (np.rint(depth * 16) / 16).astype(np.float32), labels


@functools.cache
def _ground(split):
    """One grey texture per kind of stuff, mean 0 and deviation 1 over the whole photograph; the part of this split."""
    import skimage.data
    from skimage.transform import resize

    textures = []
    for name, zoom in zip(CLASSES, _ZOOM):
        grey = getattr(skimage.data, name)().astype(np.float32)
        height, width = (int(side * zoom) for side in grey.shape)
        grey = resize(grey, (height, width), anti_aliasing=True)
        grey = (grey - grey.mean()) / grey.std()
        top, bottom, left, right = np.array(_GROUND[split]) * [height, height, width, width]
        textures.append(np.ascontiguousarray(grey[int(top) : int(bottom), int(left) : int(right)]))
    return textures


class _Draws:
    """Random numbers of consecutive scenes. Each scene reads its own stretch of one long stream, whatever the batch."""

    def __init__(self, count, columns, split, size, seed, start):
        words = (columns + size * size // 8) // 4 * 4 + 4  # 64 bits each; the stream counts in blocks of four
        stream = np.random.Philox(key=[seed, 1000 * list(_GROUND).index(split) + size], counter=start * (words // 4))
        table = stream.random_raw(count * words).reshape(count, words)
        self.uniform = (table[:, :columns] >> np.uint64(40)).astype(np.float32) / 2**24
        self.noise = table[:, columns:].view(np.uint8)[:, : size * size].reshape(count, size, size)
        self.used = 0

    def __call__(self, low, high, columns=1):
        self.used += columns
        return low + (high - low) * self.uniform[:, self.used - columns : self.used]

    def below(self, limit, columns=1):
        return self(0, limit, columns).astype(np.intp)


def _fill(part, split, size, seed, start):
    count, stickers = part["labels"].shape
    draw = _Draws(count, 60 + 11 * stickers, split, size, seed, start)
    planes, semantic = _draw_ground(draw, split, count, size)
    instance, part["labels"][:] = _draw_stickers(draw, split, planes, semantic, stickers)
    noise = draw.noise * np.float32(0.054) - np.float32(0.054 * 127.5)  # deviation 4 grey levels
    for channel in range(3):
        plane = planes[:, channel]
        plane += noise
        np.clip(plane, 0, 255, out=plane)
        part["images"][..., channel] = plane.astype(np.uint8)
    numbers = np.arange(1, stickers + 1, dtype=np.int8)[:, None, None]
    np.equal(instance[:, None], numbers, out=part["masks"])
    part["boxes"][:] = tight_boxes(part["masks"])
    part["semantic"][:] = semantic
    part["panoptic"][..., 0], part["panoptic"][..., 1] = semantic, instance
    part["classes"][:] = np.stack([np.count_nonzero(semantic == k, (1, 2)) for k in STUFF], 1).argmax(1)


def _draw_ground(draw, split, count, size):
    """Grey textures, tinted, in up to three regions with wavy borders: planes (n, 3, size, size) and class map."""

    def draw_one(low, high):
        return draw(low, high)[:, :, None]

    def wave():
        turns = draw_one(0.64, 1.43) * p + draw_one(0, 1)
        turns -= np.floor(turns)
        half = 2 * turns - 1
        return 4 * half * (1 - np.abs(half))  # nearly a sine, but the same to the last bit on every machine

    angle = draw_one(0, 2 * np.pi).astype(float)
    cosine, sine = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    grid = (np.arange(size, dtype=np.float32) - size / 2 + 0.5) / size
    p, q = cosine * grid[None] + sine * grid[:, None], cosine * grid[:, None] - sine * grid[None]
    first = draw_one(-0.3, 0.15) + draw_one(0.03, 0.10) * wave()
    second = first + draw_one(0.15, 0.8) + draw_one(0.03, 0.06) * wave()
    region = (q > first).view(np.int8) + (q > second).view(np.int8)
    entry = region + 3 * np.arange(count)[:, None, None]  # (scene, region) as one number
    kind = np.argsort(draw(0, 1, 3), 1)  # which stuff fills which region
    semantic = kind.astype(np.int8).ravel().take(entry)

    grey = np.empty((count, size, size), np.float32)
    mean, contrast = draw(90, 150, 3)[..., None, None], draw(22, 38, 3)[..., None, None]
    for k, texture in enumerate(_ground(split)):
        window = np.lib.stride_tricks.sliding_window_view(texture, (size, size))
        crop = window[draw.below(window.shape[0])[:, 0], draw.below(window.shape[1])[:, 0]]
        mirrored = draw(0, 1)[:, 0] < 0.5
        crop[mirrored] = crop[mirrored, :, ::-1]
        crop *= contrast[:, k]
        crop += mean[:, k]
        np.copyto(grey, crop, where=semantic == k)
    tint = _TINT * (1 + 0.25 * draw(-1, 1, 9).reshape(count, 3, 3))
    tint = np.take_along_axis(tint, kind[..., None], 1)
    planes = np.empty((count, 3, size, size), np.float32)
    for channel in range(3):
        np.multiply(grey, tint[..., channel].ravel().take(entry), out=planes[:, channel])
    return planes, semantic


def _draw_stickers(draw, split, planes, semantic, stickers):
    """Paint stickers onto the planes and the class map, the later over the earlier.

    Returns:
        int8 (n, size, size), the number of the sticker on top of each pixel, 0 for none;
        int32 (n, stickers), the class of each, -1 for padding.
    """
    ink_templates, depth_templates, labels = _digits(split)
    count, size = len(planes), planes.shape[-1]
    alive = np.arange(stickers) < 1 + draw.below(stickers)
    digit, shape = draw.below(len(labels), stickers), draw.below(3, stickers)
    scale, aspect = draw(0.6, 1.1, stickers), draw(0.9, 1.1, stickers)
    x, y = (14 * scale + draw(0, 1, stickers) * (size - 28 * scale) for _ in range(2))
    colour, dark = _vivid(draw(0, 6, stickers), draw(0.6, 1, stickers), draw(0.75, 1, stickers))

    # Each sticker is drawn in its own patch. Resizing and moving are two matrix products with bilinear weights.
    corner_x, corner_y = (np.clip(c - _PATCH / 2 + 1, 0, size - _PATCH).astype(np.intp) for c in (x, y))
    weights_y = _bilinear(y[alive] - corner_y[alive], (scale * aspect)[alive])
    weights_x = _bilinear(x[alive] - corner_x[alive], (scale / aspect)[alive]).swapaxes(1, 2)
    template = np.where(shape < 2, shape, digit + 2)[alive]
    depth = weights_y @ depth_templates[template] @ weights_x
    depth -= _DEPTH
    depth *= scale[alive][:, None, None]
    ink = weights_y @ ink_templates[digit[alive]] @ weights_x
    solid, strokes = depth > 0, ink > 0.5
    row = np.cumsum(alive).reshape(alive.shape) - 1  # of sticker (scene, k) among the drawn ones

    def patches(array):  # all patches of a batch of maps, to read and to write
        return np.lib.stride_tricks.sliding_window_view(array, (_PATCH, _PATCH), (-2, -1), writeable=True)

    def stickers_at(k):
        scene = np.flatnonzero(alive[:, k])
        return scene, row[scene, k], (scene, corner_y[scene, k], corner_x[scene, k])

    free = np.ones((count, size, size), bool)
    for k in reversed(range(stickers)):  # from the top down: which stickers can be seen
        scene, rows, place = stickers_at(k)
        still_free, covered = patches(free)[place], solid[rows]
        pixels, wanted = _count(covered & still_free), _STICKER_VISIBLE * _count(covered)
        enough = (pixels >= wanted) & (pixels >= _FEWEST_PIXELS)
        enough &= _count(strokes[rows] & still_free) >= _DIGIT_VISIBLE * _count(strokes[rows])
        patches(free)[place] = still_free & ~covered
        alive[scene, k] = enough
    number, label = np.cumsum(alive, 1), labels[digit] + STICKER
    instance = np.zeros((count, size, size), np.int8)
    for k in range(stickers):  # from the bottom up: paint
        scene, rows, place = stickers_at(k)
        for array, value in ((instance, number), (semantic, label)):
            patch = patches(array)[place]
            np.copyto(patch, value[scene, k].astype(np.int8)[:, None, None], where=solid[rows])
            patches(array)[place] = patch
        _paint(patches(planes), place, depth[rows], ink[rows], colour[scene, k], dark[scene, k][:, None, None])
    order = np.argsort(~alive, axis=1, kind="stable")  # those that can be seen first
    return instance, np.take_along_axis(np.where(alive, label, -1), order, 1)


def _count(masks):
    return np.count_nonzero(masks, (1, 2))


def _bilinear(centre, scale):
    """Weights (m, patch, frame) that place a template at ``centre``, enlarged by ``scale``."""
    grid, source = np.arange(_PATCH, dtype=np.float32), np.arange(_FRAME, dtype=np.float32)
    position = (grid + 0.5 - centre[:, None]) / scale[:, None] + (_FRAME - 1) / 2
    distance = position[..., None] - source
    np.abs(distance, out=distance)
    np.subtract(1, distance, out=distance)
    np.maximum(0, distance, out=distance)
    distance *= 256
    np.rint(distance, out=distance)  # whole 256ths: exact products, see _digits
    distance /= 256
    return distance


def _paint(plane_patches, place, depth, ink, colour, dark):
    """A soft shadow, a white rim, a coloured face, and the digit in black or white."""
    scene, top, left = place
    cover = np.clip(depth + np.float32(0.5), 0, 1)
    face = np.clip(depth - np.float32(1.2), 0, 1)
    shade = 1 - cover
    shade[:, 2:, 1:] *= 1 - np.float32(0.35) * cover[:, :-2, :-1]
    face *= 1 - ink
    grey = ink * np.where(dark, np.float32(0), np.float32(-225)) - 245 * face + 245
    grey *= cover
    face *= cover
    for channel in range(3):
        plane = plane_patches[scene, channel, top, left]
        plane *= shade
        plane += grey
        plane += face * colour[:, channel, None, None]
        plane_patches[scene, channel, top, left] = plane


def _vivid(hue, saturation, value):
    """RGB (..., 3) 0 to 255 from hue (0 to 6), saturation and value; and whether white ink is needed to be legible."""
    k = (np.array([5, 3, 1], np.float32) + hue[..., None]) % 6
    rgb = 255 * (value[..., None] - (value * saturation)[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))
    return rgb, rgb @ np.array([0.30, 0.59, 0.11], np.float32) < 140

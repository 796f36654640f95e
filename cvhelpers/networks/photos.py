"""The detector of lesson 19: a few of your own photographs are enough, since the network below it knows the world.

The ImageNet network stays as it is. Every augmented copy of a photograph passes it once, its maps are stored, and only
two small heads learn: one grid at stride 16, whose cells answer as in lesson 16, and the mask head of lesson 17.
"""

import dataclasses
import json
import pathlib

import numpy as np

from .. import augmentation, backbone, training
from .._quiet import keras
from ..annotations import letterbox, load_photo, size_in_square
from ..scenes import per_image
from . import detection, masks
from .encoder import MOMENTUM, layer_of_stride

STRIDE = 16  # pixels between two cells of the grid
UNIT = 32.0  # its distances count in so many pixels: half a thing is some 30 to 80 pixels
SEEN = (8, 16, 32)  # strides of the maps that the grid reads
SEEN_BY_MASKS = (4, 8, 16)
STRIDES = (4, 8, 16, 32)
FILTERS = 48
BATCH = 8
FORM = 1  # of the folder that `save` writes


@dataclasses.dataclass
class PhotoDetector:
    """What was learnt from own photographs: two heads, the names of the things, the size of the squares.

    ``mask_head`` is None where the things had no outlines. The frozen network below is not part of what is saved.

    Introduced in lesson 19.
    """

    head: keras.Model
    mask_head: keras.Model | None
    names: tuple
    size: int
    maps: keras.Model = dataclasses.field(default=None, repr=False)

    def __post_init__(self):
        self.names = tuple(self.names)
        self.maps = self.maps or photo_maps(self.size)

    def save(self, folder):
        """Store the heads and the names in a folder of some 2 MB; :func:`load_detector` reads it."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, head in (("grid", self.head), ("masks", self.mask_head)):
            if head is not None:  # a fresh model around the same layers: nothing of the optimizer is stored
                keras.Model(head.inputs, head.outputs, name=head.name).save(folder / f"{name}.keras")
        facts = {"form": FORM, "names": self.names, "size": self.size, "masks": self.mask_head is not None}
        (folder / "names.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")


def load_detector(folder):
    """A detector that :meth:`PhotoDetector.save` stored.

    Args:
        folder: with ``names.json``, ``grid.keras`` and perhaps ``masks.keras``.

    Returns:
        :class:`PhotoDetector`.

    Raises:
        ValueError: the folder holds none, or one of another form.

    Introduced in lesson 19.
    """
    folder = pathlib.Path(folder)
    if not (folder / "names.json").is_file():
        raise ValueError(f"{folder} holds no detector: wanted the folder that detector.save(folder) made")
    facts = json.loads((folder / "names.json").read_text("utf-8"))
    if facts.get("form") != FORM:
        raise ValueError(f"{folder} has the form {facts.get('form')}: wanted {FORM}; train and save it once more")
    head = keras.saving.load_model(folder / "grid.keras", compile=False)
    mask_head = keras.saving.load_model(folder / "masks.keras", compile=False) if facts["masks"] else None
    return PhotoDetector(head, mask_head, facts["names"], facts["size"])


def photo_maps(size=256):
    """The frozen ImageNet network up to its maps at stride 4, 8, 16 and 32.

    Args:
        size: height and width of the squares in pixels, a multiple of 32.

    Returns:
        ``keras.Model``; nothing in it is trainable.

    Raises:
        ValueError: the size is no multiple of 32.

    Introduced in lesson 19.

    >>> [maps.shape[1:] for maps in photo_maps(64).outputs]
    [(16, 16, 24), (8, 8, 40), (4, 4, 112), (2, 2, 320)]
    """
    if size % max(STRIDES):
        raise ValueError(f"size is {size}: wanted a multiple of {max(STRIDES)}, such as 256")
    maps = backbone.feature_maps(STRIDES, size)
    maps.trainable = False
    return maps


def varied(batch, count, seed=0):
    """Augmented copies of own photographs: mirrored, turned, resized, shifted, in other colours.

    Args:
        batch: from :func:`cvhelpers.annotations.load_annotated`.
        count: number of copies in all, at least; every photograph gets equally many.
        seed: of the chance.

    Returns:
        dict with ``images``, ``boxes``, ``labels`` and ``masks``, one row for each copy. What shows less than 40 % is
        taken out. Without outlines nothing is turned: the box around a turned rectangle would be too large.

    Introduced in lesson 19.
    """
    one = {key: batch[key] for key in ("images", "boxes", "labels", "masks")}
    rotation = 15 if has_outlines(batch) else 0
    vary = augmentation.Augment(
        [
            augmentation.RandomFlip(),
            augmentation.RandomAffine(rotation, scale=0.3, translation=0.15, fill=127, min_visibility=0.4),
            augmentation.ColorJitter(0.15, 0.3, 0.3, 0.04),
        ],
        seed=seed,
    )
    copies = [vary(one, training=True) for _ in range(-(-count // len(one["images"])))]
    return {key: np.concatenate([np.asarray(copy[key]) for copy in copies]) for key in one}


def has_outlines(batch):
    """Whether every thing of a batch has an outline, so that masks can be learnt."""
    return bool(batch["outlined"][batch["labels"] >= 0].all())


def store_maps(maps, images, batch_size=20):
    """What the frozen network says about images, kept so that it is asked only once.

    Args:
        maps: from :func:`photo_maps`.
        images: uint8 (n, size, size, 3).
        batch_size: images at a time.

    Returns:
        list of float16 arrays (n, size / stride, size / stride, channels), the finest first: 0.4 MB an image.

    Introduced in lesson 19.

    >>> [one.shape for one in store_maps(photo_maps(64), np.zeros((2, 64, 64, 3), np.uint8))][-1]
    (2, 2, 2, 320)
    """
    return [one.astype(np.float16) for one in maps.predict(images, batch_size=batch_size, verbose=0)]


def _at(stored, strides):
    """Those of the stored maps that belong to some of ``STRIDES``."""
    return [one for one, stride in zip(stored, STRIDES) if stride in strides]


def build_head(maps, classes, filters=FILTERS):
    """The grid of lesson 16 at stride 16, on three maps of the frozen network.

    Args:
        maps: from :func:`photo_maps`.
        classes: number of classes.
        filters: of its convolutions.

    Returns:
        keras.Model from the maps at stride 8, 16 and 32 to (n, size / 16, size / 16, 5 + classes).

    Introduced in lesson 19.

    >>> build_head(photo_maps(64), classes=3).output_shape
    (None, 4, 4, 8)
    """
    inputs = [
        keras.Input(one.shape[1:], name=layer_of_stride(stride))
        for one, stride in zip(maps.outputs, STRIDES)
        if stride in SEEN
    ]
    same_size = [
        keras.layers.AveragePooling2D(2)(inputs[0]),
        inputs[1],
        keras.layers.UpSampling2D(2)(inputs[2]),
    ]
    narrow = [keras.layers.Conv2D(filters, 1, use_bias=False)(one) for one in same_size]
    narrow = [keras.layers.BatchNormalization(momentum=MOMENTUM)(one) for one in narrow]
    x = keras.layers.ReLU()(keras.layers.Add()(narrow))
    return keras.Model(inputs, detection.grid_head(x, filters, classes), name="grid")


def fit_head(maps, stored, batch, classes, steps=400, seed=0, peak=6e-3):
    """Train the grid on stored maps.

    Args:
        maps: from :func:`photo_maps`.
        stored: from :func:`store_maps`.
        batch: ``boxes`` and ``labels`` of the same images, from :func:`varied`.
        classes: number of classes.
        steps: of 8 images each, at least.
        seed: of the first weights and the order.
        peak: highest learning rate.

    Returns:
        the trained head.

    Introduced in lesson 19.
    """
    training.set_seed(seed)
    size, head = maps.input_shape[1], build_head(maps, classes)
    targets = detection.grid_targets(batch["boxes"], batch["labels"], size, range(classes), STRIDE, UNIT)
    epochs = -(-steps * BATCH // len(targets))
    detection.compile_detector(head, len(targets), epochs, BATCH, peak)
    training.fit(head, _at(stored, SEEN), targets, batch_size=BATCH, epochs=epochs)
    return head


def fit_masks(maps, stored, batch, epochs=4, seed=0, batch_size=32, most=800):
    """Train the mask head of lesson 17 on stored maps.

    Args:
        maps, stored, seed: as for :func:`fit_head`.
        batch: ``boxes``, ``labels`` and ``masks`` of the same images.
        epochs, batch_size: as for ``fit``.
        most: so many things are enough.

    Returns:
        the trained mask head.

    Introduced in lesson 19.
    """
    training.set_seed(seed)
    truths = per_image(batch)
    boxes = [truth["boxes"] for truth in truths]
    counts = np.cumsum([len(some) for some in boxes])
    rows = slice(0, int(np.searchsorted(counts, most)) + 1)  # whole images until there are enough things
    crops = masks.crop_maps([one[rows] for one in _at(stored, SEEN_BY_MASKS)], boxes[rows], maps.input_shape[1])
    targets = masks.mask_targets([truth["masks"] for truth in truths[rows]], boxes[rows])
    head = masks.compile_mask_head(masks.build_mask_head(crops.shape[-1]), len(crops), epochs, batch_size)
    training.fit(head, crops, targets, batch_size=batch_size, epochs=epochs)
    return head


def train_on_photos(batch, copies=160, steps=400, seed=0, maps=None):
    """All of it: copies, maps, the grid, the mask head; about a minute of one core, for 5 photographs or for 40.

    Args:
        batch: from :func:`cvhelpers.annotations.load_annotated`.
        copies: augmented copies of all photographs together, at least.
        steps: of the grid's training.
        seed: of copies, first weights and order.
        maps: from :func:`photo_maps`, when it is there already.

    Returns:
        :class:`PhotoDetector`; without masks where not all things have outlines.

    Serves lesson 19.
    """
    maps = maps or photo_maps(batch["images"].shape[1])
    copied = varied(batch, copies, seed)
    stored = store_maps(maps, copied["images"])
    head = fit_head(maps, stored, copied, len(batch["names"]), steps, seed)
    mask_head = fit_masks(maps, stored, copied, seed=seed) if has_outlines(batch) else None
    return PhotoDetector(head, mask_head, batch["names"], batch["images"].shape[1], maps)


def detect_in_squares(detector, images, every_label=False, threshold=0.5):
    """Detections in images that have the network's size already, as metrics want them.

    Args:
        detector: :class:`PhotoDetector`.
        images: uint8 (n, size, size, 3).
        every_label: True reports every likely class of a box, as average precision wants it; False the best only.
        threshold: intersection over union for non-maximum suppression.

    Returns:
        list of n detections in pixels of the square, with ``masks`` where the detector has them.

    Introduced in lesson 19.
    """
    stored = store_maps(detector.maps, images)
    answers = detector.head.predict(_at(stored, SEEN), verbose=0)
    found = []
    for boxes, objectness, kinds in zip(*detection.read_grid(answers, detector.size, STRIDE, UNIT)):
        rows = detection.surest_rows(boxes, objectness, threshold)
        scores = objectness[rows, None] * kinds[rows]
        found.append(detection.label_boxes(boxes[rows], scores, every_label, range(len(detector.names))))
    if detector.mask_head is None:
        return found
    seen = _at(stored, SEEN_BY_MASKS)
    return masks.fill_boxes(
        found, detector.mask_head, lambda boxes: masks.crop_maps(seen, boxes, detector.size), detector.size
    )


def detect_photo(detector, photo, least=0.4):
    """What is on one photograph of any size, in the photograph's own pixels.

    Args:
        detector: :class:`PhotoDetector`.
        photo: path of a file, or uint8 array (height, width, 3).
        least: score below which nothing is reported.

    Returns:
        the photograph, uint8 (height, width, 3), upright; and one detection: ``boxes``, ``labels``
        (``detector.names[label]``), ``scores``, and ``masks`` bool (m, height, width) where the detector has them.

    Introduced in lesson 19.
    """
    from PIL import Image

    photo = photo if isinstance(photo, np.ndarray) else load_photo(photo)
    height, width = photo.shape[:2]
    square, scale = letterbox(photo, detector.size)
    found = detect_in_squares(detector, square[None])[0]
    found = {key: values[found["scores"] >= least] for key, values in found.items()}
    found["boxes"] = (found["boxes"] / scale).clip(0, (width, height, width, height)).astype(np.float32)
    if "masks" in found:
        columns, rows = size_in_square((width, height), detector.size)[0]
        inside = found["masks"][:, :rows, :columns]
        enlarged = np.zeros((len(inside), height, width), bool)
        for mask, small in zip(enlarged, inside):
            mask[:] = np.asarray(Image.fromarray(small * np.uint8(255)).resize((width, height), 2)) > 127
        found["masks"] = enlarged
    return photo, found

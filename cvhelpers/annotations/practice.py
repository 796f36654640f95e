"""Photographs to practise with, before you have labelled your own: five kinds of things, cut out and set elsewhere.

The things and the grounds come from photographs that scikit-image and Matplotlib ship; the outlines lie in
``data/cutouts.json``. The result is a folder of JPEG files with LabelMe's json beside them, as if somebody had taken
and labelled them. It measures how well *the same things* are found again: elsewhere, in other light. New cups, other
sides of a thing, true shadows are not in it, and the edges of a pasted thing may help a network.
"""

import functools
import json
import pathlib

import numpy as np
from PIL import Image, ImageFilter

from .._paths import DATA
from .batches import filled
from .photographs import ORIENTATION
from .things import AnnotationError

# No scene is in two parts; nor is any of the 24 coins.
SCENES = {
    "learn": ("brick", "gravel", "hubble_deep_field", "page"),
    "choose": ("camera", "retina"),
    "test": ("grass", "rocket", "moon", "immunohistochemistry"),
}
THINGS = ("cat", "coin", "cup", "head", "motorcycle")
SIZE = (480, 360)  # width and height; every third stands upright, every fifth is stored turned, with EXIF
LONGEST = {"coin": (68, 158)}  # pixels of a thing's longer side
LONGEST_OF_OTHERS = (90, 300)
MOST_THINGS = 4
LEAST_VISIBLE = 0.65  # share of a thing that later ones leave uncovered
TRIES = 30


def make_photos(folder, part="learn", count=20, seed=0, only=None):
    """A folder of practice photographs with LabelMe's json files.

    Args:
        folder: made where it is missing; wanted empty.
        part: ``"learn"``, ``"choose"`` (for settings) or ``"test"``: they share no scene and no coin. A file is called
            after its scene, such as ``grass_03.jpg``.
        count: number of photographs.
        seed: another one gives others; a larger count begins with the photographs of a smaller one.
        only: names of the things that may appear; all five when None.

    Returns:
        ``pathlib.Path`` of the folder, for :func:`cvhelpers.annotations.load_annotated`.

    Raises:
        AnnotationError: an unknown part or thing, or the folder holds files already.

    Introduced in lesson 19.
    """
    unknown = sorted(set(only or ()) - set(THINGS))
    if part not in SCENES or unknown:
        wrong = f"only names {unknown[0]!r}" if unknown else f"part is {part!r}"
        raise AnnotationError(f"{wrong}: the parts are {', '.join(SCENES)}, the things {', '.join(THINGS)}")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise AnnotationError(f"{folder} holds files already: wanted an empty folder, old pictures would mix with new")
    for number in range(count):
        rng = np.random.default_rng([seed, number, list(SCENES).index(part)])
        scene = SCENES[part][number % len(SCENES[part])]
        size = SIZE if number % 3 else SIZE[::-1]
        photo, things = _composed(rng, scene, size, part, only or THINGS)
        _write(folder / f"{scene}_{number:02}.jpg", photo, things, turned=number % 5 == 4, rng=rng)
    return folder


def _write(path, photo, things, turned, rng):
    """One JPEG, perhaps stored on its side, and LabelMe's json for it as it is shown."""
    exif = Image.Exif()
    if turned:
        exif[ORIENTATION] = 6
    stored = photo.transpose(Image.Transpose.ROTATE_90) if turned else photo
    stored.save(path, quality=int(rng.integers(70, 95)), exif=exif)
    shapes = [
        {"label": name, "points": outline, "group_id": None, "shape_type": "polygon", "flags": {}}
        for name, outline in things
    ]
    labels = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": path.name, "imageData": None}
    labels |= {"imageWidth": photo.width, "imageHeight": photo.height}
    path.with_suffix(".json").write_text(json.dumps(labels, indent=1), "utf-8")


@functools.cache
def _photograph(name):
    """A photograph that scikit-image or Matplotlib ships, as a Pillow picture in RGB."""
    if name == "grace_hopper":
        import matplotlib

        return Image.open(pathlib.Path(matplotlib.get_data_path()) / f"sample_data/{name}.jpg").convert("RGB")
    import skimage.data

    found = getattr(skimage.data, name)()
    photo = Image.fromarray(np.asarray(found[0] if isinstance(found, tuple) else found)).convert("RGB")
    return photo.crop((250, 0, 512, 330)) if name == "camera" else photo  # the meadow and the towers


@functools.cache
def cutouts():
    """The things to paste: {name: list of Pillow pictures in RGBA, transparent around the thing}."""
    outlines, found = json.loads((DATA / "cutouts.json").read_text("utf-8")), {}
    for name, things in outlines.items():
        for thing in things:
            photo, corners = _photograph(thing["photo"]), np.array(thing["outline"])
            mask = Image.fromarray(filled(corners, photo.size[::-1]) * np.uint8(255))
            left, top = np.floor(corners.min(0)).astype(int).tolist()
            right, bottom = np.ceil(corners.max(0)).astype(int).tolist()
            photo = photo.copy()
            photo.putalpha(mask.filter(ImageFilter.GaussianBlur(0.7)))
            found.setdefault(name, []).append(photo.crop((left, top, right, bottom)))
    return found


def _composed(rng, scene, size, part, names):
    """One photograph (Pillow, RGB) and the visible outline of each thing on it."""
    picture, masks = _ground(rng, _photograph(scene), size), []
    for _ in range(rng.integers(1, MOST_THINGS + 1)):
        name = names[rng.integers(len(names))]
        pool = cutouts()[name]
        if name == "coin":
            pool = pool[list(SCENES).index(part) :: len(SCENES)]
        thing = _varied(rng, pool[rng.integers(len(pool))], name)
        for _ in range(TRIES):
            place = [int(rng.integers(-a // 10, max(1, b - 9 * a // 10))) for a, b in zip(thing.size, size)]
            alpha = Image.new("L", size)
            alpha.paste(thing.getchannel("A"), place)
            mask = np.asarray(alpha) > 127
            covered = sum((mask & other).sum() for _, other, _ in masks)
            free = all((other & ~mask).sum() > LEAST_VISIBLE * area for _, other, area in masks)
            if mask.any() and free and covered < 0.3 * mask.sum():
                picture.paste(thing, place, thing)
                masks = [(other_name, other & ~mask, area) for other_name, other, area in masks]
                masks.append((name, mask, mask.sum()))
                break
    photo = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2)))
    noise = rng.uniform(1, 6) * rng.standard_normal((size[1], size[0], 3), np.float32)
    photo = Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8))
    return photo, [(name, _outline(mask)) for name, mask, _ in masks]


def _ground(rng, photo, size):
    """A piece of a photograph in other light, mirrored or not."""
    most = min(photo.width / size[0], photo.height / size[1])
    width, height = (int(side * most * rng.uniform(0.6, 1)) for side in size)
    left, top = int(rng.integers(0, photo.width - width + 1)), int(rng.integers(0, photo.height - height + 1))
    piece = photo.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.BICUBIC)
    return _in_other_light(rng, piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else piece)


def _varied(rng, thing, name):
    """A thing in other light, mirrored or not, turned and resized."""
    light = _in_other_light(rng, thing.convert("RGB"))
    light.putalpha(thing.getchannel("A"))
    if rng.random() < 0.5:
        light = light.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    low, high = LONGEST.get(name, LONGEST_OF_OTHERS)
    scale = np.exp(rng.uniform(np.log(low), np.log(high))) / max(light.size)
    light = light.resize([max(1, round(side * scale)) for side in light.size], Image.Resampling.LANCZOS)
    most = 180 if name == "coin" else 25
    return light.rotate(rng.uniform(-most, most), Image.Resampling.BICUBIC, expand=True)


def _in_other_light(rng, photo):
    """Other exposure, contrast and colour of the light."""
    values = (np.arange(256, dtype=np.float32) / 255) ** np.float32(rng.uniform(0.7, 1.45))  # a table: 256 powers
    values = (values - 0.5) * rng.uniform(0.75, 1.2) + 0.5 + rng.uniform(-0.12, 0.12)
    table = ((values[:, None] * rng.uniform(0.85, 1.15, 3).astype(np.float32)).clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(table[np.asarray(photo), np.arange(3)])


def _outline(mask):
    """The largest outline of a mask as a polygon, the way a patient person clicks it."""
    from skimage.measure import approximate_polygon, find_contours

    longest = max(find_contours(np.pad(mask, 1).astype(float), 0.5), key=len) - 0.5  # pixel edges, without the border
    return np.round(approximate_polygon(longest, 1.5)[:-1, ::-1], 1).tolist()

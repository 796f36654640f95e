"""Photographs as cameras and telephones write them, read as they are meant: upright, eight bits, three colours."""

import importlib
import pathlib

import numpy as np
from PIL import Image, ImageOps

from .things import AnnotationError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
FOREIGN = {
    ".heic": "an iPhone photograph", ".heif": "an iPhone photograph", ".avif": "an AVIF picture",
    ".dng": "a raw photograph", ".cr2": "a raw photograph", ".nef": "a raw photograph", ".arw": "a raw photograph",
    ".mp4": "a film", ".mov": "a film",
}  # fmt: skip
FILMS = (".mp4", ".mov")
ORIENTATION = 0x0112  # the number of the EXIF entry
ON_ITS_SIDE = 5  # from this value of the entry on the picture is stored turned by 90 degrees
GREY = 127  # what surrounds a photograph in its square


def load_photo(path):
    """A photograph from any usual file as the course wants it: turned as EXIF says, eight bits, three colours.

    Args:
        path: of a JPEG, PNG, WebP, BMP, TIFF or GIF file. Grey, palette, CMYK and 16 bits are converted; what is
            transparent becomes white.

    Returns:
        uint8 array (height, width, 3).

    Raises:
        AnnotationError: a ValueError that says what the file is instead and how to convert it.

    Introduced in lesson 19.

    >>> import pathlib, skimage
    >>> load_photo(pathlib.Path(skimage.__file__).parent / "data/astronaut.png").shape
    (512, 512, 3)
    """
    return np.array(open_photo(path)[0])


def open_photo(path, longest=None, upright=True):
    """A photograph as a Pillow picture, and how large it is.

    Args:
        path: of the file.
        longest: pixels that are enough along the longer side: a JPEG is then decoded small, which saves time and
            memory; the picture is still at least that large.
        upright: False leaves it as it is stored, whatever EXIF says.

    Returns:
        ``PIL.Image.Image`` in RGB, and its full size (width, height).

    Raises:
        AnnotationError: the file is no picture that Pillow reads.
    """
    path = pathlib.Path(path)
    ending = path.suffix.lower()
    if ending in FOREIGN and ending not in Image.registered_extensions():
        mend = "convert it to JPEG"
        if ending in (".heic", ".heif"):
            mend += ", or: pip install pillow-heif, then annotations.prepare_photos(source, target)"
        if ending in FILMS:
            mend = "save some of its pictures as JPEG"
        raise AnnotationError(f"{path.name} is {FOREIGN[ending]}: {mend}")
    try:
        with Image.open(path) as picture:
            turned = upright and is_on_its_side(picture)
            size = picture.size[::-1] if turned else picture.size
            if longest:
                picture.draft("RGB", (longest, longest))
            picture.load()
            picture = ImageOps.exif_transpose(picture) if upright else picture.copy()
    except FileNotFoundError:
        raise AnnotationError(f"there is no file {path}: look at the name, and at the folder that you are in") from None
    except Image.DecompressionBombError:
        raise AnnotationError(f"{path.name} has too many pixels: make it smaller first") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise AnnotationError(
            f"{path.name} cannot be read as a picture ({type(error).__name__}): open and save it once more, or take "
            "it out of the folder"
        ) from None
    return _as_rgb(picture), size


def is_on_its_side(picture):
    """Whether EXIF says that a Pillow picture is stored turned by 90 degrees."""
    return picture.getexif().get(ORIENTATION, 1) >= ON_ITS_SIDE


def _as_rgb(picture):
    """Any mode of Pillow as RGB; transparent becomes white."""
    if picture.mode.startswith(("I", "F")):  # 16 bits or floats: Pillow would clip everything above 255 to white
        values = np.asarray(picture, float)
        top = 65535 if values.max() > 255 else 255 if values.max() > 1 else 1
        picture = Image.fromarray((values * (255 / top)).clip(0, 255).round().astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def size_in_square(full, size):
    """How large a photograph becomes when it is fitted into a square without changing its shape.

    Args:
        full: (width, height) of the photograph in pixels.
        size: height and width of the square in pixels.

    Returns:
        [width, height] in pixels of the square, at least 1 each; and the scale: pixels of the square for one of the
        photograph.

    Serves lesson 19.

    >>> size_in_square((120, 60), size=64)[0], size_in_square((2000, 3), size=64)[0]
    ([64, 32], [64, 1])
    """
    scale = size / max(full)
    return [max(1, round(side * scale)) for side in full], scale


def letterbox(photo, size, full=None):
    """A photograph made to fit a square without changing its shape: it stands at the top left, the rest is grey.

    Args:
        photo: uint8 array (height, width, 3), or a Pillow picture in RGB.
        size: height and width of the square in pixels.
        full: (width, height) of the photograph where ``photo`` is a smaller copy of it.

    Returns:
        uint8 array (size, size, 3); and the scale: pixels of the square for one of the photograph, so
        ``boxes / scale`` are boxes in the photograph.

    >>> square, scale = letterbox(np.zeros((60, 120, 3), np.uint8), size=64)
    >>> square.shape, round(scale, 3), square[31:33, 0, 0].tolist()
    ((64, 64, 3), 0.533, [0, 127])
    """
    photo = photo if isinstance(photo, Image.Image) else Image.fromarray(np.asarray(photo))
    inside, scale = size_in_square(full or photo.size, size)
    square = np.full((size, size, 3), GREY, np.uint8)
    square[: inside[1], : inside[0]] = photo.resize(inside, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return square, scale


def prepare_photos(source, target, longest=1600):
    """Copies of all photographs of a folder, made for labelling: upright, small, and without the place they show.

    Label these copies, not the originals: no tool then disagrees about what is up, uploads are quick, and nobody who
    gets the folder reads in EXIF where you live.

    Args:
        source: folder with photographs; films and other files stay where they are. HEIC is read where the package
            pillow-heif is installed.
        target: folder for the copies; it is made.
        longest: pixels of the longer side at most.

    Returns:
        list of the paths of the copies, all JPEG.

    Raises:
        AnnotationError: no photograph, two of one name, or copies that are there already.
    """
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        pass
    source, target = pathlib.Path(source), pathlib.Path(target)
    if not source.is_dir():
        raise AnnotationError(f"{source} is no folder: wanted the folder with your photographs")
    wanted = {*PICTURES, *FOREIGN} - set(FILMS)
    photos = [path for path in sorted(source.iterdir()) if path.suffix.lower() in wanted]
    if not photos:
        raise AnnotationError(f"{source} holds no photograph: wanted some of {', '.join(PICTURES)}")
    copies = [target / f"{path.stem}.jpg" for path in photos]
    for copy, path in zip(copies, photos):
        if copy.exists() or copies.count(copy) > 1:
            raise AnnotationError(
                f"{path.name} would become {copy.name}, which is there already: an older run, or two photographs of "
                "one name; rename one, or give another target"
            )
    target.mkdir(parents=True, exist_ok=True)
    for copy, path in zip(copies, photos):
        picture, _ = open_photo(path, longest)
        picture.thumbnail((longest, longest))
        Image.fromarray(np.asarray(picture)).save(copy, quality=92)  # a fresh picture: no EXIF, no comment
    return copies

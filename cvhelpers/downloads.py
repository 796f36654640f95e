"""The optional, bigger image sets: one clear call each, with checksum, resume and progress; nobody needs them offline.

Files land in ``data/cache/``, which git ignores. Without a network each loader raises :class:`NotAvailable` with the
address, the size and the folder to put the file into by hand; the lessons then go on with the images they have.
"""

import hashlib
import os
import pathlib
import pickle
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zipfile

import numpy as np

from ._paths import CACHE
from .scenes import STICKER

# name: (address, bytes, "algorithm:checksum"; None where nobody publishes one: then the size and the archive's own
# checksums are checked)
FILES = {
    "cifar-10-python.tar.gz": (
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        170_498_071,
        "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "pets-images.tar.gz": (
        "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
        791_918_971,
        "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c",
    ),
    "pets-annotations.tar.gz": (
        "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
        None,
        "md5:95a8c909bbe2e81eed6a22bccdf3f68f",
    ),
    "PennFudanPed.zip": ("https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip", 53_723_336, None),
}
BLOCK = 1 << 20


class NotAvailable(RuntimeError):
    """A download that could not be had; the message says why and how to go on without it or by hand."""


def _difference(path, size, checksum):
    """What is wrong with a file in words; empty where its checksum, or without one its size, is right."""
    got, wanted = path.stat().st_size, size
    if checksum:
        algorithm, _, wanted = checksum.partition(":")
        with open(path, "rb") as file:
            got = hashlib.file_digest(file, algorithm).hexdigest()
    if wanted is None or got == wanted:
        return ""
    with open(path, "rb") as file:
        page = file.read(512).lstrip().lower().startswith((b"<!doctype html", b"<html"))
    return f"got {got}, wanted {wanted}" + ("; it is a web page, perhaps the login of a Wi-Fi" if page else "")


def fetch(name, *, address=None, size=None, checksum=None, cache=None, attempts=3, timeout=30):
    """Path of a downloaded file; downloads it at the first call, goes on where an earlier try stopped.

    Args:
        name: file name in the cache; a key of ``FILES``, unless the address is given.
        address, size, checksum: web address, bytes and ``"algorithm:hexdigest"``; those of ``FILES`` when None.
        cache: folder; ``data/cache`` when None.
        attempts: tries before giving up; a cut connection is resumed.
        timeout: seconds without a byte before a try counts as failed.

    Returns:
        ``pathlib.Path`` of the complete and checked file.

    Raises:
        NotAvailable: no network, the server refuses, the file is not what it should be, or the disk is full.
        ValueError: the name is unknown.

    Serves lesson 14.
    """
    if address is None:
        if name not in FILES:
            raise ValueError(f"no download is called {name!r}: wanted one of {', '.join(FILES)}")
        address, size, checksum = FILES[name]
    cache = pathlib.Path(cache or CACHE)
    target, part = cache / name, cache / f"{name}.part"
    if target.exists():  # also one that was put there by hand
        if difference := _difference(target, size, checksum):
            raise NotAvailable(f"{target} is not the file it should be: {difference}. Remove it, then try again.")
        return target
    wanted = f" ({size / 1e6:.0f} MB)" if size else ""
    by_hand = f"Download {address}{wanted} elsewhere and save it as {target}, or go on without it."
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if size and shutil.disk_usage(cache).free < size:
            raise NotAvailable(f"{name} needs {size / 1e6:.0f} MB, the disk has less. Free some space, then try again.")
        _download(address, part, name, attempts, timeout)
    except urllib.error.HTTPError as error:
        raise NotAvailable(f"the server answers {error.code} ({error.reason}) for {name}. {by_hand}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise NotAvailable(f"{name} cannot be downloaded: {getattr(error, 'reason', error)}. {by_hand}") from error
    except OSError as error:
        raise NotAvailable(f"{name} cannot be saved in {cache}: {error.strerror or error}.") from error
    if difference := _difference(part, size, checksum):
        part.unlink()
        raise NotAvailable(f"{name} is not the file it should be: {difference}. It was removed. {by_hand}")
    part.replace(target)
    return target


def _download(address, part, name, attempts, timeout):
    """Append what is missing to ``part``; a server without ranges starts from the beginning."""
    for attempt in range(attempts):
        have = part.stat().st_size if part.exists() else 0
        request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                resumed = answer.status == 206
                have = have if resumed else 0
                total = have + int(answer.headers.get("Content-Length") or 0)
                with open(part, "ab" if resumed else "wb") as file:
                    while block := answer.read(BLOCK):
                        file.write(block)
                        have += len(block)
                        _progress(name, have, total)
            if have >= total:
                return
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing is missing
                return
            if error.code < 500 or attempt == attempts - 1:
                raise
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            if attempt == attempts - 1:
                raise
        time.sleep(min(2**attempt, 5) if timeout > 5 else 0)
    raise ConnectionError(f"the connection was cut {attempts} times; the next call goes on from there")


def _progress(name, have, total):
    if os.environ.get("CVHELPERS_PROGRESS") != "0":
        share = f"{have / total:4.0%} of {total / 1e6:.0f} MB" if total else f"{have / 1e6:.0f} MB"
        print(f"\r{name}: {share}", end="\n" if have == total else "", flush=True)


def _unpack(archive, folder):
    """Unpack a checked archive once; a half-unpacked folder never stays."""
    if not folder.exists():
        fresh = folder.with_name(folder.name + ".part")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as file:
                    file.extractall(fresh)
            else:
                with tarfile.open(archive) as file:
                    file.extractall(fresh, filter="data")
        except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
            archive.unlink()
            raise NotAvailable(f"{archive.name} is damaged and was removed ({error}): call again.") from error
        fresh.replace(folder)
    return folder


def if_available(load, **settings):
    """What a loader returns; where its data cannot be had, None and one line that says why.

    Args:
        load: a function of this module such as :func:`load_pets`.
        settings: for that function.

    Returns:
        what ``load(**settings)`` returns, or None.

    Introduced in lesson 08.

    >>> if_available(dict, size=128)
    {'size': 128}
    """
    try:
        return load(**settings)
    except NotAvailable as problem:
        print(f"Going on without it: {problem}")
        return None


def load_cifar10():
    """CIFAR-10: 60,000 colour images of 32×32 pixels in ten classes; a download of 170 MB at the first call.

    Returns:
        ``(train_images, train_labels), (test_images, test_labels)``: uint8 (50,000 and 10,000, 32, 32, 3) and int32.

    Raises:
        NotAvailable: it cannot be had here; the message says how to go on.

    Introduced in lesson 09. Krizhevsky 2009.
    """
    folder = _unpack(fetch("cifar-10-python.tar.gz"), CACHE / "cifar-10") / "cifar-10-batches-py"

    def read(names):
        batches = [pickle.loads((folder / name).read_bytes(), encoding="bytes") for name in names]  # checksum is ours
        images = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), np.concatenate([batch[b"labels"] for batch in batches]).astype(np.int32)

    return read([f"data_batch_{number}" for number in range(1, 6)]), read(["test_batch"])


def _resized(image, size, nearest=False):
    from PIL import Image

    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    return np.asarray(image.resize((size, size), method))


def load_pets(size=128, count=None):
    """Oxford-IIIT Pets: cats and dogs of 37 breeds, with trimaps; downloads of 790 and 19 MB at the first call.

    Args:
        size: height and width in pixels that every image is resized to.
        count: only that many images, evenly chosen, so that every breed stays; all 7,390 when None.

    Returns:
        dict with ``images`` uint8 (n, size, size, 3); ``labels`` int32 (n,), the breed from 0 to 36, and ``breeds``,
        its name for each image (n,): twelve of cats, then 25 of dogs; ``semantic`` int32 (n, size, size): 0 pet,
        1 background, 2 border. In the order of the file names.

    Raises:
        NotAvailable: it cannot be had here; the message says how to go on.

    Introduced in lesson 08. Parkhi et al. 2012.
    """
    from PIL import Image

    pictures = _unpack(fetch("pets-images.tar.gz"), CACHE / "pets-images") / "images"
    trimaps = _unpack(fetch("pets-annotations.tar.gz"), CACHE / "pets-annotations") / "annotations/trimaps"
    names = [path.stem for path in sorted(trimaps.glob("[!.]*.png"))]
    names = [name for name in names if (pictures / f"{name}.jpg").exists()]
    # "Abyssinian_100" is the hundredth of its breed; names of cats begin with a capital letter.
    breeds, labels = np.unique([name.rpartition("_")[0] for name in names], return_inverse=True)
    chosen = np.linspace(0, len(names), min(count or len(names), len(names)), endpoint=False).astype(int)
    images = np.empty((len(chosen), size, size, 3), np.uint8)
    semantic = np.empty((len(chosen), size, size), np.int32)
    for number, name in enumerate(names[row] for row in chosen):
        with Image.open(pictures / f"{name}.jpg") as image, Image.open(trimaps / f"{name}.png") as trimap:
            images[number] = _resized(image.convert("RGB"), size)
            semantic[number] = _resized(trimap, size, nearest=True).astype(np.int32) - 1
    labels = labels[chosen].astype(np.int32)
    return {"images": images, "semantic": semantic, "labels": labels, "breeds": breeds[labels]}


def load_penn_fudan(size=128):
    """Penn-Fudan pedestrians: 170 street photographs with a mask of each person; a download of 54 MB at the first call.

    Args:
        size: height and width in pixels that every image is resized to.

    Returns:
        dict as a batch of scenes: ``images``, ``boxes``, ``labels`` (3 person, -1 padding), ``masks``, ``semantic``
        (0 street, 3 person), ``panoptic``; a person of whom nothing is left after resizing is dropped.

    Raises:
        NotAvailable: it cannot be had here; the message says how to go on.

    Introduced in lesson 16. Wang et al. 2007.
    """
    from PIL import Image

    folder = _unpack(fetch("PennFudanPed.zip"), CACHE / "penn-fudan") / "PennFudanPed"
    images, masks = [], []
    for path in sorted((folder / "PNGImages").glob("*.png")):
        with Image.open(path) as image, Image.open(folder / f"PedMasks/{path.stem}_mask.png") as numbered:
            images.append(_resized(image.convert("RGB"), size))
            instance = _resized(numbered, size, nearest=True)
        masks.append([instance == number for number in np.unique(instance) if number])
    most = max(map(len, masks))
    batch = {
        "images": np.stack(images),
        "boxes": np.zeros((len(images), most, 4), np.float32),
        "labels": np.full((len(images), most), -1, np.int32),
        "masks": np.zeros((len(images), most, size, size), bool),
        "panoptic": np.zeros((len(images), size, size, 2), np.int32),
    }
    for number, people in enumerate(masks):
        for k, mask in enumerate(people):
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            batch["boxes"][number, k] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            batch["labels"][number, k], batch["masks"][number, k] = STICKER, mask
            batch["panoptic"][number][mask] = STICKER, k + 1
    return batch | {"semantic": batch["panoptic"][..., 0]}

"""A folder of photographs and label files: which file is which, and which labels belong to which picture."""

import collections
import json
import pathlib
import re
import xml.etree.ElementTree as ElementTree
from fnmatch import fnmatch

from .photographs import FOREIGN, PICTURES
from .readers import read_coco, read_cvat, read_labelme, read_voc
from .things import AnnotationError
from .yolo import NAME_FILES, class_names, is_yolo, read_yolo

CLASS_MAPS = ("segmentationclass", "segmentationobject")  # folders of VOC whose pictures are no photographs
KINDS = "COCO, LabelMe, CVAT, Pascal VOC or YOLO"


def read_folder(folder, names=None):
    """Everything that a folder and the folders below it hold.

    Args:
        folder: path.
        names: of the classes, for YOLO files without such a list.

    Returns:
        list of (path of the picture, ``Entry``), and the notes: a Counter of sentences.

    Raises:
        AnnotationError: what cannot be decided; the message names the file and the mend.
    """
    folder, notes = pathlib.Path(folder), collections.Counter()
    if not folder.is_dir():
        raise AnnotationError(f"{folder} is no folder: wanted the one with your pictures and their label files")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path.relative_to(folder))]
    pictures = []
    for path in files:
        if path.suffix.lower() in (*PICTURES, *FOREIGN):
            if any(part.lower() in CLASS_MAPS for part in path.relative_to(folder).parts):
                notes["left out: class maps of VOC: a colour map does not tell things apart"] += 1
            else:
                pictures.append(path)
    stems = {path.stem.lower() for path in pictures}
    names = list(names) if names is not None else class_names(folder)
    entries = [entry for path in files for entry in _read_file(path, stems, names, notes)]
    pairs = _matched(folder, pictures, entries, notes)
    taken = {path for path, _ in pairs}
    bare = [path for path in pictures if path not in taken and path.suffix.lower() in PICTURES]
    if bare:
        text = f"left out: pictures without labels, such as {bare[0].name}; an empty .txt says: nothing is on it"
        notes[text] += len(bare)
    if not pairs:
        raise AnnotationError(_nothing(folder, pictures, entries))
    return pairs, notes


def _is_hidden(path):
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _nothing(folder, pictures, entries):
    """What to say about a folder in which no picture has labels."""
    foreign = [path for path in pictures if path.suffix.lower() in FOREIGN]
    more = f"; {foreign[0].name} is {FOREIGN[foreign[0].suffix.lower()]}: see prepare_photos" if foreign else ""
    return (
        f"{folder} holds no picture with labels: {len(pictures)} pictures, labels for {len(entries)}; wanted {KINDS} "
        f"files beside the pictures{more}"
    )


def _read_file(path, stems, names, notes):
    """The entries of one file; none where it holds no labels."""
    ending = path.suffix.lower()
    if ending not in (".json", ".xml", ".txt") or any(fnmatch(path.name, pattern) for pattern in NAME_FILES):
        return []
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text("latin-1")
    try:
        if ending == ".json":
            return _read_json(path, json.loads(text), notes)
        if ending == ".xml":
            return _read_xml(path, ElementTree.fromstring(text), notes)
        mine = path.stem.lower() in stems
        if is_yolo(text) and (mine or text.strip()):
            return read_yolo(path, text, names, notes)
        if mine and path.stem.lower() != "readme":
            line = next(line for line in text.splitlines() if line.strip() and not is_yolo(line))
            raise AnnotationError(f"{path.name}: {line[:40]!r} is no YOLO label: wanted a class number and 4 shares")
        return []
    except AnnotationError:
        raise
    except (json.JSONDecodeError, ElementTree.ParseError) as error:
        raise AnnotationError(f"{path.name} is damaged ({error}): export it once more") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OSError, OverflowError, MemoryError) as error:
        raise AnnotationError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}): which tool wrote it? Wanted {KINDS}"
        ) from None


def _read_json(path, data, notes):
    """COCO or LabelMe; other tools are told what to export."""
    if isinstance(data, dict) and {"images", "annotations"} <= set(data):
        return read_coco(path, data, notes)
    if isinstance(data, dict) and "shapes" in data:
        return read_labelme(path, data, notes)
    if isinstance(data, dict) and "_via_img_metadata" in data:
        raise AnnotationError(f"{path.name} is a project of VIA: export the annotations as COCO")
    if isinstance(data, list) and data and isinstance(data[0], dict) and "annotations" in data[0]:
        raise AnnotationError(f"{path.name} is Label Studio's own json: export as COCO, or as YOLO with images")
    notes[f"left out: {path.name}: json of an unknown kind"] += 1
    return []


def _read_xml(path, root, notes):
    """Pascal VOC or CVAT."""
    if root.tag == "annotation":
        return read_voc(path, root, notes)
    if root.tag == "annotations":
        return read_cvat(path, root, notes)
    notes[f"left out: {path.name}: xml of an unknown kind"] += 1
    return []


def _matched(folder, pictures, entries, notes):
    """Each entry with its picture; two entries of one picture are a note, two pictures for one entry an error."""
    by_name, by_stem = collections.defaultdict(list), collections.defaultdict(list)
    for path in pictures:
        by_name[path.name.lower()].append(path)
        by_stem[path.stem.lower()].append(path)
    found = {}
    for entry in entries:
        written = pathlib.PurePosixPath(str(entry.picture).replace("\\", "/"))
        stem = str(entry.picture).lower() if entry.shares else written.stem.lower()
        candidates = by_name[written.name.lower()] or by_stem[stem] or by_stem[re.sub(r"^[0-9a-f]{8}-", "", stem)]
        candidates = _nearest(folder, candidates, entry, written)
        if not candidates:
            notes[f"left out: labels without their picture, such as {written.name}"] += 1
        elif len(candidates) > 1:
            which = " or ".join(path.relative_to(folder).as_posix() for path in candidates[:3])
            raise AnnotationError(f"{entry.source.name}: which picture is meant, {which}? Give them different names")
        elif candidates[0] not in found or not found[candidates[0]].things:
            found[candidates[0]] = entry
        elif not entry.things or entry.source == found[candidates[0]].source:
            notes[f"left out: {candidates[0].name} is listed twice"] += 1
        else:
            first = found[candidates[0]].source
            notes[f"left out: a second label file of one picture, {entry.source.name} beside {first.name}"] += 1
    return sorted(found.items())


def _nearest(folder, candidates, entry, written):
    """Of several pictures of one name those that the label file means: same path as written, or same place."""
    if len(candidates) < 2:
        return candidates
    relative = {path: path.relative_to(folder).as_posix().lower() for path in candidates}
    where = entry.source.parent.relative_to(folder).as_posix().lower()
    places = {where, *(re.sub(r"\b(labels|annotations)\b", of, where) for of in ("images", "jpegimages"))}
    same_path = [path for path in candidates if len(written.parts) > 1 and _ends_with(relative[path], written)]
    same_place = [path for path in candidates if str(pathlib.PurePosixPath(relative[path]).parent) in places]
    return same_path or same_place or candidates


def _ends_with(path, written):
    """Whether a path ends with the folders and the name that the tool wrote."""
    return f"/{path}".endswith("/" + str(written).lower().lstrip("./"))

"""One reader for each kind of label file, but YOLO's: what the tool wrote becomes a list of ``Entry``.

Whatever is read in another way than written, or left out, is counted in ``notes``.
"""

import base64
import io
import re

import numpy as np
from PIL import Image

from .things import AnnotationError, Entry, Thing, box_around, decode_runs, ellipse, points, turned

AREA_ONLY = "only shapes with an area can be things"


def read_coco(path, data, notes):
    """COCO json of CVAT, Roboflow, Label Studio and pycocotools: polygons, both kinds of run lengths, boxes."""
    names = {category["id"]: category["name"] for category in data.get("categories", [])}
    entries = {}
    for image in data["images"]:
        size = (image["width"], image["height"]) if image.get("width") and image.get("height") else None
        entries[image["id"]] = Entry(image["file_name"], size, [], path)
    for annotation in data["annotations"]:
        if annotation["image_id"] not in entries:
            notes["left out: annotation of a picture that the file does not list"] += 1
        elif annotation["category_id"] not in names:
            raise AnnotationError(
                f"{path.name}: category_id {annotation['category_id']} is not among its categories "
                f"({', '.join(map(str, names)) or 'none'}): export it once more"
            )
        else:
            entry = entries[annotation["image_id"]]
            thing = _coco_thing(names[annotation["category_id"]], annotation, entry, notes)
            entry.things.extend([thing] if thing else [])
    return list(entries.values())


def _coco_thing(name, annotation, entry, notes):
    """One annotation of a COCO file, or None where it is left out."""
    outline = annotation.get("segmentation") or []
    if isinstance(outline, dict):
        parts = [decode_runs(outline)]
        if entry.size and parts[0].shape != entry.size[::-1]:
            raise AnnotationError(
                f"{entry.source.name}: a mask of {parts[0].shape[1]}×{parts[0].shape[0]} pixels on {entry.picture}, "
                f"which has {entry.size[0]}×{entry.size[1]}: export it once more"
            )
        if annotation.get("iscrowd"):
            notes["read: mask with iscrowd=1 (CVAT marks every brush mask so): taken as one thing"] += 1
    elif annotation.get("iscrowd"):
        notes["left out: crowd region"] += 1
        return None
    else:
        polygons = outline if outline and isinstance(outline[0], list) else [outline]
        parts = [points(polygon) for polygon in polygons if len(polygon) >= 6]
        if outline and len(parts) < len(polygons):
            notes["left out: part of an outline with fewer than three points"] += 1
    if annotation.get("bbox"):
        x, y, width, height = map(float, annotation["bbox"])
        return Thing(name, (x, y, x + width, y + height), parts)
    if parts:
        return Thing(name, _box_around_all(parts), parts)
    notes["left out: annotation without box and outline"] += 1
    return None


def _box_around_all(parts):
    """The box around several polygons or masks."""
    boxes = np.array([box_around(part) for part in parts])
    return (*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist())


def read_labelme(path, data, notes):
    """LabelMe's json: rectangles, polygons, circles, masks; shapes with one label and one group are one thing."""
    size = (data["imageWidth"], data["imageHeight"]) if data.get("imageWidth") and data.get("imageHeight") else None
    things, place_of_group = [], {}
    for shape in data["shapes"]:
        kind, corners = shape.get("shape_type") or "polygon", points(shape["points"])
        if kind == "rectangle" and len(corners) >= 2:
            thing = Thing(shape["label"], box_around(corners), [])
        else:
            outline = _labelme_outline(kind, corners, shape, size)
            if outline is None:
                notes[f"left out: {kind} of {len(corners)} points: {AREA_ONLY}"] += 1
                continue
            thing = Thing(shape["label"], box_around(outline), [outline])
        group = (shape["label"], shape.get("group_id"))
        if shape.get("group_id") is not None and thing.parts and group in place_of_group:
            parts = things[place_of_group[group]].parts + thing.parts
            things[place_of_group[group]] = Thing(thing.name, _box_around_all(parts), parts)
            continue
        if thing.parts:
            place_of_group[group] = len(things)
        things.append(thing)
    return [Entry(data.get("imagePath") or path.stem, size, things, path)]


def _labelme_outline(kind, corners, shape, size):
    """Polygon or mask of one shape; None where the shape has no area."""
    if kind in ("polygon", "rotation") and len(corners) >= 3:
        return corners
    if kind == "circle" and len(corners) == 2:
        return ellipse(corners[0], np.hypot(*(corners[1] - corners[0])))
    if kind == "mask" and shape.get("mask"):
        small = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))) > 0
        return _inside(small, *corners[0].round().astype(int), size)
    return None


def _inside(small, x, y, size):
    """A mask of a part of the picture, laid into a mask of the whole."""
    mask = np.zeros((size[1], size[0]), bool)
    if min(x, y) < 0 or y > size[1] or x > size[0]:
        raise ValueError("a mask begins outside the picture")
    part = small[: size[1] - y, : size[0] - x]
    mask[y : y + part.shape[0], x : x + part.shape[1]] = part
    return mask


def read_voc(path, root, notes):
    """Pascal VOC's xml as LabelImg, Roboflow and CVAT write it: boxes."""
    things = []
    for thing in root.findall("object"):
        if thing.find("bndbox") is None:
            notes["left out: object without a box"] += 1
            continue
        if thing.findtext("difficult", "").strip() == "1":
            notes["read: thing marked as difficult: taken all the same"] += 1
        missing = [side for side in ("xmin", "ymin", "xmax", "ymax") if not thing.findtext(f"bndbox/{side}")]
        if missing:
            raise AnnotationError(f"{path.name}: a box has no {missing[0]}: draw it again, or take the object out")
        box = tuple(float(thing.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
        things.append(Thing(thing.findtext("name"), box, []))
    size = tuple(int(float(root.findtext(f"size/{side}") or 0)) for side in ("width", "height"))
    name = root.findtext("filename") or root.findtext("path") or path.stem
    return [Entry(name, size if all(size) else None, things, path)]


def read_cvat(path, root, notes):
    """CVAT's own xml *for images*: boxes, polygons, ellipses, masks."""
    if root.find("track") is not None:
        raise AnnotationError(f"{path.name} is CVAT for video: export it as CVAT for images 1.1, or as COCO 1.0")
    entries = []
    for image in root.iter("image"):
        size, things = (int(image.get("width")), int(image.get("height"))), []
        for shape in image:
            thing = _cvat_thing(shape, size, notes)
            if thing:
                things.append(thing)
            elif shape.tag != "tag":
                notes[f"left out: {shape.tag}: {AREA_ONLY}"] += 1
        entries.append(Entry(image.get("name"), size, things, path))
    return entries


def _cvat_thing(shape, size, notes):
    """One shape of a CVAT file; None where it has no area."""

    def numbers(*names):
        return [float(shape.get(name)) for name in names]

    turn = float(shape.get("rotation", 0))
    if shape.tag == "box":
        x0, y0, x1, y1 = numbers("xtl", "ytl", "xbr", "ybr")
        if not turn:
            return Thing(shape.get("label"), (x0, y0, x1, y1), [])
        notes["read: turned box: the upright box around it is taken"] += 1
        middle, half = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2
        corners = turned(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half, turn) + middle
        return Thing(shape.get("label"), box_around(corners), [])
    if shape.tag == "polygon":
        outline = points([float(number) for number in re.split("[,;]", shape.get("points"))])
    elif shape.tag == "ellipse":
        x, y, across, down = numbers("cx", "cy", "rx", "ry")
        outline = ellipse((x, y), (across, down), turn)
    elif shape.tag == "mask":
        runs = [int(number) for number in shape.get("rle").split(",")]
        left, top, width, height = (int(shape.get(name)) for name in ("left", "top", "width", "height"))
        small = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)  # row by row, unlike COCO
        outline = _inside(small, left, top, size)
    else:
        return None
    return Thing(shape.get("label"), box_around(outline), [outline])

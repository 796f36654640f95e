"""YOLO's text files: a class number and shares of width and height in each line; the names stand somewhere else."""

import ast
import json
import re

import numpy as np

from .things import AnnotationError, Entry, Thing, box_around, points

SLACK = 0.05  # shares may leave the picture by so much before they are taken for pixels
NAME_FILES = ("classes.txt", "obj.names", "*.names", "_darknet.labels", "notes.json")


def is_yolo(text):
    """Whether every line of a text holds a class and at least four numbers; true for an empty text."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return all(len(row) >= 5 and re.fullmatch(r"[-+\d.eE]+", "".join(row)) for row in rows)


def class_names(folder):
    """The names of the classes, from any of the files in which tools leave them.

    Args:
        folder: ``pathlib.Path``; the files are looked for in it and in all folders below.

    Returns:
        list of names in the order of the numbers, or None where there is no such file.

    Raises:
        AnnotationError: two files disagree, or one cannot be read.
    """
    found = {}
    for pattern in ("*.yaml", "*.yml", *NAME_FILES):
        for path in sorted(folder.rglob(pattern)):
            if any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts):
                continue
            try:
                names = _names_in(path, path.read_text("utf-8-sig"))
            except (ValueError, KeyError, TypeError, SyntaxError) as error:
                raise AnnotationError(f"{path.name} should name the classes and cannot be read ({error})") from None
            if names:
                found[path] = names
    for path, names in found.items():
        first = next(iter(found))
        if names != found[first]:
            raise AnnotationError(
                f"{first.name} names the classes {', '.join(found[first])}, but {path.name} {', '.join(names)}: take "
                "one of the files out of the folder, or say names=[…]"
            )
    return next(iter(found.values()), None)


def _names_in(path, text):
    """The names that one file lists, None where it lists none."""
    if path.suffix == ".json":
        return [row["name"] for row in sorted(json.loads(text)["categories"], key=lambda row: row["id"])]
    if path.suffix not in (".yaml", ".yml"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if re.search(r"(?m)^kpt_shape:", text):
        raise ValueError("it describes key points, which are no boxes: export boxes or polygons")
    if flow := re.search(r"(?ms)^names:\s*([\[{].*?[\]}])", text):
        try:
            names = ast.literal_eval(flow[1])
        except (ValueError, SyntaxError):  # [cup, spoon] without quotes
            names = [name.strip().strip("'\"") for name in flow[1][1:-1].split(",")]
        names = [names[key] for key in sorted(names)] if isinstance(names, dict) else names
        return [str(name) for name in names]
    if block := re.search(r"(?m)^names:\s*\n((?:[ \t]*(?:-|\d+:).*(?:\n|\Z))+)", text):
        lines = [line for line in block[1].splitlines() if line.strip()]
        return [re.sub(r"^\s*(?:-|\d+:)\s*", "", line).split(" #")[0].strip().strip("'\"") for line in lines]
    return None


def read_yolo(path, text, names, notes):
    """The labels of one picture: boxes, boxes with a confidence, or polygons (oriented boxes are polygons)."""
    things, rows = [], [line.split() for line in text.splitlines() if line.strip()]
    for number, row in enumerate(rows, start=1):
        where, kind, values = f"{path.name}, line {number}", float(row[0]), np.array(row[1:], float)
        if kind != int(kind) or kind < 0:
            raise AnnotationError(f"{where}: {row[0]} is no class number: wanted 0, 1, 2, …")
        if names is not None and kind >= len(names):
            raise AnnotationError(
                f"{where}: class {int(kind)}, but there are only {len(names)} names ({', '.join(names)}): put the "
                "right classes.txt or data.yaml into the folder"
            )
        if values.max() > 1 + SLACK or values.min() < -SLACK:
            raise AnnotationError(
                f"{where}: {' '.join(row[1:5])} are no shares of width and height (0 to 1): export as YOLO, not in "
                "pixels"
            )
        name = str(int(kind)) if names is None else names[int(kind)]
        if len(values) in (4, 5):
            x, y, width, height = values[:4]
            things.append(Thing(name, (x - width / 2, y - height / 2, x + width / 2, y + height / 2), []))
        elif len(values) % 2 == 0:
            things.append(Thing(name, box_around(points(values)), [points(values)]))
        else:
            raise AnnotationError(
                f"{where}: {len(values)} numbers behind the class: wanted 4 for a box, or x y x y … for a polygon"
            )
    if names is None and things:
        notes["read: the names of the classes are missing (data.yaml, classes.txt): called 0, 1, …"] += 1
    return [Entry(path.stem, None, things, path, shares=True)]

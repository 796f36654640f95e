"""What every label file boils down to: named things with a box and perhaps an outline, on one picture."""

from typing import NamedTuple

import numpy as np


class AnnotationError(ValueError):
    """Something in a folder of labels cannot be decided by a program: the message names the file and the mend."""


class Thing(NamedTuple):
    """One labelled thing, in pixels of the picture (in shares of it where the entry says so)."""

    name: str
    box: tuple  # xyxy
    parts: list  # its outline: polygons (m, 2), or bool masks as large as the picture; empty where there is none


class Entry(NamedTuple):
    """What one label file says about one picture."""

    picture: str  # its name as the tool wrote it
    size: tuple | None  # (width, height) that the label file names
    things: list
    source: object  # path of the label file
    shares: bool = False  # True where numbers are shares of width and height: YOLO


def points(numbers):
    """Flat numbers x, y, x, y, … or pairs as a float array (m, 2)."""
    return np.reshape(np.asarray(numbers, float), (-1, 2))


def box_around(outline):
    """The box around a polygon (m, 2) or a bool mask (height, width): xyxy pixel edges; zeros for an empty mask."""
    if outline.dtype != bool:
        return (*outline.min(0).tolist(), *outline.max(0).tolist())
    rows, columns = np.flatnonzero(outline.any(1)), np.flatnonzero(outline.any(0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def ellipse(middle, radii, turn=0.0):
    """A polygon of 64 corners: ``middle`` and ``radii`` are (x, y), ``turn`` is in degrees, clockwise on the screen."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return turned(np.stack([np.cos(angles), np.sin(angles)], 1) * radii, turn) + middle


def turned(corners, degrees):
    """Points (m, 2) turned around the origin, clockwise on the screen."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points(corners) @ np.array([[c, s], [-s, c]])


def decode_runs(segmentation):
    """The mask behind the run lengths of COCO, plain (a list) or packed (a string).

    Args:
        segmentation: dict with ``size`` (height, width) and ``counts``: how many pixels off, on, off, …, column by
            column.

    Returns:
        bool array (height, width).

    Raises:
        AnnotationError: the runs are longer or shorter than the picture.

    The packed form is that of pycocotools: five bits in a character, each number but the first three as the
    difference to the one before the last.

    >>> decode_runs({"size": [2, 3], "counts": [1, 2, 3]}).astype(int)
    array([[0, 1, 0],
           [1, 0, 0]])
    """
    (height, width), counts = segmentation["size"], segmentation["counts"]
    if isinstance(counts, str | bytes):
        counts = _unpack(counts.encode() if isinstance(counts, str) else counts)
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise AnnotationError(
            f"run lengths for {sum(counts)} pixels on a picture of {width}×{height}: export the file once more"
        )
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T


def _unpack(packed):
    """The run lengths that pycocotools packed into characters."""
    counts, at = [], 0
    while at < len(packed):
        value, shift, more = 0, 0, True
        while more:
            code = packed[at] - 48
            value |= (code & 31) << shift
            shift, at, more = shift + 5, at + 1, bool(code & 32)
        if code & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts

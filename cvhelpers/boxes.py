"""Boxes in plain NumPy: overlap, formats, encoding against anchors, non-maximum suppression.

A box is ``xyxy`` in pixels and its coordinates name pixel edges: ``[0, 0, 1, 1]`` is the pixel in the upper
left corner.
"""

import numpy as np

FORMATS = ("xyxy", "xywh", "center_xywh", "yxyx")


def check_boxes(boxes, name="boxes"):
    """The boxes as a float array (n, 4), or a ValueError that says what is wrong with them.

    Args:
        boxes: array or list (n, 4), xyxy in pixels; an empty list is no box.
        name: how the message calls them.

    Returns:
        float array (n, 4); float32 stays float32, everything else becomes float64.

    Raises:
        ValueError: another shape, a corner that is not a number, or right of left and below above swapped.

    Serves lesson 16.

    >>> check_boxes([[0, 0, 2, 2]])
    array([[0., 0., 2., 2.]])
    """
    array = np.asarray(boxes)
    array = array.astype(np.float32 if array.dtype == np.float32 else np.float64, copy=False)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name} has shape {array.shape}: wanted (number of boxes, 4); one box is [[x0, y0, x1, y1]]")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a corner that is not a finite number")
    if (array[:, 2:] < array[:, :2]).any():
        row = int(np.argmax((array[:, 2:] < array[:, :2]).any(1)))
        raise ValueError(
            f"{name}[{row}] is {array[row].tolist()}: wanted x0 <= x1 and y0 <= y1; "
            'if these are x, y, width, height, use convert(boxes, "xywh", "xyxy") first'
        )
    return array


def area(boxes):
    """Area of each box.

    Args:
        boxes: float array (..., 4), xyxy in pixels.

    Returns:
        float array (...), square pixels.

    Serves lesson 16.

    >>> area(np.array([[0, 0, 2, 3]]))
    array([6])
    """
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_iou(boxes, others):
    """Intersection over union of every box with every other box.

    Args:
        boxes: float array (n, 4), xyxy in pixels.
        others: float array (m, 4), xyxy in pixels.

    Returns:
        float64 array (n, m) between 0 and 1; 0 where the union is empty.

    Raises:
        ValueError: the boxes are not (n, 4) or their corners are swapped.

    Introduced in lesson 09. Everingham et al. 2010, section 4.2.

    >>> pairwise_iou([[0, 0, 2, 2]], [[1, 1, 3, 3]])
    array([[0.14285714]])
    """
    return _iou(check_boxes(boxes).astype(float), check_boxes(others, "others").astype(float))


def _iou(a, b):
    a, b = np.ascontiguousarray(a.T)[..., None], np.ascontiguousarray(b.T)[:, None]
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = np.maximum(width, 0, out=width)
    intersection *= np.maximum(height, 0, out=height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    union -= intersection
    return np.divide(intersection, np.maximum(union, np.finfo(union.dtype).tiny, out=union), out=intersection)


def convert(boxes, source, target):
    """The same boxes written in another format.

    Args:
        boxes: float array (..., 4) in the format ``source``.
        source: ``"xyxy"`` (left, top, right, bottom), ``"xywh"`` (left, top, width, height), ``"center_xywh"`` (centre,
            width, height) or ``"yxyx"`` (top, left, bottom, right: what TensorFlow's image functions want).
        target: one of the same names.

    Returns:
        float array (..., 4) in the format ``target``.

    Raises:
        ValueError: a format has another name, or the last axis is not 4 long.

    Introduced in lesson 16. The names are those of Keras.

    >>> convert([[10, 20, 30, 60]], "xyxy", "xywh")
    array([[10., 20., 20., 40.]])
    """
    array = np.asarray(boxes)
    array = array.astype(np.result_type(array.dtype, np.float32) if array.size else np.float32, copy=False)
    if array.size == 0 and array.ndim < 2:
        array = array.reshape(0, 4)
    for name in (source, target):
        if name not in FORMATS:
            raise ValueError(f"format is {name!r}: wanted one of {', '.join(FORMATS)}")
    if array.shape[-1] != 4:
        raise ValueError(f"boxes has shape {array.shape}: wanted (..., 4)")
    first, second = array[..., :2], array[..., 2:]
    low, high = {
        "xyxy": lambda: (first, second),
        "xywh": lambda: (first, first + second),
        "center_xywh": lambda: (first - second / 2, first + second / 2),
        "yxyx": lambda: (first[..., ::-1], second[..., ::-1]),
    }[source]()
    parts = {
        "xyxy": lambda: (low, high),
        "xywh": lambda: (low, high - low),
        "center_xywh": lambda: ((low + high) / 2, high - low),
        "yxyx": lambda: (low[..., ::-1], high[..., ::-1]),
    }[target]()
    return np.concatenate(parts, -1)


def encode(boxes, anchors, scale=(0.1, 0.2)):
    """What a network predicts for a box: how far it is from its anchor, in units of the anchor.

    Args:
        boxes: float array (n, 4), xyxy in pixels.
        anchors: float array (n, 4), xyxy in pixels: the boxes (anchors or proposals) that they are compared with.
        scale: what counts as 1: a shift by this share of the anchor's size, a change of size by this logarithm.

    Returns:
        float array (n, 4): shift of the centre in x and y, logarithm of the ratio of widths and of heights.

    Raises:
        ValueError: a box or an anchor has no width or no height.

    Introduced in lesson 16. Girshick et al. 2014, appendix C; the scale is that of Faster R-CNN's code.

    >>> encode([[1, 0, 11, 10]], [[0, 0, 10, 10]])
    array([[1., 0., 0., 0.]])
    """
    boxes, anchors = check_boxes(boxes), check_boxes(anchors, "anchors")
    for name, array in (("boxes", boxes), ("anchors", anchors)):
        if (array[:, 2:] <= array[:, :2]).any():
            raise ValueError(f"{name} holds a box without width or height: it has no logarithm; drop it")
    box, anchor = convert(boxes, "xyxy", "center_xywh"), convert(anchors, "xyxy", "center_xywh")
    shift = (box[:, :2] - anchor[:, :2]) / anchor[:, 2:] / scale[0]
    growth = np.log(box[:, 2:] / anchor[:, 2:]) / scale[1]
    return np.concatenate([shift, growth], 1)


def decode(deltas, anchors, scale=(0.1, 0.2)):
    """The boxes that the numbers of :func:`encode` stand for: its inverse.

    Args:
        deltas: float array (n, 4) as :func:`encode` makes them.
        anchors: float array (n, 4), xyxy in pixels.
        scale: as for :func:`encode`.

    Returns:
        float array (n, 4), xyxy in pixels.

    Introduced in lesson 16.

    >>> decode([[1, 0, 0, 0]], [[0, 0, 10, 10]])
    array([[ 1.,  0., 11., 10.]])
    """
    deltas, anchor = np.asarray(deltas), convert(check_boxes(anchors, "anchors"), "xyxy", "center_xywh")
    if deltas.shape != anchor.shape:
        raise ValueError(f"deltas has shape {deltas.shape}: wanted {anchor.shape}, one row for each anchor")
    centre = anchor[:, :2] + deltas[:, :2] * scale[0] * anchor[:, 2:]
    size = anchor[:, 2:] * np.exp(deltas[:, 2:] * scale[1])
    return convert(np.concatenate([centre, size], 1), "center_xywh", "xyxy")


def non_max_suppression(boxes, scores, threshold, classes=None):
    """Keep the best box of each crowd: a box goes when a better one that stays overlaps it by more than ``threshold``.

    Args:
        boxes: float array (n, 4), xyxy in pixels.
        scores: float array (n,); of two equal scores the earlier box is the better one.
        threshold: intersection over union, 0 to 1, above which two boxes count as the same thing.
        classes: int array (n,); when given, boxes of different classes never suppress each other.

    Returns:
        int array: the rows that stay, best score first.

    Raises:
        ValueError: lengths differ, a score is not a number, or the threshold is not between 0 and 1.

    The result is that of the greedy loop (take the best, drop what overlaps it, repeat), computed 128 boxes at a time.
    Introduced in lesson 16. Felzenszwalb et al. 2010, section 7.2.

    >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
    >>> non_max_suppression(boxes, [0.8, 0.9, 0.7], threshold=0.5)
    array([1, 2])
    """
    boxes, scores = check_boxes(boxes).astype(np.float32, copy=False), np.asarray(scores, float).reshape(-1)
    classes = None if classes is None else np.asarray(classes).reshape(-1)
    count = len(boxes) if classes is None else len(classes)
    if not len(boxes) == len(scores) == count:
        raise ValueError(f"got {len(boxes)} boxes, {len(scores)} scores and {count} classes: wanted one of each")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number (NaN): look for it before the boxes are sorted by it")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}: wanted a number between 0 and 1")

    def too_close(rows, columns):
        close = _iou(boxes[rows], boxes[columns]) > np.float32(threshold)
        return close if classes is None else close & (classes[rows][:, None] == classes[columns])

    order = np.argsort(-scores, kind="stable")
    kept = order[:0]
    for start in range(0, len(order), 128):
        block = order[start : start + 128]
        block = block[~too_close(kept, block).any(0)]
        over = np.triu(too_close(block, block), 1)  # over[i, j]: box i is better than j and overlaps it
        keep, before = np.ones(len(block), bool), None
        while before is None or (keep != before).any():  # row i is right after i rounds, mostly after two or three
            keep, before = ~over[keep].any(0), keep
        kept = np.concatenate([kept, block[keep]])
    return kept

"""How good is it? Mean IoU for label maps, COCO average precision for boxes and masks, panoptic quality, in NumPy."""

import numpy as np

from .boxes import pairwise_iou

COCO = tuple(np.linspace(0.5, 0.95, 10).tolist())
RECALLS = np.linspace(0, 1, 101)


# Semantic segmentation ------------------------------------------------------------------------------------------------


def confusion_matrix(truths, predictions, classes, ignore=None):
    """How often class ``row`` was called class ``column``.

    Args:
        truths: int array of any shape: labels 0 to ``classes - 1``.
        predictions: int array of the same shape.
        classes: number of classes.
        ignore: label of ``truths`` whose pixels do not count; None counts all.

    Returns:
        int64 array (classes, classes): rows are the truth, columns the prediction.

    Raises:
        ValueError: the shapes differ or a label is outside 0 to ``classes - 1``.

    Introduced in lesson 15.

    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], classes=3)
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    truths, predictions = np.asarray(truths), np.asarray(predictions)
    if truths.shape != predictions.shape:
        raise ValueError(f"truths has shape {truths.shape}, predictions {predictions.shape}: wanted the same shape")
    truths, predictions = truths.ravel(), predictions.ravel()
    if ignore is not None:
        truths, predictions = truths[truths != ignore], predictions[truths != ignore]
    for name, labels in (("truths", truths), ("predictions", predictions)):
        if labels.size and (labels.dtype.kind not in "biu" or labels.min() < 0 or labels.max() >= classes):
            raise ValueError(f"{name} holds labels outside 0 to {classes - 1} or no integers: wanted int labels")
    pairs = truths.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def class_iou(confusion):
    """Intersection over union of every class.

    Args:
        confusion: int array (classes, classes) from :func:`confusion_matrix`.

    Returns:
        float array (classes,); NaN for a class that occurs in neither truth nor prediction.

    Introduced in lesson 15. Everingham et al. 2010.

    >>> class_iou(np.array([[2, 1], [1, 4]])).tolist()
    [0.5, 0.6666666666666666]
    """
    confusion = np.asarray(confusion)
    intersection = np.diag(confusion).astype(float)
    union = confusion.sum(0) + confusion.sum(1) - intersection
    return np.divide(intersection, union, out=np.full(len(union), np.nan), where=union > 0)


def mean_iou(truths, predictions, classes, ignore=None):
    """Intersection over union of each class over all pixels, averaged over the classes that occur.

    Args:
        truths: int array of any shape: labels 0 to ``classes - 1``.
        predictions: int array of the same shape.
        classes: number of classes.
        ignore: label of ``truths`` whose pixels do not count; None counts all.

    Returns:
        float between 0 and 1; NaN when no class occurs.

    Introduced in lesson 15. Everingham et al. 2010.

    >>> round(mean_iou([0, 0, 1, 1], [0, 1, 1, 1], classes=2), 3)
    0.583
    """
    each = class_iou(confusion_matrix(truths, predictions, classes, ignore))
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


# Detection and instance segmentation ----------------------------------------------------------------------------------


def mask_iou(masks, others):
    """Intersection over union of every mask with every other mask.

    Args:
        masks: bool array (n, height, width).
        others: bool array (m, height, width).

    Returns:
        float array (n, m) between 0 and 1; 0 where the union is empty.

    Raises:
        ValueError: the masks differ in height or width, or hold something else than True and False (or 1 and 0).

    Introduced in lesson 17.

    >>> mask_iou(np.array([[[True, True]]]), np.array([[[True, False]]]))
    array([[0.5]])
    """
    masks, others = _as_masks(masks, "masks"), _as_masks(others, "others")
    if not len(masks) or not len(others):
        return np.zeros((len(masks), len(others)))
    if masks.shape[1:] != others.shape[1:]:
        raise ValueError(f"masks has shape {masks.shape}, others {others.shape}: wanted the same height and width")
    pixels = int(np.prod(masks.shape[1:]))
    a, b = masks.reshape(len(masks), pixels).astype(np.float32), others.reshape(len(others), pixels).astype(np.float32)
    intersection = (a @ b.T).astype(float)
    union = a.sum(1, dtype=float)[:, None] + b.sum(1, dtype=float) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def _as_masks(masks, name):
    """Bool array (n, height, width); probabilities are refused, since each threshold makes other masks of them."""
    array = np.asarray(masks)
    if array.size == 0:
        return np.zeros((len(array), 0, 0), bool)
    if array.ndim != 3:
        raise ValueError(f"{name} has shape {array.shape}: wanted (number of masks, height, width)")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} holds {array.dtype} up to {array.max():g}: wanted bool; write masks > 0.5")
    return array.astype(bool)


def match(overlaps, thresholds=COCO):
    """Which detections are right: best first, each takes the free truth that it overlaps most, if by enough.

    Args:
        overlaps: float array (detections, truths): intersection over union, rows from the best score down; below 0
            where the classes differ.
        thresholds: how much overlap is enough; several values are handled at once.

    Returns:
        bool array (thresholds, detections): the detection is a true positive.

    Serves lesson 16. Lin et al. 2014; of equal overlaps the last truth is taken, as in ``pycocotools``.

    >>> match(np.array([[0.9], [0.8], [0.1]]), thresholds=[0.5]).tolist()
    [[True, False, False]]
    """
    overlaps = np.asarray(overlaps, float)
    enough = np.minimum(thresholds, 1 - 1e-10)
    hits = np.zeros((len(enough), len(overlaps)), bool)
    if overlaps.size == 0:
        return hits
    free = np.ones((len(enough), overlaps.shape[1]), bool)
    every = np.arange(len(enough))
    for row in np.flatnonzero(overlaps.max(1) >= enough.min()):
        available = np.where(free, overlaps[row], -1.0)[:, ::-1]
        choice = available.argmax(1)
        hits[:, row] = available[every, choice] >= enough
        free[every, overlaps.shape[1] - 1 - choice] &= ~hits[:, row]
    return hits


def precision_recall(hits, truths):
    """Precision and recall when the detections are accepted one after the other, from the best score down.

    Args:
        hits: bool array (..., detections): true positive or not, sorted by falling score.
        truths: number of objects that should be found, at least 1.

    Returns:
        precision, recall: float arrays (..., detections).

    Introduced in lesson 16.

    >>> precision, recall = precision_recall(np.array([True, False, True]), truths=4)
    >>> precision.round(2).tolist(), recall.tolist()
    ([1.0, 0.5, 0.67], [0.25, 0.25, 0.5])
    """
    found = np.cumsum(hits, -1)
    return found / np.arange(1, found.shape[-1] + 1), found / truths


def area_under(precision, recall):
    """Average precision of one curve by COCO's rule: the best precision still to come, read at recall 0, 0.01, … 1.

    Args:
        precision: float array (detections,), as from :func:`precision_recall`.
        recall: float array (detections,), never falling.

    Returns:
        float between 0 and 1.

    Introduced in lesson 16. Lin et al. 2014; the rule of 101 points.

    >>> round(area_under(np.array([1.0, 0.5, 2 / 3]), np.array([0.5, 0.5, 1.0])), 4)
    0.835
    """
    still_to_come = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(still_to_come[np.searchsorted(recall, RECALLS)].mean())


def average_precision(truths, predictions, on="boxes", thresholds=COCO):
    """COCO's average precision: for every class the area under precision over recall, averaged.

    Args:
        truths: list with a dict for each image: ``labels`` int (k,), ``boxes`` float (k, 4) xyxy in pixels, ``masks``
            bool (k, height, width); rows with label -1 are padding.
        predictions: list of the same length; each dict also has ``scores`` float (m,). At most the 100 best of a class
            count in an image.
        on: ``"boxes"`` or ``"masks"``: what overlaps.
        thresholds: intersections over union at which a prediction counts as right.

    Returns:
        dict: ``AP`` (mean over thresholds and classes), ``AP50``, ``AP75`` (at one threshold; NaN when it is not among
        the thresholds), ``per_class`` (dict from label to AP). A class without truth does not count; NaN without any.

    Raises:
        ValueError: the lists differ in length, a dict lacks what it should hold, a score is not a number, masks are
            not bool, or a truth is a crowd region (``iscrowd``); the message names the image.

    Equal to ``pycocotools`` without crowd regions. Introduced in lesson 16. Lin et al. 2014.

    >>> truth = {"boxes": [[0, 0, 10, 10]], "labels": [3]}
    >>> found = {"boxes": [[0, 0, 10, 7]], "labels": [3], "scores": [0.9]}
    >>> {name: round(value, 2) for name, value in average_precision([truth], [found]).items() if name != "per_class"}
    {'AP': 0.5, 'AP50': 1.0, 'AP75': 0.0}
    """
    if len(truths) != len(predictions):
        raise ValueError(f"got {len(truths)} truths and {len(predictions)} predictions: wanted one of each per image")
    if on not in ("boxes", "masks"):
        raise ValueError(f'on is {on!r}: wanted "boxes" or "masks"')
    thresholds = np.asarray(thresholds, float)
    labels, scores, hits, wanted = [], [], [], []
    for number, (truth, prediction) in enumerate(zip(truths, predictions)):
        truth_labels, truth_shapes, _ = _take(truth, on, f"truths[{number}]")
        label, shapes, score = _take(prediction, on, f"predictions[{number}]", scored=True)
        try:
            overlaps = pairwise_iou(shapes, truth_shapes) if on == "boxes" else mask_iou(shapes, truth_shapes)
        except ValueError as problem:
            raise ValueError(f"image {number}: {problem}") from None
        hits.append(match(np.where(label[:, None] == truth_labels, overlaps, -1.0), thresholds))
        labels.append(label), scores.append(score), wanted.append(truth_labels)
    wanted = np.concatenate(wanted) if wanted else np.zeros(0, int)
    if not len(wanted):
        return {"AP": np.nan, "AP50": np.nan, "AP75": np.nan, "per_class": {}}
    labels, scores, hits = np.concatenate(labels), np.concatenate(scores), np.concatenate(hits, 1)
    order = np.argsort(-scores, kind="stable")
    labels, hits = labels[order], hits[:, order]
    classes, counts = np.unique(wanted, return_counts=True)
    table = np.array([
        [area_under(*precision_recall(row, count)) for row in hits[:, labels == label]]
        for label, count in zip(classes, counts)
    ])  # fmt: skip
    at = {round(float(t), 6): float(value) for t, value in zip(thresholds, table.mean(0))}
    return {
        "AP": float(table.mean()),
        "AP50": at.get(0.5, np.nan),
        "AP75": at.get(0.75, np.nan),
        "per_class": dict(zip(classes.tolist(), table.mean(1).tolist())),
    }


def _take(image, on, name, scored=False, most=100):
    """Labels, boxes or masks, scores of one image: without padding, best first, the 100 best of each class."""
    missing = [key for key in ("labels", on, *["scores"] * scored) if key not in image]
    if missing:
        raise ValueError(f"{name} has no {' and no '.join(missing)}: wanted labels, {on} and, if predicted, scores")
    labels, shapes = np.asarray(image["labels"]).reshape(-1).astype(int), np.asarray(image[on])
    scores = np.asarray(image["scores"], float).reshape(-1) if scored else np.zeros(len(labels))
    if not len(labels) == len(shapes) == len(scores):
        raise ValueError(
            f"{name} has {len(labels)} labels, {len(shapes)} {on}, {len(scores)} scores: wanted equal numbers"
        )
    if np.isnan(scores).any():
        raise ValueError(f"{name} holds a score that is not a number (NaN): wanted numbers, the best one largest")
    if np.any(image.get("iscrowd", False)):
        raise ValueError(f"{name} holds crowd regions (iscrowd): wanted single things only; leave those rows out")
    if not len(shapes):
        shapes = np.zeros((0, 4)) if on == "boxes" else np.zeros((0, 0, 0), bool)
    rows = np.argsort(-scores, kind="stable")
    rows = rows[labels[rows] >= 0]
    if scored and len(rows) > most:
        same = labels[rows][:, None] == labels[rows]
        rows = rows[np.tril(same, -1).sum(1) < most]
    return labels[rows], shapes[rows], scores[rows]


# Panoptic segmentation ------------------------------------------------------------------------------------------------


def panoptic_quality(truths, predictions, things, void=None):
    """Panoptic quality: how many segments were found (RQ), how well the found ones fit (SQ), and PQ = SQ × RQ.

    Args:
        truths: int array (n, height, width, 2), or a list of (height, width, 2): class and instance number of each
            pixel; the instance number of stuff plays no part.
        predictions: the same for the prediction.
        things: classes whose instances are told apart; all other classes are stuff.
        void: class number of pixels that have no answer. Where the *truth* is void nothing counts for or against a
            prediction; void in the *prediction* is simply area that nobody claims. None when there is none.

    Returns:
        dict: ``PQ``, ``SQ``, ``RQ`` (means over the classes that occur), ``things`` and ``stuff`` (dicts of the same
        three), ``per_class`` (dict from class to ``PQ``, ``SQ``, ``RQ``, ``TP``, ``FP``, ``FN``).

    Raises:
        ValueError: shapes differ, or a class is negative and not ``void``.

    Two segments of one class match when their IoU is above 0.5: then no other pair of them can. Equal to
    ``panopticapi`` without crowd regions. Introduced in lesson 18. Kirillov et al. 2019.

    >>> truth = np.array([[[[0, 0], [0, 0], [5, 1], [5, 1]]]])
    >>> found = np.array([[[[0, 0], [0, 0], [0, 0], [5, 1]]]])
    >>> result = panoptic_quality(truth, found, things=[5])
    >>> round(result["stuff"]["PQ"], 3), result["things"]["PQ"]
    (0.667, 0.0)
    """
    if len(truths) != len(predictions):
        raise ValueError(f"got {len(truths)} truths and {len(predictions)} predictions: wanted one of each per image")
    things = [int(label) for label in things]
    rows = _match_segments(_count_pairs(truths, predictions), things, void)
    per_class = {}
    for label in np.unique(rows[:, 0]).astype(int).tolist():
        overlap, found, wrong, missed = rows[rows[:, 0] == label, 1:].sum(0).tolist()
        quality = {"SQ": overlap / found if found else 0.0, "RQ": found / (found + wrong / 2 + missed / 2)}
        counts = {"TP": int(found), "FP": int(wrong), "FN": int(missed)}
        per_class[label] = {"PQ": quality["SQ"] * quality["RQ"], **quality, **counts}

    def mean(labels):
        parts = [[per_class[label][name] for name in ("PQ", "SQ", "RQ")] for label in labels]
        return dict(zip(("PQ", "SQ", "RQ"), np.mean(parts, 0).tolist() if parts else [np.nan] * 3))

    return {
        **mean(per_class),
        "things": mean([label for label in per_class if label in things]),
        "stuff": mean([label for label in per_class if label not in things]),
        "per_class": per_class,
    }


def _count_pairs(truths, predictions):
    """How many pixels have which answers: rows (image, true class and number, predicted class and number, pixels)."""
    arrays = isinstance(truths, np.ndarray) and isinstance(predictions, np.ndarray)
    step = max(1, 2**20 // max(1, truths[0].size)) if arrays and len(truths) else 1  # about a million numbers at once
    tables = [np.zeros((0, 6), np.int64)]
    for start in range(0, len(truths), step):
        sides = [np.asarray(maps[start : start + step], np.int64) for maps in (truths, predictions)]
        if sides[0].shape != sides[1].shape or sides[0].ndim != 4 or sides[0].shape[-1] != 2:
            shapes = f"a truth has shape {sides[0].shape[1:]}, its prediction {sides[1].shape[1:]}"
            raise ValueError(f"image {start}: {shapes}: wanted (height, width, 2) for both")
        number = np.arange(len(sides[0]))[:, None, None]
        columns = np.broadcast_arrays(number, *(side[..., place] for side in sides for place in (0, 1)))
        bounds = [(int(side.min(initial=0)), int(side.max(initial=0))) for side in sides for _ in (0, 1)]
        lows, spans = [0, *(low for low, _ in bounds)], [len(sides[0]), *(high - low + 1 for low, high in bounds)]
        if np.prod(spans, dtype=float) < 2**62:  # one whole number says all five
            code = np.zeros(sides[0].shape[:3], int)
            for column, low, span in zip(columns, lows, spans):
                code *= span
                code += column
                code -= low
            codes, pixels = np.unique(code, return_counts=True)
            answers = np.stack(np.unravel_index(codes, spans), 1) + lows
        else:
            answers, pixels = np.unique(np.stack(columns, -1).reshape(-1, 5), axis=0, return_counts=True)
        answers[:, 0] += start
        tables.append(np.column_stack([answers, pixels]))
    return np.concatenate(tables)


def _match_segments(pairs, things, void):
    """Rows (class, IoU, is a true positive, a false positive, a false negative), one for each match or lone segment."""
    segments = []
    for side in (1, 3):
        image, label, number = pairs[:, 0], pairs[:, side], pairs[:, side + 1]
        for wrong in np.flatnonzero((label < 0) & (label != void))[:1]:
            what = f"image {image[wrong]}: a class is {label[wrong]}"
            raise ValueError(f"{what}: name the class of pixels without an answer, for instance void=-1")
        named = np.stack([image, label, np.where(np.isin(label, things), number, 0)], 1)
        found, places = np.unique(named, axis=0, return_inverse=True)
        segments.append((found[:, 1], places.reshape(-1)))
    (kind, t), (other, p) = segments
    together, inverse = np.unique(t * len(other) + p, return_inverse=True)
    t, p = np.divmod(together, max(len(other), 1))
    together = np.bincount(inverse.reshape(-1), pairs[:, 5], len(together))
    unknown, silent = (np.zeros(len(side), bool) if void is None else side == void for side in (kind, other))
    in_truth, in_prediction = np.bincount(t, together, len(kind)), np.bincount(p, together, len(other))
    in_void = np.bincount(p, together * unknown[t], len(other))  # pixels that count for nobody
    iou = together / np.maximum(in_truth[t] + (in_prediction - in_void)[p] - together, 1)
    hit = (iou > 0.5) & (kind[t] == other[p]) & ~unknown[t] & ~silent[p]
    missed = kind[~np.isin(np.arange(len(kind)), t[hit]) & ~unknown]
    wrong = other[~np.isin(np.arange(len(other)), p[hit]) & ~silent & ~(in_void / in_prediction > 0.5)]
    rows = np.zeros((hit.sum() + len(wrong) + len(missed), 5))
    rows[:, 0] = np.concatenate([kind[t[hit]], wrong, missed])
    rows[: hit.sum(), 1] = iou[hit]
    rows[:, 2:] = np.eye(3)[np.repeat([0, 1, 2], [hit.sum(), len(wrong), len(missed)])]
    return rows

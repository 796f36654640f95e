"""Homework 6: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np

# q1: from mask to box


def _ends(mask):
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return np.zeros(4, int)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def q1_wrong_inclusive(mask):
    """The box ends one pixel early: its right and lower edges are at the last column + 1 and the last row + 1."""
    return _ends(mask) - [0, 0, mask.any(), mask.any()]


def q1_wrong_exchanged(mask):
    """x and y are exchanged: x counts columns, which is the second index of the mask."""
    return _ends(mask)[[1, 0, 3, 2]]


def q1_wrong_width_height(mask):
    """The last two numbers are width and height: give the corner x2, y2 instead."""
    x1, y1, x2, y2 = _ends(mask)
    return np.array([x1, y1, x2 - x1, y2 - y1])


def q1_wrong_empty(mask):
    """An empty mask has no first pixel: give it four zeros, not the whole image."""
    return _ends(mask) if mask.any() else np.array([0, 0, mask.shape[1], mask.shape[0]])


def q1_wrong_centres(mask):
    """The box goes through the centres of the outer pixels; it has to hold these pixels from edge to edge."""
    return _ends(mask) + np.array([0.5, 0.5, -0.5, -0.5]) * mask.any()


def q1_wrong_all_plus_one(mask):
    """All four sides are one pixel further: the box begins at the first pixel itself, only its end is behind the last.
    """
    left, top, right, bottom = q1_right_argmax(mask)
    return np.array([left + 1, top + 1, right, bottom]) if mask.any() else np.zeros(4, int)


def q1_right_argmax(mask):
    if not mask.any():
        return [0, 0, 0, 0]
    across, down = mask.any(0), mask.any(1)
    x1, y1 = across.argmax(), down.argmax()
    return [x1, y1, len(across) - across[::-1].argmax(), len(down) - down[::-1].argmax()]


# q2: IoU of masks


def _counts(first, second):
    both = (first[:, None] & second[None]).sum((2, 3))
    return both, first.sum((1, 2))[:, None], second.sum((1, 2))[None]


def _ratio(above, below):
    return above / np.maximum(below, 1)


def q2_wrong_union_twice(first, second):
    """The common pixels are counted twice in your union: subtract the intersection once."""
    both, a, b = _counts(first, second)
    return _ratio(both, a + b)


def q2_wrong_dice(first, second):
    """That is Dice, twice the intersection by the sum of both areas: IoU divides by the union."""
    both, a, b = _counts(first, second)
    return _ratio(2 * both, a + b)


def q2_wrong_first_area(first, second):
    """You divide by the area of the first mask alone: the union holds the second one too."""
    both, a, b = _counts(first, second)
    return _ratio(both, a + 0 * b)


def q2_wrong_smaller_area(first, second):
    """You divide by the smaller of the two areas: so a tiny mask in a large one would count as perfect."""
    both, a, b = _counts(first, second)
    return _ratio(both, np.minimum(a, b))


def q2_wrong_empty_is_one(first, second):
    """Two empty masks got the IoU 1: here they have the IoU 0."""
    both, a, b = _counts(first, second)
    return np.where(a + b > 0, _ratio(both, a + b - both), 1.0)


def q2_wrong_boxes(first, second):
    """That is the IoU of the boxes around the masks: count the pixels of the masks."""
    filled = []
    for masks in (first, second):
        boxes = np.zeros_like(masks)
        for box, mask in zip(boxes, masks):
            x1, y1, x2, y2 = _ends(mask)
            box[y1:y2, x1:x2] = True
        filled.append(boxes)
    both, a, b = _counts(*filled)
    return _ratio(both, a + b - both)


def q2_wrong_bytes(first, second):
    """Large masks go wrong, small ones do not: the counts overflow in uint8; use a larger type."""
    rows = [masks.reshape(len(masks), masks.shape[1] * masks.shape[2]).astype(np.uint8) for masks in (first, second)]
    both = rows[0] @ rows[1].T
    either = first.sum((1, 2))[:, None] + second.sum((1, 2)) - both
    return _ratio(both.astype(float), either)


def q2_right_loops(first, second):
    out = np.zeros((len(first), len(second)))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            if (a | b).any():
                out[i, j] = np.count_nonzero(a & b) / np.count_nonzero(a | b)
    return out


# q3: between the pixels


def _bilinear(maps, u, v):
    """Bilinear values where whole numbers are centres; the border is repeated."""
    height, width = maps.shape[:2]
    u, v = np.clip(u, 0, width - 1), np.clip(v, 0, height - 1)
    out = 0
    for i in range(height):
        for j in range(width):
            weight = np.maximum(0, 1 - abs(u - j)) * np.maximum(0, 1 - abs(v - i))
            out = out + weight[..., None] * maps[i, j]
    return out


def q3_wrong_half_pixel(maps, x, y):
    """Everything is half a pixel off: centres are at 0.5, 1.5, …, so subtract 0.5 from x and y first."""
    return _bilinear(maps, x, y)


def q3_wrong_half_added(maps, x, y):
    """The half pixel went the wrong way: subtract 0.5 from x and y instead of adding it."""
    return _bilinear(maps, x + 0.5, y + 0.5)


def q3_wrong_exchanged(maps, x, y):
    """x and y are exchanged: y chooses the row, the first index, and x the column."""
    return _bilinear(maps, y - 0.5, x - 0.5)


def q3_wrong_nearest(maps, x, y):
    """You take the nearest pixel: mix the four nearest ones by distance."""
    height, width = maps.shape[:2]
    return maps[np.clip(np.floor(y), 0, height - 1).astype(int), np.clip(np.floor(x), 0, width - 1).astype(int)]


def q3_wrong_weights_swapped(maps, x, y):
    """The weights are swapped: the nearer a pixel is, the more it counts, so the left one weighs 1 - a."""
    u, v = np.clip(x - 0.5, 0, maps.shape[1] - 1), np.clip(y - 0.5, 0, maps.shape[0] - 1)
    return _bilinear(maps, 2 * np.floor(u) + 1 - u, 2 * np.floor(v) + 1 - v)


def q3_wrong_zeros_outside(maps, x, y):
    """Beyond the border you mix in zeros: repeat the value at the border instead."""
    return _bilinear(np.pad(maps, ((2, 2), (2, 2), (0, 0))), x + 1.5, y + 1.5)


def q3_wrong_wraps(maps, x, y):
    """Left of the first centre the last column comes in: the index -1 wraps around; clip first."""
    return _bilinear(np.pad(maps, ((2, 2), (2, 2), (0, 0)), mode="wrap"), x + 1.5, y + 1.5)


def q3_wrong_one_axis(maps, x, y):
    """You mix left and right, but not the rows above and below: interpolate in y as well."""
    return _bilinear(maps, x - 0.5, np.floor(y))


def q3_wrong_before_the_last(maps, x, y):
    """The last row and the last column are never reached: positions go up to width - 1 and height - 1."""
    height, width = maps.shape[:2]
    return _bilinear(maps, np.clip(x - 0.5, 0, max(width - 2, 0)), np.clip(y - 0.5, 0, max(height - 2, 0)))


def q3_right_tents(maps, x, y):
    return _bilinear(maps, x - 0.5, y - 0.5)


# q4: RoIAlign


def _align(maps, box, size, bins=None):
    """Samples in the bins of a box that is given in cells; `bins` are their places from 0 to 1."""
    x1, y1, x2, y2 = box
    bins = (np.arange(size) + 0.5) / size if bins is None else bins
    x, y = np.meshgrid(x1 + bins * (x2 - x1), y1 + bins * (y2 - y1))
    return _bilinear(maps, x - 0.5, y - 0.5)


def q4_wrong_stride(maps, box, size, stride=1):
    """It looks as if `stride` is not used: divide the box by it to come from the image to the map."""
    return _align(maps, box, size)


def q4_wrong_snapped(maps, box, size, stride=1):
    """The box was rounded to whole cells: that is what RoIAlign avoids."""
    return _align(maps, np.round(box / stride), size)


def q4_wrong_corners(maps, box, size, stride=1):
    """You sample at the upper left corner of each bin: its centre is half a bin further."""
    return _align(maps, box / stride, size, np.arange(size) / size)


def q4_wrong_edge_to_edge(maps, box, size, stride=1):
    """Your samples go from one edge of the box to the other: they belong in the centres of `size` equal bins."""
    return _align(maps, box / stride, size, np.linspace(0, 1, size))


def q4_wrong_half_pixel(maps, box, size, stride=1):
    """The places are half a cell off: `sample` subtracts the half pixel already, do not do so again."""
    return _align(maps, box / stride - 0.5, size)


def q4_wrong_exchanged(maps, box, size, stride=1):
    """Rows and columns of the result are exchanged: y changes along the first axis, x along the second."""
    return _align(maps, box / stride, size).transpose(1, 0, 2)


def q4_wrong_nearest(maps, box, size, stride=1):
    """You read the nearest cell in each bin: sample bilinearly, between the cells."""
    x1, y1, x2, y2 = box / stride
    bins = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(x1 + bins * (x2 - x1), y1 + bins * (y2 - y1))
    return q3_wrong_nearest(maps, x, y)


def q4_wrong_width_height(maps, box, size, stride=1):
    """You take x2 and y2 for width and height: the box is given by two corners."""
    x1, y1, x2, y2 = box / stride
    return _align(maps, (x1, y1, x1 + x2, y1 + y2), size)


def q4_right_loops(maps, box, size, stride=1):
    out = np.zeros((size, size, maps.shape[2]))
    width, height = box[2] - box[0], box[3] - box[1]
    for i in range(size):
        for j in range(size):
            x, y = box[0] + (2 * j + 1) * width / (2 * size), box[1] + (2 * i + 1) * height / (2 * size)
            out[i, j] = _bilinear(maps, np.array(x / stride - 0.5), np.array(y / stride - 0.5))
    return out


# q5: paste a mask


def _paste(mask, box, height, width, half=0.5, read=_bilinear):
    """Probabilities in the image, and which pixels are in the box."""
    x1, y1, x2, y2 = box
    x, y = np.meshgrid(np.arange(width) + half, np.arange(height) + half)
    u, v = (x - x1) / (x2 - x1) * mask.shape[1], (y - y1) / (y2 - y1) * mask.shape[0]
    return read(mask[..., None], u - 0.5, v - 0.5)[..., 0], (x >= x1) & (x < x2) & (y >= y1) & (y < y2)


def q5_wrong_threshold_first(mask, box, height, width):
    """The threshold comes too early: paste the probabilities, compare with 0.5 afterwards."""
    values, inside = _paste((mask >= 0.5).astype(float), box, height, width)
    return inside & (values >= 0.5)


def q5_wrong_nearest(mask, box, height, width):
    """The mask is made of blocks: read it bilinearly, not at the nearest pixel."""
    values, inside = _paste(mask, box, height, width, read=lambda m, u, v: q3_wrong_nearest(m, u + 0.5, v + 0.5))
    return inside & (values >= 0.5)


def q5_wrong_half_pixel(mask, box, height, width):
    """Everything is half a pixel off: the centre of a pixel is at column + 0.5, row + 0.5."""
    values, inside = _paste(mask, box, height, width, half=0)
    return inside & (values >= 0.5)


def q5_wrong_snapped(mask, box, height, width):
    """The box was rounded to whole pixels: its edges may lie between them."""
    values, inside = _paste(mask, np.round(box), height, width)
    return inside & (values >= 0.5)


def q5_wrong_exchanged(mask, box, height, width):
    """x and y of the box are exchanged: x1 and x2 choose columns of the image, y1 and y2 rows."""
    values, inside = _paste(mask, np.asarray(box)[[1, 0, 3, 2]], height, width)
    return inside & (values >= 0.5)


def q5_wrong_no_threshold(mask, box, height, width):
    """These are probabilities: compare them with 0.5, so that the mask is True or False."""
    values, inside = _paste(mask, box, height, width)
    return inside * values


def q5_wrong_beyond_box(mask, box, height, width):
    """The mask runs out of its box, since its border is repeated: pixels outside the box are False."""
    return _paste(mask, box, height, width)[0] >= 0.5


def q5_wrong_above(mask, box, height, width):
    """A probability of exactly 0.5 belongs to the object as well: at least, not above."""
    values, inside = _paste(mask, box, height, width)
    return inside & (values > 0.5)


def q5_wrong_right_edge(mask, box, height, width):
    """A pixel with its centre on the right or lower side of the box is outside, one on the left or upper side inside.
    """
    x1, y1, x2, y2 = box
    values = _paste(mask, box, height, width)[0] >= 0.5
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    return values & (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)


def q5_wrong_box_filled(mask, box, height, width):
    """The whole box is filled: the probabilities of the mask are not used."""
    return _paste(mask, box, height, width)[1]


def q5_right_pixel_by_pixel(mask, box, height, width):
    out = np.zeros((height, width), bool)
    x1, y1, x2, y2 = (float(k) for k in box)
    for i in range(height):
        for j in range(width):
            s, t = (j + 0.5 - x1) / (x2 - x1), (i + 0.5 - y1) / (y2 - y1)
            if 0 <= s < 1 and 0 <= t < 1:
                u, v = np.array(s * mask.shape[1] - 0.5), np.array(t * mask.shape[0] - 0.5)
                out[i, j] = _bilinear(mask[..., None], u, v)[0] >= 0.5
    return out


# q6: average precision


def _hits(iou, scores, threshold, again=False, best_only=False, order=None):
    """For each detection by falling score: hit or not."""
    free, hits = np.ones(iou.shape[1], bool), []
    for k in np.argsort(-scores) if order is None else order:
        best = np.where(free | best_only, iou[k], -1).argmax()
        hit = (free[best] or again) and iou[k, best] >= threshold
        free[best] &= again or not hit
        hits.append(bool(hit))
    return np.array(hits, float)


def _average(hits, truths, points=101, envelope=True):
    precision, recall = hits.cumsum() / np.arange(1, len(hits) + 1), hits.cumsum() / truths
    values = []
    for r in np.linspace(0, 1, points):
        reached = precision[recall >= r]
        values.append((reached.max() if envelope else reached[0]) if len(reached) else 0.0)
    return np.mean(values)


def q6_wrong_truth_twice(iou, scores, threshold=0.5):
    """A truth is found twice: once it is taken, later detections have to look at the others."""
    return _average(_hits(iou, scores, threshold, again=True), iou.shape[1])


def q6_wrong_not_sorted(iou, scores, threshold=0.5):
    """The detections are taken as they come: begin with the highest score."""
    return _average(_hits(iou, scores, threshold, order=range(len(scores))), iou.shape[1])


def q6_wrong_rising(iou, scores, threshold=0.5):
    """You begin with the lowest score: np.argsort sorts upwards, so sort -scores."""
    return _average(_hits(iou, scores, threshold, order=np.argsort(scores)), iou.shape[1])


def q6_wrong_best_only(iou, scores, threshold=0.5):
    """If the best truth of a detection is taken, you give up: try the best one that is still free."""
    return _average(_hits(iou, scores, threshold, best_only=True), iou.shape[1])


def q6_wrong_no_envelope(iou, scores, threshold=0.5):
    """You take the precision where the recall is first reached: a later, higher precision counts too."""
    return _average(_hits(iou, scores, threshold), iou.shape[1], envelope=False)


def q6_wrong_eleven(iou, scores, threshold=0.5):
    """You average over 11 recalls, as in older contests: take 101."""
    return _average(_hits(iou, scores, threshold), iou.shape[1], points=11)


def q6_wrong_threshold(iou, scores, threshold=0.5):
    """It looks as if `threshold` is not used: 0.5 is only its default."""
    return _average(_hits(iou, scores, 0.5), iou.shape[1])


def q6_wrong_strictly_above(iou, scores, threshold=0.5):
    """An IoU equal to the threshold is a hit as well: at least, not above."""
    return _average(_hits(iou, scores, np.nextafter(threshold, 1)), iou.shape[1])


def q6_wrong_recall_of_found(iou, scores, threshold=0.5):
    """Recall is divided by the truths that were found: truths that nobody finds count too."""
    hits = _hits(iou, scores, threshold)
    return _average(hits, max(hits.sum(), 1))


def q6_wrong_final_precision(iou, scores, threshold=0.5):
    """That is the precision of all detections together: AP follows it while the recall grows."""
    hits = _hits(iou, scores, threshold)
    return hits.sum() / max(len(hits), 1)


def q6_wrong_first_free(iou, scores, threshold=0.5):
    """A detection takes the first free truth that is good enough: it takes the one with the largest IoU."""
    free, hits = np.ones(iou.shape[1], bool), []
    for k in np.argsort(-scores):
        fits = np.flatnonzero(free & (iou[k] >= threshold))
        free[fits[:1]] = False
        hits.append(len(fits) > 0)
    return _average(np.array(hits, float), iou.shape[1])


def q6_wrong_at_hits(iou, scores, threshold=0.5):
    """That is the precision at the hits alone: AP reads the curve at 101 recalls, the largest value beyond each."""
    hits = _hits(iou, scores, threshold)
    return (hits * hits.cumsum() / np.arange(1, len(hits) + 1)).sum() / iou.shape[1]


def q6_wrong_recall_of_detections(iou, scores, threshold=0.5):
    """Recall is divided by the number of detections: divide by the truths, the columns of `iou`."""
    return _average(_hits(iou, scores, threshold), max(len(scores), 1))


def q6_right_running_maximum(iou, scores, threshold=0.5):
    iou, hits = np.array(iou, float), []
    for k in sorted(range(len(scores)), key=lambda k: scores[k], reverse=True):
        truth = iou[k].argmax()
        hits.append(iou[k, truth] >= threshold)
        if hits[-1]:
            iou[:, truth] = -1
    hits = np.array(hits, bool)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    precision = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    return precision[np.searchsorted(np.cumsum(hits) / iou.shape[1], np.linspace(0, 1, 101))].mean()


# q7: the answers of a real network


def _spread(boxes, masks, size=64):
    """Probabilities in the image (n, size, size), 0 outside the boxes; all masks at once."""
    centres, side = np.arange(size) + 0.5, masks.shape[-1]

    def weights(low, high):
        place = (centres - low[:, None]) / (high - low)[:, None]
        cells = np.clip(place * side - 0.5, 0, side - 1)[..., None]
        return np.maximum(0, 1 - abs(cells - np.arange(side))) * ((place >= 0) & (place < 1))[..., None]

    return weights(boxes[:, 1], boxes[:, 3]) @ masks @ weights(boxes[:, 0], boxes[:, 2]).swapaxes(1, 2)


def _surest(pasted, scores, threshold=0.5):
    both, a, b = _counts(pasted, pasted)
    iou, kept = _ratio(both, a + b - both), []
    for k in np.argsort(-scores):
        if all(iou[k, kept] <= threshold):
            kept.append(k)
    return np.array(kept, int), iou


def q7_wrong_everything(boxes, scores, masks):
    """Most of the wrong masks are duplicates: of masks that overlap much, keep the surest."""
    return _spread(boxes, masks) >= 0.5, scores


def q7_wrong_filled_boxes(boxes, scores, masks):
    """The outlines fit badly: paste the probabilities into the box, and compare with 0.5 only then."""
    pasted = _spread(boxes, np.ones_like(masks)) >= 0.5
    kept, _ = _surest(pasted, scores)
    return pasted[kept], scores[kept]


def q7_wrong_too_strict(boxes, scores, masks):
    """Too much is gone: some things are close together or have no high score, so be less strict."""
    pasted = _spread(boxes, masks) >= 0.5
    kept, _ = _surest(pasted, scores, 0)
    kept = kept[scores[kept] > 0.8]
    return pasted[kept], scores[kept]


def q7_wrong_scores_lost(boxes, scores, masks):
    """The right masks are there, but not at the top of the list: hand on a score that tells how sure each is."""
    pasted = _spread(boxes, masks) >= 0.5
    kept, _ = _surest(pasted, scores)
    return pasted[kept], -scores[kept]


def q7_wrong_nothing(boxes, scores, masks):
    """No thing is found: do the masks lie in the image where their boxes are?"""
    return np.zeros((1, 64, 64), bool), np.ones(1)


def q7_right_average(boxes, scores, masks):
    soft = _spread(boxes, masks)
    kept, iou = _surest(soft >= 0.5, scores)
    np.fill_diagonal(iou, 1)
    mean = [np.average(soft[near], axis=0, weights=scores[near]) for near in (iou[k] > 0.5 for k in kept)]
    return np.array(mean).reshape(-1, 64, 64) >= 0.5, scores[kept]


# q8: five wrong pictures; who says k for every picture is told what mistake k looks like


def q8_wrong_out_of_step():
    """Mistake 1 leaves every box where it is, and a thing has the shape of another one, stretched to fit."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q8_wrong_exchanged():
    """Mistake 2 mirrors each shape at the diagonal of its box: circles and squares hardly change, slanted things do."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q8_wrong_rounded():
    """Mistake 3 keeps the shapes but moves and stretches the things: all their sides stand at multiples of 8 pixels."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q8_wrong_unscaled():
    """Mistake 4 makes all things about equally large, and they still begin at the upper left corner of their boxes."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q8_wrong_not_cut():
    """Mistake 5 paints beyond the boxes: where a mask reaches its border, a bar goes on to the edge of the image."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q8_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([3, 1, 5, 2, 4, 4, 2, 3, 5, 1])))

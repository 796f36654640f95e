"""Homework 5: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np

# q1: intersection over union of two boxes


def _shared(first, second, least=0.0, extra=0.0):
    begin, end = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    return np.prod(np.maximum(end - begin + extra, least), axis=-1)


def _area(boxes, extra=0.0):
    return np.prod(boxes[..., 2:] - boxes[..., :2] + extra, axis=-1)


def _iou(first, second, least=0.0, extra=0.0):
    first, second = np.asarray(first, float), np.asarray(second, float)
    shared = _shared(first, second, least, extra)
    return shared / (_area(first, extra) + _area(second, extra) - shared)


def _from_width_and_height(boxes):
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def q1_wrong_union_without_minus(first, second):
    """The shared part is counted twice in the union: subtract it once."""
    return _shared(first, second) / (_area(first) + _area(second))


def q1_wrong_not_clipped(first, second):
    """Boxes that do not meet have a negative width or height: clip each of them at 0 before you multiply."""
    return _iou(first, second, least=-np.inf)


def q1_wrong_product_clipped(first, second):
    """Two negative numbers have a positive product: clip width and height, each on its own, not the product."""
    shared = max(0.0, _shared(first, second, least=-np.inf))
    return shared / (_area(first) + _area(second) - shared)


def q1_wrong_plus_one(first, second):
    """You add 1 pixel to every width and height: a box from 0 to 4 is 4 wide."""
    return _iou(first, second, extra=1.0)


def q1_wrong_width_and_height(first, second):
    """You read the boxes as x, y, width, height; the last two numbers are the right and the bottom side."""
    return _iou(_from_width_and_height(first), _from_width_and_height(second))


def q1_wrong_second_area(first, second):
    """You divide by the area of the second box alone: divide by what both cover together."""
    return _shared(first, second) / _area(second)


def q1_wrong_larger_area(first, second):
    """You divide by the larger box: divide by the union, what both cover together."""
    return _shared(first, second) / max(_area(first), _area(second))


def q1_wrong_hull(first, second):
    """You divide by the box around both: the union is only what one of them covers."""
    both = np.concatenate([np.minimum(first[:2], second[:2]), np.maximum(first[2:], second[2:])])
    return _shared(first, second) / _area(both)


def q1_wrong_centres(first, second):
    """You read the boxes as centre, width and height; they are x1, y1, x2, y2, two corners."""
    corners = [np.concatenate([b[:2] - b[2:] / 2, b[:2] + b[2:] / 2]) for b in (first, second)]
    return _iou(*corners)


def q1_wrong_smaller_area(first, second):
    """You divide by the smaller box: then a small box inside a large one counts as equal. Divide by the union."""
    return _shared(first, second) / min(_area(first), _area(second))


def q1_wrong_first_area(first, second):
    """You divide by the area of the first box alone: divide by what both cover together."""
    return _shared(first, second) / _area(first)


def q1_wrong_shared_only(first, second):
    """That is the shared area; it still has to be divided by the area of the union."""
    return _shared(first, second)


def q1_wrong_dice(first, second):
    """That is Dice, twice the shared area by the sum of both: IoU divides the shared area by the union."""
    return 2 * _shared(first, second) / (_area(first) + _area(second))


def q1_wrong_hull_shared(first, second):
    """That is the box around both: the shared part begins at the larger x1 and y1, and ends at the smaller x2 and y2.
    """
    hull = np.prod(np.maximum(first[2:], second[2:]) - np.minimum(first[:2], second[:2]))
    with np.errstate(all="ignore"):
        return hull / (_area(first) + _area(second) - hull)


def q1_right_arrays(first, second):
    return _iou(first, second)


def q1_right_enclosing(first, second):
    lengths = []
    for k in (0, 1):
        if second[k] >= first[k + 2] or first[k] >= second[k + 2]:
            return 0
        lengths.append(sorted([first[k], first[k + 2], second[k], second[k + 2]])[1:3])
    shared = (lengths[0][1] - lengths[0][0]) * (lengths[1][1] - lengths[1][0])
    return 1 / ((_area(first) + _area(second)) / shared - 1)


# q2: every box with every other


def _table(boxes, others, **how):
    return _iou(boxes[:, None], others[None], **how)


def q2_wrong_union_without_minus(boxes, others):
    """The shared part is counted twice in every union: subtract it once."""
    table = _table(boxes, others)
    return table / (1 + table)


def q2_wrong_not_clipped(boxes, others):
    """Boxes that do not meet give negative or far too large values: clip width and height at 0."""
    return _table(boxes, others, least=-np.inf)


def q2_wrong_plus_one(boxes, others):
    """All sides are 1 pixel too long: the width is x2 - x1, with nothing added."""
    return _table(boxes, others, extra=1.0)


def q2_wrong_width_and_height(boxes, others):
    """These would be the values for boxes as x, y, width, height; here they are x1, y1, x2, y2."""
    return _table(_from_width_and_height(boxes), _from_width_and_height(others))


def q2_wrong_empty(boxes, others):
    """An empty list loses its other side: the table has the shape (n, m), even if n or m is 0."""
    if not len(boxes) or not len(others):
        return np.zeros(0)
    return _table(boxes, others)


def q2_wrong_partners_only(boxes, others):
    """Only box i with box i is compared: each box has to meet each other one."""
    count = min(len(boxes), len(others))
    return _iou(boxes[:count], others[:count])


def q2_wrong_best_only(boxes, others):
    """One value is left for each box: return the whole table, not its largest entries."""
    return _table(boxes, others).max(axis=1, initial=0)


def q2_wrong_first_area(boxes, others):
    """The shared area is divided by the area of the box alone: divide by what both cover, the union."""
    return _shared(boxes[:, None], others[None]) / _area(boxes)[:, None] + np.zeros((len(boxes), len(others)))


def q2_wrong_second_area(boxes, others):
    """The shared area is divided by the area of the other box alone: divide by what both cover, the union."""
    return _shared(boxes[:, None], others[None]) / _area(others) + np.zeros((len(boxes), len(others)))


def q2_wrong_dice(boxes, others):
    """That is Dice, twice the shared area by the sum of both: IoU divides the shared area by the union."""
    return 2 * _table(boxes, others) / (1 + _table(boxes, others))


def q2_right_loops(boxes, others):
    table = np.zeros((len(boxes), len(others)))
    for i, box in enumerate(boxes):
        for j, other in enumerate(others):
            table[i, j] = _iou(box, other)
    return table


# q3: a box as a cell sees it, and back


def _sides(numbers, centres, back=False):
    if back:
        return np.concatenate([centres - numbers[:, :2], centres + numbers[:, 2:]], axis=1)
    return np.concatenate([centres - numbers[:, :2], numbers[:, 2:] - centres], axis=1)


def q3_wrong_back_not_used(numbers, centres, back=False):
    """It looks as if `back` is not used: both directions are the same."""
    return _sides(numbers, centres)


def q3_wrong_signed(numbers, centres, back=False):
    """Left and top are negative here: a distance is counted from the centre outwards, so turn those two signs round."""
    signs = np.array([-1, -1, 1, 1])
    return _sides(numbers * signs, centres, True) if back else _sides(numbers, centres) * signs


def q3_wrong_all_centre_minus(numbers, centres, back=False):
    """Right and bottom have the wrong sign: there it is side minus centre, and back centre plus distance."""
    return np.tile(centres, (1, 2)) - numbers


def q3_wrong_order(numbers, centres, back=False):
    """The order is mixed up: left, top, right, bottom, and not left, right, top, bottom."""
    order = [0, 2, 1, 3]
    return _sides(numbers[:, order], centres, True) if back else _sides(numbers, centres)[:, order]


def q3_wrong_rows_first(numbers, centres, back=False):
    """x and y of the centres are exchanged: a centre is (x, y), in this order."""
    return _sides(numbers, centres[:, ::-1], back)


def q3_wrong_first_centre(numbers, centres, back=False):
    """All boxes use the first centre: each row has a centre of its own."""
    return _sides(numbers, np.repeat(centres[:1], len(centres), axis=0), back)


def q3_wrong_width_and_height(numbers, centres, back=False):
    """The way back ends with width and height: the last two numbers of a box are its right and its bottom side."""
    found = _sides(numbers, centres, back)
    if back:
        found[:, 2:] -= found[:, :2]
    return found


def q3_wrong_never_negative(numbers, centres, back=False):
    """You clip at 0: a centre outside its box has a negative distance, otherwise the way back fails."""
    return _sides(numbers, centres, back) if back else np.maximum(_sides(numbers, centres), 0)


def q3_wrong_way_back_added(numbers, centres, back=False):
    """On the way back all distances are added: left and top go the other way, x1 = x - left."""
    return np.tile(centres, (1, 2)) + numbers if back else _sides(numbers, centres)


def q3_wrong_middle_and_size(numbers, centres, back=False):
    """That is the shift of the middle, and width and height: wanted are four distances, left, top, right and bottom."""
    if back:
        middle = centres + numbers[:, :2]
        return np.concatenate([middle - numbers[:, 2:] / 2, middle + numbers[:, 2:] / 2], axis=1)
    return np.concatenate([(numbers[:, :2] + numbers[:, 2:]) / 2 - centres, numbers[:, 2:] - numbers[:, :2]], axis=1)


def q3_right_columns(numbers, centres, back=False):
    x, y = centres.T
    a, b, c, d = numbers.T
    return np.stack([x - a, y - b, x + c, y + d] if back else [x - a, y - b, c - x, d - y], axis=1)


# q4: non-maximum suppression


def _suppress(boxes, scores, threshold, order=None, too_much=np.greater):
    kept = []
    for index in np.argsort(-scores, kind="stable") if order is None else order:
        if not any(too_much(_iou(boxes[index], boxes[other]), threshold) for other in kept):
            kept.append(int(index))
    return np.array(kept, int)


def q4_wrong_worst_first(boxes, scores, threshold):
    """The scores are sorted upwards: the worst box comes first and suppresses the good ones."""
    return _suppress(boxes, scores, threshold, np.argsort(scores, kind="stable"))


def q4_wrong_not_sorted(boxes, scores, threshold):
    """The boxes are taken as they come: begin with the best score."""
    return _suppress(boxes, scores, threshold, range(len(boxes)))


def q4_wrong_ties(boxes, scores, threshold):
    """Of equal scores the last one comes first: an ascending argsort, reversed, turns ties round."""
    return _suppress(boxes, scores, threshold, np.argsort(scores, kind="stable")[::-1])


def q4_wrong_at_threshold(boxes, scores, threshold):
    """An IoU that equals the threshold still stays: remove a box only above it, > and not >=."""
    return _suppress(boxes, scores, threshold, too_much=np.greater_equal)


def q4_wrong_previous_only(boxes, scores, threshold):
    """Each box is compared only with the one kept last: compare it with all that were kept."""
    kept = []
    for index in np.argsort(-scores, kind="stable"):
        if not kept or _iou(boxes[index], boxes[kept[-1]]) <= threshold:
            kept.append(int(index))
    return kept


def q4_wrong_removed_suppress(boxes, scores, threshold):
    """Removed boxes remove others: only a box that stays may suppress."""
    order = np.argsort(-scores, kind="stable")
    return [
        int(i) for n, i in enumerate(order) if all(_iou(boxes[i], boxes[other]) <= threshold for other in order[:n])
    ]


def q4_wrong_one_round(boxes, scores, threshold):
    """Only the best box suppresses: go on with the best of what is left, until nothing is left."""
    order = np.argsort(-scores, kind="stable")
    return [int(i) for n, i in enumerate(order) if not n or _iou(boxes[i], boxes[order[0]]) <= threshold]


def q4_wrong_sorted_indices(boxes, scores, threshold):
    """The right boxes stay, but in the order of their indices: return the best score first."""
    return np.sort(_suppress(boxes, scores, threshold))


def q4_wrong_mask(boxes, scores, threshold):
    """That is a mask of True and False, one for each box: return the indices of those that stay."""
    mask = np.zeros(len(boxes), bool)
    mask[_suppress(boxes, scores, threshold)] = True
    return mask


def q4_wrong_boxes(boxes, scores, threshold):
    """Those are the boxes themselves: return their indices."""
    return boxes[_suppress(boxes, scores, threshold)]


def q4_wrong_half(boxes, scores, threshold):
    """It looks as if `threshold` is not used: 0.5 is what others take."""
    return _suppress(boxes, scores, 0.5)


def q4_wrong_scores(boxes, scores, threshold):
    """The scores are compared with `threshold`: it is for the IoU of two boxes, and no score is too low to stay."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > threshold]


def q4_wrong_turned_round(boxes, scores, threshold):
    """The comparison is turned round: boxes that overlap little stay, those above the threshold go."""
    return _suppress(boxes, scores, threshold, too_much=np.less_equal)


def q4_right_shrinking_list(boxes, scores, threshold):
    left, kept = np.argsort(-scores, kind="stable"), []
    while len(left):
        kept.append(left[0])
        left = left[1:][_iou(boxes[left[:1]], boxes[left[1:]]) <= threshold]
    return kept


def q4_right_argmax(boxes, scores, threshold):
    scores, kept = scores.astype(float), []
    while len(scores) and scores.max() > -1:
        best = int(scores.argmax())
        kept.append(best)
        scores[(_iou(boxes[best], boxes) > threshold) | (np.arange(len(boxes)) == best)] = -1
    return np.array(kept, int)


# q5: precision and recall


def _precision_recall(hits, truths):
    right = np.cumsum(hits)
    return right / np.arange(1, len(hits) + 1), right / truths


def q5_wrong_all_answers(hits, truths):
    """Precision divides by all answers of the list: divide by those that were given so far, 1, 2, 3 …"""
    return np.cumsum(hits) / max(len(hits), 1), _precision_recall(hits, truths)[1]


def q5_wrong_recall_of_found(hits, truths):
    """Recall divides by what is found in the end: divide by all true things, also those that are never found."""
    return _precision_recall(hits, truths)[0], np.cumsum(hits) / max(np.sum(hits), 1)


def q5_wrong_exchanged(hits, truths):
    """Precision and recall are exchanged: precision first."""
    return _precision_recall(hits, truths)[::-1]


def q5_wrong_total(hits, truths):
    """Those are the two numbers of the whole list: return one pair for each answer, with `np.cumsum`."""
    return np.sum(hits) / max(len(hits), 1), np.sum(hits) / truths


def q5_wrong_not_added_up(hits, truths):
    """The hits are not added up: after each answer count all that are right so far."""
    return hits / np.arange(1, len(hits) + 1), hits / truths


def q5_wrong_from_zero(hits, truths):
    """The count of answers begins at 0: after the first answer there is one."""
    with np.errstate(all="ignore"):
        return np.cumsum(hits) / np.arange(len(hits)), _precision_recall(hits, truths)[1]


def q5_wrong_misses(hits, truths):
    """The wrong answers are counted: precision and recall count the right ones."""
    return _precision_recall(1 - np.asarray(hits, int), truths)


def q5_wrong_envelope(hits, truths):
    """The best precision still to come is a matter of q6: here it is the share of right answers so far, up and down."""
    precision, recall = _precision_recall(hits, truths)
    return np.maximum.accumulate(precision[::-1])[::-1], recall


def q5_right_loop(hits, truths):
    precision, recall, right = [], [], 0
    for n, hit in enumerate(hits, 1):
        right += int(hit)
        precision.append(right / n)
        recall.append(right / truths)
    return precision, recall


# q6: average precision


def _read(precision, recall, points):
    return [max(precision[recall >= point], default=0) for point in points]


_POINTS = np.linspace(0, 1, 101)


def q6_wrong_to_the_left(precision, recall):
    """You take the best precision so far: look to the right, at the answers whose recall is at least the point."""
    return np.mean([max(precision[recall <= p], default=0) if p <= max(recall, default=-1) else 0 for p in _POINTS])


def q6_wrong_next_only(precision, recall):
    """You take the next precision on the curve: take the largest of all that are still to come."""
    reached = [np.flatnonzero(recall >= p) for p in _POINTS]
    return np.mean([precision[rows[0]] if len(rows) else 0 for rows in reached])


def q6_wrong_above(precision, recall):
    """A recall equal to the point counts too: at least, not above."""
    return np.mean([max(precision[recall > point], default=0) for point in _POINTS])


def q6_wrong_reached_only(precision, recall):
    """Points of recall that are never reached count as 0: divide by 101, not by how many were reached."""
    points = _POINTS[_POINTS <= max(recall, default=-1)]
    return np.mean(_read(precision, recall, points)) if len(points) else 0.0


def q6_wrong_eleven_points(precision, recall):
    """That is the old rule with 11 points, 0, 0.1, …, 1: COCO takes 101."""
    return np.mean(_read(precision, recall, np.linspace(0, 1, 11)))


def q6_wrong_hundred_points(precision, recall):
    """There are 101 points: 0 and 1 both count, and `np.arange(0, 1, 0.01)` leaves out the last one."""
    return np.mean(_read(precision, recall, _POINTS[:-1]))


def q6_wrong_mean_at_hits(precision, recall):
    """That is the mean of the precision at the hits: read the curve at 101 points of recall instead."""
    hits = np.diff(recall, prepend=0) > 0
    return precision[hits].mean() if hits.any() else 0.0


def q6_wrong_steps(precision, recall):
    """That is the area under the steps, hit by hit, as it is: COCO reads 101 points, each with the best still to
    come."""
    return np.sum(np.diff(recall, prepend=0) * precision)


def q6_wrong_mean_of_all(precision, recall):
    """That is the mean of the precision over the answers: long lists would be punished twice."""
    return precision.mean() if len(precision) else 0.0


def q6_right_from_behind(precision, recall):
    best = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, _POINTS, side="left")
    return np.append(best, 0)[place].sum() / 101


def q6_right_hundredths(precision, recall):
    return sum(max([p for p, r in zip(precision, recall) if r >= k / 100], default=0) for k in range(101)) / 101


# q7: clean up


def q7_wrong_everything(boxes, scores):
    """Most of the wrong boxes are duplicates: suppress more, with a lower threshold."""
    return boxes


def q7_wrong_no_score(boxes, scores):
    """Most of the wrong boxes stand where nothing is: their scores are low, so leave such boxes out."""
    return boxes[_suppress(boxes, scores, 0.45)]


def q7_wrong_too_strict(boxes, scores):
    """Too much is gone: some things are close together or have no high score, so be less strict."""
    sure = scores > 0.55
    return boxes[sure][_suppress(boxes[sure], scores[sure], 0.0)]


def q7_wrong_nothing(boxes, scores):
    """No thing is found: does the function return boxes as x1, y1, x2, y2, one row for each?"""
    return boxes[:0]


def q7_right_average(boxes, scores):
    kept = [k for k in _suppress(boxes, scores, 0.45) if scores[k] >= 0.6]
    return [np.average(boxes[near], axis=0, weights=scores[near]) for near in
            (_iou(boxes[k], boxes) > 0.5 for k in kept)]  # fmt: skip


# q8: five wrong pictures; who says k for every picture is told what bug k looks like


def q8_wrong_exchanged():
    """Bug 1 mirrors the whole picture at its diagonal: the boxes keep their sizes, and wide ones become tall."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q8_wrong_width_and_height():
    """Bug 2 leaves the upper left corners in place and makes every box larger, the more the further it is from 0."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q8_wrong_nothing_suppressed():
    """Bug 3 leaves several boxes around every thing: far more boxes than in the right answer."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q8_wrong_too_eager():
    """Bug 4 leaves fewer boxes than the right answer, none of which touches another one."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q8_wrong_worst_first():
    """Bug 5 leaves about one box for each thing, and it fits badly: the least sure candidates are the loosest."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q8_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([3, 5, 2, 4, 1, 4, 1, 5, 3, 2])))


# q9: train a detector. A training takes a minute, so these answer what a network would that learnt the mistake.


class _Learnt:
    """Stands for a network that has learnt its targets, changed by a mistake."""

    def __init__(self, change):
        self.change = change

    def predict(self, images, verbose=0):
        from cvhelpers.homework.hw5 import load_sticker_boxes

        cells = np.zeros((len(images), 8, 8, 5))
        cells[..., 1:] = 9
        for image, things in zip(cells, load_sticker_boxes("validation")[1]):
            for box in things:
                column, row = ((box[:2] + box[2:]) / 2 // 8).astype(int)
                centre = 8 * np.array([column, row]) + 4
                image[row, column] = 1, *_sides(box[None], centre[None])[0]
        cells = self.change(cells)
        sides = np.maximum(cells[..., 1:] / 10, 1e-3)
        return np.concatenate([8 * cells[..., :1] - 4, np.log(np.expm1(sides))], axis=-1)


def _in_order(*order):
    return _Learnt(lambda cells: cells[..., [0, *order]])


def q9_wrong_untrained(images, boxes):
    """It tells things from ground no better than by guessing: is it trained, and are targets 1 anywhere?"""
    return _Learnt(lambda cells: 0 * cells + [0, 9, 9, 9, 9])


def q9_wrong_yes_everywhere(images, boxes):
    """The network says yes everywhere: objectness has to learn from all cells, 1 where one is responsible and 0 where
    nothing is."""
    return _Learnt(lambda cells: np.concatenate([np.ones_like(cells[..., :1]), cells[..., 1:]], axis=-1))


def q9_wrong_mirrored(images, boxes):
    """The targets are mirrored: a grid is [row, column], so the cell of a middle (x, y) is [y // 8, x // 8]."""
    return _Learnt(lambda cells: cells.swapaxes(1, 2))


def q9_wrong_next_cell(images, boxes):
    """The targets stand beside the right cell: row and column are the middle of the box // 8, rounded down."""
    return _Learnt(lambda cells: np.roll(cells, 1, axis=(1, 2)))


def q9_wrong_corner(images, boxes):
    """The boxes are half a cell too far to the lower right: the centre of a cell is at (column + 0.5) * 8."""
    return _Learnt(lambda cells: cells + [0, -4, -4, 4, 4])


def q9_wrong_x_and_y(images, boxes):
    """x and y of the distances are exchanged: the order is left, top, right, bottom."""
    return _in_order(2, 1, 4, 3)


def q9_wrong_order(images, boxes):
    """The distances stand in another order: left, top, right, bottom, not left, right, top, bottom."""
    return _in_order(1, 3, 2, 4)


def q9_wrong_pixels(images, boxes):
    """The boxes are ten times too large: the distances are learnt in pixels, wanted in tens of pixels."""
    return _Learnt(lambda cells: cells * [1, 10, 10, 10, 10])


def q9_wrong_width_and_height(images, boxes):
    """The last two numbers are width and height: they are the distances to the right and to the bottom side."""
    return _Learnt(lambda cells: cells + cells[..., [0, 0, 0, 1, 2]] * [0, 0, 0, 1, 1])


def q9_wrong_boxes_shrink(images, boxes):
    """Boxes shrink in the empty cells: the loss of the distances counts only where a cell is responsible."""
    return _Learnt(lambda cells: np.where(cells[..., :1] > 0, cells * [1, 0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0, 0]))


def q9_right_lesson(images, boxes):
    from cvhelpers import training
    from cvhelpers.homework.hw5 import build_network
    from cvhelpers.networks import detection

    most = max(map(len, boxes))
    padded = np.zeros((len(boxes), most, 4), np.float32)
    labels = np.full((len(boxes), most), -1)
    for row, label, things in zip(padded, labels, boxes):
        row[: len(things)], label[: len(things)] = things, 3
    targets = detection.grid_targets(padded, labels, size=64)
    loss = detection.detector_loss(class_weight=0)
    training.set_seed(1)
    network = build_network()
    training.compile_one_cycle(network, len(images), 5, 16, 6e-3, lambda wanted, answers: loss(
        wanted, detection.keras.ops.pad(answers, [[0, 0]] * 3 + [[0, 1]])))  # fmt: skip
    training.fit(network, images, targets, batch_size=16, epochs=5)
    return network

"""Homework 7: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np

VOID = (-1, 0)


def _pixels(panoptic, kind, number, things):
    return (panoptic[..., 0] == kind) & ((panoptic[..., 1] == number) | (kind not in things))


def _pieces(mask):
    """A list of masks, one for each connected piece (pixels touch at their sides)."""
    left, pieces = mask.copy(), []
    while left.any():
        piece = np.zeros_like(mask)
        piece[tuple(np.argwhere(left)[0])] = True
        while True:
            grown = piece.copy()
            grown[1:] |= piece[:-1]
            grown[:-1] |= piece[1:]
            grown[:, 1:] |= piece[:, :-1]
            grown[:, :-1] |= piece[:, 1:]
            grown &= mask
            if (grown == piece).all():
                break
            piece = grown
        pieces.append(piece)
        left &= ~piece
    return pieces


# q1: what a panoptic map knows


def _numbers(panoptic, kind):
    return np.unique(panoptic[..., 1][panoptic[..., 0] == kind])


def _counts(panoptic, things, count):
    return panoptic[..., 0], {int(k): int(count(k)) for k in things if (panoptic[..., 0] == k).any()}


def q1_wrong_pixels(panoptic, things):
    """You count the pixels of each class: count how many different instance numbers they have."""
    return _counts(panoptic, things, lambda kind: (panoptic[..., 0] == kind).sum())


def q1_wrong_highest_number(panoptic, things):
    """You take the highest number: numbers need not begin at 1 or be without gaps, so count the different ones."""
    return _counts(panoptic, things, lambda kind: _numbers(panoptic, kind).max())


def q1_wrong_number_once(panoptic, things):
    """Each number is counted for one class only: two classes may use the same number, so count within each class."""
    owner = {}
    for kind, number in panoptic.reshape(-1, 2)[::-1].tolist():
        owner[number] = kind
    counts = {kind: sum(k == kind and n > 0 for n, k in owner.items()) for kind in things}
    return panoptic[..., 0], {kind: count for kind, count in counts.items() if count}


def q1_wrong_pieces(panoptic, things):
    """You count connected pieces: a thing that something else cuts in two is still one instance."""
    return _counts(
        panoptic,
        things,
        lambda kind: sum(len(_pieces(_pixels(panoptic, kind, n, things))) for n in _numbers(panoptic, kind)),
    )


def q1_wrong_stuff_too(panoptic, things):
    """Stuff is in your dict as well: go through `things` only."""
    kinds = [*range(5), *things]
    return _counts(panoptic, kinds, lambda kind: len(_numbers(panoptic, kind)))


def q1_wrong_zero_entries(panoptic, things):
    """Classes without any instance have an entry here: leave them out."""
    return panoptic[..., 0], {kind: len(_numbers(panoptic, kind)) for kind in things}


def q1_wrong_other_layer(panoptic, things):
    """That is the map of instance numbers: the class is the first of the two numbers, `panoptic[..., 0]`."""
    return panoptic[..., 1], _counts(panoptic, things, lambda kind: len(_numbers(panoptic, kind)))[1]


def q1_wrong_all_classes(panoptic, things):
    """Every class gets the number of all things: count the numbers within the pixels of this class alone."""
    numbers = np.unique(panoptic[..., 1][np.isin(panoptic[..., 0], things)])
    return _counts(panoptic, things, lambda kind: len(numbers))


def q1_right_pairs(panoptic, things):
    counts = {}
    for kind, _ in set(map(tuple, panoptic.reshape(-1, 2).tolist())):
        if kind in things:
            counts[kind] = counts.get(kind, 0) + 1
    return panoptic[..., 0], counts


# q2: the list of segments


def _table(pairs, keep_void=False):
    rows, areas = np.unique(pairs.reshape(-1, 2), axis=0, return_counts=True)
    table = np.column_stack([rows, areas])
    return table if keep_void else table[table[:, 0] >= 0]


def _pairs(panoptic, things):
    pairs = panoptic.copy()
    pairs[..., 1] *= np.isin(pairs[..., 0], things)
    return pairs


def q2_wrong_void_kept(panoptic, things):
    """Void is in your list: it is nobody's, so leave the class -1 out."""
    return _table(_pairs(panoptic, things), keep_void=True)


def q2_wrong_stuff_split(panoptic, things):
    """Stuff falls into several segments: its numbers play no part, so set them to 0 before you count."""
    return _table(panoptic)


def q2_wrong_stuff_left_out(panoptic, things):
    """Only things are in your list: each kind of stuff is one segment, too."""
    table = _table(_pairs(panoptic, things))
    return table[np.isin(table[:, 0], things)]


def q2_wrong_by_class(panoptic, things):
    """The instances of a class are put together: class and number make a segment, not the class alone."""
    table = _table(_pairs(panoptic, things))
    first = np.unique(table[:, 0], return_index=True)[1]
    table[first, 2] = [table[table[:, 0] == kind, 2].sum() for kind in table[first, 0]]
    return table[first]


def q2_wrong_by_number(panoptic, things):
    """Things of two classes with the same number are put together: a segment is a pair of class and number."""
    pairs = _pairs(panoptic, things).reshape(-1, 2)
    owner = {}
    for kind, number in pairs[pairs[:, 1] > 0]:
        owner.setdefault(int(number), int(kind))
    return _table(np.array([(owner.get(int(number), kind), number) for kind, number in pairs]))


def q2_wrong_by_area(panoptic, things):
    """The rows are sorted by area: sort them by class, then by number."""
    table = _table(_pairs(panoptic, things))
    return table[np.argsort(-table[:, 2], kind="stable")]


def q2_wrong_as_they_come(panoptic, things):
    """The rows stand in the order in which the segments appear in the image: sort them by class, then by number."""
    pairs = _pairs(panoptic, things).reshape(-1, 2).tolist()
    found = [pair for i, pair in enumerate(pairs) if pair not in pairs[:i] and pair[0] >= 0]
    return np.array([[*pair, pairs.count(pair)] for pair in found], int).reshape(-1, 3)


def q2_wrong_share(panoptic, things):
    """The last column is a share of the image: give the area in pixels."""
    table = _table(_pairs(panoptic, things)).astype(float)
    return table / [1, 1, panoptic[..., 0].size]


def q2_wrong_pieces(panoptic, things):
    """A segment in two pieces has two rows here: all pixels with the same class and number are one segment."""
    return np.array(
        [
            [kind, number, piece.sum()]
            for kind, number, _ in _table(_pairs(panoptic, things))
            for piece in _pieces(_pixels(panoptic, kind, number, things))
        ]
    ).reshape(-1, 3)


def q2_right_dict(panoptic, things):
    areas = {}
    for kind, number in panoptic.reshape(-1, 2).tolist():
        if kind >= 0:
            key = kind, number if kind in things else 0
            areas[key] = areas.get(key, 0) + 1
    return np.array([[*key, areas[key]] for key in sorted(areas)], int).reshape(-1, 3)


# q3: merge


def _merge(masks, labels, scores, stuff, order=None, enough=lambda rest, whole: 2 * rest >= whole, blocked=False,
           numbers=None, over=False, below=True):  # fmt: skip
    panoptic = np.full((*stuff.shape, 2), VOID)
    taken, number = np.zeros(stuff.shape, bool), 0
    for k in np.argsort(-scores) if order is None else order:
        rest = masks[k] & ~taken
        keep = enough(rest.sum(), masks[k].sum())
        if keep:
            number += 1
            panoptic[masks[k] if over else rest] = labels[k], number if numbers is None else numbers[k]
        if keep or blocked:
            taken |= masks[k]
    ground = (stuff >= 0) & (~taken | (not below))
    panoptic[ground] = np.stack([stuff, 0 * stuff], -1)[ground]
    return panoptic


def q3_wrong_worst_first(masks, labels, scores, stuff):
    """The least sure mask comes first: np.argsort sorts upwards, so sort -scores."""
    return _merge(masks, labels, scores, stuff, np.argsort(scores))


def q3_wrong_as_they_come(masks, labels, scores, stuff):
    """The masks are taken as they come: begin with the highest score."""
    return _merge(masks, labels, scores, stuff, range(len(masks)))


def q3_wrong_painted_over(masks, labels, scores, stuff):
    """A less sure mask paints over a surer one: it may take only the pixels that are still free."""
    return _merge(masks, labels, scores, stuff, over=True)


def q3_wrong_nothing_dropped(masks, labels, scores, stuff):
    """Scraps of covered masks stay: drop a mask if less than half of its pixels are free."""
    return _merge(masks, labels, scores, stuff, enough=lambda rest, whole: rest > 0)


def q3_wrong_any_overlap(masks, labels, scores, stuff):
    """Every mask that meets a surer one is dropped: it stays as long as at least half of its pixels are free."""
    return _merge(masks, labels, scores, stuff, enough=lambda rest, whole: rest == whole)


def q3_wrong_exactly_half(masks, labels, scores, stuff):
    """A mask of which exactly half is free is dropped here: it stays, only less than half is too little."""
    return _merge(masks, labels, scores, stuff, enough=lambda rest, whole: 2 * rest > whole)


def q3_wrong_dropped_blocks(masks, labels, scores, stuff):
    """Dropped masks still block their pixels: a mask that is dropped takes nothing."""
    return _merge(masks, labels, scores, stuff, blocked=True)


def q3_wrong_number_of_row(masks, labels, scores, stuff):
    """The numbers are the rows of the input: count the masks that stay, 1, 2, 3 …, from the highest score down."""
    return _merge(masks, labels, scores, stuff, numbers=np.arange(1, len(masks) + 1))


def q3_wrong_number_of_rank(masks, labels, scores, stuff):
    """Dropped masks use up a number: number only the masks that stay, without gaps."""
    rank = np.empty(len(masks), int)
    rank[np.argsort(-scores)] = np.arange(1, len(masks) + 1)
    return _merge(masks, labels, scores, stuff, numbers=rank)


def q3_wrong_stuff_on_top(masks, labels, scores, stuff):
    """Stuff covers the masks: it gets only the pixels that no mask has taken."""
    return _merge(masks, labels, scores, stuff, below=False)


def q3_wrong_no_stuff(masks, labels, scores, stuff):
    """The pixels without a mask stay void: give them their class in `stuff`."""
    return _merge(masks, labels, scores, np.full_like(stuff, -1))


def q3_wrong_all_number_zero(masks, labels, scores, stuff):
    """All things have the number 0: number the masks that stay, 1, 2, 3 …"""
    return _merge(masks, labels, scores, stuff, numbers=np.zeros(len(masks), int))


def q3_right_free_map(masks, labels, scores, stuff):
    free, panoptic, number = np.ones(stuff.shape, bool), np.stack([stuff, np.zeros_like(stuff)], -1), 1
    for _, k in sorted(zip(-scores, range(len(scores)))):
        part = np.logical_and(free, masks[k])
        if np.count_nonzero(part) * 2 < np.count_nonzero(masks[k]):
            continue
        panoptic[part, 0], panoptic[part, 1] = labels[k], number
        free[part], number = False, number + 1
    return panoptic


# q4: which segments match


def _match(truth, prediction, things, enough=lambda iou: iou > 0.5, known=None, same=lambda a, b: a[0] == b[0],
           rule=lambda t, p: (t & p).sum() / max((t | p).sum(), 1), keep_void=False):  # fmt: skip
    known, rows = truth[..., 0] >= 0 if known is None else known, []
    sides = [_table(_pairs(panoptic, things), keep_void)[:, :2].tolist() for panoptic in (truth, prediction)]
    for one in sides[0]:
        for other in sides[1]:
            t, p = _pixels(truth, *one, things), _pixels(prediction, *other, things)
            if same(one, other) and enough(score := rule(t, p & known)):
                rows.append((*one, other[1], score))
    return np.array(rows, float).reshape(-1, 4)


def q4_wrong_void_counts(truth, prediction, things):
    """Predicted pixels where the truth is void enlarge your union: leave them out of the predicted segment."""
    return _match(truth, prediction, things, known=np.ones(truth.shape[:2], bool))


def q4_wrong_any_class(truth, prediction, things):
    """Segments of different classes match here: compare the classes first."""
    return _match(truth, prediction, things, same=lambda a, b: True)


def q4_wrong_at_half(truth, prediction, things):
    """An IoU of exactly 0.5 is no match: above one half, or a segment could match two others."""
    return _match(truth, prediction, things, enough=lambda iou: iou >= 0.5)


def q4_wrong_any_overlap(truth, prediction, things):
    """Segments match here as soon as they overlap: their IoU has to be above 0.5."""
    return _match(truth, prediction, things, enough=lambda iou: iou > 0)


def q4_wrong_same_number(truth, prediction, things):
    """You ask for the same number: numbers are names, and the two maps may name a thing differently."""
    return _match(truth, prediction, things, same=lambda a, b: a == b)


def q4_wrong_share_of_truth(truth, prediction, things):
    """You divide by the true segment: IoU divides by the pixels that are in at least one of the two."""
    return _match(truth, prediction, things, rule=lambda t, p: (t & p).sum() / t.sum())


def q4_wrong_dice(truth, prediction, things):
    """That is Dice, twice the common pixels by the sum of both areas: IoU divides by the union."""
    return _match(truth, prediction, things, rule=lambda t, p: 2 * (t & p).sum() / (t.sum() + p.sum()))


def q4_wrong_void_matches(truth, prediction, things):
    """Void matches void in your list: it is no segment."""
    return _match(truth, prediction, things, known=np.ones(truth.shape[:2], bool), keep_void=True)


def q4_wrong_void_of_prediction(truth, prediction, things):
    """You leave out pixels where the prediction is void: there the true segment is simply not found, so they count."""
    known, seen = truth[..., 0] >= 0, prediction[..., 0] >= 0
    return _match(truth, prediction, things, rule=lambda t, p: (t & p).sum() / max((t & seen | p).sum(), 1),
                  known=known)  # fmt: skip


def q4_wrong_things_only(truth, prediction, things):
    """Only things match here: a kind of stuff is a segment as well."""
    rows = _match(truth, prediction, things)
    return rows[np.isin(rows[:, 0], things)]


def q4_right_table(truth, prediction, things):
    sides = [_pairs(panoptic, things).reshape(-1, 2) for panoptic in (truth, prediction)]
    known, rows = sides[0][:, 0] >= 0, []
    both = np.column_stack(sides)[known]
    for (kind, number, other, its), shared in zip(*np.unique(both, axis=0, return_counts=True)):
        areas = [(both[:, k : k + 2] == pair).all(axis=1).sum() for k, pair in ((0, (kind, number)), (2, (other, its)))]
        if kind == other and 2 * shared > sum(areas) - shared:
            rows.append([kind, number, its, shared / (sum(areas) - shared)])
    return np.array(rows, float).reshape(-1, 4)


# q5: panoptic quality


def _tables(truths, predictions, things, hidden=0.5):
    """Rows (image, class, sum of IoUs, TP, FP, FN)."""
    rows = []
    for image, (truth, prediction) in enumerate(zip(truths, predictions)):
        pairs, void = _match(truth, prediction, things), truth[..., 0] < 0
        rows += [[image, pair[0], pair[3], 1, 0, 0] for pair in pairs]
        for kind, number, _ in _table(_pairs(truth, things)):
            if not (pairs[:, [0, 1]] == (kind, number)).all(axis=1).any():
                rows.append([image, kind, 0, 0, 0, 1])
        for kind, number, _ in _table(_pairs(prediction, things)):
            share = void[_pixels(prediction, kind, number, things)].mean()
            if not (pairs[:, [0, 2]] == (kind, number)).all(axis=1).any() and share <= hidden:
                rows.append([image, kind, 0, 0, 1, 0])
    return np.array(rows, float).reshape(-1, 6)


def _three(overlap, right, wrong, missed, half=0.5, everything=False):
    below = right + wrong + missed if everything else right
    sq = overlap / below if right else 0.0
    rq = right / (right + half * (wrong + missed)) if right else 0.0
    return [sq * rq, sq, rq]


def _mean(parts):
    return dict(zip(("PQ", "SQ", "RQ"), np.mean(parts, axis=0).tolist() if len(parts) else [0.0] * 3))


def _quality(truths, predictions, things, hidden=0.5, **options):
    rows = _tables(truths, predictions, things, hidden)
    return _mean([_three(*rows[rows[:, 1] == kind, 2:].sum(0), **options) for kind in np.unique(rows[:, 1])])


def q5_wrong_mean_over_images(truths, predictions, things):
    """You compute PQ for each image and average: add up the counts of all images first, and divide at the end."""
    images = [_quality([t], [p], things) for t, p in zip(truths, predictions)]
    return {name: np.mean([image[name] for image in images]) for name in ("PQ", "SQ", "RQ")}


def q5_wrong_absent_is_zero(truths, predictions, things):
    """Classes of `things` that occur nowhere count as 0 here: leave out a class without TP, FP and FN."""
    rows = _tables(truths, predictions, things)
    kinds = {*rows[:, 1].tolist(), *map(float, things)}
    return _mean([_three(*rows[rows[:, 1] == kind, 2:].sum(0)) for kind in kinds])


def q5_wrong_no_halves(truths, predictions, things):
    """RQ counts FP and FN in full: each of them counts one half."""
    return _quality(truths, predictions, things, half=1)


def q5_wrong_no_false_positives(truths, predictions, things):
    """Wrong segments cost nothing here: RQ divides by TP + FP / 2 + FN / 2, and FP seems to be missing."""
    rows = _tables(truths, predictions, things)
    rows[:, 4] = 0
    return _mean([_three(*rows[rows[:, 1] == kind, 2:].sum(0)) for kind in np.unique(rows[rows[:, 3:].any(1), 1])])


def q5_wrong_no_misses(truths, predictions, things):
    """Missed segments cost nothing here: RQ divides by TP + FP / 2 + FN / 2, and FN seems to be missing."""
    rows = _tables(truths, predictions, things)
    rows[:, 5] = 0
    return _mean([_three(*rows[rows[:, 1] == kind, 2:].sum(0)) for kind in np.unique(rows[rows[:, 3:].any(1), 1])])


def q5_wrong_sq_of_all(truths, predictions, things):
    """SQ is divided by all segments: it is the mean IoU of the matches alone, so divide by TP."""
    return _quality(truths, predictions, things, everything=True)


def q5_wrong_product_of_means(truths, predictions, things):
    """PQ is the product of two means: multiply SQ and RQ for each class, then take the mean."""
    found = _quality(truths, predictions, things)
    return found | {"PQ": found["SQ"] * found["RQ"]}


def q5_wrong_void_is_wrong(truths, predictions, things):
    """Segments where the truth is mostly void count as wrong here: nobody knows what is there, so leave them out."""
    return _quality(truths, predictions, things, hidden=1)


def q5_wrong_void_forgives(truths, predictions, things):
    """A predicted segment is forgiven as soon as it touches void of the truth: more than half of it must lie there."""
    return _quality(truths, predictions, things, hidden=0)


def q5_wrong_one_pot(truths, predictions, things):
    """All segments are in one pot: compute the three numbers for each class, then take their means."""
    return _mean([_three(*_tables(truths, predictions, things)[:, 2:].sum(0))])


def q5_wrong_things_only(truths, predictions, things):
    """Only things are in your means: stuff has classes as well."""
    rows = _tables(truths, predictions, things)
    return _mean([_three(*rows[rows[:, 1] == k, 2:].sum(0)) for k in np.unique(rows[:, 1]) if k in things])


def q5_right_table(truths, predictions, things):
    rows = _tables(truths, predictions, things)
    kinds, place = np.unique(rows[:, 1], return_inverse=True)
    counts = np.zeros((len(kinds), 4))
    np.add.at(counts, place.reshape(-1), rows[:, 2:])
    overlap, right, wrong, missed = counts.T
    below = right + 0.5 * wrong + 0.5 * missed
    sq = np.divide(overlap, right, out=np.zeros(len(kinds)), where=right > 0)
    return {"PQ": np.mean(overlap / below), "RQ": np.mean(right / below), "SQ": np.mean(sq)}


# q6: fill the void


def _fill(panoptic, stuff, width, norm=np.hypot, near=np.less_equal, source=None, tie=1, number=True):
    out = panoptic.copy()
    rows, columns = np.nonzero(panoptic[..., 1] > 0 if source is None else source)
    numbers = panoptic[rows, columns, 1]
    for i, j in np.argwhere(panoptic[..., 0] < 0):
        distances = norm(abs(rows - i), abs(columns - j))
        if len(rows) and near(distances.min(), width):
            best = np.lexsort((tie * numbers, distances))[0]
            out[i, j] = panoptic[rows[best], columns[best]]
            out[i, j, 1] *= number
        elif stuff[i, j] >= 0:
            out[i, j] = stuff[i, j], 0
    return out


def q6_wrong_any_segment(panoptic, stuff, width):
    """The nearest segment of any kind wins here, stuff as well: look for the nearest pixel of a thing."""
    return _fill(panoptic, stuff, width, source=panoptic[..., 0] >= 0)


def q6_wrong_width(panoptic, stuff, width):
    """It looks as if `width` is not used: void that lies farther from any thing is none of its seam."""
    return _fill(panoptic, stuff, np.inf)


def q6_wrong_below_width(panoptic, stuff, width):
    """A pixel exactly `width` away belongs to the seam as well: at most, not below."""
    return _fill(panoptic, stuff, width, near=np.less)


def q6_wrong_city_block(panoptic, stuff, width):
    """You add the steps across and down: the distance is the straight line, √(Δx² + Δy²)."""
    return _fill(panoptic, stuff, width, norm=np.add)


def q6_wrong_square(panoptic, stuff, width):
    """You take the larger of the steps across and down: the distance is the straight line, √(Δx² + Δy²)."""
    return _fill(panoptic, stuff, width, norm=np.maximum)


def q6_wrong_growing(panoptic, stuff, width):
    """Pixels that you have just filled pass their thing on: look for things in the old map, and write into a copy."""
    out = panoptic.copy()
    for i, j in np.argwhere(panoptic[..., 0] < 0):
        one = panoptic.copy()
        one[out[..., 1] > 0] = out[out[..., 1] > 0]
        one[i, j] = VOID
        out[i, j] = _fill(one, stuff, width)[i, j]
    return out


def q6_wrong_no_number(panoptic, stuff, width):
    """The filled pixels have the class of the thing, but not its number: take both."""
    return _fill(panoptic, stuff, width, number=False)


def q6_wrong_stuff_first(panoptic, stuff, width):
    """Stuff comes first here: within `width` of a thing the thing wins, and `stuff` is for what is left."""
    near = _fill(panoptic, stuff, width)
    ground = (panoptic[..., 0] < 0) & (stuff >= 0)
    near[ground] = np.stack([stuff, 0 * stuff], -1)[ground]
    return near


def q6_wrong_stuff_forgotten(panoptic, stuff, width):
    """Void that is far from all things stays void: give it its class in `stuff`."""
    return _fill(panoptic, np.full_like(stuff, -1), width)


def q6_wrong_ties(panoptic, stuff, width):
    """Of equally near things the one with the highest number wins here: take the lowest."""
    return _fill(panoptic, stuff, width, tie=-1)


def q6_wrong_everything(panoptic, stuff, width):
    """Pixels that had an answer are changed: only void is filled."""
    everything = panoptic.copy()
    everything[panoptic[..., 1] == 0] = VOID
    rows, columns = np.nonzero(panoptic[..., 1] > 0)
    if not len(rows):
        return _fill(panoptic, stuff, width)
    out = _fill(everything, np.full_like(stuff, -1), width)
    rest = out[..., 0] < 0
    out[rest] = _fill(panoptic, stuff, width)[rest]
    return out


def q6_right_stacked(panoptic, stuff, width):
    void, thing = panoptic[..., 0] < 0, panoptic[..., 1] > 0
    out = np.where((void & (stuff >= 0))[..., None], np.stack([stuff, np.zeros_like(stuff)], -1), panoptic)
    i, j = np.mgrid[: void.shape[0], : void.shape[1]]
    best = np.full(void.shape, np.inf)
    for number in np.unique(panoptic[..., 1][thing]):
        for r, c in np.argwhere(panoptic[..., 1] == number):
            squares = (i - r) ** 2 + (j - c) ** 2
            nearer = void & (squares < best) & (squares <= width**2 + 1e-9)
            best[nearer] = squares[nearer]
            out[nearer] = panoptic[r, c]
    return out


# q7: merge the answers of real networks


def q7_wrong_plain_merge(masks, labels, scores, stuff):
    """Many segments are not there in truth: leave out unsure masks before you merge."""
    return _merge(masks, labels, scores, stuff)


def q7_wrong_no_order(masks, labels, scores, stuff):
    """Many things have the wrong class: let the surest mask take its pixels first."""
    return _merge(masks, labels, scores, stuff, range(len(masks)))


def q7_wrong_too_strict(masks, labels, scores, stuff):
    """Too much is missing: leave out fewer masks, only those that are truly unsure."""
    sure = scores > 0.9
    return _merge(masks[sure], labels[sure], scores[sure], stuff)


def q7_wrong_seams(masks, labels, scores, stuff):
    """Too many pixels have no answer: the seams around the stickers belong to the stickers."""
    sure = scores > 0.4
    return _merge(masks[sure], labels[sure], scores[sure], stuff)


def q7_right_drop_scraps(masks, labels, scores, stuff):
    sure = scores >= 0.3
    merged = _merge(masks[sure], labels[sure], scores[sure], stuff)
    filled = _fill(merged, np.full_like(stuff, -1), 2)
    for kind in range(3):
        if (filled[..., 0] == kind).sum() < 80:
            filled[filled[..., 0] == kind] = VOID
    return filled


# q8: five wrong pictures; who says k for every picture is told what bug k looks like


def q8_wrong_order():
    """Bug 1 changes every overlap: the surest mask comes last, and too little may be free for it to stay at all."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q8_wrong_painted():
    """Bug 2 changes the overlaps alone: all things of the right answer are there, and a later one covers an earlier."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q8_wrong_scrap():
    """Bug 3 adds to the right answer and takes nothing from it: the mask that should be dropped leaves a scrap."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q8_wrong_void():
    """Bug 4 leaves all things as they are: what changes is what lies around them."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q8_wrong_one_thing():
    """Bug 5 keeps each pixel of the things a thing: only the letters become one, the outline stays."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q8_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([3, 5, 2, 1, 4, 1, 4, 3, 5, 2])))

"""Homework 2: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np

# q1: freeze and count


def _count(weights):
    return sum(int(np.prod(array.shape)) for array in weights)


def _freeze(model, trained):
    model.trainable = True
    for layer in model.layers:
        layer.trainable = layer in trained
    return _count(model.trainable_weights)


def _with_weights(model):
    return [layer for layer in model.layers if layer.weights]


def q1_wrong_all_layers(model, count):
    """Pooling, activation and flatten have no weights: count only the layers that have some."""
    return _freeze(model, model.layers[len(model.layers) - count :])


def q1_wrong_first_layers(model, count):
    """The last layers should train, nearest to the output; here the first ones do."""
    return _freeze(model, _with_weights(model)[:count])


def q1_wrong_zero(model, count):
    """With count 0 nothing should train: `layers[-0:]` is the whole list."""
    return _freeze(model, _with_weights(model)[-count:])


def q1_wrong_total(model, count):
    """The layers are right, but what you return counts the frozen parameters too."""
    q1_right_reversed(model, count)
    return model.count_params()


def q1_wrong_moving_averages(model, count):
    """Batch normalization's moving averages are no trained parameters: count `trainable_weights`, not `weights`."""
    q1_right_reversed(model, count)
    return sum(_count(layer.weights) for layer in model.layers if layer.trainable)


def q1_wrong_arrays(model, count):
    """That is the number of arrays: add up how many numbers each of them holds."""
    q1_right_reversed(model, count)
    return len(model.trainable_weights)


def q1_wrong_never_on(model, count):
    """A layer that was frozen before stays frozen: set `trainable` to True for those that should train."""
    for layer in _with_weights(model)[: len(_with_weights(model)) - count]:
        layer.trainable = False
    return _count(model.trainable_weights)


def q1_wrong_model_frozen(model, count):
    """A model that is frozen as a whole trains nothing, whatever its layers say: set `model.trainable` to True first.
    """
    for position, layer in enumerate(_with_weights(model)):
        layer.trainable = position >= len(_with_weights(model)) - count
    return _count(model.trainable_weights)


def q1_wrong_order(model, count):
    """`model.trainable = True` sets all layers at once: it comes first, and the layers one by one afterwards."""
    for position, layer in enumerate(_with_weights(model)):
        layer.trainable = position >= len(_with_weights(model)) - count
    model.trainable = True
    return _count(model.trainable_weights)


def q1_wrong_all_frozen(model, count):
    """Nothing trains any more: the last `count` layers with weights have to stay free."""
    return _freeze(model, [])


def q1_wrong_negative(model, count):
    """The wrong part trains: the last `count` layers train, all before them are frozen."""
    return _freeze(model, _with_weights(model)[: len(_with_weights(model)) - count])


def q1_wrong_layers(model, count):
    """That is the number of layers: return the number of parameters that train."""
    q1_right_reversed(model, count)
    return len([layer for layer in model.layers if layer.trainable_weights])


def q1_wrong_two_kinds(model, count):
    """Convolutions and dense layers are not all: count every layer that has weights, batch normalization as well."""
    model.trainable, kernels = True, [layer for layer in model.layers if hasattr(layer, "kernel")]
    for position, layer in enumerate(kernels):
        layer.trainable = position >= len(kernels) - count
    return _count(model.trainable_weights)


def q1_right_reversed(model, count):
    left, model.trainable = count, True
    for layer in reversed(model.layers):
        layer.trainable = bool(layer.weights) and left > 0
        left -= bool(layer.weights)
    return np.int64(sum(np.size(array) for array in model.trainable_weights))


# q2: flip


def _flip_boxes(boxes, width):
    return np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)


def q2_wrong_not_swapped(image, boxes):
    """Left and right edge of the boxes are exchanged: after a flip the old x_max gives the new x_min."""
    return image[:, ::-1], np.stack(
        [image.shape[1] - boxes[:, 0], boxes[:, 1], image.shape[1] - boxes[:, 2], boxes[:, 3]], axis=1
    )


def q2_wrong_minus_one(image, boxes):
    """The boxes are one pixel too far left: x names an edge between pixels, so it lands at width - x, without -1."""
    return image[:, ::-1], _flip_boxes(boxes, image.shape[1] - 1)


def q2_wrong_boxes_unchanged(image, boxes):
    """The image is flipped, the boxes are not."""
    return image[:, ::-1], boxes


def q2_wrong_vertical(image, boxes):
    """That is a vertical flip: reverse the columns, not the rows."""
    height = image.shape[0]
    return image[::-1], np.stack([boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]], axis=1)


def q2_wrong_height(image, boxes):
    """The boxes are mirrored with the height: x belongs to the width, image.shape[1]."""
    return image[:, ::-1], _flip_boxes(boxes, image.shape[0])


def q2_wrong_xywh(image, boxes):
    """The boxes are treated as x, y, width, height: here they are x_min, y_min, x_max, y_max."""
    return image[:, ::-1], np.stack(
        [image.shape[1] - boxes[:, 0] - boxes[:, 2], boxes[:, 1], boxes[:, 2], boxes[:, 3]], axis=1
    )


def q2_wrong_swapped_axes(image, boxes):
    """The first and the second number of the boxes change places: x stays x, only measured from the other side."""
    return image[:, ::-1], _flip_boxes(boxes[:, [1, 0, 3, 2]], image.shape[1])


def q2_wrong_plus_one(image, boxes):
    """The boxes are one pixel too far right: x names an edge between pixels, so it lands at width - x, without +1."""
    return image[:, ::-1], _flip_boxes(boxes, image.shape[1] + 1)


def q2_wrong_image_unchanged(image, boxes):
    """The boxes are flipped, the image is not."""
    return image, _flip_boxes(boxes, image.shape[1])


def q2_wrong_both_ways(image, boxes):
    """The image is mirrored in both directions: reverse the columns only, `image[:, ::-1]`, and leave the rows."""
    return image[::-1, ::-1], _flip_boxes(boxes, image.shape[1])


def q2_wrong_y_too(image, boxes):
    """The boxes are mirrored in y as well: a horizontal flip leaves y as it is."""
    height, width = image.shape[:2]
    return image[:, ::-1], np.stack(
        [width - boxes[:, 2], height - boxes[:, 3], width - boxes[:, 0], height - boxes[:, 1]], axis=1
    )


def q2_wrong_one_side(image, boxes):
    """Only x_min moves: x_max has to be measured from the other side as well."""
    return image[:, ::-1], np.stack([image.shape[1] - boxes[:, 2], *boxes.T[1:]], axis=1)


def q2_wrong_channels(image, boxes):
    """The image has its channels reversed or nothing at all: columns are axis 1."""
    return image[..., ::-1], _flip_boxes(boxes, image.shape[1])


def q2_wrong_shares(image, boxes):
    """1 - x mirrors shares of the width: these boxes are in pixels, so it is width - x."""
    return image[:, ::-1], _flip_boxes(boxes, 1)


def q2_right_list(image, boxes):
    width = image.shape[1]
    return np.fliplr(image), [[width - x2, y1, width - x1, y2] for x1, y1, x2, y2 in boxes]


def q2_right_numpy(image, boxes):
    flipped = boxes.copy()
    flipped[:, [0, 2]] = image.shape[1] - boxes[:, [2, 0]]
    return np.fliplr(image), flipped


# q3: salt and pepper


def _salt_and_pepper(image, noise, amount, black=0, white=255):
    out = image.copy()
    out[noise < amount / 2] = black
    out[noise >= 1 - amount / 2] = white
    return out


def q3_wrong_twice(image, noise, amount):
    """Twice too many pixels change: half of `amount` turns black and half turns white."""
    return _salt_and_pepper(image, noise, 2 * amount)


def q3_wrong_one(image, noise, amount):
    """White is 255 in a uint8 image, not 1."""
    return _salt_and_pepper(image, noise, amount, white=1)


def q3_wrong_exchanged(image, noise, amount):
    """Black and white are exchanged: small noise gives black."""
    return _salt_and_pepper(image, noise, amount, black=255, white=0)


def q3_wrong_pepper_only(image, noise, amount):
    """Only the black pixels are there: the white ones, at the upper end of the noise, are missing."""
    out = image.copy()
    out[noise < amount / 2] = 0
    return out


def q3_wrong_one_channel(image, noise, amount):
    """Only the first channel changes: a pixel turns black or white in all channels."""
    out = image.copy()
    out[noise < amount / 2, 0] = 0
    out[noise >= 1 - amount / 2, 0] = 255
    return out


def q3_wrong_salt_only(image, noise, amount):
    """Only the white pixels are there: the black ones, at the lower end of the noise, are missing."""
    out = image.copy()
    out[noise >= 1 - amount / 2] = 255
    return out


def q3_wrong_all_salt(image, noise, amount):
    """White begins too early: it belongs where the noise is at least 1 - amount / 2, not above amount / 2."""
    return np.where((noise < amount / 2)[..., None], 0, np.where((noise >= amount / 2)[..., None], 255, image)).astype(
        np.uint8
    )


def q3_wrong_strict(image, noise, amount):
    """At the limits: black where noise < amount / 2, white where noise >= 1 - amount / 2; one sign differs here."""
    out = image.copy()
    out[noise < amount / 2] = 0
    out[noise > 1 - amount / 2] = 255
    return out


def q3_wrong_inclusive(image, noise, amount):
    """Black begins strictly below amount / 2: < and not <=."""
    out = _salt_and_pepper(image, noise, amount)
    out[noise <= amount / 2] = 0
    return out


def q3_wrong_inverted(image, noise, amount):
    """The masks are turned round: the pixels between the two limits changed, those outside should."""
    out = image.copy()
    out[noise >= amount / 2] = 0
    out[noise < 1 - amount / 2] = 255
    return out


def q3_wrong_float(image, noise, amount):
    """The values are right, but the image came back as float: keep uint8."""
    return _salt_and_pepper(image, noise, amount).astype(np.float32)


def q3_right_where(image, noise, amount):
    noise = noise[..., None]
    return np.where(noise < amount / 2, 0, np.where(noise >= 1 - amount / 2, 255, image)).astype(np.uint8)


# q4: brightness


def q4_wrong_overflow(image, factor):
    """Values above 255 start again at 0: clip before you turn the result into uint8."""
    return np.rint(image * float(factor)).astype(np.int64).astype(np.uint8)


def q4_wrong_truncated(image, factor):
    """The values are cut, not rounded: np.rint before the conversion."""
    return np.clip(image * float(factor), 0, 255).astype(np.uint8)


def q4_wrong_added(image, factor):
    """Brightness multiplies here: the factor is not added."""
    return np.clip(np.rint(image + float(factor)), 0, 255).astype(np.uint8)


def q4_wrong_clipped_to_one(image, factor):
    """The values are clipped to 1: in a uint8 image white is 255."""
    return np.clip(np.rint(image * float(factor)), 0, 1).astype(np.uint8)


def q4_wrong_whole_factor(image, factor):
    """The factor is cut to a whole number: keep it as it is, and compute with floats."""
    return np.clip(image * float(int(factor)), 0, 255).astype(np.uint8)


def q4_wrong_divided(image, factor):
    """The image is divided by the factor: multiply."""
    with np.errstate(all="ignore"):
        return np.clip(np.nan_to_num(np.rint(image / float(factor))), 0, 255).astype(np.uint8)


def q4_wrong_rounded_up(image, factor):
    """The values are rounded up: take the nearest whole number, np.rint."""
    return np.clip(np.ceil(image * float(factor)), 0, 255).astype(np.uint8)


def q4_wrong_scaled(image, factor):
    """The image is scaled to 0 … 1 and stays there: come back to 0 … 255 before it turns into uint8."""
    return np.clip(image / 255 * float(factor), 0, 1).astype(np.uint8)


def q4_wrong_offset(image, factor):
    """Something is added to every pixel: multiply, so that black stays black."""
    return np.clip(np.rint(image.astype(float) + 255 * (factor - 1)), 0, 255).astype(np.uint8)


def q4_wrong_float(image, factor):
    """The values are right, but the image came back as float: turn it into uint8."""
    return np.clip(np.rint(image * float(factor)), 0, 255)


def q4_wrong_contrast(image, factor):
    """That changes the contrast: grey stays and black gets blacker. Brightness multiplies every pixel, without 128."""
    return np.clip(np.rint((image.astype(float) - 128) * factor + 128), 0, 255).astype(np.uint8)


def q4_right_table(image, factor):
    table = np.array([min(255, round(value * factor)) for value in range(256)], np.uint8)
    return table[image]


# q5: crop


def _crop(image, boxes, labels, top, left, height, width):
    x = np.clip(boxes[:, [0, 2]] - left, 0, width)
    y = np.clip(boxes[:, [1, 3]] - top, 0, height)
    moved = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
    keep = (x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])
    return image[top : top + height, left : left + width], moved, labels, keep


def q5_wrong_not_shifted(image, boxes, labels, top, left, height, width):
    """The boxes still count from the corner of the old image: subtract left and top."""
    image, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return image, np.clip(boxes, 0, [width, height, width, height])[keep], labels[keep]


def q5_wrong_place_of_old_image(image, boxes, labels, top, left, height, width):
    """The boxes are clipped to the crop, but not shifted: subtract left and top, the origin has moved."""
    image, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return image, (moved + [left, top, left, top])[keep], labels[keep]


def q5_wrong_not_clipped(image, boxes, labels, top, left, height, width):
    """Some boxes reach outside the crop: clip x to 0 … width and y to 0 … height."""
    cut, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return cut, (boxes - [left, top, left, top])[keep], labels[keep]


def q5_wrong_kept_all(image, boxes, labels, top, left, height, width):
    """Boxes of which nothing is left are still there: keep only those with a width and a height above 0."""
    return _crop(image, boxes, labels, top, left, height, width)[:3]


def q5_wrong_labels_kept(image, boxes, labels, top, left, height, width):
    """A box was dropped, its label was not: select both with the same mask."""
    image, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return image, moved[keep], labels


def q5_wrong_exchanged(image, boxes, labels, top, left, height, width):
    """x and y are exchanged: left belongs to x, top to y."""
    x = np.clip(boxes[:, [0, 2]] - top, 0, width)
    y = np.clip(boxes[:, [1, 3]] - left, 0, height)
    keep = (x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])
    moved = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
    return image[top : top + height, left : left + width], moved[keep], labels[keep]


def q5_wrong_clipped_first(image, boxes, labels, top, left, height, width):
    """Clip after you have moved the boxes: 0 … width and 0 … height are places in the crop."""
    clipped = np.clip(boxes, 0, [width, height, width, height])
    moved = clipped - [left, top, left, top]
    keep = (moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])
    return image[top : top + height, left : left + width], moved[keep], labels[keep]


def q5_wrong_clipped_exchanged(image, boxes, labels, top, left, height, width):
    """Width and height are exchanged where you clip: x goes from 0 to width, y from 0 to height."""
    moved = np.clip(boxes - [left, top, left, top], 0, [height, width, height, width])
    keep = (moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])
    return image[top : top + height, left : left + width], moved[keep], labels[keep]


def q5_wrong_no_width_kept(image, boxes, labels, top, left, height, width):
    """Boxes without width or height were kept: > and not >=."""
    cut, moved, labels, _ = _crop(image, boxes, labels, top, left, height, width)
    raw = boxes - [left, top, left, top]
    keep = (raw[:, 2] >= 0) & (raw[:, 3] >= 0) & (raw[:, 0] <= width) & (raw[:, 1] <= height)
    return cut, moved[keep], labels[keep]


def q5_wrong_wh(image, boxes, labels, top, left, height, width):
    """The boxes end with width and height: give x_max and y_max."""
    cut, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    moved[:, 2:] -= moved[:, :2]
    return cut, moved[keep], labels[keep]


def q5_wrong_added(image, boxes, labels, top, left, height, width):
    """left and top are added: in the crop every place is smaller, so subtract them."""
    cut = image[top : top + height, left : left + width]
    moved = np.clip(boxes + [left, top, left, top], 0, [width, height, width, height])
    keep = (moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])
    return cut, moved[keep], labels[keep]


def q5_wrong_image_whole(image, boxes, labels, top, left, height, width):
    """The image is not cut: rows top to top + height, columns left to left + width."""
    _, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return image, moved[keep], labels[keep]


def q5_wrong_image_exchanged(image, boxes, labels, top, left, height, width):
    """Rows and columns of the image are exchanged: the first index goes from top, the second from left."""
    _, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return image[left : left + width, top : top + height], moved[keep], labels[keep]


def q5_wrong_end(image, boxes, labels, top, left, height, width):
    """The crop ends at row `height`: it should end at top + height, and the columns at left + width."""
    _, moved, labels, keep = _crop(image, boxes, labels, top, left, height, width)
    return image[top:height, left:width], moved[keep], labels[keep]


def q5_wrong_whole_boxes(image, boxes, labels, top, left, height, width):
    """Boxes that are cut by the border were dropped: keep what is visible of them."""
    cut, moved, labels, _ = _crop(image, boxes, labels, top, left, height, width)
    inside = (boxes[:, 0] >= left) & (boxes[:, 1] >= top)
    inside &= (boxes[:, 2] <= left + width) & (boxes[:, 3] <= top + height)
    return cut, moved[inside], labels[inside]


def q5_wrong_one_less(image, boxes, labels, top, left, height, width):
    """The boxes end one pixel too early: x goes from 0 to width, y from 0 to height, without -1."""
    moved = np.clip(boxes - [left, top, left, top], 0, [width - 1, height - 1, width - 1, height - 1])
    keep = (moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])
    return image[top : top + height, left : left + width], moved[keep], labels[keep]


def q5_right_list(image, boxes, labels, top, left, height, width):
    moved = [np.clip(box - [left, top, left, top], 0, [width, height, width, height]) for box in boxes]
    seen = [(box.tolist(), label) for box, label in zip(moved, labels) if box[2] > box[0] and box[3] > box[1]]
    return image[top:][:height][:, left:][:, :width], [box for box, _ in seen], [label for _, label in seen]


def q5_right_loop(image, boxes, labels, top, left, height, width):
    found = []
    for (x0, y0, x1, y1), label in zip(boxes, labels):
        box = max(x0 - left, 0), max(y0 - top, 0), min(x1 - left, width), min(y1 - top, height)
        if box[0] < box[2] and box[1] < box[3]:
            found.append((*box, label))
    found = np.array(found).reshape(-1, 5)
    return image[top : top + height, left : left + width], found[:, :4], found[:, 4].astype(int)


# q6: cutout


def _cutout(image, masks, rows, columns, rule):
    image, cut = image.copy(), masks.copy()
    image[rows, columns] = 0
    cut[:, rows, columns] = False
    before, after = masks.sum(axis=(1, 2)), cut.sum(axis=(1, 2))
    kept = rule(before, after)
    return image, cut[kept], kept


def _square(top, left, size):
    return slice(max(0, top), max(0, top + size)), slice(max(0, left), max(0, left + size))


def _half(before, after):
    return (after >= before / 2) & (after > 0)


def q6_wrong_negative(image, masks, top, left, size):
    """With a negative start the slice counts from the end: limit top and left to 0, but keep where the square ends."""
    return _cutout(image, masks, slice(top, top + size), slice(left, left + size), _half)


def q6_wrong_moved(image, masks, top, left, size):
    """A square that sticks out was pushed into the image: only its inner part counts."""
    rows, columns = slice(max(0, top), max(0, top) + size), slice(max(0, left), max(0, left) + size)
    return _cutout(image, masks, rows, columns, _half)


def q6_wrong_masks_whole(image, masks, top, left, size):
    """The masks still cover the hole: what was cut out of the image is no longer visible."""
    out, _, kept = _cutout(image, masks, *_square(top, left, size), _half)
    return out, masks[kept], kept


def q6_wrong_all_kept(image, masks, top, left, size):
    """Every object was kept: one of which less than half is left goes."""
    return _cutout(image, masks, *_square(top, left, size), lambda before, after: np.ones(len(after), bool))


def q6_wrong_any_left(image, masks, top, left, size):
    """Objects with a few pixels left were kept: at least half of their pixels should remain."""
    return _cutout(image, masks, *_square(top, left, size), lambda before, after: after > 0)


def q6_wrong_exactly_half(image, masks, top, left, size):
    """An object of which exactly half is left stays: at least half, so >= and not >."""
    return _cutout(image, masks, *_square(top, left, size), lambda before, after: after > before / 2)


def q6_wrong_empty_kept(image, masks, top, left, size):
    """An object without any pixel was kept: 0 of 0 pixels is not an object."""
    return _cutout(image, masks, *_square(top, left, size), lambda before, after: after >= before / 2)


def q6_wrong_untouched_only(image, masks, top, left, size):
    """Objects that lost a few pixels were dropped: at least half of them is enough."""
    return _cutout(image, masks, *_square(top, left, size), lambda b, a: (a == b) & (a > 0))


def q6_wrong_kept_round(image, masks, top, left, size):
    """`kept` is turned round: True for the objects that stay."""
    return _cutout(image, masks, *_square(top, left, size), lambda b, a: ~_half(b, a))


def q6_wrong_image_whole(image, masks, top, left, size):
    """The image still shows what should be hidden: set the square to 0."""
    return image, *_cutout(image, masks, *_square(top, left, size), _half)[1:]


def q6_wrong_exchanged(image, masks, top, left, size):
    """Rows and columns are exchanged: top belongs to the rows, the first index, and left to the columns."""
    return _cutout(image, masks, *_square(left, top, size), _half)


def q6_wrong_one_larger(image, masks, top, left, size):
    """The square is one pixel too large: a slice leaves out its end, so it ends at top + size."""
    return _cutout(image, masks, *_square(top, left, size + 1), _half)


def q6_wrong_square_counts(image, masks, top, left, size):
    """The share is measured after the hole was cut twice, or against the square: compare with the pixels before."""
    return _cutout(image, masks, *_square(top, left, size), lambda b, a: (a >= size * size / 2) & (a > 0))


def q6_wrong_masks_not_selected(image, masks, top, left, size):
    """The masks of dropped objects are still in the list: return masks[kept]."""
    out, _, kept = _cutout(image, masks, *_square(top, left, size), _half)
    cut = masks.copy()
    cut[(slice(None), *_square(top, left, size))] = False
    return out, cut, kept


def q6_wrong_centred(image, masks, top, left, size):
    """`top` and `left` name the corner of the square, not its centre: nothing is subtracted from them."""
    return _cutout(image, masks, *_square(top - size // 2, left - size // 2, size), _half)


def q6_wrong_mean(image, masks, top, left, size):
    """The hole has the mean colour of the image: here it is black, 0."""
    out, cut, kept = _cutout(image, masks, *_square(top, left, size), _half)
    out[_square(top, left, size)] = image.mean(axis=(0, 1))
    return out, cut, kept


def q6_right_grid(image, masks, top, left, size):
    row, column = np.mgrid[: image.shape[0], : image.shape[1]]
    hole = (row >= top) & (row < top + size) & (column >= left) & (column < left + size)
    cut = masks & ~hole
    share = cut.sum((1, 2)) / np.maximum(masks.sum((1, 2)), 1)
    return np.where(hole[..., None], 0, image), cut[share >= 0.5], share >= 0.5


# q7: augment digits


def q7_wrong_copies(images, rng):
    """Most images came back unchanged: a copy teaches nothing new."""
    return images


def q7_wrong_mirrored(images, rng):
    """Many digits are mirrored: that is another shape, and no digit any more."""
    return images[:, :, ::-1]


def q7_wrong_noise(images, rng):
    """
    That changes nothing: the test images are clean and evenly lit. Change what differs between writers, the place.
    """
    return np.clip(images + rng.normal(0, 30, images.shape), 0, 255).astype(np.uint8)


def q7_wrong_shuffled(images, rng):
    """This is far worse than no augmentation: can you still read the digits? Look at them with as_text."""
    return rng.permutation(images)


def q7_right_shifts(images, rng):
    out = np.zeros_like(images)
    for new, old, (dy, dx) in zip(out, images, rng.integers(-2, 3, (len(images), 2))):
        new[max(0, dy) : 28 + dy, max(0, dx) : 28 + dx] = old[max(0, -dy) : 28 - dy, max(0, -dx) : 28 - dx]
    return out


# q8: freeze, train, unfreeze


def _transfer(*phases, compiles=True):
    """Train in phases of (last layers that train, rate, steps); without compiling again when ``compiles`` is False."""

    def transfer(network, images, labels):
        from cvhelpers._quiet import keras

        keras.utils.set_random_seed(0)
        model = keras.Sequential([network, keras.layers.Dense(12)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for number, (count, rate, steps) in enumerate(phases):
            q1_right_reversed(network, count)
            if compiles or not number:
                model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
            rows = np.resize(np.arange(len(labels)), 16 * steps)
            model.fit(images[rows], labels[rows], batch_size=16, verbose=0)
        return model

    return transfer


def q8_wrong_forgets(network, images, labels):
    """
    That is little more than guessing gives: an untrained head knows nothing, and a high rate makes the backbone forget.
    """
    return _transfer((8, 1e-1, 8))(network, images, labels)


def q8_wrong_two_blocks(network, images, labels):
    """What should stay frozen has moved. Was it frozen before `compile`, and with it its batch normalization?"""
    return _transfer((0, 1e-2, 30), (14, 1e-5, 1))(network, images, labels)


def q8_wrong_not_compiled(network, images, labels):
    """
    Only the head has trained. After `trainable` was changed, `fit` goes on with the old step until you compile again;
    and it is the network that came in which should be refined, no copy.
    """
    return _transfer((0, 1e-2, 30), (8, 1e-4, 2), compiles=False)(network, images, labels)


def q8_wrong_one_layer(network, images, labels):
    """Block 16 and the convolution behind it have four kernels, and not all of them have moved."""
    return _transfer((0, 1e-2, 30), (2, 1e-4, 2))(network, images, labels)


def q8_right_frozen_normalization(network, images, labels):
    return _transfer((0, 1e-2, 110), (8, 1e-4, 30))(network, images, labels)


# q9: five curves; who says k for every training is told what mistake k looks like


def q9_wrong_slow():
    """Mistake 1 leaves both curves near the dotted line: it learns, but hardly moves."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q9_wrong_fast():
    """Mistake 2 makes the loss jump to large values at once, and it comes down to guessing at best."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q9_wrong_shuffled():
    """Mistake 3 can be learned by heart, so the solid curve falls; on others it gets worse than guessing."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q9_wrong_few():
    """Mistake 4 brings the solid curve down; the dashed one stays far above it, and below the dotted line."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q9_wrong_softmax():
    """Mistake 5 stops both curves near 1.46, below which no loss can get here."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q9_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([5, 3, 1, 4, 2, 4, 2, 5, 1, 3])))

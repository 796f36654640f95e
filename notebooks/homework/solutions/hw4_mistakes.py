"""Homework 4: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np

# q1: nearest-neighbour upsampling


def q1_wrong_tiled(maps, factor):
    """You repeat the whole picture side by side; each pixel has to become a block of its own."""
    return np.tile(maps, (factor, factor, 1))


def q1_wrong_rows_only(maps, factor):
    """The height grows, the width does not: repeat along both axes."""
    return np.repeat(maps, factor, axis=0)


def q1_wrong_zeros_between(maps, factor):
    """Between the pixels are zeros: fill the whole block with the pixel's value."""
    height, width, channels = maps.shape
    out = np.zeros((height * factor, width * factor, channels))
    out[::factor, ::factor] = maps
    return out


def q1_wrong_channels_too(maps, factor):
    """The channels were repeated as well; upsampling leaves them alone."""
    return maps.repeat(factor, 0).repeat(factor, 1).repeat(factor, 2)


def q1_wrong_columns_only(maps, factor):
    """The width grows, the height does not: repeat along both axes."""
    return np.repeat(maps, factor, axis=1)


def q1_wrong_twice(maps, factor):
    """It looks as if `factor` is not used: this makes the maps twice as large, whatever it is."""
    return maps.repeat(2, 0).repeat(2, 1)


def q1_wrong_flat(maps, factor):
    """Without an axis `np.repeat` makes one long row: give axis=0, then axis=1."""
    return np.repeat(maps, factor)


def q1_wrong_bilinear(maps, factor):
    """The values between the pixels are mixed, as by bilinear interpolation: the nearest pixel is copied as it is."""

    def weights(length):
        places = np.clip((np.arange(length * factor) + 0.5) / factor - 0.5, 0, length - 1)
        return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(length)))

    return np.einsum("ih,hwc,jw->ijc", weights(maps.shape[0]), maps, weights(maps.shape[1]))


def q1_right_kronecker(maps, factor):
    return np.kron(maps, np.ones((factor, factor, 1)))


# q2: confusion matrix


def _confusion(truth, prediction, classes):
    return np.bincount(truth.ravel() * classes + prediction.ravel(), minlength=classes**2).reshape(classes, classes)


def q2_wrong_transposed(truth, prediction, classes):
    """Rows and columns are exchanged: a row is a true class, a column a predicted one."""
    return _confusion(prediction, truth, classes)


def q2_wrong_hits_only(truth, prediction, classes):
    """Only the hits are counted; off the diagonal stand the mix-ups, and they are the interesting part."""
    return np.diag(np.diag(_confusion(truth, prediction, classes)))


def q2_wrong_present_only(truth, prediction, classes):
    """The matrix has rows only for classes that occur here: it always has `classes` rows and columns."""
    present = np.union1d(truth, prediction)
    return _confusion(truth, prediction, classes)[np.ix_(present, present)]


def q2_wrong_not_added(truth, prediction, classes):
    """Each pair is counted once at most: `matrix[truth, prediction] += 1` forgets repeated indices."""
    matrix = np.zeros((classes, classes), int)
    matrix[truth, prediction] += 1
    return matrix


def q2_wrong_shares(truth, prediction, classes):
    """These are shares; the matrix holds counts of pixels."""
    return _confusion(truth, prediction, classes) / truth.size


def q2_wrong_bytes(truth, prediction, classes):
    """The counts run over: uint8 ends at 255, so count in a larger type."""
    return _confusion(truth, prediction, classes).astype(np.uint8)


def q2_wrong_rows_normed(truth, prediction, classes):
    """The rows are divided by their sums: the matrix holds counts of pixels."""
    matrix = _confusion(truth, prediction, classes)
    return matrix / np.maximum(matrix.sum(1, keepdims=True), 1)


def q2_wrong_misses_only(truth, prediction, classes):
    """Only the mix-ups are counted: the hits belong on the diagonal."""
    matrix = _confusion(truth, prediction, classes)
    return matrix - np.diag(np.diag(matrix))


def q2_wrong_first_row(truth, prediction, classes):
    """Only the first image or the first row of pixels is counted: go through all pixels."""
    return _confusion(truth[0], prediction[0], classes)


def q2_wrong_background(truth, prediction, classes):
    """Class 0 is left out: classes go from 0 on, and pixels of class 0 count as all others do."""
    matrix = _confusion(truth, prediction, classes)
    matrix[0], matrix[:, 0] = 0, 0
    return matrix


def q2_right_loops(truth, prediction, classes):
    matrix = np.zeros((classes, classes), int)
    for pair in zip(truth.ravel(), prediction.ravel()):
        matrix[pair] += 1
    return matrix


# q3: intersection over union of each class


def _iou(matrix):
    matrix = np.asarray(matrix, float)
    union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    return np.where(union > 0, np.diag(matrix) / np.maximum(union, 1), np.nan)


def q3_wrong_union_twice(matrix):
    """The union counts the intersection twice: subtract it once."""
    total = matrix.sum(0) + matrix.sum(1)
    return np.where(total > 0, np.diag(matrix) / np.maximum(total, 1), np.nan)


def q3_wrong_dice(matrix):
    """That is Dice, 2·intersection / (truth + prediction). IoU divides by the union."""
    total = matrix.sum(0) + matrix.sum(1)
    return np.where(total > 0, 2 * np.diag(matrix) / np.maximum(total, 1), np.nan)


def q3_wrong_recall(matrix):
    """You divide by the true pixels alone: that is recall. The union holds the predicted pixels too."""
    return np.where(np.isnan(_iou(matrix)), np.nan, np.diag(matrix) / np.maximum(matrix.sum(1), 1))


def q3_wrong_precision(matrix):
    """You divide by the predicted pixels alone: that is precision. The union holds the true pixels too."""
    return np.where(np.isnan(_iou(matrix)), np.nan, np.diag(matrix) / np.maximum(matrix.sum(0), 1))


def q3_wrong_zero_for_absent(matrix):
    """A class that nobody drew and nobody predicted has no IoU: give nan, not 0."""
    return np.nan_to_num(_iou(matrix))


def q3_wrong_all_pixels(matrix):
    """You divide by all pixels of the picture; divide by those that are in the truth or in the prediction."""
    return np.diag(matrix) / matrix.sum()


def q3_wrong_misses_only(matrix):
    """The diagonal is left out of the union altogether: it belongs in it, once."""
    total = matrix.sum(0) + matrix.sum(1) - 2 * np.diag(matrix)
    with np.errstate(all="ignore"):
        return np.where(np.isnan(_iou(matrix)), np.nan, np.diag(matrix) / total)


def q3_wrong_one_for_absent(matrix):
    """A class that nobody drew and nobody predicted has no IoU: give nan, not 1."""
    return np.nan_to_num(_iou(matrix), nan=1.0)


def q3_wrong_mean(matrix):
    """That is the mean over the classes: return one number for each class."""
    return np.nanmean(_iou(matrix))


def q3_wrong_left_out(matrix):
    """The absent class is left out: it keeps its place, with nan."""
    return _iou(matrix)[~np.isnan(_iou(matrix))]


def q3_right_sets(matrix):
    classes = range(len(matrix))
    union = [sum(matrix[i][j] for i in classes for j in classes if k in (i, j)) for k in classes]
    return [matrix[k][k] / union[k] if union[k] else float("nan") for k in classes]


# q4: mean IoU of a test set


def q4_wrong_image_by_image(truths, predictions, classes):
    """You average over the images: count the pixels of all images first, then compute one IoU for each class."""
    return np.mean([np.nanmean(_iou(_confusion(t, p, classes))) for t, p in zip(truths, predictions)])


def q4_wrong_absent_is_zero(truths, predictions, classes):
    """A class that occurs nowhere counts as 1 here: leave it out of the mean."""
    return np.nan_to_num(_iou(_confusion(truths, predictions, classes)), nan=1.0).mean()


def q4_wrong_accuracy(truths, predictions, classes):
    """That is the share of right pixels; a rare class hardly counts in it."""
    return np.mean(truths == predictions)


def q4_wrong_first_image(truths, predictions, classes):
    """It looks as if only the first image is used."""
    return np.nanmean(_iou(_confusion(truths[0], predictions[0], classes)))


def q4_wrong_over_classes(truths, predictions, classes):
    """You divide by `classes`: classes that occur nowhere are left out of the mean, so divide by those that occur."""
    return np.nansum(_iou(_confusion(truths, predictions, classes))) / classes


def q4_wrong_true_only(truths, predictions, classes):
    """Only classes of the truth are in your mean: one that is predicted but never true counts, with 0."""
    return np.mean([_iou(_confusion(truths, predictions, classes))[k] for k in np.unique(truths)])


def q4_wrong_background(truths, predictions, classes):
    """Class 0 is left out: every class that occurs counts."""
    with np.errstate(all="ignore"):
        values = _iou(_confusion(truths, predictions, classes))[1:]
        return np.mean(values[~np.isnan(values)])


def q4_wrong_list(truths, predictions, classes):
    """That is one number for each class: return their mean."""
    return _iou(_confusion(truths, predictions, classes))


def q4_wrong_weighted(truths, predictions, classes):
    """The classes are weighted by their pixels: every class that occurs counts alike."""
    matrix = _confusion(truths, predictions, classes)
    return np.nansum(_iou(matrix) * matrix.sum(1)) / matrix.sum()


def q4_wrong_dice(truths, predictions, classes):
    """That is the mean Dice: IoU does not count the intersection twice."""
    iou = _iou(_confusion(truths, predictions, classes))
    return np.nanmean(2 * iou / (1 + iou))


def q4_wrong_nan(truths, predictions, classes):
    """One absent class makes the whole mean nan: leave such classes out."""
    return _iou(_confusion(truths, predictions, classes)).mean()


def q4_wrong_all_pixels_together(truths, predictions, classes):
    """Hits and unions of all classes are added first: compute one IoU for each class, then take the mean of them."""
    matrix = _confusion(truths, predictions, classes)
    return np.trace(matrix) / (2 * matrix.sum() - np.trace(matrix))


def q4_right_class_by_class(truths, predictions, classes):
    found = []
    for k in range(classes):
        either = (truths == k) | (predictions == k)
        if either.any():
            found.append(((truths == k) & (predictions == k)).sum() / either.sum())
    return sum(found) / len(found)


# q5: Dice loss


def _one_hot(probabilities, truth):
    return np.eye(probabilities.shape[-1])[truth]


def _dice(probabilities, truth, smooth, factor=2):
    hot = _one_hot(probabilities, truth)
    overlap = (probabilities * hot).sum((0, 1))
    return (factor * overlap + smooth) / (probabilities.sum((0, 1)) + hot.sum((0, 1)) + smooth)


def q5_wrong_overlap_not_loss(probabilities, truth, smooth=1.0):
    """That is the Dice overlap: the loss is 1 minus it."""
    return _dice(probabilities, truth, smooth).mean()


def q5_wrong_without_two(probabilities, truth, smooth=1.0):
    """The intersection counts twice in Dice, otherwise a perfect answer would give only one half."""
    return 1 - _dice(probabilities, truth, smooth, factor=1).mean()


def q5_wrong_no_smooth(probabilities, truth, smooth=1.0):
    """It looks as if `smooth` is not used: it is added above and below."""
    return 1 - _dice(probabilities, truth, 1e-9).mean()


def q5_wrong_classes_pooled(probabilities, truth, smooth=1.0):
    """You sum over the classes too, so large classes win: compute Dice for each class, then take the mean."""
    hot = _one_hot(probabilities, truth)
    return 1 - (2 * (probabilities * hot).sum() + smooth) / (probabilities.sum() + hot.sum() + smooth)


def q5_wrong_hard(probabilities, truth, smooth=1.0):
    """The probabilities were turned into hard decisions: then nothing is left to differentiate."""
    return 1 - _dice(_one_hot(probabilities, probabilities.argmax(-1)), truth, smooth).mean()


def q5_wrong_above_only(probabilities, truth, smooth=1.0):
    """`smooth` is added on one side of the fraction only: above and below."""
    hot = _one_hot(probabilities, truth)
    overlap = (probabilities * hot).sum((0, 1))
    return 1 - ((2 * overlap) / (probabilities.sum((0, 1)) + hot.sum((0, 1)) + smooth)).mean()


def q5_wrong_sum(probabilities, truth, smooth=1.0):
    """You sum over the classes: the mean over the classes is wanted."""
    return 1 - _dice(probabilities, truth, smooth).sum()


def q5_wrong_by_class(probabilities, truth, smooth=1.0):
    """That is one number for each class: take their mean."""
    return 1 - _dice(probabilities, truth, smooth)


def q5_wrong_pixel(probabilities, truth, smooth=1.0):
    """You compute Dice pixel by pixel: sum over all pixels first, then divide, class by class."""
    hot = _one_hot(probabilities, truth)
    return 1 - ((2 * probabilities * hot + smooth) / (probabilities + hot + smooth)).mean()


def q5_wrong_squared(probabilities, truth, smooth=1.0):
    """The sums below are of squares: here p and t are summed as they are."""
    hot = _one_hot(probabilities, truth)
    below = (probabilities**2).sum((0, 1)) + hot.sum((0, 1)) + smooth
    return 1 - ((2 * (probabilities * hot).sum((0, 1)) + smooth) / below).mean()


def q5_wrong_iou(probabilities, truth, smooth=1.0):
    """That is one minus a soft IoU; Dice counts the intersection twice and does not subtract it below."""
    hot = _one_hot(probabilities, truth)
    overlap = (probabilities * hot).sum((0, 1))
    return 1 - ((overlap + smooth) / (probabilities.sum((0, 1)) + hot.sum((0, 1)) - overlap + smooth)).mean()


def q5_right_loop(probabilities, truth, smooth=1.0):
    losses = []
    for k in range(probabilities.shape[-1]):
        p, t = probabilities[:, :, k], truth == k
        losses.append(1 - (2 * p[t].sum() + smooth) / (p.sum() + t.sum() + smooth))
    return sum(losses) / len(losses)


# q6: transposed convolution


def _stamps(image, kernel, stride):
    for i, row in enumerate(image):
        for j, value in enumerate(row):
            yield slice(i * stride, i * stride + len(kernel)), slice(j * stride, j * stride + kernel.shape[1]), value


def _canvas(image, kernel, stride):
    height, width = ((side - 1) * stride + size for side, size in zip(image.shape, kernel.shape))
    return np.zeros((height, width))


def _stamped(image, kernel, stride):
    out = _canvas(image, kernel, stride)
    for rows, columns, value in _stamps(image, kernel, stride):
        out[rows, columns] += value * kernel
    return out


def q6_wrong_overwritten(image, kernel, stride=2):
    """Where stamps overlap the last one wins; they have to be added up."""
    out = _canvas(image, kernel, stride)
    for rows, columns, value in _stamps(image, kernel, stride):
        out[rows, columns] = value * kernel
    return out


def q6_wrong_averaged(image, kernel, stride=2):
    """Overlapping stamps are averaged here; a transposed convolution adds them up, hence its checkerboard."""
    count = _stamped(np.ones_like(image), np.ones_like(kernel), stride)
    return _stamped(image, kernel, stride) / np.maximum(count, 1)


def q6_wrong_flipped(image, kernel, stride=2):
    """The kernel is turned by 180 degrees: stamp it as it is."""
    return _stamped(image, kernel[::-1, ::-1], stride)


def q6_wrong_cut(image, kernel, stride=2):
    """The result is cut off: the last stamp reaches beyond size · stride when the kernel is larger than the stride."""
    height, width = (side * stride for side in image.shape)
    return _stamped(image, kernel, stride)[:height, :width]


def q6_wrong_stride_one(image, kernel, stride=2):
    """It looks as if `stride` is not used: neighbouring stamps are `stride` pixels apart."""
    return _stamped(image, kernel, 1)


def q6_wrong_too_large(image, kernel, stride=2):
    """The result is larger than it should be: (size - 1) · stride + kernel, just enough for the last stamp."""
    out = _stamped(image, kernel, stride)
    full = np.zeros([side * stride + size for side, size in zip(image.shape, kernel.shape)])
    full[: len(out), : out.shape[1]] = out
    return full


def q6_wrong_transposed(image, kernel, stride=2):
    """Rows and columns of the kernel are exchanged: stamp it as it is."""
    return _stamped(image, kernel.T, stride)


def q6_wrong_kernel_only(image, kernel, stride=2):
    """The stamps all have the same height: multiply the kernel with the value of the pixel."""
    return _stamped(np.ones_like(image), kernel, stride)


def q6_wrong_square(image, kernel, stride=2):
    """The height is used for the width too: image and kernel need not be square."""
    side = (image.shape[0] - 1) * stride + kernel.shape[0]
    out, right = np.zeros((side, side)), _stamped(image, kernel, stride)
    rows, columns = min(side, right.shape[0]), min(side, right.shape[1])
    out[:rows, :columns] = right[:rows, :columns]
    return out


def q6_wrong_maximum(image, kernel, stride=2):
    """Where stamps overlap the largest wins; they have to be added up."""
    out = np.full_like(_canvas(image, kernel, stride), -np.inf)
    for rows, columns, value in _stamps(image, kernel, stride):
        out[rows, columns] = np.maximum(out[rows, columns], value * kernel)
    return np.where(np.isfinite(out), out, 0)


def q6_wrong_forward(image, kernel, stride=2):
    """That is an ordinary convolution, which shrinks the image; here the image grows."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 2), kernel.shape)[::stride, ::stride]
    return np.einsum("ijkl,kl->ij", windows, kernel)


def q6_wrong_not_moved(image, kernel, stride=2):
    """The output has the right size, but the stamps are one pixel apart: the next one begins `stride` pixels on."""
    out, close = _canvas(image, kernel, stride), _stamped(image, kernel, 1)
    out[: close.shape[0], : close.shape[1]] = close[: out.shape[0], : out.shape[1]]
    return out


def q6_wrong_mirrored(image, kernel, stride=2):
    """The kernel is mirrored left to right: stamp it as it is."""
    return _stamped(image, kernel[:, ::-1], stride)


def q6_right_zeros_between(image, kernel, stride=2):
    spread = np.zeros([(side - 1) * stride + 1 for side in image.shape])
    spread[::stride, ::stride] = image
    padded = np.pad(spread, [(size - 1, size - 1) for size in kernel.shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijkl,kl->ij", windows, kernel[::-1, ::-1])


# q7: one level of a U-Net's decoder


def _level(fine, coarse, filters, up="transposed", join="concatenate", padding="same", activation="relu"):
    from keras import layers

    if up == "transposed":
        x = layers.Conv2DTranspose(filters, 2, strides=2)(coarse)
    else:
        x = layers.UpSampling2D(2)(coarse)
    if join == "concatenate":
        x = layers.Concatenate()([x, fine])
    return layers.Conv2D(filters, 3, padding=padding, activation=activation)(x)


def q7_wrong_no_skip(fine, coarse, filters):
    """The fine maps are never used: join them with the upsampled ones, that is the skip connection."""
    return _level(fine, coarse, filters, join=None)


def q7_wrong_copied_upsampling(fine, coarse, filters):
    """The upsampling has nothing to learn here: the task asks for a transposed convolution."""
    return _level(fine, coarse, filters, up="nearest")


def q7_wrong_valid(fine, coarse, filters):
    """The last convolution shrinks the maps: use padding, so that they keep the size of the fine ones."""
    return _level(fine, coarse, filters, padding="valid")


def q7_wrong_linear(fine, coarse, filters):
    """The ReLU after the last convolution is missing: negative values come out."""
    return _level(fine, coarse, filters, activation=None)


def q7_wrong_convolved_upsampling(fine, coarse, filters):
    """That is an upsampling and a convolution of 2×2: a transposed convolution stamps instead."""
    from keras import layers

    x = layers.Conv2D(filters, 2, padding="same")(layers.UpSampling2D(2)(coarse))
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(layers.Concatenate()([x, fine]))


def q7_wrong_sigmoid(fine, coarse, filters):
    """The last activation is a sigmoid: ReLU is asked for."""
    return _level(fine, coarse, filters, activation="sigmoid")


def q7_wrong_early_relu(fine, coarse, filters):
    """There is a ReLU after the transposed convolution, too: the only one comes after the 3×3 convolution."""
    from keras import layers

    x = layers.Conv2DTranspose(filters, 2, strides=2, activation="relu")(coarse)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(layers.Concatenate()([x, fine]))


def q7_wrong_pooled(fine, coarse, filters):
    """A pooling follows that nobody asked for: the level ends with the ReLU."""
    from keras import layers

    return layers.MaxPooling2D(3, strides=1, padding="same")(_level(fine, coarse, filters))


def q7_wrong_added(fine, coarse, filters):
    """The fine maps are added, not concatenated: joined side by side, the convolution sees both."""
    from keras import layers

    x = layers.Conv2DTranspose(filters, 2, strides=2)(coarse)
    x = layers.Add()([x, layers.Conv2D(filters, 1)(fine)])
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def q7_wrong_three_transposed(fine, coarse, filters):
    """The transposed convolution has another kernel: 2×2 with stride 2."""
    from keras import layers

    x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same")(coarse)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(layers.Concatenate()([x, fine]))


def q7_wrong_one(fine, coarse, filters):
    """The last convolution is 1×1: 3×3 is asked for."""
    from keras import layers

    x = layers.Concatenate()([layers.Conv2DTranspose(filters, 2, strides=2)(coarse), fine])
    return layers.Conv2D(filters, 1, activation="relu")(x)


def q7_right_padded_by_hand(fine, coarse, filters):
    from keras import layers

    x = layers.Conv2DTranspose(filters, (2, 2), strides=(2, 2))(coarse)
    x = layers.concatenate([fine, x])
    return layers.ReLU()(layers.Conv2D(filters, 3)(layers.ZeroPadding2D(1)(x)))


# q8: the open exercise


def _trainer(widths, epochs, skips=True):
    def train_segmenter(images, labels):
        import keras
        from keras import layers

        from cvhelpers import training

        training.set_seed(0)
        inputs = keras.Input((64, 64, 3))
        x, maps = layers.Rescaling(1 / 127.5, -1)(inputs), []
        for level, filters in enumerate(widths):
            x = layers.MaxPooling2D()(x) if level else x
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
            maps.append(x)
        for filters, fine in zip(widths[-2::-1], maps[-2::-1]):
            x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
            x = layers.Concatenate()([x, fine]) if skips else x
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        model = keras.Model(inputs, layers.Conv2D(4, 1)(x))
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.optimizer.learning_rate = 5e-3
        model.fit(images, labels, batch_size=16, epochs=epochs, verbose=0)
        return model

    return train_segmenter


def q8_wrong_untrained(images, labels):
    """That is what guessing gives: was the network trained, and are its labels those that came in?"""
    return _trainer((8,), 0)(images, labels)


def q8_wrong_sees_too_little(images, labels):
    """Every pixel sees only its near neighbours: add levels with pooling, so that the receptive field grows."""
    return _trainer((8,), 2)(images, labels)


def q8_wrong_too_large(images, labels):
    """That are too many parameters: fewer filters in the coarse levels save most."""
    return _trainer((32, 64, 96), 0)(images, labels)


def q8_right_wider(images, labels):
    return _trainer((12, 24, 40), 5)(images, labels)


# q9: five wrong pictures; who says k for every picture is told what bug k looks like


def q9_wrong_interpolated():
    """Bug 1 leaves the shapes as they are and puts thin lines of other classes along borders: 1 and 2 between 0 and
    3."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q9_wrong_squares():
    """Bug 2 makes large squares: no border is smooth any more, and small shapes lose their form."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q9_wrong_moved():
    """Bug 3 keeps every shape and moves all of them the same way: down and to the right."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q9_wrong_mirrored():
    """Bug 4 exchanges left and right, and everything stays as far up as it was."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q9_wrong_exchanged():
    """Bug 5 makes rows of columns: what was far up is now far left."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q9_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([2, 4, 1, 5, 3, 5, 3, 2, 4, 1])))

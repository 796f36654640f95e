"""The one-stage detector of lessons 16 to 18: a grid over the image, whose cells each name a box and a class.

Boxes are xyxy in pixels of the image, labels are class numbers: those of the stickers (3 to 12), or your own with
``class_numbers``. Detections are a list with one dict for each image: ``boxes`` float32 (m, 4), ``labels`` int32 (m,),
``scores`` float32 (m,), ``rows`` (which of the places a detection came from), best first.
"""

import numpy as np

from .. import training
from .._quiet import keras
from ..boxes import non_max_suppression
from ..ops import sigmoid, softmax
from ..scenes import THINGS
from ..training import compile_one_cycle
from ._ask import ask
from .encoder import borrowed_maps, convolution, encoder

STRIDE = 8  # pixels between two cells of the grid
UNIT = 10.0  # the grid predicts distances in tens of pixels: numbers near 1 are easy to learn
CLASS_COUNT = len(THINGS)
REACH = 0.75  # how far from the middle of a box a responsible cell may lie, in cells
SHORTEST_SIDE = 0.5  # pixels: a cell that lies outside its box still learns a distance above 0
SURE_START, SIDE_START = -3.0, 0.3  # first answers: 1 cell of 20 holds a thing, whose sides are 0.85 units away
LEAST_OBJECTNESS = 0.05  # a cell that is less sure is silent
LEAST_SCORE = 0.02  # a class that is less likely is not reported
MOST_DETECTIONS = 100  # of one image; COCO counts as many


def build_detector(size=64, widths=(16, 32, 64, 96), head=96, classes=CLASS_COUNT, name="one_stage", features=None):
    """A convolutional network with one answer for every 8×8 pixels: sticker here? which box? which class?

    Args:
        size: height and width of the images in pixels, divisible by 8.
        widths: filters at stride 1, 2, 4 and 8.
        head: filters of the two branches.
        classes: number of classes.
        name: of the model.
        features: a ready network in place of the own encoder, as for :func:`cvhelpers.networks.encoder.borrowed_maps`;
            its maps, brought to stride 8, lie side by side under the two branches.

    Returns:
        keras.Model from uint8 (n, size, size, 3) to float32 (n, size / 8, size / 8, 5 + classes): objectness as a
        logit, the distances to the left, upper, right and lower side before softplus, logits of the classes.

    Raises:
        ValueError: the grid does not divide the size.

    Introduced in lesson 16. Tian et al. 2019 (FCOS).

    >>> build_detector().output_shape
    (None, 8, 8, 15)
    """
    if size % STRIDE:
        raise ValueError(f"size is {size}: wanted a multiple of {STRIDE}")
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    if features is None:
        x = encoder(images, widths)[-1]
    else:
        maps = [_resize_to(size // STRIDE, one) for one in borrowed_maps(images, features)]
        x = keras.layers.Concatenate()(maps) if len(maps) > 1 else maps[0]
    return keras.Model(images, grid_head(x, head, classes), name=name)


def _resize_to(cells, maps):
    """Maps with so many cells along each side: finer ones pooled, coarser ones enlarged."""
    if maps.shape[1] > cells:
        return keras.layers.MaxPooling2D(maps.shape[1] // cells)(maps)
    return keras.layers.UpSampling2D(cells // maps.shape[1])(maps) if maps.shape[1] < cells else maps


def grid_head(maps, filters, classes):
    """What a detector puts on its maps: one branch for the place, one for the kind, and the answers of every cell.

    Args:
        maps: symbolic maps (batch, height, width, channels), one pixel for each cell.
        filters: of the convolutions.
        classes: number of classes.

    Returns:
        symbolic answers (batch, height, width, 5 + classes) as :func:`build_detector` gives them.

    Serves lesson 16.

    >>> grid_head(keras.Input((4, 4, 8)), 16, classes=2).shape
    (None, 4, 4, 7)
    """
    shared = convolution(maps, filters)
    where, what = convolution(shared, filters), convolution(shared, filters)
    start = keras.initializers.Constant([SURE_START] + 4 * [SIDE_START])
    place = keras.layers.Conv2D(5, 1, bias_initializer=start, name="place")(where)
    kind = keras.layers.Conv2D(classes, 1, name="kind")(what)
    return keras.layers.Concatenate(name="answers", dtype="float32")([place, kind])


def cell_centres(size, stride=STRIDE):
    """Centres of the cells of the grid over an image.

    Args:
        size: height and width of the image in pixels.
        stride: pixels between two cells.

    Returns:
        float32 array (size / stride, size / stride, 2): x and y in pixels.

    Introduced in lesson 16.

    >>> cell_centres(16)[0].tolist()
    [[4.0, 4.0], [12.0, 4.0]]
    """
    centres = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride
    return np.stack(np.meshgrid(centres, centres), -1)


def class_index(labels, class_numbers):
    """Which of the classes each label is, counted from 0; -1 for padding. A label of no class is an error in words."""
    labels, class_numbers = np.asarray(labels, int), np.asarray(class_numbers)
    same = labels[..., None] == class_numbers
    unknown = labels[(labels >= 0) & ~same.any(-1)]
    if unknown.size:
        raise ValueError(
            f"labels hold {sorted(set(unknown.tolist()))}: wanted some of {class_numbers.tolist()}, or -1 for padding; "
            "class_numbers names the classes of your own data"
        )
    return np.where(labels >= 0, same.argmax(-1), -1)


def grid_targets(boxes, labels, size, class_numbers=THINGS, stride=STRIDE, unit=UNIT):
    """What every cell should answer: cells near the middle of a box are responsible for it.

    Args:
        boxes: float array (n, k, 4), xyxy in pixels.
        labels: int array (n, k), -1 for padding.
        size: height and width of the images in pixels.
        class_numbers: the labels that there are; the first one is class 0 of the network.
        stride: pixels between two cells.
        unit: pixels in one unit of the distances.

    Returns:
        float32 array (n, size / stride, size / stride, 6): responsible (0 or 1), distances to the left, upper, right
        and lower side in units, class from 0. A cell that two boxes want goes to the nearer one.

    Raises:
        ValueError: a label is none of the classes.

    Introduced in lesson 16.

    >>> target = grid_targets([[[8, 8, 24, 24]]], [[7]], size=32)
    >>> target[..., 0].sum(), (10 * target[0, 1, 1]).tolist()
    (np.float32(4.0), [10.0, 4.0, 4.0, 12.0, 12.0, 40.0])
    """
    kinds = class_index(labels, class_numbers)
    boxes = np.asarray(boxes, np.float32).reshape(*kinds.shape, 4)
    centres = cell_centres(size, stride)
    targets = np.zeros((len(boxes), *centres.shape[:2], 6), np.float32)
    nearest = np.full(targets.shape[:3], np.inf, np.float32)
    for box, kind in zip(boxes.swapaxes(0, 1), kinds.T):  # the first thing of every image, then the second, ...
        box = box[:, None, None]
        sides = np.concatenate([centres - box[..., :2], box[..., 2:] - centres], -1)
        offset = np.abs(centres - (box[..., :2] + box[..., 2:]) / 2)
        distance = (offset**2).sum(-1)
        inside = (sides.min(-1) > 0) | (offset.max(-1) <= stride / 2)
        responsible = (offset.max(-1) <= REACH * stride) & inside & (distance < nearest)
        responsible &= (kind >= 0)[:, None, None]
        nearest = np.where(responsible, distance, nearest)
        kind = np.broadcast_to(kind[:, None, None, None], (*distance.shape, 1))
        answer = np.concatenate([np.ones_like(kind), np.maximum(sides, SHORTEST_SIDE) / unit, kind], -1)
        targets = np.where(responsible[..., None], answer, targets).astype(np.float32)
    return targets


def side_ious(truth, predicted):
    """IoU and generalised IoU of boxes that are given as distances from one cell to the four sides.

    Args:
        truth, predicted: tensors (..., 4): left, upper, right, lower, in any unit.

    Returns:
        two tensors (...): IoU, 0 to 1, and generalised IoU, -1 to 1.

    Serves lesson 16. Rezatofighi et al. 2019.

    >>> iou, generalised = side_ious(np.float32([1, 1, 1, 1]), np.float32([1, 1, 1, 1]))
    >>> round(float(iou), 3), round(float(generalised), 3)
    (1.0, 1.0)
    """

    def area(sides):
        return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])

    intersection = area(keras.ops.minimum(truth, predicted))
    hull = area(keras.ops.maximum(truth, predicted)) + 1e-6
    union = area(truth) + area(predicted) - intersection + 1e-6
    return intersection / union, intersection / union - (hull - union) / hull


def detector_loss(class_weight=2.0, box_weight=2.0):
    """Loss of the one-stage detector: objectness everywhere, box and class only where a cell is responsible.

    Args:
        class_weight: how much the cross-entropy of the class counts; 0 trains places only.
        box_weight: how much 1 - generalised IoU counts.

    Returns:
        function of targets (:func:`grid_targets`) and answers (:func:`build_detector`); objectness learns the IoU of
        the box that the same cell predicts.

    Serves lesson 16.

    >>> targets, answers = np.zeros((1, 8, 8, 6), np.float32), np.full((1, 8, 8, 15), -9, np.float32)
    >>> float(detector_loss()(targets, answers)) < 0.01
    True
    """

    def loss(targets, answers):
        answers = keras.ops.cast(answers, "float32")  # whatever precision the network computes in
        responsible = targets[..., 0]
        number = keras.ops.maximum(keras.ops.sum(responsible), 1.0)
        iou, generalised = side_ious(targets[..., 1:5], keras.ops.softplus(answers[..., 1:5]))
        quality = responsible * keras.ops.stop_gradient(iou)
        objectness = keras.ops.sum(keras.ops.binary_crossentropy(quality, answers[..., 0], from_logits=True))
        box = keras.ops.sum((1 - generalised) * responsible)
        kind = keras.losses.sparse_categorical_crossentropy(
            keras.ops.cast(targets[..., 5], "int32"), answers[..., 5:], from_logits=True
        )
        return (objectness + box_weight * box + class_weight * keras.ops.sum(kind * responsible)) / number

    return loss


def compile_detector(model, count, epochs, batch_size=32, peak=6e-3, class_weight=2.0, box_weight=2.0):
    """Prepare a one-stage detector for ``fit``: Adam, one cycle of the learning rate, :func:`detector_loss`.

    Args:
        model: from :func:`build_detector`.
        count: number of training images.
        epochs, batch_size: as for ``fit``.
        peak: highest learning rate.
        class_weight, box_weight: as for :func:`detector_loss`.

    Returns:
        the model, compiled.

    Introduced in lesson 16.

    >>> compile_detector(build_detector(), 32, epochs=1).compiled
    True
    """
    return compile_one_cycle(model, count, epochs, batch_size, peak, detector_loss(class_weight, box_weight))


def read_grid(answers, size, stride=STRIDE, unit=UNIT):
    """What the numbers of the one-stage detector mean.

    Args:
        answers: float array (n, g, g, 5 + classes) as the model gives them.
        size: height and width of the images in pixels.
        stride, unit: as for :func:`grid_targets`.

    Returns:
        boxes float32 (n, g * g, 4) clipped to the image, objectness float32 (n, g * g), probabilities of the classes
        float32 (n, g * g, classes).

    Introduced in lesson 16.

    >>> [part.shape for part in read_grid(np.zeros((1, 8, 8, 15), np.float32), size=64)]
    [(1, 64, 4), (1, 64), (1, 64, 10)]
    """
    centres = cell_centres(size, stride)
    sides = np.logaddexp(0, answers[..., 1:5]) * unit
    boxes = np.concatenate([centres - sides[..., :2], centres + sides[..., 2:]], -1).clip(0, size)
    cells = (len(answers), answers.shape[1] * answers.shape[2])
    probabilities = softmax(answers[..., 5:]).reshape(*cells, answers.shape[-1] - 5)
    return boxes.reshape(*cells, 4), sigmoid(answers[..., 0]).reshape(cells), probabilities


def surest_rows(boxes, objectness, threshold=0.5, least=LEAST_OBJECTNESS, most=MOST_DETECTIONS):
    """Rows of the cells that stay: those that are sure enough, without the worse ones of the same place.

    Args:
        boxes: float array (m, 4).
        objectness: float array (m,).
        threshold: intersection over union for non-maximum suppression.
        least: objectness below which a cell is silent.
        most: how many may stay.

    Returns:
        int array: rows, best first.

    Serves lesson 16.

    >>> surest_rows(np.float32([[0, 0, 9, 9], [1, 0, 9, 9], [20, 0, 29, 9]]), np.array([0.8, 0.9, 0.01]))
    array([1])
    """
    sure = np.flatnonzero(objectness > least)
    return sure[non_max_suppression(boxes[sure], objectness[sure], threshold)][:most]


def label_boxes(boxes, scores, every_label, class_numbers=THINGS):
    """One image's detections from its boxes and their scores for each class.

    Args:
        boxes: float array (m, 4).
        scores: float array (m, classes).
        every_label: True reports every likely class of a box (average precision ranks them), False the best only.
        class_numbers: the label of each class.

    Returns:
        dict with ``boxes``, ``labels``, ``scores``, and ``rows`` (which box it came from), best first.

    Raises:
        ValueError: there is not one number for each class.

    Serves lesson 16.

    >>> label_boxes(np.float32([[0, 0, 9, 9]]), np.array([[0.1, 0.7]]), True, class_numbers=(5, 6))["labels"]
    array([6, 5], dtype=int32)
    """
    scores = np.asarray(scores)
    if scores.shape[1] != len(class_numbers):
        raise ValueError(
            f"the network tells {scores.shape[1]} classes apart, class_numbers has {len(class_numbers)} entries: "
            "name the classes that it was trained with, such as class_numbers=(1, 2)"
        )
    if every_label:
        rows, kinds = np.nonzero(scores > LEAST_SCORE)
    else:
        rows, kinds = np.arange(len(scores)), scores.argmax(1)
    order = np.argsort(-scores[rows, kinds], kind="stable")
    rows, kinds = rows[order], kinds[order]
    return {
        "boxes": boxes[rows].astype(np.float32),
        "labels": np.asarray(class_numbers, np.int32)[kinds],
        "scores": scores[rows, kinds].astype(np.float32),
        "rows": rows,
    }


def detect(model, images, every_label=False, threshold=0.5, most=MOST_DETECTIONS, class_numbers=THINGS):
    """Detections of the one-stage detector: one non-maximum suppression on objectness, since a place holds one thing.

    Args:
        model: from :func:`build_detector`.
        images: uint8 (n, size, size, 3).
        every_label: True reports every likely class of a box, as average precision wants it; False the best only.
        threshold: intersection over union for non-maximum suppression.
        most: places that may stay in one image.
        class_numbers: the labels that the model was trained with.

    Returns:
        list of n detections; the score is objectness × probability of the class.

    Raises:
        ValueError: the images are not uint8 or have another size, or there is not one number for each class.

    Introduced in lesson 16.

    >>> sorted(detect(build_detector(), np.zeros((1, 64, 64, 3), np.uint8))[0])
    ['boxes', 'labels', 'rows', 'scores']
    """
    found = []
    for boxes, objectness, probabilities in zip(*read_grid(ask(model, images), model.input_shape[1])):
        keep = surest_rows(boxes, objectness, threshold, most=most)
        scores = objectness[keep, None] * probabilities[keep]
        found.append(label_boxes(boxes[keep], scores, every_label, class_numbers))
    return found


def train_detector(
    batch, epochs, seed=0, batch_size=32, name="one_stage", class_numbers=None, features=None, **settings
):
    """The one-stage detector of lesson 16, trained on any square pictures with boxes.

    Args:
        batch: dict as a batch of scenes: ``images``, ``boxes``, ``labels`` (-1 for padding).
        epochs, batch_size: as for ``fit``.
        seed: of the first weights and the order of the pictures.
        name: of the model.
        class_numbers: the labels that there are; when None those of the batch, in order.
        features: as for :func:`build_detector`.
        settings: ``peak``, ``class_weight`` and ``box_weight`` of :func:`compile_detector`.

    Returns:
        the trained model.

    Introduced in lesson 16.
    """
    training.set_seed(seed)
    images, labels = batch["images"], np.asarray(batch["labels"])
    class_numbers = np.unique(labels[labels >= 0]) if class_numbers is None else class_numbers
    model = build_detector(images.shape[1], classes=len(class_numbers), name=name, features=features)
    targets = grid_targets(batch["boxes"], labels, images.shape[1], class_numbers)
    compile_detector(model, len(images), epochs, batch_size, **settings)
    training.fit(model, images, targets, batch_size=batch_size, epochs=epochs)
    return model

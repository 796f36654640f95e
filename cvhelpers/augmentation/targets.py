"""What travels with the images: finding masks, boxes and labels in the input, checking them, moving them.

The input is an array, a dict, or a tuple whose first part is one of these. A *path* names one array of it, such as
``("bounding_boxes", "boxes")``; `find_targets` gives each array that moves one of these roles:

- ``images``;
- ``map``: (batch, height, width) or (batch, height, width, n), numbers that belong to the pixels;
- ``panoptic``: (batch, height, width, 2), class and instance number;
- ``masks``: (batch, k, height, width), one mask for each object;
- ``boxes``: (batch, k, 4), xyxy in pixels, and ``labels``: (batch, k), -1 for padding.

A single image has all of them without the batch axis.
"""

from typing import NamedTuple

from .._quiet import tf
from . import pixels

VOID = 255  # label of pixels from outside the image, in maps of labels
NOTHING = -1  # label of padding and of boxes that left the image; class of void pixels in panoptic maps
LEAST_SIDE = 1.0  # pixels; a box that is thinner after cutting or shrinking holds no pixel for sure

MAPS = {"segmentation_masks": "map", "semantic": "map", "panoptic": "panoptic"}
OBJECTS = {"boxes": "boxes", "masks": "masks", "labels": "labels", "classes": "labels"}
WANTED = {
    "map": "(batch, height, width) or (batch, height, width, n)",
    "panoptic": "(batch, height, width, 2)",
    "masks": "(batch, objects, height, width)",
    "boxes": "(batch, n, 4), xyxy in pixels",
    "labels": "(batch, n), one for each box",
}


class Stage(NamedTuple):
    """One layer of a geometric pass: its transform from output to input, and the size that comes out."""

    transform: object
    height: object
    width: object
    layer: object


def demand(condition, message):
    """A ValueError where the condition fails; in a graph the call fails later with the same words."""
    if not tf.executing_eagerly():
        tf.debugging.Assert(condition, [message])
    elif not condition:
        raise ValueError(message)


def get(inputs, path):
    """The part of nested dicts and tuples that a path names."""
    for key in path:
        inputs = inputs[key]
    return inputs


def replace(inputs, path, value):
    """A copy of nested dicts and tuples in which the part at the path is another one."""
    if not path:
        return value
    key, inner = path[0], replace(inputs[path[0]], path[1:], value)
    return {**inputs, key: inner} if isinstance(inputs, dict) else (*inputs[:key], inner, *inputs[key + 1 :])


# ---------------------------------------------------------------- finding


def find_images(inputs):
    """Path of the images, or a ValueError that says what the input lacks."""
    if isinstance(inputs, list):
        raise ValueError("the input is a list: wanted one array (np.stack makes a batch), a dict, or a tuple")
    path, first = ((0,), inputs[0]) if isinstance(inputs, tuple) else ((), inputs)
    if isinstance(first, dict) and "images" not in first:
        raise ValueError(f"the dict has the entries {sorted(first)}: wanted 'images' among them")
    return (*path, "images") if isinstance(first, dict) else path


def find_targets(inputs):
    """Role of every array that moves, by path, the images first; all else passes through.

    Raises:
        ValueError: an array has the shape of a target, but nothing says how to move it.
    """
    images_path = find_images(inputs)
    images, roles = get(inputs, images_path), {images_path: "images"}
    for i, part in enumerate(inputs if isinstance(inputs, tuple) else (inputs,)):
        path = (i,) if isinstance(inputs, tuple) else ()
        if isinstance(part, dict):
            roles |= _find_in_dict(part, path, images)
        elif path != images_path and _looks_like(part, images, unknown=True) == "map":
            roles[path] = "map"
        elif path != images_path:
            _refuse_targets(f"part {i} of the tuple", part, images)
    return roles


def _find_in_dict(part, path, images):
    """Roles of the arrays of one dict: Keras's names, and those of a batch of scenes."""
    roles, has_objects = {}, "boxes" in part or "masks" in part
    names = lambda d: [n for n in d if n in OBJECTS and not (n == "classes" and "labels" in d)]  # noqa: E731
    for key, value in part.items():
        if key in MAPS:
            roles[*path, key] = MAPS[key]
        elif has_objects and key in names(part):
            roles[*path, key] = OBJECTS[key]
        elif key == "bounding_boxes":
            if not isinstance(value, dict) or "boxes" not in value:
                given = f"has the entries {sorted(value)}" if isinstance(value, dict) else "is one array"
                raise ValueError(f"bounding_boxes {given}: wanted a dict {{'boxes': (n, 4), 'labels': (n,)}}")
            roles |= {(*path, key, name): OBJECTS[name] for name in names(value) if name != "masks"}
        elif key != "images":
            _refuse_targets(f"the entry {key!r}", value, images)
    return roles


def _looks_like(value, images, unknown=False):
    """Role that the shape of an array suggests, or None; ``unknown``: whether a side of unknown length counts."""
    shape = getattr(value, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    shape, rank, size = tuple(shape), len(images.shape), tuple(images.shape[-3:-1])
    fits = lambda sides: all(a == b and a is not None or unknown and None in (a, b) for a, b in zip(sides, size))  # noqa: E731
    if len(shape) in (rank - 1, rank) and fits(shape[rank - 3 : rank - 1]):
        return "map"
    if len(shape) == rank and fits(shape[-2:]):
        return "masks"
    return "boxes" if len(shape) == rank - 1 and shape[-1] == 4 else None


def _refuse_targets(name, value, images):
    """A ValueError where something that looks like a target would stay behind."""
    mend = {
        "map": "call it 'segmentation_masks', or give the tuple (images, masks)",
        "masks": "call it 'masks', as in a batch of scenes",
        "boxes": "call it 'boxes' and put 'labels' beside it, xyxy in pixels",
    }
    for part in tf.nest.flatten(value):
        if found := _looks_like(part, images):
            shape = tuple(part.shape)
            raise ValueError(f"{name} has the shape of {found}, {shape}, and would stay behind: {mend[found]}")


# ---------------------------------------------------------------- reading and writing


def read(inputs, roles, single):
    """The arrays that move, each a checked batch, by path; maps get a last axis where they had none."""
    state = {}
    for path in roles:
        value = get(inputs, path)
        if isinstance(value, tf.RaggedTensor):
            raise ValueError(f"{path[-1]!r} is ragged: wanted one array, for instance {path[-1]}.to_tensor(-1)")
        state[path] = tf.convert_to_tensor(value)[None] if single else tf.convert_to_tensor(value)
    images = state[next(iter(roles))]
    for path, role in roles.items():
        if role != "images":
            _check(f"{path[-1]!r}" if isinstance(path[-1], str) else f"part {path[-1]}", role, state[path], images)
        if role == "map" and state[path].shape.rank == 3:
            state[path] = state[path][..., None]
    for members in _groups(roles):
        if "boxes" in members:
            _check_boxes(*(state[members[role]] if role in members else None for role in ("boxes", "labels")))
    return state


def write(inputs, roles, state, single):
    """A copy of the input with the arrays that moved."""
    for path, role in roles.items():
        value = state[path][0] if single else state[path]
        flat = role == "map" and len(get(inputs, path).shape) < value.shape.rank
        inputs = replace(inputs, path, value[..., 0] if flat else value)
    return inputs


def resized(shape, role, single, height, width):
    """Shape of what comes out, from the shape of what comes in."""
    if role in ("boxes", "labels"):
        return tuple(shape)
    at = (0 if single else 1) + (role == "masks")
    return (*shape[:at], height, width, *shape[at + 2 :])


def _groups(roles):
    """Paths of the boxes, labels and masks that stand together, as dicts from role to path."""
    groups = {}
    for path, role in roles.items():
        if role in ("boxes", "labels", "masks"):
            groups.setdefault(path[:-1], {})[role] = path
    return list(groups.values())


def _check(name, role, value, images):
    """Refuse a batch whose shape or dtype does not fit its role."""
    shape, ranks = value.shape, {"map": (3, 4), "labels": (2,), "boxes": (3,)}.get(role, (4,))
    last = {"boxes": 4, "panoptic": 2}.get(role)
    if shape.rank not in ranks or (last is not None and shape[-1] not in (last, None)):
        raise ValueError(f"{name} of a batch have the shape {shape}: wanted {WANTED[role]}")
    if role == "labels" and not value.dtype.is_floating and not (value.dtype.is_integer and value.dtype.min < 0):
        raise ValueError(f"{name} are {value.dtype.name}, without -1 for boxes that leave the image: wanted int32")
    if role in ("map", "panoptic", "masks"):
        at = 2 if role == "masks" else 1
        message = f"{name} of a batch have the shape {shape}, the images {images.shape}: wanted {WANTED[role]}"
        if role == "map" and shape.rank == 4 and tuple(shape[2:4]) == tuple(images.shape[1:3]):
            message += "; np.moveaxis(masks, 1, -1) puts the objects last"
        pairs = list(zip(shape[at : at + 2], images.shape[1:3]))
        if any(a != b for a, b in pairs if None not in (a, b)):
            raise ValueError(message)
        if any(None in pair for pair in pairs):
            demand(tf.reduce_all(tf.equal(tf.shape(value)[at : at + 2], tf.shape(images)[1:3])), message)


def _check_boxes(boxes, labels):
    """Refuse boxes that are not xyxy in pixels, as far as their numbers tell."""
    if labels is not None and None not in (boxes.shape[1], labels.shape[1]) and boxes.shape[1] != labels.shape[1]:
        raise ValueError(f"there are {boxes.shape[1]} boxes and {labels.shape[1]} labels: wanted one for each box")
    boxes = pixels.to_float(boxes)
    real = tf.reduce_any(boxes != 0, -1)
    if labels is not None:
        real &= labels != tf.cast(NOTHING, labels.dtype)
    turned = tf.reduce_any(real & tf.reduce_any(boxes[..., 2:] < boxes[..., :2], -1))
    demand(~turned, "a box ends before it begins: wanted xyxy (left, top, right, bottom) in pixels")
    small = tf.reduce_all(~real | tf.reduce_all((boxes >= 0) & (boxes <= 1), -1))
    broken = tf.reduce_any(real[..., None] & (boxes != tf.round(boxes)))
    demand(~(small & broken), "all boxes lie between 0 and 1, as fractions of the image do: wanted xyxy in pixels")


# ---------------------------------------------------------------- moving


def move(state, roles, stages, run):
    """Move everything but the images.

    Args:
        state: batches by path, as `read` gives them.
        roles: role of each path.
        stages: list of `Stage`, in the order of the layers; one resampling for all.
        run: calls a function with arguments, compiled or not.

    Returns:
        the new batches by path.
    """
    state, height, width = dict(state), stages[-1].height, stages[-1].width
    transform = compose(stages)
    mirrors = all(stage.layer.mirrors for stage in stages)
    given = next((stage.layer.mask_fill for stage in stages if not stage.layer.separable), None)

    def resample(value, fill):
        if mirrors:
            return run(pixels.mirror, value, transform)
        return run(pixels.nearest, value, transform, height, width, fill)

    for path, role in roles.items():
        if role in ("map", "panoptic"):
            state[path] = resample(state[path], _fill(role, state[path], given))
        elif role == "masks":
            last = tf.transpose(state[path], (0, 2, 3, 1))
            state[path] = tf.transpose(resample(last, tf.zeros((), last.dtype)), (0, 3, 1, 2))
    for members in _groups(roles):
        kept = _move_objects({role: state[path] for role, path in members.items()}, stages)
        state |= {members[role]: value for role, value in kept.items()}
    return state


def compose(stages):
    """The transform of all stages together, from the last output to the first input."""
    transform = stages[0].transform
    for stage in stages[1:]:
        transform = tf.matmul(transform, stage.transform)
    return transform


def _fill(role, value, given):
    """What a map holds where the transform reaches outside the image, in its dtype."""
    dtype = value.dtype
    if dtype == tf.bool:
        return tf.constant(False)
    if given is None and role == "panoptic":
        given = NOTHING if dtype.min < 0 else VOID
    elif given is None:
        labels = dtype.is_integer and value.shape[-1] == 1
        given = 0 if not labels else VOID if dtype.max >= VOID else NOTHING
    if dtype.is_integer and not (dtype.min <= given <= dtype.max and given == int(given)):
        raise ValueError(f"mask_fill is {given}, which {dtype.name} masks cannot hold: wanted another number or dtype")
    return tf.cast([given, 0] if role == "panoptic" else given, dtype)


def _move_objects(objects, stages):
    """Boxes, labels and (already moved) masks of the same objects: an object of which nothing is left goes in all.

    Where there are masks, the boxes are tight around what is left of them.
    """
    kept = True
    if "labels" in objects:
        nothing = tf.cast(NOTHING, objects["labels"].dtype)
        kept = objects["labels"] != nothing
    if "masks" in objects:
        kept &= tf.reduce_any(tf.cast(objects["masks"], tf.bool), (2, 3))
    if "boxes" in objects:
        boxes, dtype = pixels.to_float(objects["boxes"]), objects["boxes"].dtype
        for stage in stages:
            least = 0.0 if stage.layer.mirrors else LEAST_SIDE
            visible = stage.layer.min_visibility
            boxes, inside = pixels.move_boxes(boxes, *stage[:3], least, visible)
            kept &= inside
        boxes = tf.where(kept[..., None], _tight_boxes(objects["masks"]) if "masks" in objects else boxes, 0.0)
        objects["boxes"] = tf.cast(tf.round(boxes) if dtype.is_integer else boxes, dtype)
    if "labels" in objects:
        objects["labels"] = tf.where(kept, objects["labels"], nothing)
    if "masks" in objects:
        objects["masks"] = tf.where(kept[..., None, None], objects["masks"], tf.zeros((), objects["masks"].dtype))
    return objects


def _tight_boxes(masks):
    """float32 (batch, n, 4) around masks (batch, n, height, width), which may not be empty."""
    masks, ends = tf.cast(masks, tf.bool), []
    for axis, size in ((2, tf.shape(masks)[3]), (3, tf.shape(masks)[2])):  # x from the columns, y from the rows
        line = tf.cast(tf.reduce_any(masks, axis), tf.int32)
        ends.append((tf.argmax(line, -1, tf.int32), size - tf.argmax(line[..., ::-1], -1, tf.int32)))
    (left, right), (top, bottom) = ends
    return pixels.to_float(tf.stack([left, top, right, bottom], -1))

"""Images, alone or with their boxes, masks and label maps."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from .style import COLORS, class_color, grid, shade, text_color


def _image(image):
    """Image as Matplotlib shows it: uint8 or float 0..1, grey as (height, width), never stretched to its own range."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or image.ndim == 3 and image.shape[-1] not in (3, 4) or 0 in image.shape:
        raise ValueError(f"the image has shape {image.shape}: wanted (height, width), (height, width, 1) or (…, 3)")
    if image.dtype == bool:
        return image.astype(np.uint8) * 255
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind in "iu":
        top = 255 if image.max() <= 255 else 65535
    elif image.dtype.kind == "f":
        top = 255 if np.nanmax(image) > 1.5 else 1
    else:
        raise ValueError(f"the image holds {image.dtype}: wanted uint8, whole numbers, bool or floats")
    return (np.nan_to_num(image.astype(float)) / top).clip(0, 1)


def _imshow(ax, image):
    """Show one image without axes; pixels of small ones stay squares."""
    image = _image(image)
    grey = {"cmap": "gray", "vmin": 0, "vmax": 255 if image.dtype == np.uint8 else 1} if image.ndim == 2 else {}
    ax.imshow(image, interpolation="nearest" if max(image.shape[:2]) <= 128 else "antialiased", **grey)
    ax.axis("off")
    return image


def _axes(ax, image=None):
    if ax is not None:
        return ax
    height, width = (1, 1) if image is None else np.asarray(image).shape[:2]
    return plt.subplots(figsize=(4.5, min(8, max(2, 4.5 * height / width))))[1]


def _name(names, label):
    """Name of a class: its number when there are no names."""
    return str(int(label)) if names is None else str(names[int(label)])


def _named(names, labels, what):
    """Raise in words when a class that is drawn has no name; negative classes need none."""
    if names is None or labels is None:
        return
    known = set(names) if isinstance(names, dict) else set(range(len(names)))
    nameless = sorted({int(label) for label in np.unique(labels) if label >= 0} - known)
    if nameless:
        raise ValueError(f"{what} has class {nameless[0]} but the {len(names)} names are for {sorted(known)}: "
                         f"wanted one for each class, in a list or as {{{nameless[0]}: 'name', …}}")  # fmt: skip


def show_images(images, titles=None, columns=None, size=1.9):
    """Images side by side, in a grid.

    Args:
        images: array (n, height, width[, channels]), or a list of images of any sizes; one image (height, width) or
            (height, width, 1, 3 or 4) is fine too. uint8, bool, whole numbers from 0 to 255 (or to 65,535 where one is
            larger), floats between 0 and 1 (or to 255 where one is above 1.5). One channel or none is shown as grey.
        titles: a text or number for each image.
        columns: images in a row; at most 6 when None.
        size: width of one image in inches.

    Returns:
        array of the axes, one for each image.

    Raises:
        ValueError: no images, an array of another shape, or titles of another number.

    Introduced in lesson 02.

    >>> len(show_images(np.zeros((3, 8, 8, 3), np.uint8), titles=["a", "b", "c"]))
    3
    """
    if isinstance(images, np.ndarray) and (images.ndim == 2 or images.ndim == 3 and images.shape[-1] in (1, 3, 4)):
        images = [images]
    if len(images) == 0:
        raise ValueError("there are no images: wanted at least one")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles: wanted one title for each image")
    images = [_image(image) for image in images]
    axes = grid(len(images), columns, size)
    for i, ax in enumerate(axes):
        _imshow(ax, images[i])
        if titles is not None:
            ax.set_title(str(titles[i]))
    return axes


def show_boxes(image, boxes, labels=None, names=None, scores=None, ax=None, color=None):
    """One image with boxes drawn on the edges of the pixels, and what each box holds.

    Args:
        image: array (height, width[, channels]).
        boxes: float array (n, 4), xyxy in pixels; coordinates name pixel edges.
        labels: int array (n,); boxes with the label -1 are padding and are skipped.
        names: name of each class: a list, or a dict from its number.
        scores: float array (n,) between 0 and 1, written behind the name.
        ax: Matplotlib axes to draw on; new ones when None.
        color: one colour for all boxes; the colour of the class when None.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: the arrays do not fit together, or a class has no name.

    Introduced in lesson 01.

    >>> ax = show_boxes(np.zeros((8, 8, 3), np.uint8), [[1, 2, 5, 6], [0, 0, 0, 0]], labels=[0, -1])
    >>> [box.get_bbox().extents.tolist() for box in ax.patches]
    [[0.5, 1.5, 4.5, 5.5]]
    """
    boxes = np.asarray(boxes, float).reshape(-1, 4) if np.size(boxes) == 0 else np.asarray(boxes, float)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes have shape {boxes.shape}: wanted (n, 4), xyxy in pixels")
    for what, values in (("labels", labels), ("scores", scores)):
        if values is not None and len(values) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes but {len(values)} {what}: wanted one for each box")
    _named(names, labels, "a box")
    ax = _axes(ax, image)
    _imshow(ax, image)
    for i, (x1, y1, x2, y2) in enumerate(boxes - 0.5):
        if labels is not None and labels[i] < 0:
            continue
        edge = color or (COLORS[1] if labels is None else class_color(labels[i]))
        line = {"linewidth": 2.5, "path_effects": [withStroke(linewidth=4.5, foreground=text_color(edge))]}
        ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=edge, **line))
        words = [] if labels is None else [_name(names, labels[i])]
        words += [] if scores is None else [f"{scores[i]:.2f}"]
        if words:
            ground = {"facecolor": edge, "edgecolor": text_color(edge), "pad": 1.5}
            ax.text(max(x1, 0), max(y1, 0), " ".join(words), color=text_color(edge), bbox=ground,
                    va="bottom" if y1 > 0.08 * len(image) else "top")  # fmt: skip
    return ax


def show_masks(image, masks, labels=None, names=None, ax=None, opacity=0.5):
    """One image with a coloured, outlined mask over each object.

    Args:
        image: array (height, width[, channels]).
        masks: bool array (n, height, width).
        labels: int array (n,); masks with the label -1 are padding and are skipped.
        names: name of each class: a list, or a dict from its number.
        ax: Matplotlib axes to draw on; new ones when None.
        opacity: 0 shows the image alone, 1 hides it under the masks.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: the arrays do not fit together, or a class has no name.

    Introduced in lesson 01.

    >>> ax = show_masks(np.zeros((4, 4)), np.ones((2, 4, 4), bool), labels=[3, -1], names="abcd")
    >>> [text.get_text() for text in ax.texts]
    ['d']
    """
    masks = np.asarray(masks)
    if masks.ndim != 3 or masks.shape[1:] != np.shape(image)[:2]:
        raise ValueError(f"masks have shape {masks.shape} for an image of {np.shape(image)}: wanted (n, height, width)")
    if labels is not None and len(labels) != len(masks):
        raise ValueError(f"{len(masks)} masks but {len(labels)} labels: wanted one for each mask")
    _named(names, labels, "a mask")
    ax = _axes(ax, image)
    _imshow(ax, image)
    for i, mask in enumerate(masks > 0.5):
        if not mask.any() or labels is not None and labels[i] < 0:
            continue
        color = class_color(i if labels is None else labels[i])
        ax.imshow(_tint(mask, color, opacity), interpolation="nearest")
        _outline(ax, mask, color)
        if labels is not None:
            ax.text(*_middle(mask), _name(names, labels[i]), **_halo())
    return ax


def _tint(mask, color, opacity):
    layer = np.zeros((*mask.shape, 4))
    layer[mask] = (*to_rgb(color), opacity)
    return layer


def _outline(ax, mask, color):
    """Line along the pixel edges of a mask."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    lines = []
    for y, x in zip(*np.nonzero(padded[1:] != padded[:-1])):  # horizontal edges below padded row y
        lines.append(((x - 1.5, y - 0.5), (x - 0.5, y - 0.5)))
    for y, x in zip(*np.nonzero(padded[:, 1:] != padded[:, :-1])):
        lines.append(((x - 0.5, y - 1.5), (x - 0.5, y - 0.5)))
    ax.add_collection(LineCollection(lines, colors=[color], linewidths=2, capstyle="projecting"), autolim=False)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _middle(mask):
    """x, y of the pixel of a mask that is nearest to its centre."""
    y, x = np.nonzero(mask)
    nearest = np.argmin((y - y.mean()) ** 2 + (x - x.mean()) ** 2)
    return x[nearest], y[nearest]


def _halo():
    effect = [withStroke(linewidth=3, foreground="black")]
    return {"color": "white", "ha": "center", "va": "center", "fontsize": 12, "weight": "bold", "path_effects": effect}


def _label_map(labels, names, what):
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iub":
        raise ValueError(f"{what} has shape {labels.shape}, {labels.dtype}: wanted whole numbers, (height, width)")
    _named(names, labels, what)
    return labels


def _colored(label_map):
    """Label map as an image (height, width, 3); negative classes are white."""
    image = np.ones((*label_map.shape, 3))
    for label in np.unique(label_map):
        if label >= 0:
            image[label_map == label] = class_color(label)
    return image


def _legend(ax, present, names):
    words = [_name(names, c) if c >= 0 else "void" for c in present]
    colors = [class_color(c) if c >= 0 else "white" for c in present]
    handles = [Patch(facecolor=color, edgecolor="black", label=word) for color, word in zip(colors, words)]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=1.2, borderaxespad=0.2)


def show_label_map(label_map, names=None, ax=None, legend=True):
    """A map of classes in flat colours, with a legend of the classes that are present.

    Args:
        label_map: int array (height, width); negative numbers are void, drawn white.
        names: name of each class, a list or a dict from its number; the numbers when None.
        ax: Matplotlib axes to draw on; new ones when None.
        legend: False leaves the legend out.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: no label map, or a class without a name.

    Introduced in lesson 01.

    >>> ax = show_label_map(np.array([[0, 2]]), names=["grass", "brick", "gravel"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['grass', 'gravel']
    """
    label_map = _label_map(label_map, names, "the label map")
    ax = _axes(ax, label_map)
    _imshow(ax, _colored(label_map))
    if legend:
        _legend(ax, np.unique(label_map), names)
    return ax


def show_panoptic(image, panoptic, names=None, things=None, ax=None, legend=True, opacity=0.65):
    """A panoptic map: stuff in flat colours, every thing in a shade of its own with an outline and its number.

    Args:
        image: array (height, width[, channels]) below the colours; None shows the colours alone.
        panoptic: int array (height, width, 2) = class and instance number (0 for stuff); negative classes are void.
        names: name of each class, a list or a dict from its number; the numbers when None.
        things: classes that are counted; every class with an instance number above 0 when None.
        ax: Matplotlib axes to draw on; new ones when None.
        legend: False leaves the legend out.
        opacity: of the colours over the image.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: the map has another shape, or a class has no name.

    Introduced in lesson 01. Kirillov et al. 2019.

    >>> panoptic = np.zeros((2, 4, 2), int); panoptic[:, 2:] = (1, 7)
    >>> [text.get_text() for text in show_panoptic(None, panoptic, names=["grass", "cat"]).texts]
    ['7']
    """
    panoptic = np.asarray(panoptic)
    if panoptic.ndim != 3 or panoptic.shape[-1] != 2:
        raise ValueError(f"the panoptic map has shape {panoptic.shape}: wanted (height, width, 2), class and instance")
    if image is not None and np.shape(image)[:2] != panoptic.shape[:2]:
        raise ValueError(f"image {np.shape(image)} and panoptic map {panoptic.shape} differ: wanted the same size")
    classes, instances = _label_map(panoptic[..., 0], names, "the panoptic map"), panoptic[..., 1]
    ax = _axes(ax, classes)
    colors, segments = _colored(classes), []
    pairs = np.unique(panoptic.reshape(-1, 2), axis=0)
    for c, instance in pairs[(pairs[:, 0] >= 0) & (pairs[:, 1] > 0)]:
        if things is None or c in things:
            mask = (classes == c) & (instances == instance)
            same_class = [m for m in segments if m[1] == c]
            color = shade(class_color(c), (0, 0.35, -0.3, 0.6, -0.5)[len(same_class) % 5])
            colors[mask] = to_rgb(color)
            segments.append((mask, c, instance))
    if image is not None:
        below = _image(image)
        below = (below if below.ndim == 3 else below[..., None]) / (255 if below.dtype == np.uint8 else 1)
        colors = opacity * colors + (1 - opacity) * below[..., :3]
    _imshow(ax, colors)
    for mask, _, instance in segments:
        _outline(ax, mask, "black")
        ax.text(*_middle(mask), str(instance), **_halo())
    if legend:
        _legend(ax, np.unique(classes), names)
    return ax

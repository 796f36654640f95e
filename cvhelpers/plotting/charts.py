"""Pictures of numbers: filters, activation maps, training curves, confusion matrices."""

import matplotlib.pyplot as plt
import numpy as np

from .style import COLORS, SIGNS, cells, grid, text_color


def show_kernels(kernels, titles=None, columns=None, size=1.9, numbers=None, same_scale=True):
    """Filters as pictures: zero is white, positive blue, negative red.

    Args:
        kernels: array (height, width), (height, width, filters) or (height, width, channels, filters): then one
            row of pictures for each channel; a list of 2-D kernels is fine too.
        titles: a text for each filter.
        columns: pictures in a row; only for kernels without a channel axis.
        size: width of one picture in inches.
        numbers: True writes the weights into the cells; when None, only up to 5 × 5.
        same_scale: False gives each filter all shades for itself, so that the signs of small weights are seen, too.

    Returns:
        array of the axes.

    Raises:
        ValueError: an array of another shape, or titles of another number.

    Introduced in lesson 03.

    >>> len(show_kernels([[[1, 0, -1]] * 3, [[0, 1, 0]] * 3], titles=["edge", "line"]))
    2
    """
    if isinstance(kernels, (list, tuple)) and np.ndim(kernels[0]) == 2:
        kernels = np.stack([np.asarray(k) for k in kernels], -1)
    kernels = np.asarray(kernels, float)
    kernels = kernels[..., None] if kernels.ndim == 2 else kernels
    if kernels.ndim not in (3, 4) or 0 in kernels.shape:
        raise ValueError(f"kernels have shape {kernels.shape}: wanted (height, width[, channels], filters)")
    height, width, filters = *kernels.shape[:2], kernels.shape[-1]
    if titles is not None and len(titles) != filters:
        raise ValueError(f"{filters} filters but {len(titles)} titles: wanted one title for each filter")
    if kernels.ndim == 4:
        columns = filters
    pictures = kernels.reshape(height, width, -1)
    axes = grid(pictures.shape[-1], columns, size, 0.3 * (titles is not None))
    numbers = max(height, width) <= 5 if numbers is None else numbers
    for i, ax in enumerate(axes):
        limit = np.abs(kernels if same_scale else pictures[..., i]).max() or 1.0
        cells(ax, pictures[..., i], SIGNS, -limit, limit, numbers)
        if titles is not None and i < filters:
            ax.set_title(str(titles[i]))
    return axes


def show_feature_maps(maps, titles=None, columns=8, size=1.4, count=None):
    """The channels of one activation map as pictures, all on one scale from dark to bright.

    Args:
        maps: float array (height, width, channels), or (1, height, width, channels).
        titles: a text for each channel shown; their numbers when None.
        columns: pictures in a row.
        size: width of one picture in inches.
        count: only this many channels from the first; all when None.

    Returns:
        array of the axes, one for each channel.

    Raises:
        ValueError: an array of another shape, or titles of another number.

    Introduced in lesson 03.

    >>> len(show_feature_maps(np.zeros((5, 5, 3))))
    3
    """
    maps = np.asarray(maps, float)
    maps = maps[0] if maps.ndim == 4 and len(maps) == 1 else maps
    maps = maps[..., None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or 0 in maps.shape:
        raise ValueError(f"maps have shape {maps.shape}: wanted (height, width, channels) of one image")
    maps = maps[..., :count]
    titles = range(maps.shape[-1]) if titles is None else titles
    if len(titles) != maps.shape[-1]:
        raise ValueError(f"{maps.shape[-1]} channels but {len(titles)} titles: wanted one title for each channel")
    axes = grid(maps.shape[-1], columns, size)
    for i, ax in enumerate(axes):
        ax.imshow(maps[..., i], cmap="cividis", vmin=maps.min(), vmax=maps.max(), interpolation="nearest")
        ax.set_title(str(titles[i]))
        ax.axis("off")
    return axes


def show_history(histories, measure="loss", ax=None, validation=True):
    """Curves over the epochs: the mean of several runs as a line, from the smallest to the largest as a band.

    Args:
        histories: dict from a label to a history (Keras's ``History`` or a dict from measure to numbers) or to a list
            of histories of the same network with several seeds; a single history or list is fine too.
        measure: name of the measure, such as ``"loss"`` or ``"accuracy"``.
        ax: Matplotlib axes to draw on; new ones when None.
        validation: also draw ``val_…``, dashed, where the histories have it.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: no history has the measure.

    Introduced in lesson 07.

    >>> ax = show_history({"plain": [{"loss": [3, 2, 1]}, {"loss": [2, 1, 1]}], "residual": {"loss": [1, 1, 0]}})
    >>> ax.lines[0].get_ydata().tolist(), len(ax.lines), len(ax.collections)
    ([2.5, 1.5, 1.0], 2, 1)
    """
    histories = getattr(histories, "history", histories)  # Keras's History
    numbers = (list, tuple, np.ndarray)
    if not isinstance(histories, dict) or any(
        isinstance(values, numbers) and len(values) and np.isscalar(values[0]) for values in histories.values()
    ):
        histories = {"training": histories}
    if not histories:
        raise ValueError("there are no histories: wanted at least one")
    ax = plt.subplots()[1] if ax is None else ax
    for i, (label, runs) in enumerate(histories.items()):
        runs = getattr(runs, "history", runs)
        runs = [runs] if isinstance(runs, dict) else [getattr(run, "history", run) for run in runs]
        color = COLORS[i % len(COLORS)]
        if not runs or any(measure not in run for run in runs):
            have = ", ".join(runs[0]) if runs else "nothing"
            raise ValueError(f"the history of {label!r} has no {measure!r}: wanted one of {have}")
        keys = [measure, "val_" + measure] if validation else [measure]
        for key, dashes in zip(keys, ("-", "--")):
            curves = [np.asarray(run[key], float) for run in runs if key in run]
            if not curves:
                continue
            length = min(map(len, curves))
            curves = np.stack([curve[:length] for curve in curves])
            epochs = np.arange(1, length + 1)
            name = label if key == measure else ("validation" if len(histories) == 1 else f"{label}, validation")
            ax.plot(epochs, curves.mean(0), dashes, color=color, label=name)
            if len(curves) > 1:
                ax.fill_between(epochs, curves.min(0), curves.max(0), color=color, alpha=0.2, linewidth=0)
    ax.set(xlabel="epoch", ylabel=measure.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def show_confusion(matrix, names=None, ax=None):
    """A confusion matrix with its numbers: a row for each true class, a column for each predicted one.

    Args:
        matrix: array (classes, classes) of counts or shares; colours show the share of the row.
        names: name of each class; the numbers when None.
        ax: Matplotlib axes to draw on; new ones when None.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: the matrix is not square, or the names are of another number.

    Introduced in lesson 15.

    >>> show_confusion([[5, 1], [0, 4]], names=["cat", "dog"]).texts[1].get_text()
    '1'
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"the matrix has shape {matrix.shape}: wanted (classes, classes)")
    names = range(len(matrix)) if names is None else names
    if len(names) != len(matrix):
        raise ValueError(f"{len(matrix)} classes but {len(names)} names: wanted one for each class")
    side = min(9, max(4, 0.62 * len(matrix) + 1.4))
    ax = plt.subplots(figsize=(side, side))[1] if ax is None else ax
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-12)
    picture = ax.imshow(share, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    for (row, column), value in np.ndenumerate(matrix):
        text = f"{value:.2f}" if matrix.dtype.kind == "f" and (matrix % 1).any() else f"{int(value)}"
        color = text_color(picture.cmap(share[row, column])[:3])
        ax.text(column, row, text, ha="center", va="center", color=color)
    long = max(len(str(name)) for name in names) > 3
    ax.set_xticks(range(len(matrix)), names, rotation=45 if long else 0, ha="right" if long else "center")
    ax.set_yticks(range(len(matrix)), names)
    ax.set(xlabel="predicted", ylabel="true")
    ax.tick_params(length=0)
    return ax


def draw_pipeline(steps, new=0, size=1.55, ax=None):
    """One picture on its way through a network: a box for each step, with its numbers as a picture and its shape.

    Args:
        steps: dict from name to array: (height, width), (height, width, channels), or (numbers,) for a vector. Three
            channels of whole numbers are an image in colour; of other maps the first three are shown.
        new: as many boxes at the end are framed, because they are new in this lesson.
        size: side of a box in inches.
        ax: Matplotlib axes to draw on; new ones when None.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: no steps, or an array of another shape.

    Introduced in lesson 03.

    >>> ax = draw_pipeline({"photograph": np.zeros((8, 8, 3), np.uint8), "flatten": np.zeros(192)})
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['photograph', '8×8×3', 'flatten', '192']
    """
    steps = {name: np.asarray(values) for name, values in steps.items()}
    for name, values in steps.items():
        if values.ndim not in (1, 2, 3) or not values.size:
            raise ValueError(f"{name!r} has shape {values.shape}: wanted (height, width[, channels]) or (numbers,)")
    if not steps:
        raise ValueError("there are no steps: wanted at least one")
    gap, middle = 0.42, 0.5
    if ax is None:
        ax = plt.subplots(figsize=(len(steps) * size * (1 + gap), size * 1.75))[1]
    for i, (name, values) in enumerate(steps.items()):
        left = i * (1 + gap)
        pictures = _step_pictures(values)
        shift = 0.1 if len(pictures) > 1 else 0.0
        side = 1 - shift * (len(pictures) - 1)
        width = 0.16 if values.ndim == 1 else side
        for k, (picture, look) in reversed(list(enumerate(pictures))):
            x = left + k * shift + (0.42 if values.ndim == 1 else 0)
            y = middle - 0.5 + k * shift
            ax.imshow(picture, extent=(x, x + width, y, y + side), zorder=2 - 0.1 * k, interpolation="nearest", **look)
            ax.add_patch(plt.Rectangle((x, y), width, side, fill=False, edgecolor="#444444", zorder=2 - 0.1 * k))
        shape = "×".join(f"{n:,}" for n in values.shape)
        ax.text(left + 0.5, 1.12, name, ha="center", weight="bold")
        ax.text(left + 0.5, -0.12, shape, ha="center", va="top")
        if i:
            ends = (left - 0.11, middle), (left - gap + 0.11, middle)
            ax.annotate("", *ends, arrowprops={"arrowstyle": "-|>", "linewidth": 2, "shrinkA": 0, "shrinkB": 0})
        if i >= len(steps) - new:
            frame = {"fill": False, "edgecolor": COLORS[3], "linewidth": 3, "clip_on": False}
            ax.add_patch(plt.Rectangle((left - 0.09, -0.4), 1.18, 1.72, **frame))
    ax.set(xlim=(-0.1, len(steps) * (1 + gap) - gap + 0.1), ylim=(-0.42, 1.36), aspect="equal")
    ax.axis("off")
    return ax


def _step_pictures(values):
    """What one box of a pipeline shows: [(picture, settings of imshow)], front first."""
    if values.ndim == 3 and values.shape[-1] == 3 and values.dtype.kind in "iu":
        return [(values.astype(np.uint8), {})]
    signed = values.min() < 0
    limit = max(np.abs(values).max(), 1e-12)
    look = {"cmap": SIGNS, "vmin": -limit, "vmax": limit} if signed else {"cmap": "gray", "vmin": 0, "vmax": limit}
    if values.ndim == 1:
        return [(values[:, None], {**look, "aspect": "auto"})]
    maps = values[..., None] if values.ndim == 2 else values
    return [(maps[..., k], look) for k in range(min(3, maps.shape[-1]))]

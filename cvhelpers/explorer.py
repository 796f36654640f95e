"""Where a filter stops and what it computes there, in pictures and as a widget; reached through ``plotting``."""

import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from .shapes import conv_output_size, margins
from .style import COLORS, cells, shade


def _maps(image, kernel):
    """Image and kernel as float matrices, and the activation map."""
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"image {image.shape} and kernel {kernel.shape}: wanted two arrays (height, width)")
    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:
        raise ValueError(f"the kernel {kernel.shape} is larger than the image {image.shape}: wanted a smaller one")
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return image, kernel, (windows * kernel).sum((-2, -1))


def show_convolution_step(image, kernel, row, column, axes=None):
    """One number of an activation map: the window, the kernel, their product, its sum and where it lands.

    Args:
        image: array (height, width), best about 8 × 8.
        kernel: array (kernel_height, kernel_width).
        row, column: position of the number in the map; the window's upper left pixel.
        axes: five Matplotlib axes to draw on; new ones when None.

    Returns:
        array of the five axes: image, window, kernel, product, map.

    Raises:
        ValueError: the arrays are not two-dimensional, the kernel does not fit, or there is no such position.

    Introduced in lesson 03.

    >>> axes = show_convolution_step(np.eye(4), [[1, 0], [0, 1]], row=1, column=1)
    >>> axes[3].get_xlabel()
    'sum = 2'
    """
    image, kernel, output = _maps(image, kernel)
    height, width = kernel.shape
    if not (0 <= row < output.shape[0] and 0 <= column < output.shape[1]):
        raise ValueError(f"row {row}, column {column}: wanted a position in the map of shape {output.shape}")
    if axes is None:
        widths = [image.shape[1], width, width, width, output.shape[1]]
        size = 0.36 * (sum(widths) + 3), 0.36 * len(image) + 0.6
        axes = plt.subplots(1, 5, figsize=size, width_ratios=widths)[1]
    window = image[row : row + height, column : column + width]
    grey = {"colors": "gray", "low": min(0, image.min()), "high": image.max() or 1}
    limit = np.abs(kernel).max() or 1
    reach = limit * (np.abs(image).max() or 1)
    span = max(np.abs(output).max(), 1)
    cells(axes[0], image, **grey).set_title("image")
    cells(axes[1], window, **grey).set_title("window")
    cells(axes[2], kernel, "RdBu", -limit, limit).set_title("× kernel")
    cells(axes[3], window * kernel, "RdBu", -reach, reach).set_title("= product")
    cells(axes[4], output, "gray", -span if output.min() < 0 else 0, span).set_title("map")
    total = f"{output[row, column]:.2f}".rstrip("0").rstrip(".")
    axes[3].set_xlabel(f"sum = {total}", color=COLORS[3], weight="bold", fontsize=13)
    for ax, x, y, w, h in ((axes[0], column, row, width, height), (axes[4], column, row, 1, 1)):
        edge = {"edgecolor": COLORS[3], "linewidth": 3.5, "clip_on": False, "zorder": 3}
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, **edge))
    axes[1].spines[:].set(color=COLORS[3], linewidth=3.5)
    return axes


def explore_convolution(image, kernels):
    """A widget to play with: choose a kernel or type one, move it, and see the number that it makes.

    Needs a running notebook and ipywidgets (7 or 8); put a static strip beside it for readers of the stored page.

    Args:
        image: array (height, width), best about 8 × 8.
        kernels: dict from name to array (kernel_height, kernel_width), all of one shape.

    Returns:
        an ipywidgets ``VBox``.

    Raises:
        ValueError: no kernels, or kernels of different shapes.

    Introduced in lesson 03.
    """
    import ipywidgets as widgets

    kernels = {name: np.asarray(kernel, float) for name, kernel in kernels.items()}
    shapes = {kernel.shape for kernel in kernels.values()}
    if len(shapes) != 1:
        raise ValueError(f"the kernels have the shapes {sorted(shapes)}: wanted at least one, all of one shape")
    first = next(iter(kernels.values()))
    rows, columns = _maps(image, first)[2].shape

    class Explorer(widgets.VBox):
        def __repr__(self):  # what a stored page shows in place of the widget
            return "The explorer works in a running notebook: run this cell there."

    small = widgets.Layout(width="68px")
    choice = widgets.Dropdown(options=list(kernels), description="kernel")
    sliders = [
        widgets.IntSlider(value=0, min=0, max=last - 1, description=name, continuous_update=True)
        for name, last in (("row", rows), ("column", columns))
    ]
    weights = [widgets.FloatText(value=value, step=1, layout=small) for value in first.ravel()]
    picture = widgets.Image(format="png")
    filling = []  # not empty while a chosen kernel is written into the nine boxes: one picture then, not nine

    def draw(_=None):
        if filling:
            return
        kernel = np.reshape([weight.value for weight in weights], first.shape)
        with plt.ioff():
            axes = show_convolution_step(image, kernel, *(slider.value for slider in sliders))
        buffer = io.BytesIO()
        axes[0].figure.savefig(buffer, format="png", dpi=90)
        plt.close(axes[0].figure)
        picture.value = buffer.getvalue()

    def choose(change):
        filling.append(True)
        for weight, value in zip(weights, kernels[change["new"]].ravel()):
            weight.value = round(float(value), 3)
        filling.clear()
        draw()

    choice.observe(choose, "value")
    for widget in (*sliders, *weights):
        widget.observe(draw, "value")
    draw()
    boxes = [widgets.HBox(weights[i : i + first.shape[1]]) for i in range(0, len(weights), first.shape[1])]
    controls = widgets.HBox([widgets.VBox([choice, *sliders]), widgets.VBox(boxes)])
    return Explorer([controls, picture])


def show_positions(size, kernel, stride=1, padding=0, ax=None):
    """Where a filter stops along one row of an image: the pixels, and below them one bar for each position.

    Args:
        size: pixels of the row.
        kernel, stride, padding: as for :func:`cvhelpers.ops.conv_output_size`.
        ax: Matplotlib axes to draw on; new ones when None.

    Returns:
        the Matplotlib axes. Added zeros have a dashed edge, pixels that no position reaches are hatched.

    Raises:
        ValueError: the filter does not fit, or a number is too small.

    Introduced in lesson 04.

    >>> show_positions(7, 3, stride=3).get_title()
    'stride 3: 2 positions, 1 pixel unused'
    """
    positions = conv_output_size(size, kernel, stride, padding)
    before, after = margins(size, kernel, stride, padding)
    starts = [stride * i - before for i in range(positions)]
    unused = [pixel for pixel in range(size) if not any(start <= pixel < start + kernel for start in starts)]
    if ax is None:
        width = size + before + after
        ax = plt.subplots(figsize=(0.45 * width + 0.5, 0.3 * positions + 1.1))[1]
    for pixel in range(-before, size + after):
        inside = 0 <= pixel < size
        look = {"facecolor": shade(COLORS[0], 0.75) if inside and pixel not in unused else "white"}
        look |= {"hatch": "////" if pixel in unused else None, "linestyle": "-" if inside else "--"}
        ax.add_patch(Rectangle((pixel, 0), 1, 1, edgecolor="#444444", linewidth=1.2, **look))
        if pixel not in unused:
            number, color = (pixel, "black") if inside else (0, "#666666")
            ax.text(pixel + 0.5, 0.48, number, ha="center", va="center", color=color)
    for i, start in enumerate(starts):
        bar = {"facecolor": COLORS[3], "edgecolor": "white", "linewidth": 1}
        ax.add_patch(Rectangle((start + 0.06, -0.75 - 0.7 * i), kernel - 0.12, 0.5, **bar))
        ax.text(start + kernel / 2, -0.5 - 0.7 * i, i, ha="center", va="center", color="white", weight="bold")
    words = f"stride {stride}: {positions} positions"
    if unused:
        words += f", {len(unused)} pixel{'s' * (len(unused) > 1)} unused"
    lowest = -0.85 - 0.7 * (positions - 1)
    ax.set(xlim=(-before - 0.1, size + after + 0.1), ylim=(lowest, 1.1), aspect="equal", title=words)
    ax.axis("off")
    return ax

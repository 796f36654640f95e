"""A sliding filter: still and in motion, with one filter or a whole layer of them."""

import base64
import io
import json

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import AbstractMovieWriter, FuncAnimation
from matplotlib.patches import Rectangle

from ..shapes import conv_output_size, margins
from .style import COLORS, SIGNS, cells, shade


def _slide(image, kernel, stride=1, padding=0):
    """Padded image (h, w), kernel and output of one filter, checked."""
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"image {image.shape} and kernel {kernel.shape}: wanted two arrays (height, width)")
    padded, kernels, output = _slide_layer(image[..., None], kernel[..., None, None], stride, padding)
    return padded[..., 0], kernels[..., 0, 0], output[..., 0]


def _slide_layer(image, kernels, stride=1, padding=0):
    """Padded image (h, w, channels), kernels (h, w, channels, filters), output (h, w, filters), checked."""
    image, kernels = np.asarray(image, float), np.asarray(kernels, float)
    if image.ndim == 2 and kernels.ndim == 2:
        image, kernels = image[..., None], kernels[..., None, None]
    if image.ndim != 3 or kernels.ndim != 4 or kernels.shape[2] != image.shape[2]:
        raise ValueError(f"image {image.shape} and kernel {kernels.shape}: wanted (height, width) for both, or "
                         "(height, width, channels) and (height, width, channels, filters)")  # fmt: skip
    if stride < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}: wanted a stride of at least 1, a padding of at least 0")
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    shape = kernels.shape[:2]
    if shape[0] > padded.shape[0] or shape[1] > padded.shape[1]:
        raise ValueError(f"the kernel {shape} is larger than the image {padded.shape[:2]}: wanted a smaller one")
    windows = np.lib.stride_tricks.sliding_window_view(padded, shape, axis=(0, 1))[::stride, ::stride]
    return padded, kernels, np.einsum("yxchw,hwcf->yxf", windows, kernels)


def _draw(axes, padded, kernels, output, stride, padding, position):
    """Draw the state after ``position`` steps in axes (rows, 1 + filters + 1): image, filters, the maps so far."""
    row, column = divmod(position, output.shape[1])
    (height, width, channels, filters), several = kernels.shape, len(axes) > 1
    done = np.arange(output[..., 0].size).reshape(output.shape[:2]) <= position
    maps, limit = np.where(done[..., None], output, np.nan), np.abs(kernels).max() or 1
    grey = min(0, padded.min()), padded.max() or 1
    numbers = [max(values.shape[:2]) <= 9 for values in (padded, kernels, output)]
    for ax in axes.flat:
        ax.clear()
    for c in range(channels):
        cells(axes[c, 0], padded[..., c], "gray", *grey, numbers[0])
        if padding:
            inner = np.array(padded.shape[:2]) - 2 * padding
            axes[c, 0].add_patch(_box(padding, padding, *inner, COLORS[1]))
        axes[c, 0].add_patch(_box(row * stride, column * stride, height, width, COLORS[3]))
        axes[c, 0].set_title(f"image, channel {c}" if several else "image")
        for f in range(filters):
            cells(axes[c, 1 + f], kernels[:, :, c, f], SIGNS, -limit, limit, numbers[1])
            axes[c, 1 + f].set_title((f"filter {f}" if several else "kernel") if c == 0 else "")
    for f in range(filters):
        ax = axes[f, -1]
        cells(ax, maps[..., f], "gray", output.min(), output.max() or 1, numbers[2])
        ax.set_title(f"map {f}" if several else "output")
        ax.patch.set(facecolor="white", hatch="///", edgecolor="#BBBBBB")  # cells that are still empty
        ax.add_patch(_box(row, column, 1, 1, COLORS[3]))
    for ax in axes.flat:
        ax.set_visible(bool(ax.images))


def _box(row, column, height, width, color):
    corner = (column - 0.5, row - 0.5)
    return Rectangle(corner, width, height, fill=False, edgecolor=color, linewidth=3.5, clip_on=False, zorder=3)


def _axes(padded, kernels, output, frames=1):
    """Axes (frames, rows, 2 + filters) for image, filters and maps, with cells of one size."""
    channels, filters = kernels.shape[2:]
    rows = max(channels, filters)
    widths = [padded.shape[1], *[kernels.shape[1]] * filters, output.shape[1]]
    widths = [max(width, 0.3 * padded.shape[1]) for width in widths]
    cell = min(0.45, 8.5 / (sum(widths) + 2))
    size = (cell * (sum(widths) + 2), frames * rows * (cell * len(padded) + 0.5))
    axes = plt.subplots(frames * rows, len(widths), figsize=size, width_ratios=widths, squeeze=False)[1]
    return axes[0, 0].figure, axes.reshape(frames, rows, len(widths))


def animate_convolution(image, kernel, stride=1, padding=0, interval=600):
    """A kernel that slides over an image while the output fills up: a Matplotlib animation.

    Args:
        image: array (height, width[, channels]), best at most 8 × 8: then the numbers stand in the cells.
        kernel: array (height, width); for an image with channels (height, width, channels, filters).
        stride: step of the kernel in pixels.
        padding: rows and columns of zeros on every side.
        interval: milliseconds for each position.

    Returns:
        a ``FuncAnimation`` with one frame for each output pixel; ``animation_html`` makes it play in a notebook.

    Raises:
        ValueError: arrays of other shapes, or the kernel does not fit.

    Introduced in lesson 03.

    >>> animation = animate_convolution(np.eye(4), np.ones((3, 3)))
    >>> len(list(animation.new_frame_seq()))
    4
    >>> player = animation_html(animation)
    """
    padded, kernels, output = _slide_layer(image, kernel, stride, padding)
    figure, axes = _axes(padded, kernels, output)

    def draw(position):
        _draw(axes[0], padded, kernels, output, stride, padding, position)
        return axes.flat

    draw(0)
    plt.close(figure)  # or a notebook shows the first frame as a second picture
    return FuncAnimation(figure, draw, frames=output[..., 0].size, interval=interval)


def convolution_strip(image, kernel, positions=None, stride=1, padding=0):
    """The same as ``animate_convolution``, as still frames below one another.

    Args:
        image, kernel, stride, padding: as for ``animate_convolution``.
        positions: numbers of the output pixels to show, row by row from 0; four from first to last when None.

    Returns:
        array of the axes, a column for the image, one for each filter, one for the maps; a row for each frame and
        channel.

    Raises:
        ValueError: as for ``animate_convolution``, or a position that does not exist.

    Introduced in lesson 03.

    >>> convolution_strip(np.eye(4), np.ones((3, 3)), positions=[0, 3]).shape
    (2, 3)
    """
    padded, kernels, output = _slide_layer(image, kernel, stride, padding)
    count = output[..., 0].size
    if positions is None:
        positions = sorted({round(share * (count - 1)) for share in (0, 1 / 3, 2 / 3, 1)})
    if any(not 0 <= position < count for position in positions):
        raise ValueError(f"positions {positions}: wanted numbers from 0 to {count - 1}")
    _, axes = _axes(padded, kernels, output, frames=len(positions))
    for frame, position in zip(axes, positions):
        _draw(frame, padded, kernels, output, stride, padding, position)
    return axes.reshape(-1, axes.shape[-1])


class _Frames(AbstractMovieWriter):
    """Collects the frames of an animation as PNG pictures."""

    def __init__(self):
        super().__init__(fps=1, metadata={})
        self.pictures = []

    def setup(self, fig, outfile, dpi=None):
        super().setup(fig, outfile, dpi)

    def grab_frame(self, **settings):
        buffer = io.BytesIO()
        self.fig.savefig(buffer, format="png", dpi=self.dpi, metadata={"Software": None})
        self.pictures.append(buffer.getvalue())

    def finish(self):
        pass


# The script makes the controls: a page whose scripts are not run (a notebook before its first run) has no dead button.
PLAYER = """\
<div class="animation" id="{name}" style="max-width:{width}px"><img alt="{alt}" style="width:100%" src="{first}">
<p class="controls">Run this cell, and a play button appears here.</p></div>
<script>(function() {{
  const root = document.getElementById("{name}"), image = root.querySelector("img");
  root.querySelector(".controls").innerHTML = '<button type="button" aria-label="play or pause">play</button> ' +
    '<label>step <input type="range" min="0" max="{last}" value="0" style="width:60%;vertical-align:middle"> ' +
    '<output>1</output> of {count}</label>';
  const button = root.querySelector("button"), slider = root.querySelector("input");
  const frames = {frames};
  let timer = null;
  const show = function(i) {{
    slider.value = i;
    root.querySelector("output").textContent = i + 1;
    image.src = "data:image/png;base64," + frames[i];
  }};
  slider.oninput = function() {{ show(+slider.value); }};
  button.onclick = function() {{
    if (timer) {{ clearInterval(timer); timer = null; button.textContent = "play"; return; }}
    button.textContent = "pause";
    timer = setInterval(function() {{ show((+slider.value + 1) % frames.length); }}, {interval});
  }};
}})();</script>"""


def animation_html(animation, name="animation", interval=600, dpi=60, alt="An animation: press play."):
    """An animation as a small player for a notebook: play, pause and a slider; needs no running kernel and no network.

    Args:
        animation: a Matplotlib animation with few frames.
        name: identifier of the player on the page, another one for each; the same name gives the same text.
        interval: milliseconds for each frame.
        dpi: resolution of the frames.
        alt: one sentence that describes what moves.

    Returns:
        an ``IPython.display.HTML`` object; put a static strip beside it for readers of the stored page.

    Introduced in lesson 03.
    """
    from IPython.display import HTML

    writer = _Frames()
    animation.save("frames", writer=writer, dpi=dpi)
    frames = [base64.b64encode(picture).decode() for picture in writer.pictures]
    page = {"name": name, "alt": alt, "last": len(frames) - 1, "count": len(frames)}
    page |= {"first": "data:image/png;base64," + frames[0], "frames": json.dumps(frames)}
    page |= {"width": round(writer.fig.get_figwidth() * dpi), "interval": interval}
    return HTML(PLAYER.format(**page))


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
    image, kernel, output = _slide(image, kernel)
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
    cells(axes[2], kernel, SIGNS, -limit, limit).set_title("× kernel")
    cells(axes[3], window * kernel, SIGNS, -reach, reach).set_title("= product")
    cells(axes[4], output, "gray", -span if output.min() < 0 else 0, span).set_title("map")
    total = f"{output[row, column]:.2f}".rstrip("0").rstrip(".")
    axes[3].set_xlabel(f"sum = {total}", color=COLORS[3], weight="bold", fontsize=13)
    for ax, x, y, w, h in ((axes[0], column, row, width, height), (axes[4], column, row, 1, 1)):
        edge = {"edgecolor": COLORS[3], "linewidth": 3.5, "clip_on": False, "zorder": 3}
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, **edge))
    axes[1].spines[:].set(color=COLORS[3], linewidth=3.5)
    return axes


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

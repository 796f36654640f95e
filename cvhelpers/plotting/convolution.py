"""A sliding filter: still, in motion, and as a widget to play with."""

import base64
import io
import json

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import AbstractMovieWriter, FuncAnimation
from matplotlib.patches import Rectangle

from ..shapes import conv_output_size, margins
from .style import COLORS, cells, shade


def _slide(image, kernel, stride=1, padding=0):
    """Padded image, kernel, output and the upper left corners of all windows, checked."""
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"image {image.shape} and kernel {kernel.shape}: wanted two arrays (height, width)")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}: wanted a stride of at least 1, a padding of at least 0")
    padded = np.pad(image, padding)
    if kernel.shape[0] > padded.shape[0] or kernel.shape[1] > padded.shape[1]:
        raise ValueError(f"the kernel {kernel.shape} is larger than the image {padded.shape}: wanted a smaller one")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)[::stride, ::stride]
    return padded, kernel, (windows * kernel).sum((-2, -1))


def _draw(axes, padded, kernel, output, stride, padding, position):
    """Draw the state after ``position`` steps: the image with the window, the kernel, the output so far."""
    for ax, title in zip(axes, ("image", "kernel", "output")):
        ax.clear()
        ax.set_title(title)
    row, column = divmod(position, output.shape[1])
    limit = np.abs(kernel).max() or 1
    numbers = [max(values.shape) <= 9 for values in (padded, kernel, output)]
    done = np.where(np.arange(output.size).reshape(output.shape) <= position, output, np.nan)
    cells(axes[0], padded, "gray", min(0, padded.min()), padded.max() or 1, numbers[0])
    cells(axes[1], kernel, "RdBu", -limit, limit, numbers[1])
    cells(axes[2], done, "gray", output.min(), output.max() or 1, numbers[2])
    if padding:
        height, width = np.array(padded.shape) - 2 * padding
        axes[0].add_patch(_box(padding, padding, height, width, COLORS[1]))
    axes[0].add_patch(_box(row * stride, column * stride, *kernel.shape, COLORS[3]))
    axes[2].add_patch(_box(row, column, 1, 1, COLORS[3]))


def _box(row, column, height, width, color):
    corner = (column - 0.5, row - 0.5)
    return Rectangle(corner, width, height, fill=False, edgecolor=color, linewidth=3.5, clip_on=False, zorder=3)


def _axes(padded, kernel, output, rows=1):
    """Axes for image, kernel and output with cells of one size."""
    widths = [max(values.shape[1], 0.3 * padded.shape[1]) for values in (padded, kernel, output)]
    cell = min(0.45, 8.5 / (sum(widths) + 2))
    size = (cell * (sum(widths) + 2), rows * (cell * len(padded) + 0.5))
    return plt.subplots(rows, 3, figsize=size, width_ratios=widths, squeeze=False)


def animate_convolution(image, kernel, stride=1, padding=0, interval=600):
    """A kernel that slides over an image while the output fills up: a Matplotlib animation.

    Args:
        image: array (height, width), best at most 8 × 8: then the numbers stand in the cells.
        kernel: array (height, width).
        stride: step of the kernel in pixels.
        padding: rows and columns of zeros on every side.
        interval: milliseconds for each position.

    Returns:
        a ``FuncAnimation`` with one frame for each output pixel; ``animation_html`` makes it play in a notebook.

    Raises:
        ValueError: the arrays are not two-dimensional, or the kernel does not fit.

    Introduced in lesson 03.

    >>> animation = animate_convolution(np.eye(4), np.ones((3, 3)))
    >>> len(list(animation.new_frame_seq()))
    4
    >>> player = animation_html(animation)
    """
    padded, kernel, output = _slide(image, kernel, stride, padding)
    figure, axes = _axes(padded, kernel, output)

    def draw(position):
        _draw(axes[0], padded, kernel, output, stride, padding, position)
        return axes[0]

    draw(0)
    plt.close(figure)  # or a notebook shows the first frame as a second picture
    return FuncAnimation(figure, draw, frames=output.size, interval=interval)


def convolution_strip(image, kernel, positions=None, stride=1, padding=0):
    """The same as ``animate_convolution``, as still frames below one another.

    Args:
        image, kernel, stride, padding: as for ``animate_convolution``.
        positions: numbers of the output pixels to show, row by row from 0; four from first to last when None.

    Returns:
        array (frames, 3) of the axes: image, kernel and output of each frame.

    Raises:
        ValueError: as for ``animate_convolution``, or a position that does not exist.

    Introduced in lesson 03.

    >>> convolution_strip(np.eye(4), np.ones((3, 3)), positions=[0, 3]).shape
    (2, 3)
    """
    padded, kernel, output = _slide(image, kernel, stride, padding)
    if positions is None:
        positions = sorted({round(share * (output.size - 1)) for share in (0, 1 / 3, 2 / 3, 1)})
    if any(not 0 <= position < output.size for position in positions):
        raise ValueError(f"positions {positions}: wanted numbers from 0 to {output.size - 1}")
    _, axes = _axes(padded, kernel, output, rows=len(positions))
    for row, position in zip(axes, positions):
        _draw(row, padded, kernel, output, stride, padding, position)
    return axes


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


PLAYER = """\
<div class="animation" id="{name}" style="max-width:{width}px"><img alt="{alt}" style="width:100%" src="{first}"><br>
<button>play</button> <input type="range" min="0" max="{last}" value="0" style="width:70%"></div>
<script>(function() {{
  const root = document.getElementById("{name}"), image = root.querySelector("img");
  const button = root.querySelector("button"), slider = root.querySelector("input");
  const frames = {frames};
  let timer = null;
  const show = function(i) {{ slider.value = i; image.src = "data:image/png;base64," + frames[i]; }};
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
    page = {"name": name, "alt": alt, "last": len(frames) - 1, "first": "data:image/png;base64," + frames[0]}
    page |= {"width": round(writer.fig.get_figwidth() * dpi), "interval": interval, "frames": json.dumps(frames)}
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
    rows, columns = _slide(image, first)[2].shape

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

"""A convolution in motion: an animation, still frames, a player for notebooks; reached through ``plotting``."""

import base64
import io
import json

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import AbstractMovieWriter, FuncAnimation
from matplotlib.patches import Rectangle

from .style import COLORS, cells


def _slide(image, kernel, stride, padding):
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

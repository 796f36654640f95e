"""Widgets to play with in a running notebook; each has a still picture that shows the same."""

import io

import matplotlib.pyplot as plt
import numpy as np

from .convolution import _slide, show_convolution_step, show_positions


def _png(figure, dpi=90):
    """The figure as the bytes of a PNG picture; it is closed."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    plt.close(figure)
    return buffer.getvalue()


def _explorer(children):
    """A column of widgets whose stored page says what to do."""
    import ipywidgets as widgets

    class Explorer(widgets.VBox):
        def __repr__(self):  # what a stored page shows in place of the widget
            return "The explorer works in a running notebook: run this cell there."

    return Explorer(children)


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
    choice = widgets.Dropdown(options=list(kernels), description="kernel")
    sliders = [
        widgets.IntSlider(value=0, min=0, max=last - 1, description=name)
        for name, last in (("row", rows), ("column", columns))
    ]
    look = {"layout": widgets.Layout(width="112px"), "style": {"description_width": "32px"}, "step": 1}
    weights = [
        widgets.FloatText(value=value, description=f"{row}, {column}", **look)
        for (row, column), value in np.ndenumerate(first)
    ]
    picture = widgets.Image(format="png")
    filling = []  # not empty while a chosen kernel is written into the nine boxes: one picture then, not nine

    def draw(_=None):
        if filling:
            return
        kernel = np.reshape([weight.value for weight in weights], first.shape)
        with plt.ioff():
            axes = show_convolution_step(image, kernel, *(slider.value for slider in sliders))
        picture.value = _png(axes[0].figure)

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
    return _explorer([controls, picture])


def explore_positions(size=7, kernel=3, stride=1, padding=0):
    """A widget to play with: change size, kernel, stride and padding, and see where the filter stops.

    Needs a running notebook and ipywidgets (7 or 8); :func:`show_positions` draws the same for the stored page.

    Args:
        size, kernel, stride, padding: where the sliders begin, in pixels.

    Returns:
        an ipywidgets ``VBox``.

    Introduced in lesson 04.
    """
    import ipywidgets as widgets

    ranges = {"size": (size, 1, 16), "kernel": (kernel, 1, 9), "stride": (stride, 1, 6), "padding": (padding, 0, 4)}
    sliders = [
        widgets.IntSlider(value=value, min=low, max=high, description=name)
        for name, (value, low, high) in ranges.items()
    ]
    formula, picture = widgets.HTML(), widgets.Image(format="png")

    def draw(_=None):
        n, k, s, p = (slider.value for slider in sliders)
        if k > n + 2 * p:
            formula.value = f"The filter of {k} does not fit: {n} pixels and {p} zeros on each side are {n + 2 * p}."
            picture.layout.visibility = "hidden"
            return
        formula.value = f"⌊({n} + 2·{p} − {k}) / {s}⌋ + 1 = <b>{(n + 2 * p - k) // s + 1}</b>"
        with plt.ioff():
            ax = show_positions(n, k, s, p)
        picture.value = _png(ax.figure)
        picture.layout.visibility = "visible"

    for slider in sliders:
        slider.observe(draw, "value")
    draw()
    return _explorer([*sliders, formula, picture])

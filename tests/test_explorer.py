"""The picture of one step of a convolution, and the widget that draws it."""

import matplotlib
import numpy as np
import pytest

from cvhelpers import ops, plotting

KERNELS = {"edge": [[-1, 0, 1]] * 3, "blur": np.ones((3, 3)) / 9}


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


def test_the_map_in_the_picture_is_the_convolution():
    image = np.random.default_rng(0).integers(0, 10, (7, 8))
    axes = plotting.show_convolution_step(image, KERNELS["edge"], 2, 3)
    expected = ops.conv2d(image[None, :, :, None], np.array(KERNELS["edge"])[:, :, None, None])[0, :, :, 0]
    assert (axes[4].images[0].get_array() == expected).all()
    assert axes[3].get_xlabel() == f"sum = {expected[2, 3]}"
    assert (axes[1].images[0].get_array() == image[2:5, 3:6]).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: plotting.show_convolution_step(np.eye(4), np.eye(3), 2, 0), r"row 2, .* shape \(2, 2\)"),
        (lambda: plotting.show_convolution_step(np.eye(4), np.eye(5), 0, 0), r"kernel \(5, 5\) is larger"),
        (lambda: plotting.show_convolution_step(np.ones((4, 4, 3)), np.eye(3), 0, 0), "wanted two arrays"),
        (lambda: plotting.explore_convolution(np.eye(4), {}), "wanted at least one"),
        (lambda: plotting.explore_convolution(np.eye(4), {"a": np.eye(2), "b": np.eye(3)}), "all of one shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    pytest.importorskip("ipywidgets")
    with pytest.raises(ValueError, match=message):
        call()


def test_the_explorer_draws_anew_when_kernel_position_or_weight_changes():
    widgets = pytest.importorskip("ipywidgets")
    explorer = plotting.explore_convolution(np.eye(6) * 9, KERNELS)
    controls, picture = explorer.children
    choice, row, column = controls.children[0].children
    weights = [weight for line in controls.children[1].children for weight in line.children]
    assert isinstance(picture, widgets.Image) and (row.max, column.max) == (3, 3)
    seen = {bytes(picture.value)}
    for change in (lambda: setattr(row, "value", 2), lambda: setattr(choice, "value", "blur"),
                   lambda: setattr(weights[0], "value", 5.0)):  # fmt: skip
        change()
        seen.add(bytes(picture.value))
    assert len(seen) == 4 and all(bytes(value)[1:4] == b"PNG" for value in seen)
    assert [round(weight.value, 2) for weight in weights] == [5.0] + [0.11] * 8
    assert "running notebook" in repr(explorer)


def controls_of(widget, kind):
    """All widgets of a kind inside a widget."""
    inside = [found for child in getattr(widget, "children", ()) for found in controls_of(child, kind)]
    return [widget] * isinstance(widget, kind) + inside


def test_every_field_of_an_explorer_has_a_label():
    widgets = pytest.importorskip("ipywidgets")
    fields = (widgets.IntSlider, widgets.FloatText, widgets.Dropdown)
    for explorer, count in ((plotting.explore_convolution(np.eye(6), KERNELS), 12), (plotting.explore_positions(), 4)):
        labels = [field.description for field in controls_of(explorer, fields)]
        assert len(labels) == count
        assert all(labels) and len(set(labels)) == count


def test_the_explorer_of_positions_computes_the_size_and_says_what_does_not_fit():
    widgets = pytest.importorskip("ipywidgets")
    explorer = plotting.explore_positions(size=7, kernel=3)
    sliders = {slider.description: slider for slider in controls_of(explorer, widgets.IntSlider)}
    (formula,), (picture,) = controls_of(explorer, widgets.HTML), controls_of(explorer, widgets.Image)
    assert formula.value == "⌊(7 + 2·0 − 3) / 1⌋ + 1 = <b>5</b>"
    before = bytes(picture.value)
    sliders["stride"].value, sliders["padding"].value = 3, 2
    assert formula.value == "⌊(7 + 2·2 − 3) / 3⌋ + 1 = <b>3</b>"
    assert bytes(picture.value) != before
    sliders["padding"].value, sliders["kernel"].value = 0, 9
    assert "does not fit" in formula.value
    assert picture.layout.visibility == "hidden"
    sliders["size"].value = 10
    assert formula.value.endswith("<b>1</b>") and picture.layout.visibility == "visible"


@pytest.mark.parametrize("size, kernel, stride, padding", [(7, 3, 1, 0), (7, 3, 3, 0), (8, 3, 2, "same"), (8, 3, 2, 1)])
def test_one_bar_is_drawn_for_each_position_that_fits(size, kernel, stride, padding):
    ax = plotting.show_positions(size, kernel, stride, padding)
    bars = [patch for patch in ax.patches if patch.get_y() < 0]
    zeros = sum(patch.get_linestyle() == "--" for patch in ax.patches)
    assert len(bars) == ops.conv_output_size(size, kernel, stride, padding)
    assert zeros == sum(ops.margins(size, kernel, stride, padding))
    assert all(bar.get_x() + bar.get_width() <= size + ops.margins(size, kernel, stride, padding)[1] for bar in bars)

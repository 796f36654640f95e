"""Pictures: what is drawn where, in which colours, and what wrong input is told."""

import itertools
import sys

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402

from cvhelpers import plotting
from cvhelpers.plotting import style  # noqa: E402

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)

# Linear RGB as seen without red or green receptors: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHT = {
    "normal": np.eye(3),
    "no red receptors": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green receptors": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def lab(color, sight):
    """CIELAB of a colour as somebody with this sight sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.clip(SIGHT[sight] @ linear, 0, 1) @ np.transpose(to_xyz) / np.sum(to_xyz, 1)
    f = [np.cbrt(t) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("palette, distance", [(style.COLORS, 15), (style.CLASS_COLORS, 25)], ids=["curves", "classes"])
def test_colours_stay_apart_for_readers_with_and_without_colour_blindness(palette, distance, sight):
    nearest = min(np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in itertools.combinations(palette, 2))
    assert nearest > distance


def test_palette_of_classes_is_enough_for_the_scenes():
    assert len(set(style.CLASS_COLORS)) == 13


def test_text_contrasts_with_every_class_colour():
    def luminance(color):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
        return np.dot([0.2126, 0.7152, 0.0722], linear)

    for color in style.CLASS_COLORS + style.COLORS:
        low, high = sorted([luminance(color), luminance(style.text_color(color))])
        assert (high + 0.05) / (low + 0.05) > 4.2  # the web's rule for large text asks for 3


def test_import_sets_the_style_of_the_course():
    assert plt.rcParams["font.size"] >= 12 and plt.rcParams["lines.linewidth"] >= 2
    assert [color["color"] for color in plt.rcParams["axes.prop_cycle"]] == list(style.COLORS)


def test_style_removes_the_version_of_matplotlib_from_stored_pictures(monkeypatch):
    backend_inline = pytest.importorskip("matplotlib_inline.backend_inline")
    IPython = pytest.importorskip("IPython")
    InlineBackend = pytest.importorskip("matplotlib_inline.config").InlineBackend
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    calls = []
    monkeypatch.setattr(backend_inline, "set_matplotlib_formats", lambda *formats: calls.append(formats))
    monkeypatch.setattr(InlineBackend.instance(), "print_figure_kwargs", {"bbox_inches": "tight"})
    style.use_style()
    assert InlineBackend.instance().print_figure_kwargs == {"bbox_inches": "tight", "metadata": {"Software": None}}
    assert len(calls) == 1


def test_plotting_does_not_load_keras():
    import subprocess

    code = "import sys, cvhelpers.plotting; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "images",
    [
        IMAGE[None].repeat(4, 0),
        IMAGE[None, ..., :1].repeat(4, 0),
        RANDOM.random((4, 5, 5)),
        RANDOM.random((4, 5, 5, 3)).astype(np.float32),
        [IMAGE, IMAGE[:3], IMAGE[..., 0], IMAGE[..., :1] > 100],
    ],
    ids=["colour", "one channel", "grey floats", "colour floats", "a list of all kinds"],
)
def test_images_of_every_kind_get_axes_of_their_own(images):
    axes = plotting.show_images(images, titles="abcd", columns=3)
    assert [ax.get_title() for ax in axes] == list("abcd")
    assert all(len(ax.images) == 1 and not ax.axison for ax in axes)
    assert len(axes[0].figure.axes) == 4


def test_one_grey_image_is_not_taken_for_a_batch():
    assert len(plotting.show_images(np.zeros((5, 7)))) == 1


def test_pixels_of_small_images_stay_squares():
    small, large = plotting.show_images([IMAGE, np.zeros((300, 300, 3), np.uint8)])
    assert small.images[0].get_interpolation() == "nearest" != large.images[0].get_interpolation()


def test_float_colours_up_to_255_are_shown_like_bytes():
    ax = plotting.show_images([IMAGE.astype(np.float32)])[0]
    assert np.allclose(ax.images[0].get_array(), IMAGE / 255)


def test_grey_bytes_keep_their_brightness():
    ax = plotting.show_images([np.full((4, 4), 100, np.uint8)])[0]
    assert ax.images[0].norm.vmin == 0 and ax.images[0].norm.vmax == 255


@pytest.mark.parametrize("shape", [(6, 8, 3), (6, 8, 4), (6, 8, 1), (6, 8)])
def test_one_image_gets_one_picture(shape):
    axes = plotting.show_images(np.full(shape, 90, np.uint8), titles=["photograph"])
    assert len(axes) == 1
    assert axes[0].images[0].get_array().shape[:2] == (6, 8)


@pytest.mark.parametrize(
    "values, share",
    [
        (np.array([[0, 51]], np.int64), 0.2),
        (np.array([[0.0, 51.0]]), 0.2),
        (np.array([[0, 13107]], np.uint16), 0.2),
        (np.array([[0, 51]], np.uint16), 0.2),
        (np.array([[0.0, 0.2]], np.float32), 0.2),
        (np.array([[-3.0, 0.2]]), 0.2),
    ],
    ids=["whole numbers", "floats to 255", "16 bits", "bytes in 16 bits", "floats to 1", "below zero"],
)
@pytest.mark.parametrize("channels", [0, 3])
def test_brightness_does_not_depend_on_what_else_is_in_the_image(values, share, channels):
    if values.min() >= 0 and values.max() in (51, 13107):  # what makes the kind of number clear, far from the pixel
        values = np.concatenate([values, [[values.max() * 5, 0]]]).astype(values.dtype)
    image = np.repeat(values[..., None], channels, -1) if channels else values
    picture = plotting.show_images([image])[0].images[0]
    pixel = picture.get_array()[0, 1]
    shown = pixel[0] if channels else picture.norm(pixel)
    assert np.isclose(shown, share, atol=1e-3)
    if not channels:
        assert (picture.norm.vmin, picture.norm.vmax) in [(0, 1), (0, 255)]


def test_a_dark_grey_image_stays_dark():
    picture = plotting.show_images([np.full((4, 4), 20)])[0].images[0]
    assert np.isclose(picture.norm(picture.get_array()[0, 0]), 20 / 255)


def test_names_may_be_given_for_own_class_numbers():
    ax = plotting.show_boxes(IMAGE, [[1, 1, 3, 3]], labels=[7], names={7: "mug"})
    assert [text.get_text() for text in ax.texts] == ["mug"]
    ax = plotting.show_masks(IMAGE, np.ones((1, 6, 8)), labels=[7], names={7: "mug"})
    assert [text.get_text() for text in ax.texts] == ["mug"]
    ax = plotting.show_label_map(np.array([[7, -1]]), names={7: "mug"})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["void", "mug"]


def test_a_class_without_a_name_is_named():
    with pytest.raises(ValueError, match=r"a box has class 3 but the 1 names are for \[0\]: wanted .*\{3: 'name'"):
        plotting.show_boxes(IMAGE, [[1, 1, 3, 3]], labels=[3], names=["mug"])
    with pytest.raises(ValueError, match="a mask has class 3"):
        plotting.show_masks(IMAGE, np.ones((1, 6, 8)), labels=[3], names=["mug"])


def test_boxes_lie_on_pixel_edges_and_padding_is_skipped():
    boxes = np.array([[0, 0, 8, 6], [2, 1, 5, 4], [0, 0, 0, 0]], np.float32)
    ax = plotting.show_boxes(IMAGE, boxes, [1, 0, -1], ["cat", "dog"], scores=[0.5, 0.987, 0])
    assert [patch.get_bbox().extents.tolist() for patch in ax.patches] == [[-0.5, -0.5, 7.5, 5.5], [1.5, 0.5, 4.5, 3.5]]
    assert list(ax.images[0].get_extent()) == [-0.5, 7.5, 5.5, -0.5]
    assert [text.get_text() for text in ax.texts] == ["dog 0.50", "cat 0.99"]
    assert to_rgb(ax.patches[0].get_edgecolor()) == plotting.class_color(1)


def test_boxes_need_neither_labels_nor_boxes():
    assert len(plotting.show_boxes(IMAGE, [[1, 1, 3, 3]]).texts) == 0
    assert len(plotting.show_boxes(IMAGE, np.zeros((0, 4))).patches) == 0


def test_outline_of_a_mask_follows_its_pixel_edges():
    mask = np.zeros((1, 6, 8), bool)
    mask[0, 2:4, 3:6] = True
    ax = plotting.show_masks(IMAGE, mask)
    points = np.concatenate(ax.collections[0].get_segments())
    assert points.min(0).tolist() == [2.5, 1.5] and points.max(0).tolist() == [5.5, 3.5]
    assert len(ax.collections[0].get_segments()) == 10


def test_empty_masks_and_padding_are_skipped():
    masks = np.zeros((3, 6, 8), bool)
    masks[:2, 1:3, 1:3] = True
    ax = plotting.show_masks(IMAGE, masks, [0, -1, 1], ["cat", "dog"])
    assert len(ax.collections) == 1 and [text.get_text() for text in ax.texts] == ["cat"]


def test_label_map_names_only_the_classes_that_are_present():
    ax = plotting.show_label_map(np.array([[0, 2], [2, -1]]), ["grass", "brick", "gravel"])
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["void", "grass", "gravel"]
    colors = [patch.get_facecolor()[:3] for patch in legend.get_patches()]
    pixels = ax.images[0].get_array()
    assert np.allclose(pixels[1, 1], colors[0])
    assert np.allclose(pixels[0, 0], colors[1]) and np.allclose(pixels[0, 1], colors[2])


def panoptic_map():
    panoptic = np.zeros((4, 6, 2), np.int32)
    panoptic[:2, :2], panoptic[:2, 4:], panoptic[3, 3:] = (1, 1), (1, 2), (2, 5)
    return panoptic


def test_instances_of_one_class_get_different_shades_and_their_numbers():
    ax = plotting.show_panoptic(None, panoptic_map(), ["grass", "cat", "dog"])
    assert [text.get_text() for text in ax.texts] == ["1", "2", "5"]
    pixels = ax.images[0].get_array()
    assert not np.allclose(pixels[0, 0], pixels[0, 5])
    assert np.allclose(pixels[2, 0], plotting.class_color(0))
    assert len(ax.collections) == 3


def test_only_things_are_counted():
    ax = plotting.show_panoptic(IMAGE[:4, :6], panoptic_map(), things=(2,))
    assert [text.get_text() for text in ax.texts] == ["5"]


def test_kernels_share_a_scale_around_zero_and_show_their_numbers():
    axes = plotting.show_kernels(np.stack([np.eye(3), -2 * np.eye(3)], -1), titles=["a", "b"])
    assert {(ax.images[0].norm.vmin, ax.images[0].norm.vmax) for ax in axes} == {(-2, 2)}
    assert [text.get_text() for text in axes[1].texts] == ["-2", "0", "0", "0", "-2", "0", "0", "0", "-2"]


def test_a_scale_of_its_own_shows_the_signs_of_small_weights():
    axes = plotting.show_kernels([np.eye(3), -8 * np.eye(3)], same_scale=False)
    assert [(ax.images[0].norm.vmin, ax.images[0].norm.vmax) for ax in axes] == [(-1, 1), (-8, 8)]


def test_no_sign_is_shown_as_black():
    assert style.SIGNS([0.0, 1.0])[:, :3].max(1).min() > 0.6  # a projector shows the dark ends of RdBu as black


def test_large_kernels_have_no_numbers_and_channels_have_rows():
    axes = plotting.show_kernels(RANDOM.normal(size=(7, 7, 3, 4)))
    assert len(axes) == 12 and not any(ax.texts for ax in axes)
    kernel = RANDOM.normal(size=(3, 3, 2, 3))
    axes = plotting.show_kernels(kernel, numbers=False)
    assert np.array_equal(axes[4].images[0].get_array(), kernel[:, :, 1, 1])  # row: channel 1, column: filter 1


def test_a_rounded_zero_has_no_sign():
    ax = plotting.show_kernels(np.array([[-0.0001, 0.0], [0.125, -3.0]]))[0]
    assert [text.get_text() for text in ax.texts] == ["0", "0", "0.12", "-3"]


def test_feature_maps_share_one_scale():
    maps = RANDOM.random((1, 5, 5, 6))
    axes = plotting.show_feature_maps(maps, count=4)
    assert [ax.get_title() for ax in axes] == ["0", "1", "2", "3"]
    assert {ax.images[0].norm.vmax for ax in axes} == {maps[..., :4].max()}


def test_history_draws_the_mean_of_the_seeds_with_a_band():
    runs = [{"loss": [3, 1], "val_loss": [4, 2]}, {"loss": [1, 1], "val_loss": [2, 2]}]
    ax = plotting.show_history({"plain": runs, "residual": {"loss": [2, 1]}})
    assert [line.get_ydata().tolist() for line in ax.lines] == [[2, 1], [3, 2], [2, 1]]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["plain", "plain, validation", "residual"]
    assert len(ax.collections) == 2 and ax.lines[0].get_color() == ax.lines[1].get_color() != ax.lines[2].get_color()
    assert ax.get_xlabel() == "epoch" and ax.get_ylabel() == "loss"


def test_a_single_history_needs_no_label():
    ax = plotting.show_history({"accuracy": [0.5, 0.9], "loss": [2, 1]}, measure="accuracy")
    assert len(ax.lines) == 1


class History:
    """What Keras's ``fit`` gives back, as far as the picture needs it."""

    def __init__(self, **history):
        self.history, self.epoch = history, list(range(len(history["loss"])))


@pytest.mark.parametrize(
    "histories",
    [
        History(loss=[3, 1]),
        [History(loss=[4, 1]), {"loss": [2, 1]}],
        {"plain": History(loss=[3, 1])},
        {"plain": [History(loss=[4, 1]), History(loss=[2, 1])]},
        {"loss": np.array([3, 1])},
    ],
    ids=["one", "a list", "with a label", "several with a label", "arrays"],
)
def test_histories_of_keras_are_drawn_as_they_are(histories):
    assert plotting.show_history(histories).lines[0].get_ydata().tolist() == [3, 1]


def test_confusion_has_all_numbers_and_names():
    ax = plotting.show_confusion(np.array([[5, 1], [0, 0]]), ["cat", "zebra"])
    assert [text.get_text() for text in ax.texts] == ["5", "1", "0", "0"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["cat", "zebra"]
    assert np.allclose(ax.images[0].get_array(), [[5 / 6, 1 / 6], [0, 0]])


def test_receptive_field_picture_counts_the_cells_of_every_map():
    ax = plotting.draw_receptive_field([(3, 1), (2, 2), (3, 1)])
    words = [text.get_text() for text in ax.texts]
    assert words == ["input: 8 × 8 pixels", "3 × 3", "map 1: 6 × 6", "2 × 2, stride 2", "map 2: 3 × 3", "3 × 3",
                     "map 3: 1 × 1"]  # fmt: skip
    orange = [p for p in ax.patches if to_rgb(p.get_facecolor()) == to_rgb(style.COLORS[1])]
    assert sorted(round(p.get_x() + p.get_width() / 2, 6) for p in orange) == [i + 0.5 for i in range(8)]


def test_animation_has_one_frame_for_each_output_pixel():
    animation = plotting.animate_convolution(np.eye(5), np.ones((3, 3)), stride=2, padding=1)
    assert len(list(animation.new_frame_seq())) == 9
    assert "<script" in animation.to_jshtml()
    assert plt.get_fignums() == []  # a notebook must not show the first frame as well


def test_cells_that_are_still_empty_do_not_look_like_the_brightest_ones():
    ax = plotting.convolution_strip(np.eye(4), np.ones((3, 3)), positions=[1])[0, 2]
    assert np.isnan(ax.images[0].get_array().filled(np.nan)).tolist() == [[False, False], [True, True]]
    assert ax.axison and ax.patch.get_hatch() == "///"  # the ground shows where the map is empty


def test_a_layer_adds_its_channels_and_keeps_its_filters_apart():
    image, kernels = RANDOM.integers(0, 9, (4, 4, 3)), RANDOM.integers(-2, 3, (3, 3, 3, 2))
    axes = plotting.convolution_strip(image, kernels, positions=[3])
    assert axes.shape == (3, 4)
    expected = [[int((image[r : r + 3, c : c + 3] * kernels[..., f]).sum()) for r in (0, 1) for c in (0, 1)]
                for f in (0, 1)]  # fmt: skip
    assert [[float(text.get_text()) for text in axes[f, 3].texts] for f in (0, 1)] == expected
    assert not axes[2, 3].get_visible()  # three channels, two maps
    assert np.array_equal(axes[2, 1].images[0].get_array(), kernels[:, :, 2, 0])
    assert len(list(plotting.animate_convolution(image, kernels).new_frame_seq())) == 4


def test_a_page_that_runs_no_script_has_no_dead_button():
    page = plotting.animation_html(plotting.animate_convolution(np.eye(4), np.ones((3, 3))), "eye").data
    before, script = page.split("<script>")
    assert "<button" not in before and "<input" not in before and "Run this cell" in before
    assert '<label>step <input type="range"' in script and 'aria-label="play or pause"' in script


def test_the_pipeline_says_names_and_shapes_and_frames_what_is_new():
    steps = {"photograph": IMAGE, "filters": RANDOM.normal(size=(4, 6, 5)), "flatten": np.zeros(1200)}
    ax = plotting.draw_pipeline(steps, new=2)
    words = ["photograph", "6×8×3", "filters", "4×6×5", "flatten", "1,200"]
    assert [text.get_text() for text in ax.texts if text.get_text()] == words
    assert sum(patch.get_linewidth() == 3 for patch in ax.patches) == 2
    assert len(ax.images) == 1 + 3 + 1  # of many maps the first three


def test_stored_player_is_the_same_text_each_time_and_small():
    pages = [
        plotting.animation_html(plotting.animate_convolution(np.eye(4), np.ones((3, 3))), "eye").data for _ in range(2)
    ]
    assert pages[0] == pages[1]
    assert 'id="eye"' in pages[0] and 'max="3"' in pages[0] and "http" not in pages[0]
    assert len(pages[0]) < 60_000


def test_still_frames_show_what_the_window_sees():
    image, kernel = np.arange(16).reshape(4, 4), np.array([[1, 0], [0, -1]])
    axes = plotting.convolution_strip(image, kernel, positions=[4])
    window = axes[0, 0].patches[-1].get_bbox().extents
    assert window.tolist() == [0.5, 0.5, 2.5, 2.5]  # fifth of 3 × 3 places: second row, second column
    assert [text.get_text() for text in axes[0, 2].texts] == ["-5"] * 5
    assert plotting.convolution_strip(image, kernel).shape == (4, 3)


BAD = {
    "image of one number": lambda: plotting.show_images([3]),
    "image of five channels": lambda: plotting.show_images(np.zeros((2, 4, 4, 5))),
    "no images": lambda: plotting.show_images([]),
    "titles missing": lambda: plotting.show_images([IMAGE, IMAGE], titles=["a"]),
    "box of three numbers": lambda: plotting.show_boxes(IMAGE, [[1, 2, 3]]),
    "labels missing": lambda: plotting.show_boxes(IMAGE, [[1, 2, 3, 4]], labels=[]),
    "mask of another size": lambda: plotting.show_masks(IMAGE, np.ones((1, 3, 3), bool)),
    "float label map": lambda: plotting.show_label_map(np.zeros((2, 2))),
    "class without a name": lambda: plotting.show_label_map(np.array([[3]]), names=["a"]),
    "panoptic without instances": lambda: plotting.show_panoptic(None, np.zeros((2, 2), int)),
    "panoptic of another size": lambda: plotting.show_panoptic(IMAGE, panoptic_map()),
    "pipeline of four axes": lambda: plotting.draw_pipeline({"batch": np.zeros((1, 2, 2, 3))}),
    "pipeline without steps": lambda: plotting.draw_pipeline({}),
    "image of words": lambda: plotting.show_images([np.array([["a", "b"]])]),
    "no histories": lambda: plotting.show_history({}),
    "filters of another depth": lambda: plotting.animate_convolution(IMAGE, np.zeros((3, 3, 2, 1))),
    "kernel of five axes": lambda: plotting.show_kernels(np.zeros((1, 1, 1, 1, 1))),
    "maps of a batch": lambda: plotting.show_feature_maps(np.zeros((2, 3, 3, 4))),
    "measure missing": lambda: plotting.show_history({"a": {"loss": [1]}}, measure="accuracy"),
    "matrix not square": lambda: plotting.show_confusion(np.zeros((2, 3))),
    "stride zero": lambda: plotting.draw_receptive_field([(3, 0)]),
    "no layers": lambda: plotting.draw_receptive_field([]),
    "kernel too large": lambda: plotting.animate_convolution(np.eye(2), np.eye(3)),
    "image in colour": lambda: plotting.animate_convolution(IMAGE, np.eye(3)),
    "position outside": lambda: plotting.convolution_strip(np.eye(4), np.eye(3), positions=[4]),
    "not a model": lambda: plotting.draw_network("lenet"),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_wrong_input_is_told_what_was_wanted(call):
    with pytest.raises(ValueError, match="wanted"):
        call()


def words_of(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("cvhelpers.training")
    import keras

    return keras


def test_network_of_layers_in_a_row_shows_shapes_and_parameters(keras):
    L = keras.layers
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), L.Conv2D(6, 5), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D(), L.Flatten(),
         L.Dropout(0.5), L.Dense(10)],
        name="small",
    )  # fmt: skip
    assert words_of(plotting.draw_network(model)) == [
        "small: 8,830 parameters", "input\n28×28×1", "conv 5×5\n24×24×6\n180", "max 2×2\n12×12×6", "flatten\n864",
        "dense\n10\n8,650",
    ]  # fmt: skip
    assert len(words_of(plotting.draw_network(model, collapse=False))) == 9


def test_network_wider_than_a_page_goes_on_in_the_next_line(keras):
    layers = [keras.layers.Conv2D(4, 3) for _ in range(12)]
    model = keras.Sequential([keras.Input((64, 64, 4)), *layers])
    ax = plotting.draw_network(model, columns=5)
    assert len({round(text.get_position()[0], 3) for text in ax.texts[1:]}) == 5
    assert ax.figure.get_figwidth() < 7
    same = [keras.layers.Conv2D(4, 3, padding="same") for _ in range(12)]
    ax = plotting.draw_network(keras.Sequential([keras.Input((64, 64, 4)), *same]), repeats=True)
    assert words_of(ax)[2] == "12 × conv 3×3\n64×64×4\n1,776"


def test_branches_lie_below_one_another_and_meet_again(keras):
    L = keras.layers
    start = keras.Input((8, 8, 4))
    one, two = L.Conv2D(2, 1)(start), L.Conv2D(3, 3, padding="same")(L.Conv2D(5, 1)(start))
    ax = plotting.draw_network(keras.Model(start, L.Concatenate()([one, two])))
    places = {text.get_text(): text.get_position() for text in ax.texts[1:]}
    assert places["conv 3×3\n8×8×3\n138"][0] < places["concat\n8×8×5"][0]
    # In the order in which they are joined, the short one first.
    assert places["conv 1×1\n8×8×2\n10"][1] > places["conv 1×1\n8×8×5\n25"][1] + 0.5


def test_shortcut_goes_around_the_blocks(keras):
    L = keras.layers
    start = keras.Input((8, 8, 4))
    inside = L.Conv2D(4, 3, padding="same")(L.Conv2D(4, 3, padding="same")(start))
    ax = plotting.draw_network(keras.Model(start, L.Add()([inside, start])))
    tops = [patch.get_path().vertices[:, 1].max() for patch in ax.patches if hasattr(patch, "get_arrowstyle")]
    assert len(tops) == 4 and max(tops) > sorted(tops)[-2] + 0.3


def test_several_networks_are_drawn_below_one_another(keras):
    models = [keras.Sequential([keras.Input((4,)), keras.layers.Dense(n)], name=f"net{n}") for n in (2, 3)]
    ax = plotting.draw_network(models)
    titles = [text for text in ax.texts if "parameters" in text.get_text()]
    assert [title.get_text() for title in titles] == ["net2: 10 parameters", "net3: 15 parameters"]
    assert titles[0].get_position()[1] > titles[1].get_position()[1]


def test_a_model_without_shapes_is_told_to_get_an_input(keras):
    with pytest.raises(ValueError, match="keras.Input"):
        plotting.draw_network(keras.Sequential([keras.layers.Dense(2)]))

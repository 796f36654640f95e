"""Augmentation layers: pixels against boxes and masks, ranges as measured, dtypes, seeds, tf.data, models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers._quiet import keras, tf
from cvhelpers.augmentation import (
    Augment,
    ColorJitter,
    Cutout,
    RandomAffine,
    RandomBrightness,
    RandomContrast,
    RandomFlip,
    RandomScaledCrop,
    SaltAndPepper,
    base,
    map_dataset,
    pixels,
)


def all_layers(**more):
    return [
        RandomFlip(0.5, 0.5, **more),
        RandomScaledCrop(40, 56, **more),
        RandomAffine(20.0, 0.2, 0.1, **more),
        RandomBrightness(0.3, **more),
        RandomContrast(0.5, **more),
        ColorJitter(0.2, 0.3, 0.3, 0.1, **more),
        SaltAndPepper(0.1, **more),
        Cutout((10, 20), **more),
        Augment([RandomFlip(), RandomScaledCrop(40, 56), ColorJitter(), Cutout(12), SaltAndPepper()], **more),
    ]


@pytest.mark.parametrize("layer", all_layers(), ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("shape", [(48, 64, 3), (2, 48, 64, 3), (None, 48, 64, 3), (None, None, None, 1)])
def test_the_promised_shape_is_the_one_that_comes_out(layer, shape):
    promised = layer.compute_output_shape(shape)
    real = tuple(2 if size is None and i == 0 else size or 50 for i, size in enumerate(shape))
    for got, size in zip(layer(np.zeros(real, np.uint8)).shape, promised, strict=True):
        assert size in (got, None)
    assert [size is None for size in promised][:-3] == [size is None for size in shape][:-3]
    assert None not in promised[-3:] or None in shape[-3:]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "dtype, value_range",
    [
        ("uint8", (0, 255)),
        ("int8", (-128, 127)),
        ("int16", (-300, 300)),
        ("uint16", (0, 65535)),
        ("int32", (-5, 2**22)),
        ("int32", (-5, 2**22 + 1)),
        ("int32", (0, 2**24)),
    ],
)
def test_whole_numbers_are_clipped_and_rounded_as_numpy_does(dtype, value_range, compiled):
    ends = np.array([value + half for value in value_range for half in (-1, -0.5, 0, 0.5, 1)])
    near = np.nextafter(np.float32([2.5, 0.5, -0.5]), np.float32(0))  # a sum in float32 could round these up
    values = np.concatenate([np.arange(-1200, 1200) / 4, ends, near]).astype("float32")
    restore = tf.function(pixels.restore, jit_compile=True) if compiled else pixels.restore
    got = restore(tf.constant(values), tf.as_dtype(dtype), value_range).numpy()
    np.testing.assert_array_equal(got, np.rint(np.clip(values, *value_range)).astype(dtype), strict=True)


def name(layer):
    return type(layer).__name__


def scene(count, height=48, width=64, seed=0):
    """White rectangles on black with their boxes and masks, and entries that no layer may touch."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, height, width, 3), np.uint8)
    masks = np.zeros((count, height, width), np.int32)
    boxes = np.zeros((count, 2, 4), np.float32)
    for i in range(count):
        high, wide = rng.integers(5, height // 2), rng.integers(5, width // 2)
        y, x = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
        images[i, y : y + high, x : x + wide], masks[i, y : y + high, x : x + wide] = 255, 70000
        boxes[i, 0] = x, y, x + wide, y + high
    return {
        "images": images,
        "labels": np.arange(count),
        "bounding_boxes": {"boxes": boxes, "labels": np.tile(np.array([[3, -1]], np.int32), (count, 1))},
        "segmentation_masks": masks,
        "file": np.array([f"image {i}" for i in range(count)]),
        "weight": np.linspace(0, 1, count),
    }


def tight_box(mask):
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


GEOMETRIC = [
    RandomFlip(0.5, 0.5, seed=1),
    RandomScaledCrop(48, 64, scale=(0.3, 1.0), seed=1),
    RandomScaledCrop(90, 50, scale=(0.5, 0.9), ratio=(0.5, 2.0), seed=2),
    RandomAffine(scale=0.3, translation=0.2, seed=3),
    RandomAffine(rotation=(90, 90), translation=0.1, seed=4),
    Augment([RandomFlip(0.5, 0.5), RandomScaledCrop(70, 60), RandomFlip(0.5, 0.5)], seed=5),
    Augment([RandomAffine(0, 0.2, 0.2), RandomFlip(), RandomScaledCrop(50, 50, (0.7, 1.0))], seed=6),
]


@pytest.mark.parametrize("layer", GEOMETRIC, ids=name)
def test_box_of_transformed_mask_equals_transformed_box(layer):
    compared = 0
    for batch in range(2):
        data = scene(64, seed=batch)
        out = tf.nest.map_structure(np.asarray, layer(data))
        for i in range(64):
            box, label = out["bounding_boxes"]["boxes"][i, 0], out["bounding_boxes"]["labels"][i, 0]
            mask = out["segmentation_masks"][i] == 70000
            if label == -1:
                assert not box.any()
                assert min(mask.any(0).sum(), mask.any(1).sum()) <= 1, "more than a sliver is left of a removed box"
            else:
                assert mask.any(), "a box without pixels"
                compared += 1
                assert np.abs(tight_box(mask) - box).max() <= 1, (tight_box(mask), box)
                assert np.abs(tight_box(out["images"][i, :, :, 0] > 127) - box).max() <= 1.01
    assert compared > 100


def test_turned_box_holds_the_turned_mask_and_touches_it():
    data = scene(128, 64, 64)
    out = tf.nest.map_structure(np.asarray, RandomAffine(rotation=45.0, scale=(0.4, 0.5), seed=1)(data))
    for i in range(128):  # everything stays inside: scaled down around the centre
        got = tight_box(out["segmentation_masks"][i] == 70000)
        assert np.abs(got - out["bounding_boxes"]["boxes"][i, 0]).max() <= 1.5


@pytest.mark.parametrize("layer", GEOMETRIC, ids=name)
def test_masks_lie_on_the_pixels_and_keep_their_values(layer):
    data = scene(64)
    out = tf.nest.map_structure(np.asarray, layer(data))
    masks = out["segmentation_masks"]
    assert masks.dtype == np.int32
    assert set(np.unique(masks)) <= {0, 255, 70000}
    bright = out["images"][..., 0] > 127
    assert (bright != (masks == 70000)).mean() < 0.01


def test_box_that_leaves_the_image_gets_label_minus_one():
    data = scene(32)
    out = RandomAffine(translation=(1, 1))(data)
    assert (np.asarray(out["bounding_boxes"]["labels"]) == -1).all()
    assert not np.asarray(out["bounding_boxes"]["boxes"]).any()


def test_padding_stays_padding():
    for layer in GEOMETRIC:
        out = layer(scene(8))["bounding_boxes"]
        assert (np.asarray(out["labels"])[:, 1] == -1).all() and not np.asarray(out["boxes"])[:, 1].any()


# ---------------------------------------------------------------- what is drawn


def test_flip_tosses_two_independent_coins():
    corner = np.zeros((2000, 2, 2, 1), np.uint8)
    corner[:, 0, 0] = 1
    out = np.asarray(RandomFlip(0.5, 0.25, seed=1)(corner)).reshape(2000, 4)
    share = out.mean(0)  # stays, left to right, top to bottom, both
    assert np.abs(share - [0.375, 0.375, 0.125, 0.125]).max() < 0.035


def test_flip_is_exact():
    images = np.random.default_rng(0).integers(0, 256, (64, 5, 7, 3), np.uint8)
    out = np.asarray(RandomFlip(0.5, 0.5, seed=1)(images))
    ways = [images, images[:, :, ::-1], images[:, ::-1], images[:, ::-1, ::-1]]
    assert all(any((out[i] == way[i]).all() for way in ways) for i in range(64))


@pytest.mark.parametrize("factor, low, high", [(0.5, 0.5, 1.5), (0.2, 0.8, 1.2), ((0.3, 0.6), 0.3, 0.6)])
def test_contrast_lowers_and_raises(factor, low, high):
    images = np.tile(np.array([90.0, 110.0], np.float32).reshape(1, 1, 2, 1), (3000, 1, 1, 1))
    out = np.asarray(RandomContrast(factor, seed=1)(images))[:, 0, :, 0]
    measured = (out[:, 1] - out[:, 0]) / 20
    assert low - 1e-4 <= measured.min() < low + 0.01 * (high - low) and np.allclose(out.mean(1), 100, atol=1e-3)
    assert high + 1e-4 >= measured.max() > high - 0.01 * (high - low)


def test_brightness_shifts_by_its_share_of_the_value_range():
    images = np.full((3000, 1, 1, 1), 0.5, np.float32)
    shift = np.asarray(RandomBrightness(0.3, value_range=(0, 1), seed=1)(images)).ravel() - 0.5
    assert -0.3 <= shift.min() < -0.29 and 0.29 < shift.max() <= 0.3 + 1e-6


def test_saturation_and_hue_have_the_documented_range():
    images = np.tile(np.array([140.0, 120.0, 100.0], np.float32), (3000, 1, 1, 1))
    yiq = lambda x: np.asarray(x, np.float64)[:, 0, 0] @ np.array(pixels.TO_YIQ).T  # noqa: E731
    before = yiq(images)
    after = yiq(ColorJitter(0, 0, 0.4, 0, seed=1)(images))
    ratio = after[:, 1] / before[:, 1]
    assert 0.6 - 1e-3 <= ratio.min() < 0.61 and 1.39 < ratio.max() <= 1.4 + 1e-3
    assert np.allclose(after[:, 0], before[:, 0], atol=1e-2), "brightness stays"
    after = yiq(ColorJitter(0, 0, 0, 0.1, seed=1)(images))
    turn = (np.angle(after[:, 1] + 1j * after[:, 2]) - np.angle(before[:, 1] + 1j * before[:, 2])) / (2 * np.pi)
    turn = (turn + 0.5) % 1 - 0.5
    assert -0.1 - 1e-3 <= turn.min() < -0.098 and 0.098 < turn.max() <= 0.1 + 1e-3


def test_saturation_zero_is_grey_by_the_usual_weights():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    out = np.asarray(ColorJitter(0, 0, (0, 0), 0)(images), int)
    assert np.abs(out - (images @ [0.299, 0.587, 0.114])[..., None]).max() <= 1


@pytest.mark.parametrize("size", [1, 8, (3, 11), (48, 64)])
def test_cutout_has_exactly_its_size_and_reaches_every_border(size):
    images = np.full((400, 48, 64, 3), 9, np.uint8)
    holes = (np.asarray(Cutout(size, value=200, seed=1)(images)) == 200).all(-1)
    high, wide = (size, size) if isinstance(size, int) else size
    boxes = np.array([tight_box(hole) for hole in holes])
    assert (holes.sum((1, 2)) == high * wide).all()
    assert (boxes[:, 2] - boxes[:, 0] == wide).all() and (boxes[:, 3] - boxes[:, 1] == high).all()
    if size == (3, 11):
        assert boxes.min(0)[:2].tolist() == [0, 0] and boxes.max(0)[2:].tolist() == [64, 48]


def test_cutout_takes_a_colour():
    out = np.asarray(Cutout((4, 4), value=(10, 20, 30))(np.zeros((4, 4, 3), np.uint8)))
    assert (out == [10, 20, 30]).all()


def test_salt_and_pepper_hits_its_share_of_pixels_in_all_channels():
    images = np.full((8, 100, 101, 3), 100, np.uint8)
    out = np.asarray(SaltAndPepper(0.08, salt=0.25, seed=1)(images))
    assert (out == out[..., :1]).all() and set(np.unique(out)) == {0, 100, 255}
    assert abs((out[..., 0] == 255).mean() - 0.02) < 0.003 and abs((out[..., 0] == 0).mean() - 0.06) < 0.004


def test_scaled_crop_cuts_the_documented_share_and_shape():
    size = 100
    ramp = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float32) + 0.5
    layer = RandomScaledCrop(40, 40, scale=(0.3, 0.6), ratio=(0.8, 1.25), seed=1)
    out = np.asarray(layer(np.tile(ramp, (1500, 1, 1, 1))))
    wide = (out[:, 20, 30, 0] - out[:, 20, 10, 0]) * 2
    high = (out[:, 30, 20, 1] - out[:, 10, 20, 1]) * 2
    area, ratio = wide * high / size**2, wide / high
    assert 0.3 - 0.002 < area.min() < 0.31 and 0.59 < area.max() < 0.603
    assert 0.798 < ratio.min() < 0.81 and 1.235 < ratio.max() < 1.253
    left = out[:, 20, 20, 0] - wide * 20.5 / 40
    assert left.min() > -0.1 and (left + wide).max() < size + 0.1 and left.std() > 5


def bilinear(image, height, width, top, left, high, wide):
    """float64 reference: pixel centres at half pixels, edges repeated."""
    y = np.clip(top + (np.arange(height) + 0.5) * high / height - 0.5, 0, image.shape[0] - 1)
    x = np.clip(left + (np.arange(width) + 0.5) * wide / width - 0.5, 0, image.shape[1] - 1)
    y0, x0 = np.minimum(y.astype(int), image.shape[0] - 2), np.minimum(x.astype(int), image.shape[1] - 2)
    v, u = (y - y0)[:, None, None], (x - x0)[None, :, None]
    image = image.astype(np.float64)
    rows = image[y0] * (1 - v) + image[y0 + 1] * v
    return rows[:, x0] * (1 - u) + rows[:, x0 + 1] * u


@pytest.mark.parametrize("dtype, error", [("uint8", 1.0), ("float32", 0.01), ("uint16", 0.51)])
def test_resampling_equals_a_float64_reference(dtype, error):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(dtype)
    layer = RandomScaledCrop(37, 29, (0.4, 0.9), seed=3)
    draw = base.Draw(layer.chain()[0].seed(tf.constant([5, 0])))
    transform = layer.geometry(draw, 1, 30, 40)[0].numpy()[0]
    got = np.asarray(layer(image, seed=5), np.float64)
    want = bilinear(image, 37, 29, transform[1, 2], transform[0, 2], transform[1, 1] * 37, transform[0, 0] * 29)
    assert np.abs(got - want).max() <= error


def test_warp_equals_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 1)).astype("float32")
    layer = RandomAffine(30.0, 0.2, 0.1)
    for seed in range(5):
        draw = base.Draw(layer.chain()[0].seed(tf.constant([seed, 0])))
        matrix = layer.geometry(draw, 1, 30, 40)[0].numpy()[0].astype(float)
        turn = matrix[:2, :2][::-1, ::-1]  # rows and columns instead of x and y
        shift = matrix[:2, 2][::-1] + turn @ [0.5, 0.5] - 0.5
        want = ndimage.affine_transform(image[..., 0].astype(float), turn, shift, order=1, mode="grid-constant")
        got = np.asarray(layer(image, seed=seed))[..., 0]
        assert np.abs(got - want).max() < 0.05


# ---------------------------------------------------------------- dtypes, entries, edges


@pytest.mark.parametrize("layer", all_layers(seed=1), ids=name)
def test_dict_keeps_dtypes_entries_and_the_callers_arrays(layer):
    data = scene(6)
    before = {key: value.copy() for key, value in data.items() if key != "bounding_boxes"}
    boxes = data["bounding_boxes"]["boxes"].copy()
    out = layer(data)
    assert out["images"].dtype == "uint8" and out["segmentation_masks"].dtype == "int32"
    assert out["labels"].dtype == "int64" and out["bounding_boxes"]["labels"].dtype == "int32"
    assert np.asarray(out["file"]).astype(str).tolist() == before["file"].tolist()
    assert np.array_equal(out["weight"], before["weight"]) and out["weight"].dtype == "float64"
    assert all(np.array_equal(data[key], before[key]) for key in before), "the caller's arrays changed"
    assert np.array_equal(data["bounding_boxes"]["boxes"], boxes) and set(data) == set(out)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint16", "float16", "float32", "float64"])
def test_image_dtype_and_value_range_are_kept(dtype):
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3)).astype(dtype)
    for layer in all_layers(seed=1):
        out = layer(images)
        assert out.dtype == dtype and 0 <= np.min(out) and np.max(out) <= 255


@pytest.mark.parametrize("edge", [0, 255])
def test_uint8_edges_never_wrap_around(edge):
    images = np.full((200, 4, 4, 3), edge, np.uint8)
    for layer in (RandomBrightness(1.0, seed=1), ColorJitter(1.0, 1.0, 1.0, 0.5, seed=1), RandomContrast(1.0, seed=1)):
        out = np.asarray(layer(images), int)
        assert (out == out[:, :1, :1, :1]).all() or isinstance(layer, ColorJitter)
        if type(layer) is RandomBrightness:
            shifts = (out[:, 0, 0, 0] - edge) * (1 if edge == 0 else -1)
            assert shifts.min() == 0 and shifts.max() > 240 and abs((shifts == 0).mean() - 0.5) < 0.1
    assert (np.asarray(RandomScaledCrop(7, 5, seed=1)(images)) == edge).all()


def test_grey_images_take_the_colour_layers():
    out = np.asarray(ColorJitter(0.2, 0.2, 0.2, 0.1, seed=1)(np.full((3, 5, 5, 1), 100, np.uint8)))
    assert out.shape == (3, 5, 5, 1)


def test_masks_with_and_without_a_channel_axis_are_equal():
    data, layer = scene(5), RandomScaledCrop(20, 30)
    flat = layer({key: data[key] for key in ("images", "segmentation_masks")}, seed=4)["segmentation_masks"]
    deep = layer({"images": data["images"], "segmentation_masks": data["segmentation_masks"][..., None]}, seed=4)
    assert flat.shape == (5, 20, 30) and np.array_equal(flat, deep["segmentation_masks"][..., 0])


def test_masks_may_be_bool():
    data = {"images": np.zeros((3, 8, 8, 3), np.uint8), "segmentation_masks": np.ones((3, 8, 8, 4), bool)}
    for layer in (RandomFlip(1.0), RandomScaledCrop(5, 6), RandomAffine(rotation=20)):
        out = layer(data)["segmentation_masks"]
        assert out.dtype == "bool" and out.shape[-1] == 4


@pytest.mark.parametrize("layer", all_layers(seed=1), ids=name)
def test_one_image_is_a_batch_of_one(layer):
    data = scene(1)
    single = tf.nest.map_structure(lambda x: x[0], {k: v for k, v in data.items() if k != "file"})
    one, batch = layer(single, seed=(3, 4)), layer(data, seed=(3, 4))
    for key in ("images", "segmentation_masks"):
        assert np.array_equal(one[key], batch[key][0])
    assert np.array_equal(one["bounding_boxes"]["boxes"], batch["bounding_boxes"]["boxes"][0])


# ---------------------------------------------------------------- training=False, seeds, chains


@pytest.mark.parametrize("layer", all_layers(), ids=name)
def test_without_training_only_a_fixed_size_changes(layer):
    data = scene(3)
    out = layer(data, training=False)
    if layer.output_size(48, 64) == (48, 64):
        assert np.array_equal(out["images"], data["images"]) and out["images"].dtype == "uint8"
        assert np.array_equal(out["bounding_boxes"]["boxes"], data["bounding_boxes"]["boxes"])
    else:
        again = layer(data, training=False)
        assert out["images"].shape == (3, 40, 56, 3) and np.array_equal(out["images"], again["images"])
        want = data["bounding_boxes"]["boxes"] * np.float32([56 / 64, 40 / 48] * 2)
        assert np.abs(np.asarray(out["bounding_boxes"]["boxes"]) - want).max() < 1e-3


@pytest.mark.parametrize("index", range(9))
def test_same_seed_gives_the_same_images_and_another_seed_others(index):
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), np.uint8)
    first, second, other = (all_layers(seed=seed)[index] for seed in (7, 7, 8))
    a, b = first(images), first(images)
    assert np.array_equal(a, second(images)) and np.array_equal(b, second(images)) and not np.array_equal(a, b)
    assert not np.array_equal(a, other(images))
    assert np.array_equal(first(images, seed=3), other(images, seed=3))


def test_draws_of_following_calls_do_not_overlap():
    """Keras counts calls in the second word of the seed: draw 2 of one call must not be draw 1 of the next."""
    draws = [base.Draw(tf.constant([7, call])) for call in range(8)]
    numbers = [float(draw.uniform(())) for draw in draws for _ in range(8)]
    assert len(set(numbers)) == 64


def test_parallel_map_repeats_exactly_and_epochs_differ():
    images = np.random.default_rng(0).integers(0, 256, (32, 24, 24, 3), np.uint8)
    layer = Augment([RandomFlip(), SaltAndPepper()], jit_compile=False)

    def epochs(seed):
        dataset = map_dataset(tf.data.Dataset.from_tensor_slices(images).batch(4), layer, seed)
        return [np.concatenate(list(dataset.as_numpy_iterator())) for _ in range(2)]

    first, again, other = epochs(3), epochs(3), epochs(4)
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], first[1]) and not np.array_equal(first[0], other[0])


def close(a, b):
    """Equal but for the rounding of single pixels by one grey level, which more contrast can make two."""
    difference = np.abs(np.asarray(a, int) - np.asarray(b, int))
    return difference.max() <= 2 and (difference > 0).mean() < 0.02


@pytest.mark.parametrize("index", range(9))
def test_compiled_equals_not_compiled(index):
    data = scene(4)
    data["images"] = np.random.default_rng(0).integers(0, 256, data["images"].shape, np.uint8)
    data.pop("file")
    plain, compiled = (all_layers(jit_compile=jit)[index](data, seed=(1, 2)) for jit in (False, True))
    assert close(plain["images"], compiled["images"])
    assert np.array_equal(plain["segmentation_masks"], compiled["segmentation_masks"])


@pytest.mark.parametrize("width, channels", [(56, 3), (54, 3), (56, 1)])  # rows of whole words of four bytes, or not
def test_a_pipeline_gives_what_the_layer_gives_by_itself(width, channels):
    images = np.random.default_rng(0).integers(0, 256, (4, 40, width, channels), np.uint8)
    crop, colour = RandomScaledCrop(40, width), ColorJitter(0.2, 0.3, *[0.3, 0.1][: channels - 1])
    layers = [colour, Augment([RandomFlip(), crop, colour, Cutout(12)])]
    if (width, channels) == (56, 3):
        layers += [RandomFlip(0.5, 0.5), RandomAffine(20.0, 0.2, 0.1), RandomBrightness(0.4, p=0.5), SaltAndPepper(0.1)]
    for layer in layers:
        batches = tf.data.Dataset.from_tensor_slices(images).batch(4)
        piped = batches.map(lambda some, layer=layer: layer(some, seed=3))
        assert piped.element_spec.shape == (None, *images.shape[1:])
        assert close(piped.get_single_element(), layer(images, seed=3)), layer.name


def test_chain_equals_its_layers_one_after_the_other():
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3)).astype("float32")
    layers = [RandomFlip(), RandomScaledCrop(40, 40), ColorJitter(0.1, 0.1, 0.1, 0.02), SaltAndPepper(), Cutout(9)]
    images = 100 + images / 8  # nothing is clipped on the way
    fused, step = Augment(layers)(images, seed=(5, 6)), images
    for i, layer in enumerate(layers):
        step = layer(step, seed=base.fold(tf.constant([5, 6]), i))
    assert np.abs(np.asarray(fused) - np.asarray(step)).max() < 0.01


def test_order_of_a_chain_holds_when_it_needs_several_passes():
    images = np.full((2, 12, 12, 3), 100, np.uint8)
    out = np.asarray(Augment([Cutout(4), RandomBrightness((0.2, 0.2))])(images))
    assert set(np.unique(out)) == {51, 151}, "the hole was brightened too"
    out = np.asarray(Augment([RandomBrightness((0.2, 0.2)), Cutout(4)])(images))
    assert set(np.unique(out)) == {0, 151}


# ---------------------------------------------------------------- tf.data and models


# One image at a time, which every layer does above, is traced for a free resampling and for a chain.
WAYS = [(way, index) for way in ("batched", "unknown size") for index in range(9)]
WAYS += [("unbatched", 2), ("unbatched", 8)]


@pytest.mark.parametrize("way, index", WAYS)
def test_works_in_tf_data(way, index):
    jit = "auto" if way == "batched" and index == 4 else False  # compiling takes a second for each layer
    layer, data = all_layers(seed=1, jit_compile=jit)[index], scene(8)
    dataset = tf.data.Dataset.from_tensor_slices(data)
    if way == "unknown size":
        free = {"images": (None, None, None, 3), "segmentation_masks": (None, None, None)}
        loose = lambda d: d | {k: tf.py_function(lambda x: x, [d[k]], d[k].dtype) for k in free}  # noqa: E731
        dataset = dataset.batch(4).map(loose)
        dataset = dataset.map(lambda d: d | {k: tf.ensure_shape(d[k], shape) for k, shape in free.items()})
    elif way == "batched":
        dataset = dataset.batch(4)
    for out in dataset.map(lambda d: layer(d)):
        assert out["images"].dtype == "uint8" and out["images"].shape[-3:-1] == layer.output_size(48, 64)
        assert out["segmentation_masks"].shape == out["images"].shape[:-1]
        assert out["images"].shape.rank == (3 if way == "unbatched" else 4)
        assert out["bounding_boxes"]["boxes"].shape == ((2, 4) if way == "unbatched" else (4, 2, 4))
        assert out["file"].dtype == tf.string and out["labels"].dtype == tf.int64


@pytest.mark.parametrize("index", range(9))
def test_works_inside_a_model_and_is_saved_with_it(index, tmp_path):
    layer, images = all_layers(seed=1, jit_compile="auto" if index == 8 else False)[index], scene(8)["images"]
    inputs = keras.Input((48, 64, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(layer(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))
    model.compile("sgd", "mse")
    if index == 8:
        model.fit(images, np.zeros((8, 1)), batch_size=8, verbose=0)
    assert model(images, training=True).shape == (8, 1)
    want = model.predict(images, verbose=0)
    assert np.array_equal(want, model.predict(images, verbose=0)), "predict must not augment"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.allclose(want, loaded(images, training=False), atol=1e-6)
    twin = next(found for found in loaded.layers if isinstance(found, type(layer)))
    assert twin.get_config() == layer.get_config()
    assert np.array_equal(twin(images, seed=9), layer(images, seed=9))


@pytest.mark.parametrize("layer", all_layers(), ids=name)
def test_symbolic_shape_and_dtype_are_those_of_the_result(layer):
    data = {key: value for key, value in scene(3).items() if key != "file"}
    symbolic = layer(tf.nest.map_structure(lambda x: keras.KerasTensor(x.shape, str(x.dtype)), data))
    got = layer(data)
    for a, b in zip(tf.nest.flatten(symbolic), tf.nest.flatten(got)):
        assert tuple(a.shape) == tuple(b.shape) and a.dtype == b.dtype


def test_boxes_stay_float32_under_mixed_precision():
    layer = RandomScaledCrop(40, 56, dtype="mixed_bfloat16")
    assert layer(scene(2))["bounding_boxes"]["boxes"].dtype == "float32"


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: RandomFlip(horizontal=1.5), "horizontal is 1.5: wanted a number from 0 to 1"),
        (lambda: RandomFlip(horizontal="both"), "horizontal is 'both'"),
        (lambda: RandomScaledCrop(0, 8), "height is 0: wanted a whole number, 1 or more"),
        (lambda: RandomScaledCrop(8, 8.5), "width is 8.5: wanted a whole number"),
        (lambda: RandomScaledCrop(8, 8, scale=(0.5, 1.5)), "scale is .* at most 1"),
        (lambda: RandomScaledCrop(8, 8, scale=0.5), "scale is 0.5: wanted a pair"),
        (lambda: RandomScaledCrop(8, 8, ratio=(2, 1)), "ratio is"),
        (lambda: RandomContrast(-0.1), "factor is -0.1"),
        (lambda: RandomContrast(1.5), "factor is 1.5"),
        (lambda: RandomContrast((-1, 1)), "low at least 0"),
        (lambda: RandomBrightness((0.5, 0.1)), "factor is"),
        (lambda: ColorJitter(hue=0.6), "hue is 0.6: wanted a number from 0 to 0.5"),
        (lambda: ColorJitter(saturation="much"), "saturation is 'much'"),
        (lambda: SaltAndPepper(amount=-1), "amount is -1"),
        (lambda: Cutout(-4), "size is -4: wanted a whole number, 1 or more"),
        (lambda: Cutout(0.5), "size is 0.5: wanted a whole number"),
        (lambda: Cutout(4, value=300), "value is 300"),
        (lambda: RandomAffine(scale=(0, 1)), "scale is"),
        (lambda: RandomFlip(value_range=(255, 0)), "value_range is"),
        (lambda: RandomFlip(jit_compile="yes"), "jit_compile is 'yes'"),
        (lambda: Augment([]), "an empty list"),
        (lambda: Augment([keras.layers.RandomFlip()]), "wanted layers of cvhelpers.augmentation"),
        (lambda: Augment([RandomFlip(value_range=(0, 1)), Cutout(2)]), "wanted the same for all"),
        (lambda: RandomFlip()(np.zeros((8, 8), np.uint8)), r"images have the shape \(8, 8\)"),
        (lambda: RandomFlip()(np.zeros((8, 8, 3), bool)), "images are bool"),
        (lambda: RandomFlip()({"image": np.zeros((8, 8, 3))}), "wanted 'images' among them"),
        (lambda: Cutout(9)(np.zeros((8, 8, 3), np.uint8)), "wanted a hole that fits"),
        (lambda: ColorJitter()(np.zeros((8, 8, 4), np.uint8)), "images have 4 channels"),
        (
            lambda: RandomFlip()({"images": np.zeros((8, 8, 3)), "bounding_boxes": {"boxes": np.zeros((2, 5))}}),
            r"'boxes' of a batch have the shape \(1, 2, 5\)",
        ),
    ],
)
def test_wrong_settings_and_inputs_are_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# ---------------------------------------------------------------- properties


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**31 - 1),
    index=st.integers(0, 4),
)
def test_any_small_image_keeps_its_shape_dtype_and_range(height, width, channels, seed, index):
    layer = [RandomFlip(0.5, 0.5), RandomAffine(30, 0.3, 0.3), ColorJitter(), SaltAndPepper(0.3), Cutout(1)][index]
    images = np.random.default_rng(seed).integers(0, 256, (2, height, width, channels), np.uint8)
    out = layer(images, seed=seed)
    assert out.shape == images.shape and out.dtype == "uint8"


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**31 - 1))
def test_crop_never_invents_values(height, width, new_height, new_width, seed):
    images = np.random.default_rng(seed).integers(60, 200, (2, height, width, 3), np.uint8)
    out = np.asarray(RandomScaledCrop(new_height, new_width)(images, seed=seed))
    assert out.shape == (2, new_height, new_width, 3)
    assert out.min() >= images.min() and out.max() <= images.max()

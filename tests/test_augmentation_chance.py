"""Augmentation: chance of layers, calls and replicas is independent; ranges, signs and sizes are as said."""

import subprocess
import sys
import types

import numpy as np
import pytest

from cvhelpers import samples, training
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

# ---------------------------------------------------------------- independence


def flips_and_shifts(flip, brighten):
    """Which of 2,000 images two steps flipped, and how far they moved the brightness."""
    images = np.tile(np.float32([[[100], [110]]]), (2000, 1, 1, 1))
    out = np.asarray(brighten(flip(images)))[:, 0, :, 0]
    return out[:, 0] > out[:, 1], out.mean(1) - 105


@pytest.mark.parametrize("seed", [0, 5])
def test_layers_with_the_same_seed_draw_independent_numbers(seed):
    flip, brighten = RandomFlip(seed=seed), RandomBrightness(seed=seed)
    flipped, shift = flips_and_shifts(flip, brighten)
    assert abs(np.corrcoef(flipped, shift)[0, 1]) < 0.08
    flipped, shift = flips_and_shifts(lambda x: flip(x, seed=seed), lambda x: brighten(x, seed=seed))
    assert abs(np.corrcoef(flipped, shift)[0, 1]) < 0.08


@pytest.mark.parametrize("seeds", [(None, None), (3, 3)])
def test_two_maps_over_a_dataset_draw_independent_numbers(seeds):
    def mapped(layer, seed):
        return lambda images: map_dataset(tf.data.Dataset.from_tensors(images), layer, seed).get_single_element()

    training.set_seed(0)  # a map without a seed draws its own; one run in 3,000 would come out by chance
    flipped, shift = flips_and_shifts(mapped(RandomFlip(), seeds[0]), mapped(RandomBrightness(), seeds[1]))
    assert abs(np.corrcoef(flipped, shift)[0, 1]) < 0.08


def test_two_flips_by_default_do_not_cancel():
    images = np.tile(np.uint8([[[1], [2]]]), (400, 1, 1, 1))
    dataset = tf.data.Dataset.from_tensors(images)
    out = map_dataset(map_dataset(dataset, RandomFlip()), RandomFlip()).get_single_element().numpy()
    assert 0.35 < (out[:, 0, 0, 0] == 2).mean() < 0.65
    out = np.asarray(Augment([RandomFlip(), RandomFlip()], seed=0)(images))
    assert 0.35 < (out[:, 0, 0, 0] == 2).mean() < 0.65


def test_set_seed_repeats_a_map_without_a_seed():
    dataset = tf.data.Dataset.from_tensors(np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3))

    def first():
        training.set_seed(3)
        return map_dataset(dataset, RandomBrightness()).get_single_element().numpy()

    assert np.array_equal(first(), first())


def test_each_of_several_replicas_has_a_seed_of_its_own(monkeypatch):
    images = np.full((50, 1, 1, 1), 100, np.float32)

    def shifts(*, replicas, number):
        context = types.SimpleNamespace(num_replicas_in_sync=replicas, replica_id_in_sync_group=number)
        monkeypatch.setattr(tf.distribute, "get_replica_context", lambda: context)
        return np.asarray(RandomBrightness(0.5, seed=1)(images)).ravel()

    alone, first, second = shifts(replicas=1, number=0), shifts(replicas=2, number=0), shifts(replicas=2, number=1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.5
    assert np.array_equal(first, shifts(replicas=2, number=0)) and np.array_equal(alone, shifts(replicas=1, number=5))


def test_replicas_draw_different_numbers():
    code = """
import numpy as np
from cvhelpers.augmentation import RandomBrightness
from cvhelpers._quiet import tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    layer = RandomBrightness(0.5, seed=1)
images = np.full((50, 1, 1, 1), 100, np.float32)
run = tf.function(lambda: layer(images, training=True))
a, b = (part.numpy().ravel() for part in strategy.run(run).values)
print(abs(np.corrcoef(a, b)[0, 1]) < 0.5, np.array_equal(a, b))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert answer.stdout.split() == ["True", "False"], answer.stderr[-2000:]


# ---------------------------------------------------------------- models that answer


def test_models_that_answer_do_not_augment(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    inputs = keras.Input((8, 8, 3), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Rescaling(1.0)(RandomBrightness((0.5, 0.5))(inputs)))
    assert np.array_equal(model(images), images)
    assert np.array_equal(model.predict(images, verbose=0), images)
    assert not np.array_equal(model(images, training=True), images)
    model.export(tmp_path / "exported", verbose=False)
    assert np.array_equal(tf.saved_model.load(tmp_path / "exported").serve(images), images)
    sequential = keras.Sequential([RandomFlip(1.0)])
    assert np.array_equal(sequential(images), images)
    assert np.array_equal(sequential(images, training=True), images[:, :, ::-1])


# ---------------------------------------------------------------- p

ALWAYS = [
    RandomFlip(1.0, 1.0, p=0.3, seed=1),
    RandomScaledCrop(8, 8, scale=(0.3, 0.3), p=0.3, seed=1),
    RandomAffine(translation=(0.4, 0.4), p=0.3, seed=1),
    ColorJitter((0.2, 0.2), 0, 0, 0, p=0.3, seed=1),
    SaltAndPepper(1.0, p=0.3, seed=1),
    Cutout(4, p=0.3, seed=1),
    Augment([RandomFlip(1.0), RandomBrightness((0.1, 0.1))], p=0.3, seed=1),
    Augment([RandomFlip(0.0), RandomContrast((0.5, 0.5), p=0.3)], seed=1),
]


@pytest.mark.parametrize("layer", ALWAYS, ids=lambda layer: type(layer).__name__)
def test_p_is_the_share_of_images_that_change(layer):
    image = np.random.default_rng(0).integers(60, 180, (8, 8, 3), np.uint8)
    out = np.asarray(layer(np.tile(image, (1000, 1, 1, 1))))
    changed = (out != image).any((1, 2, 3))
    assert 0.25 < changed.mean() < 0.35


def test_p_of_a_chain_is_one_coin_for_all_its_layers():
    images = np.tile(np.uint8([[[100], [110]]]), (500, 1, 1, 1))
    out = np.asarray(Augment([RandomFlip(1.0), RandomBrightness((0.2, 0.2))], p=0.5, seed=2)(images))[:, 0, :, 0]
    assert set(map(tuple, out.tolist())) == {(100, 110), (161, 151)}


# ---------------------------------------------------------------- values written out


def test_shift_to_the_right_and_down_is_positive():
    image = np.zeros((10, 20, 1), np.uint8)
    image[4, 4] = 200
    out = np.asarray(RandomAffine(translation=(0.2, 0.2))(image))[..., 0]
    assert np.argwhere(out == 200).tolist() == [[6, 8]]


def test_positive_rotation_is_counter_clockwise():
    image = np.zeros((5, 5, 1), np.uint8)
    image[2, 4] = 200  # on the right
    out = np.asarray(RandomAffine(rotation=(90, 90))(image))[..., 0]
    assert np.argwhere(out == 200).tolist() == [[0, 2]], "the right side is now on top"


def test_scale_above_one_enlarges():
    image = np.zeros((8, 8, 1), np.uint8)
    image[3:5, 3:5] = 200
    assert (np.asarray(RandomAffine(scale=(2, 2))(image)) > 100).sum() == 16


def test_affine_ranges_are_reached_on_both_sides():
    image = np.tile(np.float32([[0, 0, 0, 100, 0, 0, 0]]).reshape(1, 7, 1), (2000, 1, 1, 1))
    out = np.asarray(RandomAffine(translation=2 / 7, seed=1)(image))[:, 0, :, 0]
    place = (out * np.arange(7)).sum(1) / np.maximum(out.sum(1), 1e-6)
    place = place[out.sum(1) > 99]
    assert 0.99 < place.min() < 1.1
    assert 4.9 < place.max() < 5.01


def test_contrast_stretches_around_the_mean_of_each_image():
    images = np.float32([[10, 30], [100, 200]]).reshape(2, 1, 2, 1)
    out = np.asarray(RandomContrast((1.5, 1.5))(images))
    assert out.ravel().tolist() == [5, 35, 75, 225]
    colours = np.uint8([[[90, 0, 0], [0, 0, 30]]])  # the mean grey of all six values is 20
    out = np.asarray(RandomContrast((0.5, 0.5))(colours))
    assert out.tolist() == [[[55, 10, 10], [10, 10, 25]]]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(1, 70_000, 1, 1), (1, 3000, 4000, 1)])  # many lines; a large photograph
def test_the_mean_of_much_white_does_not_overflow(shape, compiled):
    mean = tf.function(pixels.mean_colour, jit_compile=True) if compiled else pixels.mean_colour
    assert mean(tf.fill(shape, tf.constant(255, tf.uint8)), False).numpy().item() == 255


@pytest.mark.parametrize("height", [1, 15, 16, 17, 37, 300])
def test_mean_is_exact_for_every_height(height):
    images = np.random.default_rng(0).integers(0, 256, (2, height, 9, 3), np.uint8)
    want = np.round(images.mean((1, 2, 3)))
    got = np.asarray(RandomContrast((0, 0))(images))
    assert np.array_equal(got, np.broadcast_to(want[:, None, None, None], got.shape))
    after_crop = np.asarray(Augment([RandomScaledCrop(height, 9, (1, 1), (1, 1)), RandomContrast((0, 0))])(images))
    assert np.array_equal(after_crop, got)


def test_jitter_has_the_size_that_is_said():
    images = np.tile(np.float32([[[100], [140]]]), (3000, 1, 1, 1))
    out = np.asarray(ColorJitter(0.1, 0.2, 0, 0, seed=1)(images))[:, 0, :, 0]
    shift, factor = out.mean(1) - 120, (out[:, 1] - out[:, 0]) / 40
    assert -25.5 <= shift.min() < -25.2
    assert 25.2 < shift.max() <= 25.501
    assert 0.8 - 1e-4 <= factor.min() < 0.803
    assert 1.197 < factor.max() <= 1.2 + 1e-4
    assert abs(np.corrcoef(shift, factor)[0, 1]) < 0.08


@pytest.mark.parametrize("turn", [1 / 3, -1 / 3, 0.1, -0.1])
def test_hue_turns_as_tensorflow_does(turn):
    for colour in ([200, 60, 60], [60, 200, 60], [60, 60, 200]):
        image = np.full((1, 1, 3), colour, np.float32)
        got = np.asarray(ColorJitter(0, 0, 0, (turn, turn))(image)).ravel()
        want = tf.image.adjust_hue(image / 255, turn).numpy().ravel()
        lost = np.corrcoef(got, want)[0, 1]
        assert lost > 0.9, (colour, got, want * 255)


def test_shrinking_is_antialiased_as_tensorflow_does_it():
    photo = samples.load_photos("brick")["brick"]
    photo = photo[..., :3] if photo.ndim == 3 else np.repeat(photo[..., None], 3, -1)
    whole = RandomScaledCrop(64, 64, scale=(1, 1), ratio=(1, 1))
    got = np.asarray(whole(photo), float)
    assert 14.3 < got.std() < 15.3, "without antialiasing it is 26.4"
    want = tf.image.resize(photo, (64, 64), antialias=True).numpy()
    assert np.abs(got - want).max() < 1.6
    assert np.array_equal(whole(photo, training=False), got)
    affine = np.asarray(RandomAffine(scale=(0.125, 0.125))(photo), float)[224:288, 224:288]
    assert affine.std() < 20


def test_unknown_size_shrinks_with_the_same_pixels():
    photo = np.random.default_rng(0).integers(0, 256, (1, 50, 40, 3), np.uint8)
    layer = RandomScaledCrop(20, 10, scale=(1, 1), ratio=(1, 1))
    call = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    assert np.abs(np.asarray(call(photo), int) - np.asarray(layer(photo), int)).max() <= 1
    layer = RandomAffine(scale=(0.5, 0.5))
    call = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    assert np.abs(np.asarray(call(photo), int) - np.asarray(layer(photo), int)).max() <= 1


def test_weights_of_shrinking_by_hand():
    """Two pixels out of four: 1 - distance / 2, what lies outside does not count, the sum is 1."""
    index, weight = pixels.taps(tf.constant([0.0]), tf.constant([2.0]), 4, 2)
    whole = np.zeros((2, 4))
    for row in range(2):
        np.add.at(whole[row], index.numpy()[0, row], weight.numpy()[0, row])
    np.testing.assert_allclose(whole, np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7, atol=1e-6)


def test_all_pixels_are_hit_where_all_should_be():
    out = np.asarray(SaltAndPepper(1.0, salt=1.0, seed=1)(np.zeros((4, 512, 512, 1), np.uint8)))
    assert (out == 255).all()


def test_a_graph_of_known_size_is_compiled_and_nothing_else(monkeypatch):
    compiled = []
    monkeypatch.setattr(base, "_compiled", lambda function, *arguments: compiled.append(1) or function(*arguments))
    layer, image = RandomFlip(1.0), np.zeros((2, 4, 4, 3), np.uint8)

    def count(layer, *shape):
        compiled.clear()
        tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec(shape, tf.uint8)])(image)
        return len(compiled)

    assert count(layer, 2, 4, 4, 3) and not count(layer, 2, None, 4, 3) and not count(layer, 2, 4, None, 3)
    assert not count(RandomFlip(1.0, jit_compile=False), 2, 4, 4, 3)
    layer(image)
    assert not compiled
    RandomFlip(1.0, jit_compile=True)(image)
    assert compiled


# ---------------------------------------------------------------- numbers of NumPy, limits


def test_numbers_of_numpy_are_numbers():
    assert Cutout(np.int64(3)).size == (3, 3)
    assert Cutout((np.int32(3), 4), value=np.uint8(9)).value == (9.0,)
    assert RandomScaledCrop(np.int16(5), np.uint8(6)).get_config()["height"] == 5
    assert RandomContrast(np.float32(0.5)).contrast == (0.5, 1.5)
    assert RandomFlip(np.float64(0.5), seed=np.int64(3)).seed == 3
    assert keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(RandomFlip(value_range=(np.int64(0), np.float32(1))))
    ).value_range == (0, 1)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Cutout(4, value=(1, 2))(np.zeros((8, 8, 3), np.uint8)), "the images have 3 channels"),
        (lambda: Cutout((1, 2, 3)), "wanted pixels, one number or"),
        (lambda: RandomFlip(p=1.5), "p is 1.5: wanted a number from 0 to 1"),
        (lambda: RandomAffine(min_visibility=-0.1), "min_visibility is -0.1"),
        (lambda: RandomFlip(True), "horizontal is True"),
        (lambda: RandomContrast((0.5, float("inf"))), "factor is"),
        (lambda: RandomFlip(seed=-1), "seed is -1"),
        (lambda: RandomFlip(seed=0.5), "seed is 0.5"),
        (lambda: map_dataset(tf.data.Dataset.range(1), RandomFlip(), seed="a"), "seed is 'a'"),
    ],
)
def test_wrong_numbers_are_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


PAIR = ", or a pair (low, high)"
LIMITS = [  # the last number that is allowed, what it means, and what is said about the next one
    (RandomFlip, "horizontal", 1, 1, "from 0 to 1"),
    (RandomFlip, "vertical", 1, 1, "from 0 to 1"),
    (RandomAffine, "rotation", 360, (-360, 360), "from 0 to 360" + PAIR),
    (RandomAffine, "scale", 0.95, (0.05, 1.95), "from 0 to 0.95" + PAIR + " with low at least 0.05"),
    (RandomAffine, "translation", 1, (-1, 1), "from 0 to 1" + PAIR),
    (RandomAffine, "fill", 255, 255, "from 0 to 255"),
    (RandomAffine, "min_visibility", 1, 1, "from 0 to 1"),
    (RandomBrightness, "factor", 1, (-1, 1), "from 0 to 1" + PAIR),
    (RandomContrast, "factor", 1, (0, 2), "from 0 to 1" + PAIR + " with low at least 0"),
    (ColorJitter, "brightness", 1, (-1, 1), "from 0 to 1" + PAIR),
    (ColorJitter, "contrast", 1, (0, 2), "from 0 to 1" + PAIR + " with low at least 0"),
    (ColorJitter, "saturation", 1, (0, 2), "from 0 to 1" + PAIR + " with low at least 0"),
    (ColorJitter, "hue", 0.5, (-0.5, 0.5), "from 0 to 0.5" + PAIR),
    (SaltAndPepper, "amount", 1, 1, "from 0 to 1"),
    (SaltAndPepper, "salt", 1, 1, "from 0 to 1"),
]


@pytest.mark.parametrize("layer, setting, most, meaning, words", LIMITS)
def test_settings_end_where_it_is_said(layer, setting, most, meaning, words):
    assert layer(**{setting: most}).get_config()[setting] == pytest.approx(meaning)
    for beyond in (most + 0.01, -0.01):
        with pytest.raises(ValueError) as error:
            layer(**{setting: beyond})
        assert str(error.value) == f"{setting} is {beyond}: wanted a number {words}"


@pytest.mark.parametrize(
    "setting, value, words",
    [
        ("scale", (0.5, 1.01), "above 0 and at most 1"),
        ("scale", (0.0, 1), "above 0 and at most 1"),
        ("ratio", (0.0, 1), "above 0"),
        ("ratio", (1, float("inf")), "above 0"),
        ("ratio", (2, 1), "above 0"),
    ],
)
def test_shares_and_ratios_end_where_it_is_said(setting, value, words):
    with pytest.raises(ValueError) as error:
        RandomScaledCrop(8, 8, **{setting: value})
    assert str(error.value) == f"{setting} is {value}: wanted a pair (low, high) {words}"


def test_a_chain_makes_as_few_passes_as_it_can():
    flip, crop, turn, jitter, cut = RandomFlip(), RandomScaledCrop(8, 8), RandomAffine(), ColorJitter(), Cutout(2)

    def passes(*layers):
        return [len(one) for one in base._passes(Augment(list(layers)).chain())]

    assert passes(flip, crop, jitter, cut, SaltAndPepper()) == [5]
    assert passes(flip, turn, jitter) == [3], "a turned mirror image is one resampling"
    assert passes(crop, turn, jitter) == [1, 2], "beside the crop nothing may show"
    assert passes(turn, turn) == [1, 1]
    assert passes(cut, jitter, crop, flip) == [1, 1, 2]


def test_hole_larger_than_an_image_of_unknown_size_is_refused_in_words():
    layer = Cutout(9)
    call = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="wanted a hole that fits"):
        call(np.zeros((1, 8, 8, 3), np.uint8))
    assert call(np.ones((1, 9, 9, 3), np.uint8)).numpy().sum() == 0
    for shape in ((1, 8, 9, 3), (1, 9, 8, 3)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="wanted a hole that fits"):
            call(np.zeros(shape, np.uint8))
    call = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec((None, 9, None, 3), tf.uint8)])
    assert call(np.ones((1, 9, 9, 3), np.uint8)).numpy().sum() == 0



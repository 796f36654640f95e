"""The U-Net and its block: sizes, skips, serialisation; bands and weights files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers import data, layers, scenes, training
from cvhelpers._quiet import keras
from cvhelpers.course import weights
from cvhelpers.networks import encoder, segmentation


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from(["transposed", "nearest", "bilinear"]),
    st.booleans(),
)
def test_an_upsample_block_doubles_the_size_and_says_so(height, width, channels, upsampling, with_skip):
    block = layers.UpsampleBlock(3, upsampling)
    maps = random_maps(2, height, width, channels)
    inputs = [maps, random_maps(2, 2 * height, 2 * width, 2)] if with_skip else maps
    shapes = [one.shape for one in inputs] if with_skip else inputs.shape
    assert block(inputs).shape == block.compute_output_shape(shapes) == (2, 2 * height, 2 * width, 3)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear", "transposed"])
def test_an_upsample_block_equals_the_keras_layers_it_is_made_of(upsampling):
    maps, skip = random_maps(1, 4, 6, 5), random_maps(1, 8, 12, 2, seed=1)
    block = layers.UpsampleBlock(3, upsampling)
    result = block([maps, skip])
    if upsampling == "transposed":
        kernel, bias = block.network.get_layer("upsample").get_weights()
        up = np.zeros((1, 8, 12, 3))  # each pixel stamps its 2x2 square; squares do not overlap
        for y, x in np.ndindex(4, 6):
            up[0, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = kernel @ maps[0, y, x] + bias
    else:
        up = keras.layers.UpSampling2D(2, interpolation=upsampling)(maps)
    both = np.concatenate([up, skip], -1).astype("float32")
    convolved = keras.ops.conv(both, block.network.get_layer("conv_3x3").kernel, padding="same")
    expected = np.maximum(convolved / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_upsample_blocks_survive_saving(tmp_path):
    model = segmentation.build_unet(size=16, upsampling="nearest")
    model.save(tmp_path / "unet.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    again = keras.models.load_model(tmp_path / "unet.keras")
    np.testing.assert_array_equal(model.predict(images, verbose=0), again.predict(images, verbose=0))


def test_an_upsample_block_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="upsampling='cubic': wanted"):
        layers.UpsampleBlock(3, "cubic")
    with pytest.raises(ValueError, match="filters is 0"):
        layers.UpsampleBlock(0)
    with pytest.raises(ValueError, match=r"skip has size \(9, 8\): wanted \(8, 8\)"):
        layers.UpsampleBlock(3)([random_maps(1, 4, 4, 2), random_maps(1, 9, 8, 2)])


def test_the_unet_counts_its_parameters_as_the_prototype_did():
    """147,948 and 128,364 with batch normalization (4 numbers a channel), as measured before the course was written."""
    assert segmentation.build_unet().count_params() == 147_948
    assert segmentation.build_unet(skips=False).count_params() == 128_364
    # nearest: no kernels of 2×2 (4·in·f + f numbers), but 3×3 kernels that read all coarser maps, 9·f·(in - f) more
    more = sum(9 * f * (coarser - f) - (4 * coarser * f + f) for coarser, f in ((64, 32), (32, 16), (16, 8)))
    assert segmentation.build_unet(upsampling="nearest").count_params() == 147_948 + more


def test_the_momentum_reaches_every_normalization():
    for wanted, more in ((0.9, {}), (0.5, {"momentum": 0.5})):
        layers_ = segmentation.build_unet(16, widths=(4, 8, 8), decoder=(4, 4), **more).layers
        layers_ += [part for layer in layers_ if hasattr(layer, "network") for part in layer.network.layers]
        found = [layer.momentum for layer in layers_ if isinstance(layer, keras.layers.BatchNormalization)]
        assert found == [wanted] * 6  # 1 + 1 + 2 in the encoder, 2 in the decoder


def test_the_unet_takes_every_size_that_can_be_halved_three_times():
    model = segmentation.build_unet(size=None)
    for size in (8, 64, 96):
        assert model(np.zeros((1, size, size, 3), np.uint8)).shape == (1, size, size, 4)


@pytest.mark.parametrize("wrong", [{"size": 60}, {"size": 4}, {"decoder": (8, 8)}])
def test_a_unet_that_cannot_be_built_says_why(wrong):
    with pytest.raises(ValueError, match="wanted"):
        segmentation.build_unet(**wrong)


@pytest.mark.parametrize("count, epochs, batch_size, steps", [(64, 1, 16, 4), (65, 2, 16, 10), (7, 3, 8, 3)])
def test_the_cycle_ends_with_the_last_step_of_the_training(count, epochs, batch_size, steps):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    training.compile_one_cycle(model, count, epochs, batch_size, 0.01, "mse")
    rates = []
    for step in (steps - 1, steps):
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    assert rates[0] > 1e-5 and rates[1] < 1e-6


def test_one_cycle_climbs_then_falls_to_zero():
    rates = [float(training.one_cycle(0.01, 100)(step)) for step in range(101)]
    assert np.argmax(rates) == 15 and np.isclose(max(rates), 0.01) and rates[-1] == pytest.approx(0, abs=1e-9)
    assert (np.diff(rates[:15]) > 0).all() and (np.diff(rates[16:]) < 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 8), st.integers(1, 8))
def test_the_border_band_holds_the_pixels_that_see_another_class(seed, radius, height, width):
    maps = np.random.default_rng(seed).integers(0, 2, (1, height, width)).repeat(2, 1)
    band = segmentation.border_band(maps, radius)[0]
    for y, x in np.ndindex(band.shape):
        around = maps[0, max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        assert band[y, x] == (len(np.unique(around)) > 1)


def test_a_band_is_four_pixels_wide_without_wishes():
    row = np.array([[[0] * 6 + [3] * 6]])  # grass and a sticker, of the four classes
    assert segmentation.border_band(row)[0, 0].nonzero()[0].tolist() == [4, 5, 6, 7]
    wrong = row.copy()
    wrong[..., 4] = 3  # one of the four
    assert segmentation.judge(row, wrong)["band_accuracy"] == 0.75


def test_borrowed_maps_are_called_by_their_stride_whatever_the_shape_of_the_images():
    images = keras.Input((64, 32, 3))
    features = keras.Model(images, [keras.layers.AveragePooling2D(side)(images) for side in (4, 8)])
    maps = encoder.borrowed_maps(keras.Input((64, 32, 3)), features)
    assert [one._keras_history[0].name for one in maps] == ["stride_4", "stride_8"]


def test_judge_gives_hand_computed_numbers():
    truth = np.zeros((1, 4, 8), int)
    truth[..., 4:] = 1
    wrong = truth.copy()
    wrong[..., 3] = 1  # four pixels of class 0 called 1
    found = segmentation.judge(truth, wrong, classes=2, radius=1)
    assert found["mean_iou"] == pytest.approx((12 / 16 + 16 / 20) / 2)
    assert found["accuracy"] == pytest.approx(28 / 32)
    assert found["band_accuracy"] == pytest.approx(0.5)
    assert np.isnan(segmentation.judge(truth * 0, truth * 0)["band_accuracy"])


def test_weights_come_back_in_half_precision(tmp_path):
    model, other = segmentation.build_unet(size=8), segmentation.build_unet(size=8)
    data.save_weights("99_test", model, tmp_path)
    assert data.load_weights("99_test", other, tmp_path) is other
    for one, two in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-6)
    assert {w.dtype.name for w in data.load_weights("99_test", folder=tmp_path)} == {"float32"}


def test_weights_of_another_network_are_refused_in_words(tmp_path):
    data.save_weights("99_test", segmentation.build_unet(), tmp_path)
    with pytest.raises(ValueError, match="do not belong to 'unet'.*is .* in the file"):
        data.load_weights("99_test", segmentation.build_unet(classes=13), tmp_path)
    with pytest.raises(ValueError, match="no weights called '98_test': wanted one of 99_test"):
        data.load_weights("98_test", folder=tmp_path)
    broken = segmentation.build_unet()
    broken.set_weights([w * np.nan for w in broken.get_weights()])
    with pytest.raises(ValueError, match="not all finite"):
        data.save_weights("99_broken", broken, tmp_path)


@pytest.mark.parametrize("name, mean_iou", [("15_unet", 0.94), ("15_unet_without_skips", 0.89)])
def test_shipped_weights_belong_to_their_network_and_reach_their_measure(name, mean_iou):
    model = data.load_weights(name, segmentation.build_unet(**weights.UNETS[name]))
    batch = data.load_scenes("test", 100)
    found = segmentation.judge(scenes.sticker_map(batch["semantic"]), segmentation.segment(model, batch["images"]))
    assert found["mean_iou"] > mean_iou


def test_no_images_give_no_maps_and_images_of_another_kind_are_refused():
    model = segmentation.build_unet(16)
    assert segmentation.segment(model, np.zeros((0, 16, 16, 3), np.uint8)).shape[0] == 0
    with pytest.raises(ValueError, match="float32 from 0 to 0: wanted uint8"):
        segmentation.segment(model, np.zeros((1, 16, 16, 3), np.float32))
    with pytest.raises(ValueError, match=r"shape \(1, 300, 451, 3\): wanted"):
        segmentation.segment(model, np.zeros((1, 300, 451, 3), np.uint8))


def test_maps_of_many_images_come_in_order():
    model = segmentation.build_unet(16, widths=(4, 8), decoder=(4,))
    images = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), np.uint8)
    maps = segmentation.segment(model, images, 3)
    np.testing.assert_array_equal(maps, segmentation.segment(model, images, 7))
    assert maps.dtype == np.int32


def test_a_ready_network_takes_the_place_of_the_encoder():
    images = keras.Input((32, 32, 3))
    maps = [keras.layers.Conv2D(stride, stride, stride)(images) for stride in (2, 4, 8)]
    features = keras.Model(images, maps)
    assert segmentation.build_unet(32, 3, decoder=(8, 8, 4), features=features).output_shape == (None, 32, 32, 3)

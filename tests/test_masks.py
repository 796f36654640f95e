"""The mask head of lesson 17: what it sees, what it should answer, and the way back into the image."""

import numpy as np
import pytest
from test_detection import BLANK, check_steps, few_things, same

from cvhelpers import data, scenes
from cvhelpers._quiet import keras, tf
from cvhelpers.networks import detection, masks


@pytest.fixture(scope="module")
def batch():
    return data.load_scenes("validation", 6)


@pytest.fixture(scope="module")
def truths(batch):
    return scenes.per_image(batch)


@pytest.fixture(scope="module")
def detector():
    return detection.build_detector()


def test_feature_maps_are_those_of_the_detector(detector):
    maps = masks.feature_maps(detector, (1, 2, 4, 8))
    assert [tuple(m.shape[1:]) for m in maps.outputs] == [(64, 64, 16), (32, 32, 32), (16, 16, 64), (8, 8, 96)]
    assert not maps.trainable_weights


def test_crops_of_all_images_come_in_order(detector, batch, truths):
    maps = masks.feature_maps(detector, (2,))
    some = [truth["boxes"] for truth in truths]
    together = masks.crop_features(maps, batch["images"], some, batch_size=4)
    last = masks.crop_features(maps, batch["images"][-1:], some[-1:])
    assert together.dtype == np.float16 and len(together) == sum(map(len, some))
    np.testing.assert_allclose(together[-len(some[-1]) :], last, atol=0.02)


def test_images_without_boxes_and_no_images_give_empty_answers(detector):
    maps, head = masks.feature_maps(detector, (2, 4)), masks.build_mask_head()
    assert masks.crop_features(maps, BLANK, [np.zeros((0, 4))]).shape == (0, 14, 14, 96)
    assert masks.mask_targets([], []).shape == masks.mask_targets([np.zeros((0, 64, 64))], [[]]).shape == (0, 28, 28)
    empty = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, int), "scores": np.zeros(0)}
    assert masks.add_masks([empty], maps, head, BLANK)[0]["masks"].shape == (0, 64, 64)
    assert masks.add_masks([], maps, head, BLANK[:0]) == []


def test_a_mask_head_without_any_mask_to_learn_from_says_so(detector):
    batch = {"images": BLANK, "boxes": np.zeros((1, 1, 4)), "labels": np.array([[-1]])}
    batch["masks"] = np.zeros((1, 1, 64, 64), bool)
    with pytest.raises(ValueError, match="no thing: wanted at least one box with its mask"):
        masks.fit_mask_head(detector, [batch], epochs=1)


def test_true_masks_survive_cropping_and_pasting(truths):
    some, true = [truth["boxes"] for truth in truths], [truth["masks"] for truth in truths]
    small = masks.mask_targets(true, some)
    back = masks.paste(small, np.concatenate(some), 64) > 0.5
    flat = np.concatenate(true)
    iou = (back & flat).sum((1, 2)) / (back | flat).sum((1, 2))
    assert small.shape[1:] == (28, 28) and iou.min() > 0.9


def test_targets_of_half_a_box_are_half_full():
    mask = np.zeros((1, 64, 64), bool)
    mask[0, :, :20] = True
    small = masks.mask_targets([mask], [np.float32([[10, 10, 30, 30]])])[0]
    assert (small[:, :14] == 1).all() and (small[:, 14:] == 0).all()


def test_pasting_equals_bilinear_resizing_inside_the_box():
    small = np.random.default_rng(0).random((1, 4, 4)).astype(np.float32)
    pasted = masks.paste(small, np.float32([[2, 1, 10, 9]]), 12)[0]
    expected = tf.image.resize(small[..., None], (8, 8)).numpy()[0, ..., 0]
    np.testing.assert_allclose(pasted[1:9, 2:10], expected, atol=1e-5)
    pasted[1:9, 2:10] = 0
    assert (pasted == 0).all()


def test_a_mask_is_where_the_probability_is_above_one_half_and_labels_of_one_box_share_it(detector):
    maps = masks.feature_maps(detector)
    features = keras.Input((14, 14, 96))
    ramp = np.tile(np.where(np.arange(28) < 14, 0.1, -0.1), (28, 1)).astype(np.float32)
    head = keras.Model(features, keras.layers.Lambda(lambda x: x[:, :1, :1, 0] * 0 + ramp)(features))
    found = {"boxes": np.float32([[20, 20, 40, 40], [0, 0, 8, 8], [20, 20, 40, 40]]), "labels": [3, 4, 5]}
    answer = masks.add_masks([found], maps, head, BLANK)[0]
    assert answer["masks"].sum((1, 2)).tolist() == [200, 32, 200]
    assert answer["masks"][0, 20:40, 20:30].all() and (answer["masks"][0] == answer["masks"][2]).all()


def test_shipped_weights_fit_the_head_that_is_built_without_wishes():
    data.load_weights("17_masks_one_stage", masks.build_mask_head())


def test_a_mask_head_takes_the_steps_it_should_repeats_with_its_seed_and_sees_the_maps_it_is_given():
    detector, batch = detection.build_detector(16), few_things()
    fit = lambda seed, **more: masks.fit_mask_head(detector, [batch, batch], 2, seed, batch_size=4, **more)  # noqa: E731
    maps, head = fit(1)
    assert [one.shape[1:] for one in maps.outputs] == [(8, 8, 32), (4, 4, 64)]
    assert head.input_shape == (None, 14, 14, 96)
    check_steps(head, 2 * 3)  # twice six things, four at a time
    assert same(head, fit(1)[1]) and not same(head, fit(2)[1])
    maps, head = fit(1, strides=(8,))
    assert [one.shape[1:] for one in maps.outputs] == [(2, 2, 96)]


def test_boxes_are_cut_by_the_rule_that_is_given():
    ones = lambda maps, boxes, stride: np.full((*boxes.shape[:2], 14, 14, 1), stride, np.float32)  # noqa: E731
    crops = masks.crop_maps([np.zeros((1, 16, 16, 3)), np.zeros((1, 8, 8, 5))], [[[0, 0, 9, 9]]], 32, ones)
    assert crops.dtype == np.float16 and crops[0, 0, 0].tolist() == [2, 4]

"""The detectors, mask cropping and panoptic merge of lessons 16 to 18, against definitions and numbers by hand."""

import numpy as np
import pytest

from cvhelpers import boxes, data, ops, scenes
from cvhelpers.layers import RoIAlign
from cvhelpers.networks import detection, masks, panoptic, proposals

import keras  # isort: skip
import tensorflow as tf  # isort: skip


@pytest.fixture(scope="module")
def batch():
    return data.load_scenes("validation", 6)


@pytest.fixture(scope="module")
def truths(batch):
    return scenes.per_image(batch)


def answers_from_targets(targets, sure=8.0):
    """What a perfect network would say."""
    raw = np.full((*targets.shape[:3], 15), -sure, np.float32)
    raw[..., 0] = np.where(targets[..., 0] == 1, sure, -sure)
    raw[..., 1:5] = np.log(np.expm1(np.maximum(targets[..., 1:5], 1e-3)))
    responsible = np.nonzero(targets[..., 0])
    raw[(*responsible, 5 + targets[..., 5][responsible].astype(int))] = sure
    return raw


def test_targets_of_a_batch_lead_back_to_the_true_boxes_and_labels(batch, truths):
    targets = detection.grid_targets(batch["boxes"], batch["labels"], 64)
    for truth, place, objectness, kinds in zip(truths, *detection.read_grid(answers_from_targets(targets), 64)):
        keep = detection.surest_rows(place, objectness)
        found = detection.label_boxes(place[keep], objectness[keep, None] * kinds[keep], every_label=False)
        overlaps = boxes.pairwise_iou(truth["boxes"], found["boxes"])
        assert (overlaps.max(1) > 0.99).all()
        assert (found["labels"][overlaps.argmax(1)] == truth["labels"]).all()


def test_padding_makes_no_cell_responsible():
    assert detection.grid_targets(np.zeros((1, 2, 4)), [[-1, -1]], 64)[..., 0].sum() == 0


def test_contested_cell_goes_to_the_nearer_box():
    close = [[[0, 0, 16, 16], [4, 0, 20, 16]]]  # middles at x = 8 and x = 12: the cell at 12 belongs to the second
    targets = detection.grid_targets(close, [[3, 4]], 32)[0]
    assert targets[0, 1, 5] == 1 and targets[0, 0, 5] == 0


def test_generalised_iou_agrees_with_keras():
    first, second = [[0.0, 0, 4, 4]] * 3, [[2.0, 1, 6, 5], [5, 0, 9, 4], [0, 0, 4, 4]]
    cell = np.float32([2, 2])

    def sides(b):
        return np.float32([[cell[0] - x0, cell[1] - y0, x1 - cell[0], y1 - cell[1]] for x0, y0, x1, y1 in b])

    iou, generalised = detection.side_ious(sides(first), sides(second))
    ours = boxes.pairwise_iou(first[:1], second)[0]
    assert np.allclose(np.maximum(iou, 0)[[0, 2]], ours[[0, 2]], atol=1e-5)
    assert float(generalised[2]) == pytest.approx(1, abs=1e-5) and float(generalised[1]) < 0


def test_loss_is_small_for_the_perfect_answer_and_large_for_another(batch):
    targets = detection.grid_targets(batch["boxes"], batch["labels"], 64)
    loss = detection.detector_loss()
    perfect = answers_from_targets(targets)
    assert float(loss(targets, perfect)) < 0.1 < float(loss(targets, np.roll(perfect, 1, axis=1)))


def test_loss_without_class_weight_ignores_the_class(batch):
    targets = detection.grid_targets(batch["boxes"], batch["labels"], 64)
    loss, perfect = detection.detector_loss(class_weight=0.0), answers_from_targets(targets)
    confused = perfect.copy()
    confused[..., 5:] = 0
    assert float(loss(targets, perfect)) == pytest.approx(float(loss(targets, confused)))


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("samples", [1, 2])
def test_roi_align_layer_equals_the_definition(truths, stride, samples):
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(6, 64 // stride, 64 // stride, 3)).astype(np.float32)
    some = np.stack([truth["boxes"][:1] for truth in truths])
    some = np.concatenate([some, np.tile(np.float32([[[0, 0, 64, 64], [3.7, 0, 20.2, 11.1]]]), (6, 1, 1))], 1)
    ours = RoIAlign(7, stride, samples)([maps, some]).numpy()
    expected = [ops.roi_align(m, b, 7, stride, samples) for m, b in zip(maps, some)]
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_roi_align_reads_a_ramp_exactly():
    ramp = (np.arange(16, dtype=np.float32) * 4 + 2)[None, None, :, None].repeat(16, 1)  # stride 4: x of each cell
    crop = RoIAlign(4, stride=4)([ramp, np.float32([[[10, 8, 30, 40]]])]).numpy()
    np.testing.assert_allclose(crop[0, 0, 0, :, 0], [12.5, 17.5, 22.5, 27.5], atol=1e-4)


def test_roi_align_is_serialised_with_its_settings_and_knows_its_shape():
    layer = RoIAlign.from_config(RoIAlign(7, 4, 2).get_config())
    assert (layer.size, layer.stride, layer.samples) == (7, 4, 2)
    assert layer.compute_output_shape(((None, 16, 16, 8), (None, 5, 4))) == (None, 5, 7, 7, 8)
    maps, some = keras.Input((16, 16, 8)), keras.Input((5, 4))
    assert keras.Model([maps, some], layer([maps, some])).output_shape == (None, 5, 7, 7, 8)


@pytest.mark.parametrize("bad", [{"size": 0}, {"size": 7, "stride": 0}, {"size": 7, "samples": 1.5}])
def test_roi_align_refuses_bad_settings(bad):
    with pytest.raises(ValueError, match="wanted a (whole )?number"):
        RoIAlign(**bad)


def test_feature_maps_are_those_of_the_detector(batch):
    model = detection.build_detector()
    maps = masks.feature_maps(model, (1, 2, 4, 8))
    assert [tuple(m.shape[1:]) for m in maps.outputs] == [(64, 64, 16), (32, 32, 32), (16, 16, 64), (8, 8, 96)]
    assert not maps.trainable_weights


def test_crops_of_all_images_come_in_order(batch, truths):
    maps = masks.feature_maps(detection.build_detector(), (2,))
    some = [truth["boxes"] for truth in truths]
    together = masks.crop_features(maps, batch["images"], some, batch_size=4)
    last = masks.crop_features(maps, batch["images"][-1:], some[-1:])
    assert len(together) == sum(map(len, some))
    np.testing.assert_allclose(together[-len(some[-1]) :], last, atol=0.02)
    assert masks.crop_features(maps, batch["images"], [np.zeros((0, 4))] * 6).shape == (0, 14, 14, 32)


def test_true_masks_survive_cropping_and_pasting(truths):
    some, true = [truth["boxes"] for truth in truths], [truth["masks"] for truth in truths]
    small = masks.mask_targets(true, some)
    back = masks.paste(small, np.concatenate(some), 64) > 0.5
    flat = np.concatenate(true)
    iou = (back & flat).sum((1, 2)) / (back | flat).sum((1, 2))
    assert small.shape[1:] == (28, 28) and iou.min() > 0.9


def test_pasting_equals_bilinear_resizing_inside_the_box():
    small = np.random.default_rng(0).random((1, 4, 4)).astype(np.float32)
    pasted = masks.paste(small, np.float32([[2, 1, 10, 9]]), 12)[0]
    expected = tf.image.resize(small[..., None], (8, 8)).numpy()[0, ..., 0]
    np.testing.assert_allclose(pasted[1:9, 2:10], expected, atol=1e-5)
    pasted[1:9, 2:10] = 0
    assert (pasted == 0).all()


def test_merging_gives_pixels_to_the_surest_mask_and_the_rest_to_stuff():
    masks = np.zeros((3, 6, 6), bool)
    masks[0, :4, :4], masks[1, 2:6, 2:6], masks[2, :4, :3] = True, True, True
    found = {"labels": np.array([5, 6, 7]), "scores": np.array([0.8, 0.9, 0.7]), "masks": masks}
    stuff = np.zeros((6, 6), int)
    stuff[:, 5], stuff[0, 4] = 1, scenes.STICKER
    merged = panoptic.merge_panoptic(found, stuff)
    assert merged[3, 3].tolist() == [6, 1]  # both masks want it
    assert merged[0, 0].tolist() == [5, 2]
    assert 7 not in merged[..., 0]  # nothing of the third mask is free
    assert merged[0, 5].tolist() == [1, 0] and merged[5, 0].tolist() == [0, 0]
    assert merged[0, 4].tolist() == [-1, 0]  # called sticker, claimed by no mask


def test_merging_the_truth_gives_the_truth(batch, truths):
    for i, truth in enumerate(truths):
        merged = panoptic.merge_panoptic(truth | {"scores": np.ones(len(truth["labels"]))}, batch["semantic"][i])
        assert (merged[..., 0] == batch["panoptic"][i, ..., 0]).all()
        assert ((merged[..., 1] > 0) == (batch["panoptic"][i, ..., 1] > 0)).all()


def test_void_near_a_thing_goes_to_it_and_void_far_away_stays():
    merged = np.zeros((9, 9, 2), np.int32)
    merged[2:7, 2:7] = -1, 0
    merged[4, 4] = 5, 1
    before = merged.copy()
    filled = panoptic.fill_seams(merged, width=1)
    assert (filled[3:6, 4] == (5, 1)).all() and (filled[4, 3:6] == (5, 1)).all()
    assert filled[2, 2].tolist() == [-1, 0] and filled[0, 0].tolist() == [0, 0]
    assert (merged == before).all()
    nothing = np.full((3, 3, 2), (-1, 0))
    assert (panoptic.fill_seams(nothing) == nothing).all()


def test_second_stage_learns_the_class_of_its_proposal_and_how_to_mend_it(truths):
    moved = [truth["boxes"] + 1 for truth in truths]
    targets = proposals._crop_targets(truths, moved)
    assert (targets[:, 0] == np.concatenate([truth["labels"] for truth in truths]) - scenes.STICKER).all()
    mended = boxes.decode(targets[:, 1:], np.concatenate(moved))
    np.testing.assert_allclose(mended, np.concatenate([truth["boxes"] for truth in truths]), atol=1e-3)
    far = proposals._crop_targets([truths[0]], [np.float32([[0, 0, 4, 4]])])
    assert far[0, 0] == 10  # ten classes, so 10 is background


def test_crops_show_the_pixels_inside_the_box(batch):
    whole = proposals.crop_pixels(batch["images"][:1], [np.float32([[0, 0, 64, 64], [10, 20, 38, 48]])])
    np.testing.assert_allclose(whole[1], batch["images"][0, 20:48, 10:38], atol=1e-3)


def test_untrained_detectors_answer_in_the_right_form_even_with_nothing_to_say(batch):
    model = detection.build_detector()
    for found in (
        detection.detect(model, batch["images"], every_label=True),
        proposals.detect_in_two_stages(model, proposals.build_classifier(), batch["images"]),
    ):
        assert len(found) == 6
        for one in found:
            assert one["boxes"].shape == (len(one["labels"]), 4) and one["scores"].shape == one["labels"].shape
    silent = keras.Model(model.input, model.output * 0 - 20)
    empty = proposals.detect_in_two_stages(silent, proposals.build_classifier(), batch["images"])
    assert all(len(one["labels"]) == 0 for one in empty)
    masked = masks.add_masks(empty, masks.feature_maps(model), masks.build_mask_head(), batch["images"])
    assert all(one["masks"].shape == (0, 64, 64) for one in masked)


def test_same_code_takes_people_instead_of_digits():
    people = {
        "images": np.zeros((2, 128, 128, 3), np.uint8),
        "boxes": np.float32([[[10, 10, 60, 120], [0, 0, 0, 0]]] * 2),
        "labels": np.array([[scenes.STICKER, -1]] * 2),
    }
    model = detection.build_detector(128, classes=1)
    targets = detection.grid_targets(people["boxes"], people["labels"], 128, class_numbers=(3,))
    detection.compile_detector(model, 2, epochs=1)
    assert np.isfinite(model.train_on_batch(people["images"], targets))
    assert detection.detect(model, people["images"], class_numbers=(3,))[0]["boxes"].shape[1] == 4


def test_size_that_the_grid_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        detection.build_detector(60)

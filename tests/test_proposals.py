"""The two-stage detector: proposals, crops, targets and loss against numbers by hand."""

import numpy as np
import pytest
from test_detection import BLANK, Says, answers_from_targets, before_softplus, check_steps, logit, two_boxes

from cvhelpers import boxes, data, scenes
from cvhelpers.networks import detection, proposals


def grid(things, sure=8.0, size=64):
    """A first stage that sees these boxes."""
    things = np.float32(things)[None]
    targets = detection.grid_targets(things, [[3] * things.shape[1]], size)
    return Says(answers_from_targets(targets, sure=sure), size)


def test_proposals_are_as_many_as_wanted_and_wide_enough():
    things = [[2, 2, 22, 22], [40, 2, 62, 24], [2, 40, 24, 62], [43, 40, 45, 62]]  # the last is 2 pixels wide
    found = proposals.propose(grid(things), BLANK)[0]
    overlaps = boxes.pairwise_iou(np.float32(things), found["boxes"]).max(1)
    assert (overlaps[:3] > 0.9).all() and overlaps[3] < 0.5
    assert len(proposals.propose(grid(things), BLANK, most=2)[0]["boxes"]) == 2
    unsure = grid(things, sure=logit(0.2))
    assert len(proposals.propose(unsure, BLANK, least=0.21)[0]["boxes"]) == 0
    assert len(proposals.propose(unsure, BLANK, least=0.19)[0]["boxes"]) > 2


def test_targets_name_the_class_and_how_to_mend_the_box():
    batch = data.load_scenes("validation", 6)
    truths = scenes.per_image(batch)
    moved = [truth["boxes"] + 1 for truth in truths]
    targets = proposals._crop_targets(truths, moved)
    assert targets[:, 0].tolist() == (np.concatenate([truth["labels"] for truth in truths]) - 3).tolist()
    mended = boxes.decode(targets[:, 1:], np.concatenate(moved))
    np.testing.assert_allclose(mended, np.concatenate([truth["boxes"] for truth in truths]), atol=1e-3)


def test_background_begins_below_an_iou_of_one_half_and_comes_after_the_classes():
    truth = {"boxes": np.float32([[0, 0, 10, 10]]), "labels": np.array([7])}
    some = [[0, 0, 10, 5], [0, 0, 10, 4.9], [20, 20, 40, 40]]
    assert proposals._crop_targets([truth], [some])[:, 0].tolist() == [4, 10, 10]
    assert proposals._crop_targets([truth], [some], class_numbers=(7,))[:, 0].tolist() == [0, 1, 1]
    assert proposals._crop_targets([truth], [[[20, 20, 40, 40]]])[0, 1:].tolist() == pytest.approx(
        [-10, -10, np.log(0.5) / 0.2, np.log(0.5) / 0.2]
    )


def test_images_without_things_are_all_background_and_images_without_proposals_give_nothing():
    nobody = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, int)}
    assert proposals._crop_targets([nobody], [[[0, 0, 9, 9]]]).tolist() == [[10, 0, 0, 0, 0]]
    assert proposals._crop_targets([nobody], [np.zeros((0, 4))]).shape == (0, 5)
    assert proposals.crop_pixels(BLANK, [np.zeros((0, 4))]).shape == (0, 28, 28, 3)
    assert proposals.crop_pixels(BLANK[:0], []).shape == (0, 28, 28, 3)
    batch = {"images": BLANK, "boxes": np.zeros((1, 0, 4)), "labels": np.zeros((1, 0), int)}
    crops, targets = proposals.classifier_data(grid([[2, 2, 30, 30]]), batch)
    assert len(crops) == len(targets) and set(targets[:, 0]) == {10}


@pytest.mark.parametrize("distance, smooth", [(0, 0), (0.5, 0.125), (0.99, 0.49005), (1.01, 0.51), (3, 2.5)])
def test_loss_by_hand(distance, smooth):
    """Two classes and background, all equally likely: ln 3; half of the smooth L1, for things only."""
    answers = np.zeros((1, 7), np.float32)
    answers[0, 3] = distance
    for kind, weight in ((0, 0.5), (1, 0.5), (2, 0)):
        loss = float(proposals._classifier_loss(np.float32([[kind, 0, 0, 0, 0]]), answers))
        assert loss == pytest.approx(np.log(3) + weight * smooth, abs=1e-5)


def test_jitter_moves_sides_by_eight_percent_and_stays_in_the_image():
    rng = np.random.default_rng(0)
    many = np.tile(np.float32([[400, 400, 500, 600]]), (20000, 1))
    moved = proposals._jitter(many, rng, size=1000) - many
    np.testing.assert_allclose(moved.std(0), [8, 16, 8, 16], rtol=0.03)
    assert np.abs(moved.mean(0)).max() < 0.5
    edge = proposals._jitter(np.tile(np.float32([[0, 0, 64, 64]]), (100, 1)), rng, size=64)
    assert edge.min() >= 0 and edge.max() <= 64
    thin = np.tile(np.float32([[10, 10, 13.1, 40]]), (500, 1))
    sides = proposals._jitter(thin, rng, size=64)
    assert (sides[:, 2] - sides[:, 0]).min() >= 3


def test_crops_show_the_pixels_inside_the_box():
    images = data.load_scenes("validation", 1)["images"]
    crops = proposals.crop_pixels(images, [np.float32([[0, 0, 64, 64], [10, 20, 38, 48]])])
    np.testing.assert_allclose(crops[1], images[0, 20:48, 10:38], atol=1e-3)


def test_crops_come_image_by_image_however_many_are_cut_at_a_time(monkeypatch):
    images = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (10, 20, 30)])
    some = [np.float32([[0, 0, 9, 9]] * count) for count in (2, 0, 3)]
    monkeypatch.setattr(proposals, "CROPS_AT_A_TIME", 2)
    assert proposals.crop_pixels(images, some).mean((1, 2, 3)).tolist() == [10, 10, 30, 30, 30]


def test_second_stage_mends_the_box_and_multiplies_the_scores():
    first = grid([[8, 8, 24, 24]], sure=logit(0.8))
    answers = np.zeros((9, 7), np.float32)
    answers[:, 1] = np.log(2)  # probabilities 1/4, 2/4 and 1/4 for background
    answers[:, 3] = 1.0  # a tenth of the width to the right
    found = proposals.detect_in_two_stages(first, Says(answers), BLANK, class_numbers=(5, 6))[0]
    assert found["labels"].tolist() == [6] and found["scores"].tolist() == pytest.approx([0.8 * 0.5])
    np.testing.assert_allclose(found["boxes"], [[9.6, 8, 25.6, 24]], atol=0.01)
    assert proposals.detect_in_two_stages(first, Says(answers), BLANK[:0], class_numbers=(5, 6)) == []


def test_a_silent_first_stage_gives_empty_detections():
    silent = Says(np.full((2, 8, 8, 15), -20.0))
    found = proposals.detect_in_two_stages(silent, proposals.build_classifier(), np.zeros((2, 64, 64, 3), np.uint8))
    assert [one["boxes"].shape for one in found] == [(0, 4), (0, 4)]
    assert [len(one["labels"]) for one in found] == [0, 0]


def test_second_stage_trains_on_classes_with_any_numbers():
    batch = data.load_scenes("train", 4)
    batch = {"images": batch["images"], "boxes": batch["boxes"], "labels": np.where(batch["labels"] < 0, -1, 42)}
    model = proposals.train_classifier(grid([[8, 8, 24, 24]]), {k: v[:1] for k, v in batch.items()}, epochs=1)
    assert model.output_shape == (None, 6)


def test_the_second_stage_has_the_names_that_its_summary_shows():
    model = proposals.build_classifier(classes=2, size=32)
    assert [model.name, model.inputs[0].name, model.layers[-1].name] == ["classifier", "crops", "answers"]
    assert model.get_layer("answers").output.shape == (None, 7)


def test_shipped_weights_fit_the_networks_that_are_built_without_wishes():
    data.load_weights("16_proposer", detection.build_detector(name="proposer"))
    data.load_weights("16_classifier", proposals.build_classifier())


def test_what_a_proposal_needs_without_wishes():
    blank = np.zeros((1, 32, 32, 3), np.uint8)
    boxes_of = lambda *arguments: proposals.propose(two_boxes(*arguments), blank)[0]["boxes"]  # noqa: E731
    assert len(boxes_of(12.4)) == 1  # an IoU of 0.62 is the same place
    assert len(boxes_of(11.6)) == 2  # 0.58
    assert len(boxes_of(9, 0.11)) == 2  # sure enough
    assert len(boxes_of(9, 0.09)) == 1
    assert len(boxes_of(7.1)) == 2  # 3.1 pixels high
    answers = np.zeros((1, 8, 8, 15))
    answers[..., 1:5] = before_softplus(np.float32([0.2] * 4))
    assert len(proposals.propose(Says(answers), BLANK)[0]["boxes"]) == 30  # of 64 places, 4 pixels wide
    answers[..., 1:5] = before_softplus(np.float32([0.15] * 4))
    assert len(proposals.propose(Says(answers), BLANK)[0]["boxes"]) == 0  # 3 pixels wide show nothing
    answers[..., 1:5] = before_softplus(np.float32([0.16, 0.2, 0.16, 0.2]))
    assert len(proposals.propose(Says(answers), BLANK, most=64)[0]["boxes"]) == 64


def test_second_stage_repeats_with_its_seed_and_takes_the_steps_it_should():
    batch = data.load_scenes("train", 1)
    train = lambda seed: proposals.train_classifier(grid([[8, 8, 24, 24]]), batch, 2, seed, batch_size=2)  # noqa: E731
    model = train(1)
    count = 1 + int((batch["labels"] >= 0).sum())  # a proposal and the true boxes
    check_steps(model, 2 * -(-count // 2))
    weights, again, other = model.get_weights(), train(1).get_weights(), train(2).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(weights, again))
    assert not np.array_equal(weights[0], other[0])


def test_true_boxes_move_differently_with_another_seed():
    batch = data.load_scenes("train", 2)
    first, again, other = (
        proposals.classifier_data(Says(np.full((2, 8, 8, 15), -20.0)), batch, seed)[1] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    kinds = batch["labels"][batch["labels"] >= 0] - 3
    assert first[:, 0].tolist() == kinds.tolist()  # a box that is moved by 8 % still shows its thing

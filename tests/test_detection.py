"""The one-stage detector: targets, loss and reading of the grid against numbers by hand; what it refuses."""

import numpy as np
import pytest

from cvhelpers import boxes, data, scenes
from cvhelpers._quiet import keras
from cvhelpers.networks import detection, encoder, masks, proposals, segmentation

BLANK = np.zeros((1, 64, 64, 3), np.uint8)


class Says:
    """A network that gives these answers whatever it sees."""

    name = "says"

    def __init__(self, answers, size=64):
        self.answers, self.input_shape = np.asarray(answers, np.float32), (None, size, size, 3)

    def predict(self, images, **settings):
        return self.answers[: len(images)]

    def compute_output_shape(self, shape):
        return (shape[0], *self.answers.shape[1:])


def logit(probability):
    return np.log(probability / (1 - probability))


def before_softplus(sides):
    return np.log(np.expm1(np.maximum(sides, 1e-3)))


def answers_from_targets(targets, classes=10, sure=8.0):
    """What a perfect network would say."""
    raw = np.full((*targets.shape[:3], 5 + classes), -sure, np.float32)
    raw[..., 0] = np.where(targets[..., 0] == 1, sure, -sure)
    raw[..., 1:5] = before_softplus(targets[..., 1:5])
    responsible = np.nonzero(targets[..., 0])
    raw[(*responsible, 5 + targets[..., 5][responsible].astype(int))] = sure
    return raw


def one_cell(sides, objectness=0.0, kinds=(0.0, 0.0)):
    """Answers of a grid of one cell."""
    return np.float32([[[[objectness, *before_softplus(np.float32(sides)), *kinds]]]])


def test_targets_of_a_batch_lead_back_to_the_true_boxes_and_labels():
    batch = data.load_scenes("validation", 6)
    found = detection.detect(
        Says(answers_from_targets(detection.grid_targets(batch["boxes"], batch["labels"], 64))), batch["images"]
    )
    for truth, answer in zip(scenes.per_image(batch), found):
        overlaps = boxes.pairwise_iou(truth["boxes"], answer["boxes"])
        assert overlaps.max(1).min() > 0.99
        assert answer["labels"][overlaps.argmax(1)].tolist() == truth["labels"].tolist()


def test_padding_and_images_without_things_make_no_cell_responsible():
    assert detection.grid_targets(np.zeros((1, 2, 4)), [[-1, -1]], 64)[..., 0].sum() == 0
    nothing = detection.grid_targets(np.zeros((2, 0, 4)), np.zeros((2, 0)), 64)
    assert nothing.shape == (2, 8, 8, 6) and nothing.sum() == 0


def test_contested_cell_goes_to_the_nearer_box():
    close = [[[0, 0, 16, 16], [4, 0, 20, 16]]]  # middles at x = 8 and x = 12: the cell at 12 belongs to the second
    targets = detection.grid_targets(close, [[3, 4]], 32)[0]
    assert targets[0, 1, 5] == 1 and targets[0, 0, 5] == 0


def test_a_cell_outside_a_thin_box_is_responsible_with_short_distances():
    target = detection.grid_targets([[[5, 0, 7, 16]]], [[3]], 16)[0, 0]  # between the centres at x = 4 and 12
    assert target[:, 0].tolist() == [1, 0]  # |4 - 6| is within half a cell, |12 - 6| is not
    np.testing.assert_allclose(target[0, 1:5], [0.05, 0.4, 0.3, 1.2], atol=1e-6)


def test_class_numbers_are_those_of_the_data():
    target = detection.grid_targets([[[0, 0, 16, 16]]], [[40]], 16, class_numbers=(0, 7, 40))
    assert target[0, 0, 0, 5] == 2
    found = detection.detect(Says(answers_from_targets(target, 3), 16), BLANK[:, :16, :16], class_numbers=(0, 7, 40))
    assert found[0]["labels"].tolist() == [40]
    assert detection.class_index([[0, -1, 7]], (0, 7)).tolist() == [[0, -1, 1]]


def test_class_numbers_that_do_not_fit_are_refused_in_words():
    with pytest.raises(ValueError, match=r"labels hold \[2\]: wanted some of \[3, 4"):
        detection.grid_targets([[[0, 0, 8, 8]]], [[2]], 64)
    with pytest.raises(ValueError, match="tells 1 classes apart, class_numbers has 10 entries"):
        detection.detect(detection.build_detector(classes=1), BLANK)


def test_generalised_iou_by_hand():
    iou, generalised = detection.side_ious(np.float32([1, 1, 1, 1]), np.float32([3, 0.5, 0.5, 0.5]))
    # 4 and 3.5 pixels, 1.5 in common, 6 covered; the smallest box around both has 4 × 2 = 8, 2 of them empty
    assert float(iou) == pytest.approx(0.25, abs=1e-5) and float(generalised) == pytest.approx(0.0, abs=1e-5)
    iou, generalised = detection.side_ious(np.float32([4, 0.5, 4, 0.5]), np.float32([0.5, 4, 0.5, 4]))
    assert float(iou) == pytest.approx(1 / 15, abs=1e-5)
    assert float(generalised) == pytest.approx(1 / 15 - (64 - 15) / 64, abs=1e-5)


def test_loss_by_hand():
    """ln 2 of objectness (its target is the IoU of 1/4) + 2 × 3/4 of the box + 2 × ln 2 of the class."""
    targets = np.float32([[[[1, 1, 1, 1, 1, 0]]]])
    assert float(detection.detector_loss()(targets, one_cell([2, 2, 2, 2]))) == pytest.approx(3.57944, abs=1e-4)
    places_only = detection.detector_loss(class_weight=0, box_weight=1)
    assert float(places_only(targets, one_cell([2, 2, 2, 2]))) == pytest.approx(1.44315, abs=1e-4)
    empty = targets * 0
    assert float(detection.detector_loss()(empty, one_cell([2, 2, 2, 2]))) == pytest.approx(0.69315, abs=1e-4)


def test_loss_is_the_mean_over_responsible_cells():
    targets = np.float32([[[[1, 1, 1, 1, 1, 0]] * 2]])
    both = np.concatenate([one_cell([2, 2, 2, 2])] * 2, 2)
    assert float(detection.detector_loss()(targets, both)) == pytest.approx(3.57944, abs=1e-4)


def test_objectness_learns_the_iou_of_its_own_box():
    targets, loss = np.float32([[[[1, 1, 1, 1, 1, 0]]]]), detection.detector_loss()
    losses = {p: float(loss(targets, one_cell([2, 2, 2, 2], logit(p)))) for p in (0.1, 0.25, 0.4, 0.9)}
    assert min(losses, key=losses.get) == 0.25


def test_grid_is_read_by_hand():
    answers = np.full((1, 2, 2, 7), -9.0)
    answers[0, 1, 0] = [logit(0.8), *before_softplus(np.array([0.2, 0.3, 0.4, 9])), 0, np.log(3)]
    places, objectness, kinds = detection.read_grid(answers, 16)
    np.testing.assert_allclose(places[0, 2], [2, 9, 8, 16], atol=1e-5)  # centre (4, 12), the last side clipped
    assert objectness[0, 2] == pytest.approx(0.8) and kinds[0, 2].tolist() == pytest.approx([0.25, 0.75])


def test_score_is_objectness_times_probability():
    answers = np.full((1, 8, 8, 15), -9.0)
    answers[..., 5:] = 0
    answers[0, 3, 3, 0], answers[0, 3, 3, 5 + 4] = logit(0.6), np.log(9)  # probability 9 / 18
    found = detection.detect(Says(answers), BLANK)[0]
    assert found["labels"].tolist() == [7] and found["scores"].tolist() == pytest.approx([0.3])
    every = detection.detect(Says(answers), BLANK, every_label=True)[0]
    assert len(every["labels"]) == 10 and every["scores"][1:].tolist() == pytest.approx([0.6 / 18] * 9)


def test_limits_of_what_is_reported():
    apart = np.float32([[20 * i, 0, 20 * i + 9, 9] for i in range(4)])
    sure = np.array([0.3, 0.05, 0.9, 0.051])
    assert detection.surest_rows(apart, sure).tolist() == [2, 0, 3]
    assert detection.surest_rows(apart, sure, least=0.2).tolist() == [2, 0]
    assert detection.surest_rows(apart, sure, most=1).tolist() == [2]
    half = np.float32([[0, 0, 10, 10], [0, 0, 10, 5.1]])
    assert detection.surest_rows(half, np.array([0.9, 0.8])).tolist() == [0]
    assert detection.surest_rows(half, np.array([0.9, 0.8]), threshold=0.6).tolist() == [0, 1]
    assert len(detection.label_boxes(apart[:1], np.full((1, 10), 0.02), True)["labels"]) == 0
    assert len(detection.label_boxes(apart[:1], np.full((1, 10), 0.021), True)["labels"]) == 10


def test_sixteen_things_are_found_and_fewer_where_fewer_are_wanted():
    things = np.float32([[[32 * c, 32 * r, 32 * c + 20, 32 * r + 20] for r in range(4) for c in range(4)]] * 1)
    model = Says(answers_from_targets(detection.grid_targets(things, [[3] * 16], 128)), 128)
    images = np.zeros((1, 128, 128, 3), np.uint8)
    assert len(detection.detect(model, images)[0]["labels"]) == 16
    assert len(detection.detect(model, images, most=5)[0]["labels"]) == 5


def test_no_images_give_no_answers():
    model = detection.build_detector()
    assert detection.detect(model, BLANK[:0]) == detection.detect(model, []) == []


@pytest.mark.parametrize(
    "images, words",
    [
        (BLANK + [0, 0.25, 1], r"float64 from 0 to 1: wanted uint8, 0 to 255; \(255 \* images\).round\(\).astype"),
        (BLANK + [0, 0.25, 1.5], r"float64 from 0 to 1.5: wanted uint8, 0 to 255; images.astype"),
        (BLANK + [-1, 0.25, 1], r"float64 from -1 to 1: wanted uint8, 0 to 255; images.astype"),
        (BLANK.astype(np.float32) + 200, "float32 from 200 to 200: wanted uint8, 0 to 255; images.astype"),
        (np.zeros((1, 300, 451, 3), np.uint8), r"shape \(1, 300, 451, 3\): wanted .* 64 × 64 pixels"),
        (BLANK[0], r"shape \(64, 64, 3\): wanted \(n, height, width, 3\)"),
        (BLANK[..., :1], "wanted"),
        ([BLANK[0], np.zeros((32, 64, 3), np.uint8)], "different sizes: wanted all of 64 × 64"),
    ],
)
def test_images_that_the_network_was_not_built_for_are_refused_in_words(images, words):
    with pytest.raises(ValueError, match=words):
        detection.detect(detection.build_detector(), images)


def test_a_network_that_diverged_says_so():
    with pytest.raises(ValueError, match="'says' answers NaN"):
        detection.detect(Says(np.full((1, 8, 8, 15), np.nan)), BLANK)


def test_detector_trains_on_people_whose_class_is_1_and_on_images_without_anybody():
    people = {
        "images": np.zeros((4, 64, 64, 3), np.uint8),
        "boxes": np.float32([[[10, 10, 40, 60]], [[0, 0, 0, 0]]] * 2),
        "labels": np.array([[1], [-1]] * 2),
    }
    model = detection.train_detector(people, epochs=1, batch_size=2)
    assert model.output_shape == (None, 8, 8, 6)
    assert all(set(one["labels"]) <= {1} for one in detection.detect(model, people["images"], class_numbers=(1,)))


def test_size_that_the_grid_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        detection.build_detector(60)


def test_maps_of_the_encoder_are_called_by_their_stride():
    model = detection.build_detector()
    assert [image.name for image in model.inputs] == ["images"]
    for stride, channels in ((1, 16), (2, 32), (4, 64), (8, 96)):
        assert model.get_layer(f"stride_{stride}").output.shape[1:] == (64 // stride, 64 // stride, channels)


def test_a_ready_network_takes_the_place_of_the_encoder():
    images = keras.Input((64, 64, 3))
    maps = [keras.layers.Conv2D(stride, stride, stride)(images) for stride in (4, 8, 16)]
    features = keras.Model(images, maps)
    features.trainable = False
    model = detection.build_detector(classes=2, features=features)
    assert model.output_shape == (None, 8, 8, 7)
    assert model.get_layer(encoder.layer_of_stride(16)).output.shape == (None, 4, 4, 16)
    assert len(detection.detect(model, BLANK, class_numbers=(1, 2))) == 1


def test_shipped_weights_fit_the_network_that_is_built_without_wishes():
    data.load_weights("16_one_stage", detection.build_detector())


def test_before_training_one_cell_of_twenty_is_sure_and_a_side_is_most_of_a_unit_away():
    first = detection.build_detector().get_layer("place").bias.numpy()
    assert 1 / (1 + np.exp(-first[0])) == pytest.approx(1 / 20, abs=0.005)
    np.testing.assert_allclose(np.log1p(np.exp(first[1:])), 0.85, atol=0.01)


def test_cells_up_to_three_quarters_of_a_cell_from_the_middle_are_responsible():
    reached = detection.grid_targets([[[2, 2, 18, 18]]], [[3]], 32)[0, ..., 0]  # middle 10: 6 pixels from 4, 2 from 12
    assert np.argwhere(reached).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    reached = detection.grid_targets([[[2, 2, 19, 19]]], [[3]], 32)[0, ..., 0]  # middle 10.5: 6.5 pixels from 4
    assert np.argwhere(reached).tolist() == [[1, 1]]
    thin = detection.grid_targets([[[7, 0, 9, 16]]], [[3]], 16)[0, ..., 0]  # half a cell from the centres at 4 and 12
    assert thin.tolist() == [[1, 1], [1, 1]]


def two_boxes(height, least_sure=0.8):
    """Answers of a grid of four by four cells: two boxes 20 pixels wide, one 20 and one ``height`` pixels high."""
    answers = np.full((1, 4, 4, 7), -9.0)
    answers[0, 0, 0] = [logit(0.9), *before_softplus(np.float32([4, 4, 16, 16]) / 10), 9, 0]
    answers[0, 0, 1] = [logit(least_sure), *before_softplus(np.float32([12, 4, 8, height - 4]) / 10), 9, 0]
    return Says(answers, 32)


def test_boxes_that_overlap_by_more_than_half_are_one_thing():
    blank = np.zeros((1, 32, 32, 3), np.uint8)
    count = lambda height, **settings: len(  # noqa: E731
        detection.detect(two_boxes(height), blank, class_numbers=(1, 2), **settings)[0]["labels"]
    )
    assert (count(10.4), count(9.6)) == (1, 2)  # IoU 0.52 and 0.48
    assert (count(10.4, threshold=0.55), count(11.6, threshold=0.55)) == (2, 1)


def test_a_hundred_things_of_an_image_are_reported():
    answers = np.zeros((1, 16, 16, 15))
    answers[..., 1:5] = before_softplus(np.float32([0.3] * 4))  # 256 boxes that touch nobody
    images = np.zeros((1, 128, 128, 3), np.uint8)
    assert len(detection.detect(Says(answers, 128), images)[0]["labels"]) == 100


@pytest.mark.parametrize(
    "prepare",
    [detection.compile_detector, proposals.compile_classifier, masks.compile_mask_head, segmentation.compile_segmenter],
)
def test_the_learning_rate_of_every_network_goes_through_one_cycle(prepare):
    model = prepare(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), 65, 2, batch_size=16, peak=0.02)
    rates = []
    for step in (0, 1, 10):  # of five steps twice; the first 15 % climb
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    assert rates == pytest.approx([0.001, 0.02, 0], abs=1e-6)


def few_things(seed=0):
    """Five noisy pictures of 16 pixels, with and without a thing."""
    images = np.random.default_rng(seed).integers(0, 256, (5, 16, 16, 3), np.uint8)
    labels = np.array([[7, -1], [-1, -1], [9, 7], [9, -1], [7, 7]])
    boxes = np.tile(np.float32([[2, 2, 10, 12], [8, 4, 16, 16]]), (5, 1, 1))
    shown = np.zeros((5, 2, 16, 16), bool)
    shown[:, 0, 2:12, 2:10], shown[:, 1, 4:16, 8:16] = True, True
    return {"images": images, "boxes": boxes, "labels": labels, "masks": shown}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights()))


def check_steps(model, steps):
    """A training of so many steps has ended, and the cycle of its learning rate with it, not before."""
    assert int(model.optimizer.iterations) == steps
    assert float(model.optimizer.learning_rate) < 1e-7
    model.optimizer.iterations.assign(steps - 1)
    assert float(model.optimizer.learning_rate) > 1e-6
    model.optimizer.iterations.assign(steps)


def test_a_training_takes_the_steps_it_should_and_repeats_with_its_seed():
    train = lambda **more: detection.train_detector(few_things(), epochs=2, batch_size=2, **more)  # noqa: E731
    model = train(seed=3, name="mine", class_weight=0)
    assert model.name == "mine" and model.output_shape == (None, 2, 2, 7)  # of the labels 7 and 9
    check_steps(model, 6)
    kinds = model.get_layer("kind").bias.numpy()
    assert not kinds.any(), "without weight the class learns nothing"
    assert same(model, train(seed=3, class_weight=0))
    other = train(seed=4, class_numbers=(6, 7, 9))
    assert other.output_shape == (None, 2, 2, 8) and other.get_layer("kind").bias.numpy().any()
    assert not np.array_equal(model.get_weights()[0], other.get_weights()[0])

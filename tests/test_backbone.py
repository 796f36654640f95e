"""The ImageNet network: it answers as the published weights do, at any size, and it can be trained."""

import collections
import hashlib
import io
import pickle
import struct
import sys
import types

import numpy as np
import pytest

from cvhelpers import backbone, data, ops, training
from cvhelpers._paths import DATA
from cvhelpers._quiet import keras
from cvhelpers.course import backbone_weights

# Answers of the original float32 weights for the middle square of each photograph, at 224 pixels.
TOP_FIVE = {
    "astronaut": ["bobsled", "football helmet", "go-kart", "barbell", "stretcher"],
    "chelsea": ["Egyptian cat", "tiger cat", "tabby", "lynx", "plastic bag"],
    "coffee": ["espresso", "cup", "consomme", "coffee mug", "soup bowl"],
    "rocket": ["missile", "projectile", "drilling platform", "space shuttle", "pole"],
    "hubble_deep_field": ["bubble", "nematode", "flatworm", "jellyfish", "fountain"],
    "retina": ["lampshade", "jack-o'-lantern", "jellyfish", "tick", "chambered nautilus"],
    "immunohistochemistry": ["brain coral", "wool", "starfish", "chiton", "velvet"],
    "brick": ["racket", "maze", "window screen", "dome", "solar dish"],
    "grass": ["soccer ball", "baseball", "armadillo", "golf ball", "croquet ball"],
    "gravel": ["doormat", "dishrag", "honeycomb", "chain mail", "shower curtain"],
    "camera": ["tripod", "binoculars", "harmonica", "microphone", "reflex camera"],
    "coins": ["golf ball", "bubble", "thimble", "Petri dish", "nail"],
    "moon": ["nematode", "bubble", "strainer", "saltshaker", "washbasin"],
    "motorcycle": ["moped", "motor scooter", "disk brake", "crash helmet", "mountain bike"],
    "flower": ["daisy", "mushroom", "hen-of-the-woods", "bee", "pot"],
    "china": ["palace", "bell cote", "monastery", "lakeside", "boathouse"],
    "hopper": ["military uniform", "mortarboard", "Windsor tie", "suit", "academic gown"],
}
# The original float32 weights on the coffee: mean and standard deviation of a layer's map, and the first three
# channels in the middle of it.
ACTIVATIONS = {
    "stem": (2.0413, 1.7531, [0.2911, 0.6566, 5.6438]),
    "block_1": (0.3975, 6.8227, [-6.3770, -9.0528, -0.4570]),
    "block_5": (0.2219, 8.1031, [-10.8816, -8.3911, -3.0040]),
    "block_11": (0.4663, 6.8786, [-17.0030, -11.1399, 2.7959]),
    "block_16": (-0.0009, 2.8086, [4.9870, -1.1010, 3.7162]),
    "head": (0.1437, 0.6783, [0.0, 0.0, 4.9819]),
}


@pytest.fixture(scope="module")
def network():
    return backbone.imagenet_network()


@pytest.fixture(scope="module")
def small():
    return backbone.imagenet_network(64, top=False)


@pytest.fixture(scope="module")
def coffee():
    return backbone.preprocess(data.load_photos("coffee")["coffee"])


def test_every_photograph_gets_the_five_names_that_the_original_gives(network):
    photos = data.load_photos()
    assert set(photos) <= set(TOP_FIVE), "a new photograph: write down what the original answers"
    answers = backbone.top_classes(network.predict(backbone.preprocess(list(photos.values())), verbose=0))
    assert {name: [word for word, _ in five] for name, five in zip(photos, answers)} == {
        name: TOP_FIVE[name] for name in photos
    }
    sure = {name: five[0][1] for name, five in zip(photos, answers)}
    for name, probability in {"coffee": 0.944, "camera": 0.941, "chelsea": 0.396, "rocket": 0.274}.items():
        assert abs(sure[name] - probability) < 0.01, name


def test_activations_on_the_way_are_those_of_the_original(network, coffee):
    layers = [network.get_layer(name).output for name in ACTIVATIONS]
    for (name, expected), maps in zip(ACTIVATIONS.items(), keras.Model(network.input, layers)(coffee)):
        mean, spread, middle = expected
        maps = np.asarray(maps)[0]
        np.testing.assert_allclose([maps.mean(), maps.std()], [mean, spread], rtol=0.01, atol=0.01, err_msg=name)
        row, column = maps.shape[0] // 2, maps.shape[1] // 2
        np.testing.assert_allclose(maps[row, column, :3], middle, atol=0.06, err_msg=name)


def test_stem_and_first_block_equal_our_own_operations(small):
    photo = backbone.preprocess(data.load_photos("chelsea")["chelsea"], 64)
    stored = np.load(backbone.WEIGHTS)

    def norm(x, name):
        gamma, beta, mean, variance = (
            stored[f"{name}/{part}"].astype(float) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    x = ops.conv2d((photo - 127) / 128, stored["stem_conv/kernel"].astype(float), stride=2, padding="same")
    x = np.clip(norm(x, "stem_norm"), 0, 6)
    kernel = stored["block_1_depthwise_conv/kernel"].astype(float)
    x = np.concatenate([ops.conv2d(x[..., [c]], kernel[:, :, [c]], padding="same") for c in range(32)], axis=-1)
    x = np.clip(norm(x, "block_1_depthwise_norm"), 0, 6)
    x = norm(x @ stored["block_1_project_conv/kernel"][0, 0].astype(float), "block_1_project_norm")
    found = keras.Model(small.input, small.get_layer("block_1").output)(photo)
    np.testing.assert_allclose(np.asarray(found), x, atol=1e-3)


def test_the_network_has_the_published_size_and_names_that_one_reads(network, small):
    assert (network.count_params(), small.count_params()) == (4_694_024, 3_413_024)
    names = [layer.name for layer in network.layers]
    for name in ("stem", *(f"block_{n}" for n in range(1, 17)), "head", "features", "logits"):
        assert name in names
    maps = [layer.output.shape[1:] for layer in network.layers if layer.name in ("stem", "block_8", "head")]
    assert maps == [(112, 112, 32), (14, 14, 80), (7, 7, 1280)]


@pytest.mark.parametrize("size", [64, 75, (96, 130)])
def test_any_size_from_64_pixels_up(size):
    network = backbone.imagenet_network(size)
    sides = (size, size) if isinstance(size, int) else size
    assert network(np.zeros((2, *sides, 3), np.float32)).shape == (2, 1000)


@pytest.mark.parametrize("size", [63, (64, 32), (64, 64, 3)])
def test_a_size_that_is_too_small_or_no_size_is_refused(size):
    with pytest.raises(ValueError, match="at least 64 pixels"):
        backbone.imagenet_network(size)


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="'imagenet', or None"):
        backbone.imagenet_network(64, weights="coco")


def test_feature_maps_are_rounded_up_in_the_order_that_was_asked_for_and_share_weights(small):
    maps = backbone.feature_maps((32, 2, 8), network=small)
    assert [tuple(m.shape[1:]) for m in maps.outputs] == [(2, 2, 320), (32, 32, 16), (8, 8, 40)]
    assert maps.get_layer("block_5_project_conv").kernel is small.get_layer("block_5_project_conv").kernel
    odd = backbone.feature_maps(size=(70, 100))
    assert [m.shape[1:3] for m in odd.outputs] == [(18, 25), (9, 13), (5, 7), (3, 4)]
    assert not any(layer.name.startswith("head") for layer in odd.layers)


def test_the_two_parts_one_after_the_other_are_the_network_and_share_its_weights(small):
    photo = backbone.preprocess(data.load_photos("coffee")["coffee"], 64)
    for layer in ("stem", "block_6", "head"):
        front, back = backbone.split(small, layer)
        np.testing.assert_allclose(back(front(photo)), small(photo), atol=1e-4, err_msg=layer)
        assert len(front.weights) + len(back.weights) == len(small.weights)
    assert back.count_params() == 0, "behind the head there is only an average"
    front, back = backbone.split(small, "block_13")
    assert back.get_layer("head_conv").kernel is small.get_layer("head_conv").kernel


@pytest.mark.parametrize("layer", ["features", "block_17", "block_0", "block_3_project_conv"])
def test_a_place_where_the_network_cannot_be_cut_is_refused(small, layer):
    with pytest.raises(ValueError, match="wanted one of stem, block_1"):
        backbone.split(small, layer)


@pytest.mark.parametrize("strides", [(), (3,), (4, 64)])
def test_strides_that_the_network_does_not_have_are_refused(strides):
    with pytest.raises(ValueError, match="some of \\[2, 4, 8, 16, 32\\]"):
        backbone.feature_maps(strides)


def test_preprocess_cuts_the_middle_and_takes_grey_and_transparent_photographs():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    batch = backbone.preprocess([wide, wide[..., 0], np.dstack([wide, wide[..., :1]]), wide.transpose(1, 0, 2)], 64)
    assert batch.shape == (4, 64, 64, 3) and batch.dtype == np.float32
    assert (batch == 200).all()


@pytest.mark.parametrize("photo", [np.zeros((5, 5, 3)), np.zeros(5, np.uint8), np.zeros((5, 5, 2), np.uint8)])
def test_preprocess_refuses_what_is_no_photograph(photo):
    with pytest.raises(ValueError, match="wanted uint8 \\(height, width, 3\\)"):
        backbone.preprocess([photo])


def test_top_classes_are_sorted_and_their_probabilities_are_those_of_the_softmax():
    logits = np.zeros((2, 1000))
    logits[0, [281, 967]] = 3, 5
    (first, second), _ = backbone.top_classes(logits, count=2)
    assert (first[0], second[0]) == ("espresso", "tabby")
    total = np.exp(5) + np.exp(3) + 998
    np.testing.assert_allclose([first[1], second[1]], [np.exp(5) / total, np.exp(3) / total])
    with pytest.raises(ValueError, match="before the softmax"):
        backbone.top_classes(np.zeros(10))


def test_the_thousand_names_are_all_different():
    names = backbone.class_names()
    assert len(names) == len(set(names)) == 1000
    assert [names[k] for k in (0, 134, 285, 517, 639, 999)] == [
        "tench", "crane (bird)", "Egyptian cat", "crane (machine)", "tank suit", "toilet tissue",
    ]  # fmt: skip


def test_a_saved_network_answers_the_same(small, tmp_path):
    photos = backbone.preprocess(list(data.load_photos("coffee", "rocket").values()), 64)
    small.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(loaded(photos), small(photos), atol=1e-5)


def test_mixed_precision_gives_the_same_name_in_single_precision(coffee):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = backbone.imagenet_network()
        logits = network(coffee)
    finally:
        keras.config.set_dtype_policy("float32")
    assert network.get_layer("block_8_project_conv").compute_dtype == "float16"
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert backbone.top_classes(np.asarray(logits))[0][0][0] == "espresso"


@pytest.mark.parametrize("part", ["frozen", "last block", "all", "all, norms in inference mode"])
def test_training_moves_what_is_trainable_and_nothing_else(part):
    training.set_seed(0)
    network = backbone.imagenet_network(64, top=False)
    for layer in network.layers:
        chosen = part.startswith("all") or (part == "last block" and layer.name.startswith(("block_16", "head")))
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = chosen and not (norm and part.endswith("inference mode"))
    model = keras.Sequential([network, keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watched = {
        "early kernel": network.get_layer("stem_conv").kernel,
        "late kernel": network.get_layer("head_conv").kernel,
        "early mean": network.get_layer("stem_norm").moving_mean,
        "late mean": network.get_layer("head_norm").moving_mean,
    }
    before = {name: weight.numpy() for name, weight in watched.items()}
    photos = backbone.preprocess(list(data.load_photos("coffee", "rocket").values()), 64)
    model.fit(photos, np.array([0, 1]), verbose=0)
    moved = {name for name, weight in watched.items() if np.abs(weight.numpy() - before[name]).max() > 0}
    assert moved == {
        "frozen": set(),
        "last block": {"late kernel", "late mean"},
        "all": set(watched),
        "all, norms in inference mode": {"early kernel", "late kernel"},
    }[part]


def test_random_weights_repeat_with_the_seed_and_calibration_gives_every_norm_its_statistics():
    photos = backbone.preprocess(list(data.load_photos().values()), 64)
    training.set_seed(3)
    first = backbone.imagenet_network(64, top=False, weights=None)
    training.set_seed(3)
    again = backbone.imagenet_network(64, top=False, weights=None)
    np.testing.assert_array_equal(first.get_weights()[0], again.get_weights()[0])
    backbone.calibrate(first, photos)
    norm = first.get_layer("block_11_project_norm")
    maps = np.asarray(keras.Model(first.input, norm.output)(photos))
    np.testing.assert_allclose(maps.mean((0, 1, 2)), 0, atol=0.05)
    np.testing.assert_allclose(maps.std((0, 1, 2)), 1, atol=0.05)
    assert norm.momentum == 0.99


def test_without_the_file_the_error_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(backbone, "WEIGHTS", tmp_path / "efficientnet_lite0.npz")
    with pytest.raises(FileNotFoundError, match="the folder data/ of the repository, or make it with"):
        backbone.imagenet_network(64)


@pytest.mark.parametrize("path", [backbone.WEIGHTS, backbone.NAMES], ids=lambda path: path.name)
def test_the_datasheet_has_the_checksum(path):
    assert hashlib.sha256(path.read_bytes()).hexdigest() in (DATA / "README.md").read_text("utf-8")


def legacy_pth(path, arrays, monkeypatch):
    """Write arrays as PyTorch's older format does, the columns of each matrix one after the other."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("never run")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Tensor:
        def __init__(self, key, shape):
            self.key, self.shape = key, shape

        def __reduce__(self):
            strides = (1, self.shape[0])
            storage = (self.key, int(np.prod(self.shape)))
            return _rebuild_tensor_v2, (storage, 0, self.shape, strides, False, collections.OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if isinstance(thing, tuple) and len(thing) == 2 and thing[0] in arrays:
                return ("storage", torch.FloatStorage, thing[0], "cpu", thing[1], None)

    file = io.BytesIO()
    for content in (1, 1001, {}):
        pickle.dump(content, file, 2)
    Pickler(file, 2).dump(collections.OrderedDict((key, Tensor(key, array.shape)) for key, array in arrays.items()))
    pickle.dump(list(arrays), file, 2)
    for array in arrays.values():
        file.write(struct.pack("<q", array.size) + array.astype("<f4").tobytes(order="F"))
    path.write_bytes(file.getvalue())


def test_a_file_of_pytorch_is_read_without_it_and_strides_are_followed(tmp_path, monkeypatch):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(4.0).reshape(4, 1)}
    legacy_pth(tmp_path / "a.pth", arrays, monkeypatch)
    found = backbone_weights.read_pth(tmp_path / "a.pth")
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], arrays["a"])
    np.testing.assert_array_equal(found["b"], arrays["b"])


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "bad.pth"
    path.write_bytes(pickle.dumps(print, 2))
    with pytest.raises(pickle.UnpicklingError, match="no part of an array"):
        backbone_weights.read_pth(path)


def test_every_weight_has_a_source_of_its_own(network):
    sources = [backbone_weights._source(layer.name) for layer in network.layers if layer.weights]
    assert len(sources) == len(set(sources)) == 99
    assert backbone_weights._source("block_2_expand_conv") == "_blocks.1._expand_conv"

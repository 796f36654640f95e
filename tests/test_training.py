"""Settings by device, seeds, the quiet fit, checkpoints, and the same training on one device and on two."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cvhelpers import training
from cvhelpers._quiet import keras


def small_network():
    layers = [keras.Input((4,), name="points"), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)]
    model = keras.Sequential(layers, name="small")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    return model


def points(count=32):
    x = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    return x, (x.sum(1) > 0).astype(np.int32)


@pytest.mark.parametrize("chosen, wanted", [("cpu", 6), ("gpu", 40), ("GPU", 40)])
def test_the_device_variable_overrides_what_the_machine_has(monkeypatch, chosen, wanted):
    monkeypatch.setenv("CVHELPERS_DEVICE", chosen)
    assert training.device() == chosen.lower()
    assert training.on_device(cpu=6, gpu=40) == wanted


def test_without_the_variable_the_machine_decides(monkeypatch):
    monkeypatch.delenv("CVHELPERS_DEVICE", raising=False)
    for devices, wanted in ([], "cpu"), (["one GPU"], "gpu"):
        monkeypatch.setattr(training.tf.config, "list_physical_devices", lambda kind, found=devices: found)
        assert training.device() == wanted


def test_an_unknown_device_is_named(monkeypatch):
    monkeypatch.setenv("CVHELPERS_DEVICE", "tpu")
    with pytest.raises(ValueError, match="'tpu': wanted 'cpu' or 'gpu'"):
        training.on_device(cpu=1, gpu=2)


def test_settings_are_named_not_guessed_from_their_order():
    with pytest.raises(TypeError):
        training.on_device(6, 40)


def test_the_same_seed_gives_the_same_training_and_another_seed_another():
    def losses(seed):
        training.set_seed(seed)
        return training.fit(small_network(), *points(), epochs=3, batch_size=8)["loss"]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_a_seed_also_fixes_numpy():
    training.set_seed(3)
    first = np.random.rand(4)
    training.set_seed(3)
    np.testing.assert_array_equal(first, np.random.rand(4))


def test_fit_returns_plain_lists_one_number_for_each_epoch():
    history = training.fit(small_network(), *points(), epochs=4, validation_data=points(8))
    assert set(history) == {"loss", "val_loss"}
    assert all(len(values) == 4 and isinstance(values[0], float) for values in history.values())


def test_fit_prints_one_line_or_nothing(monkeypatch, capfd):
    monkeypatch.setenv("CVHELPERS_PROGRESS", "1")
    training.fit(small_network(), *points(), epochs=2, label="seed 7")
    printed = capfd.readouterr().out
    assert printed.count("\n") == 1 and "seed 7 epoch 2/2  loss" in printed
    assert printed.startswith("\rseed 7 parameters: 58, epochs: 2, steps in each: 1 …")  # before the first step
    monkeypatch.setenv("CVHELPERS_PROGRESS", "0")
    training.fit(small_network(), *points(), epochs=2)
    assert capfd.readouterr() == ("", "")


def test_the_progress_tells_the_time_that_is_left_without_the_tracing_of_the_first_epoch(monkeypatch, capfd):
    monkeypatch.setenv("CVHELPERS_PROGRESS", "1")
    clock = iter([0, 60, 60, 80, 80, 100, 100, 120])  # the first epoch takes 60 seconds, every other 20
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    progress = training.Progress("net")
    progress.set_params({"epochs": 4})
    for epoch in range(4):
        progress.on_epoch_begin(epoch)
        progress.on_epoch_end(epoch, {"loss": 0.5})
    assert capfd.readouterr().out.split("\r")[1:] == [
        "net epoch 1/4  loss 0.500  about 3 min left",
        "net epoch 2/4  loss 0.500  about 40 s left ",
        "net epoch 3/4  loss 0.500  about 20 s left",
        "net epoch 4/4  loss 0.500                 ",  # covers what stood there before
    ]


def test_fit_keeps_the_callbacks_it_is_given():
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    training.fit(small_network(), *points(), epochs=2, callbacks=[callback])
    assert seen == [0, 1]


def test_fit_takes_one_callback_and_keras_own_bar(capfd):
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    training.fit(small_network(), *points(), epochs=1, callbacks=callback, verbose=2)
    assert seen == [0] and "1/1 - " in capfd.readouterr().out


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam", "Adagrad"])  # the last two do not begin with zeros
def test_a_restarted_training_is_that_of_a_fresh_optimizer(name):
    def compiled():
        training.set_seed(0)
        model = small_network()
        settings = {"momentum": 0.9} if name == "SGD" else {}
        model.compile(getattr(keras.optimizers, name)(0.05, **settings), model.loss)
        return model

    model = compiled()
    start = model.get_weights()
    first = training.fit(model, *points(), epochs=3, shuffle=False)["loss"]
    assert first[-1] < first[0]
    training.restart(model, start)
    assert training.fit(model, *points(), epochs=3, shuffle=False)["loss"] == first
    training.restart(model, start, learning_rate=0.01)
    slower = training.fit(model, *points(), epochs=3, shuffle=False)["loss"]
    assert slower[0] == first[0] and slower != first


def test_fit_traces_the_training_step_only_once_and_trains_the_same(monkeypatch):
    def train(fit):
        training.set_seed(0)
        model, traces = small_network(), []
        step = model.train_step
        monkeypatch.setattr(model, "train_step", lambda data: traces.append(1) or step(data))
        losses = fit(model, *points(), epochs=2, batch_size=8, verbose=0)
        return len(traces), getattr(losses, "history", losses)["loss"]

    traces, losses = train(lambda model, *args, verbose, **settings: training.fit(model, *args, **settings))
    assert traces == 1
    assert (2, losses) == train(lambda model, *args, **settings: model.fit(*args, **settings))


def test_fit_also_takes_a_model_that_is_built_by_its_first_batch():
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert len(training.fit(model, *points(), epochs=1)["loss"]) == 1


class Disconnect(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_a_training_that_was_cut_off_goes_on_as_if_nothing_had_happened(tmp_path):
    settings = dict(epochs=4, batch_size=32, shuffle=False)
    training.set_seed(0)
    start = small_network().get_weights()

    def fit(*callbacks):
        model = small_network()
        model.set_weights(start)
        return training.fit(model, *points(), callbacks=[*callbacks], **settings)["loss"]

    through = fit()
    with pytest.raises(KeyboardInterrupt):
        fit(training.checkpoint("small", tmp_path), Disconnect())
    rest = fit(training.checkpoint("small", tmp_path))  # a new model: weights and momentum come from the disk
    np.testing.assert_allclose(rest, through[2:], rtol=1e-6)
    assert not (tmp_path / "small").exists()  # the next training starts anew


@pytest.mark.parametrize("name", ["", "../small", "a b", "a/b"])
def test_a_checkpoint_needs_a_plain_name(name):
    with pytest.raises(ValueError, match="wanted letters"):
        training.checkpoint(name)


def test_two_devices_are_mirrored_and_all_gpus_are_taken(monkeypatch):
    monkeypatch.setattr(training.tf.distribute, "MirroredStrategy", lambda devices: devices)
    assert training.strategy(["CPU:0", "CPU:1"]) == ["CPU:0", "CPU:1"]
    asked = []
    monkeypatch.setattr(training.tf.config, "list_logical_devices", lambda kind: asked.append(kind) or ["one", "two"])
    assert training.strategy() == ["GPU:0", "GPU:1"] and asked == ["GPU"]


def test_one_device_needs_no_strategy():
    assert training.strategy().num_replicas_in_sync == 1
    assert training.strategy(["CPU:0"]).num_replicas_in_sync == 1


# Virtual devices must exist before TensorFlow starts, so this runs in a Python of its own.
TWO_DEVICES = """
import json
from cvhelpers import layers, training
import keras, numpy as np, tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
images = np.random.default_rng(0).random((96, 8, 8, 1), "float32")
labels = np.arange(96, dtype="int32") % 4

def curve(strategy, batch_normalization):
    training.set_seed(0)
    with strategy.scope():
        x = inputs = keras.Input((8, 8, 1))
        x = layers.ResidualBlock(4, batch_normalization=batch_normalization, momentum=0.9)(x)
        x = layers.ResidualBlock(8, strides=2, batch_normalization=batch_normalization, momentum=0.9)(x)
        x = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
        model = keras.Model(inputs, x)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss)
    settings = dict(epochs=4, batch_size=32, shuffle=False)
    return strategy.num_replicas_in_sync, training.fit(model, images, labels, **settings)["loss"]

strategies = training.strategy(["CPU:0"]), training.strategy(["CPU:0", "CPU:1"])
pairs = {str(norm): [curve(strategy, norm) for strategy in strategies] for norm in (False, True)}
print(json.dumps(pairs))
"""


@pytest.fixture(scope="module")
def curves():
    environment = os.environ | {"CVHELPERS_PROGRESS": "0", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    command = [sys.executable, "-c", TWO_DEVICES]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_two_devices_train_the_same_curve_as_one(curves):
    (one, alone), (two, together) = curves["False"]
    assert (one, two) == (1, 2)
    np.testing.assert_allclose(together, alone, rtol=1e-4)
    assert alone[-1] < alone[0]


def test_batch_normalization_sees_only_its_own_share_of_a_batch(curves):
    """Each device takes the statistics of its own 16 of 32 images: the curves come close but are not the same."""
    (_, alone), (_, together) = curves["True"]
    assert not np.allclose(together, alone, rtol=1e-4)
    np.testing.assert_allclose(together, alone, rtol=0.25)

"""Training on whatever machine runs the notebook: settings by device, several GPUs, seeds, a quiet fit."""

import os
import re
import statistics
import time

import numpy as np

from ._paths import CACHE
from ._quiet import keras, tf

CHECKPOINTS = CACHE / "checkpoints"


def device():
    """The kind of device that a model would train on: ``"gpu"`` or ``"cpu"``.

    The environment variable ``CVHELPERS_DEVICE`` overrides what the machine has, to try the other settings.
    Introduced in lesson 08.

    >>> device() in ("cpu", "gpu")
    True
    """
    chosen = os.environ.get("CVHELPERS_DEVICE", "").lower()
    if chosen not in ("", "cpu", "gpu"):
        raise ValueError(f"CVHELPERS_DEVICE is {chosen!r}: wanted 'cpu' or 'gpu'")
    return chosen or ("gpu" if tf.config.list_physical_devices("GPU") else "cpu")


def on_device(*, cpu, gpu):
    """The setting that fits this machine: the first on a CPU, the second where a GPU is present.

    Args:
        cpu: the value for a laptop.
        gpu: the value for a GPU; the same code runs with it, longer or larger.

    Returns:
        one of the two, unchanged.

    Introduced in lesson 09.

    >>> on_device(cpu=6, gpu=40) in (6, 40)
    True
    """
    return gpu if device() == "gpu" else cpu


def set_seed(seed):
    """Make what follows repeatable: Python, NumPy and Keras draw the same numbers after every call with this seed.

    Args:
        seed: whole number.

    On a CPU TensorFlow's operations become deterministic too; on a GPU that would cost speed and is left alone.
    Introduced in lesson 02.

    >>> set_seed(0); first = keras.random.uniform((2,)).numpy()
    >>> set_seed(0); bool((first == keras.random.uniform((2,)).numpy()).all())
    True
    """
    keras.utils.set_random_seed(seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


def strategy(devices=None):
    """How to spread a training: over all GPUs of this machine, or over nothing where there is at most one.

    Args:
        devices: names such as ``["CPU:0", "CPU:1"]``; all GPUs when None.

    Returns:
        a ``tf.distribute.Strategy``; build and compile the model inside ``with strategy().scope():``. The batch size
        given to ``fit`` is the global one, split evenly over ``num_replicas_in_sync``. Ask once and keep the answer.

    Introduced in lesson 14.

    >>> strategy().num_replicas_in_sync >= 1
    True
    """
    devices = devices or [f"GPU:{i}" for i in range(len(tf.config.list_logical_devices("GPU")))]
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


def checkpoint(name, folder=CHECKPOINTS):
    """A callback that stores a training after every epoch and goes on there when the same ``fit`` is called again.

    For long trainings on a machine that may go away, such as a Colab session that was disconnected. Weights, the state
    of the optimizer and the number of the epoch are stored; a training that came to its end removes them.

    Args:
        name: of the training, such as ``"resnet56"``: one name for each network, and for each seed of it.
        folder: where the trainings are kept; on Colab a folder of a mounted Drive also survives the end of the machine.

    Returns:
        a Keras callback, for ``fit(..., callbacks=[checkpoint("resnet56")])``. The history of a continued training
        holds the epochs that were still missing.

    Raises:
        ValueError: the name is empty or holds a character that no file name should.

    Introduced in lesson 14.

    >>> type(checkpoint("resnet56")).__name__
    'BackupAndRestore'
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"the training is called {name!r}: wanted letters, digits, - and _ only, such as 'resnet56'")
    return keras.callbacks.BackupAndRestore(os.path.join(folder, name))


def restart(model, weights, learning_rate=None):
    """Start a compiled model again from these weights with a fresh optimizer, without compiling it once more.

    Compiling costs a second; a loop over seeds or learning rates needs it only once.

    Args:
        model: a compiled Keras model.
        weights: list of arrays, such as another model's ``get_weights()``.
        learning_rate: a new one for the optimizer; the present one when None.

    Introduced in lesson 06.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> restart(model, [[[1.0], [2.0]], [3.0]], learning_rate=0.5)
    >>> model.get_weights()[0].ravel().tolist(), float(model.optimizer.learning_rate)
    ([1.0, 2.0], 0.5)
    """
    model.set_weights([np.asarray(array, np.float32) for array in weights])
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    with model.distribute_strategy.scope():
        fresh = type(model.optimizer).from_config(model.optimizer.get_config())
        fresh.build(model.trainable_variables)
    for variable, start in zip(model.optimizer.variables, fresh.variables):
        if variable.name != "learning_rate":
            variable.assign(start)
    if learning_rate is not None:
        model.optimizer.learning_rate = learning_rate


class Progress(keras.callbacks.Callback):
    """One line that says how long a training is, how far it is and how long it still takes, rewritten in place.

    Before the first step it names the number of parameters, epochs and steps; after each epoch the measures and the
    time that is left, when that is more than five seconds. Nothing with ``CVHELPERS_PROGRESS=0``.

    Serves lesson 02.

    >>> Progress("small network").label
    'small network'
    """

    def __init__(self, label=""):
        super().__init__()
        self.label = label
        self.shown = os.environ.get("CVHELPERS_PROGRESS") != "0"
        self.durations, self.width = [], 0

    def _show(self, text):
        if self.shown:
            print(f"\r{self.label} {text}".ljust(self.width), end="", flush=True)
            self.width = len(self.label) + len(text) + 2

    def on_train_begin(self, logs=None):
        steps = self.params.get("steps")
        each = f", steps in each: {steps:,}" if steps else ""
        known = f"parameters: {self.model.count_params():,}, " if self.model.built else ""
        self._show(f"{known}epochs: {self.params['epochs']}{each} …")

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.durations.append(time.perf_counter() - self.start)
        # The first epoch also traces the network: it counts only as long as there is no other.
        left = statistics.mean(self.durations[1:] or self.durations) * (self.params["epochs"] - epoch - 1)
        numbers = "  ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        self._show(f"epoch {epoch + 1}/{self.params['epochs']}  {numbers}{f'  {time_left(left)}' if left > 5 else ''}")

    def on_train_end(self, logs=None):
        if self.shown:
            print()


def time_left(seconds):
    """Words for the time that a training still takes.

    Serves lesson 02.

    >>> time_left(12.3), time_left(200), time_left(9000)
    ('about 12 s left', 'about 3 min left', 'about 2.5 h left')
    """
    if seconds < 100:
        return f"about {seconds:.0f} s left"
    return f"about {seconds / 60:.0f} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"


def fit(model, *args, label=None, **settings):
    """``model.fit`` with one line of progress instead of a bar; what it prints is never stored in a notebook.

    Args:
        model: a compiled Keras model.
        args, settings: as for ``model.fit``; ``verbose=1`` brings Keras's own bar back instead of the line.
        label: what the line starts with; the name of the model when None.

    Returns:
        dict from the name of a measure to its list of values, one for each epoch.

    Introduced in lesson 02.
    """
    callbacks, verbose = settings.pop("callbacks", None) or [], settings.pop("verbose", 0)
    callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    if not verbose:
        callbacks.append(Progress(model.name if label is None else label))
    if model.built and not model.optimizer.built:  # or TensorFlow traces the first step twice
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)
    return model.fit(*args, verbose=verbose, callbacks=callbacks, **settings).history


def one_cycle(peak, steps, warm=0.15):
    """Learning rate that climbs to ``peak`` in the first 15 % of the steps and then falls to 0 along a cosine.

    Args:
        peak: highest learning rate.
        steps: number of steps of the whole training.
        warm: share of the steps that climb.

    Returns:
        a Keras learning rate schedule.

    Introduced in lesson 14. Smith and Topin 2018.

    >>> schedule = one_cycle(0.006, steps=100)
    >>> [round(float(schedule(step)), 4) for step in (0, 15, 100)]
    [0.0003, 0.006, 0.0]
    """
    warmup = max(1, int(warm * steps))
    return keras.optimizers.schedules.CosineDecay(
        peak / 20, max(1, steps - warmup), alpha=0.0, warmup_target=peak, warmup_steps=warmup
    )


def compile_one_cycle(model, count, epochs, batch_size, peak, loss):
    """Compile a model with Adam whose learning rate goes through one cycle in the whole training.

    Args:
        model: Keras model.
        count: number of training examples.
        epochs, batch_size: as for ``fit``: they give the number of steps.
        peak: highest learning rate.
        loss: as for ``compile``.

    Returns:
        the model, compiled.

    Serves lesson 15. Smith and Topin 2018.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> round(float(compile_one_cycle(model, 33, 2, 16, 0.006, "mse").optimizer.learning_rate), 4)
    0.0003
    """
    steps = epochs * -(-count // batch_size)
    model.compile(keras.optimizers.Adam(one_cycle(peak, steps)), loss)
    return model

"""Training on whatever machine runs the notebook: settings by device, several GPUs, seeds, a quiet fit."""

import os

from . import _quiet  # noqa: F401  (TensorFlow without its log lines)

import keras  # isort: skip
import tensorflow as tf  # isort: skip


def device():
    """The kind of device that a model would train on: ``"gpu"`` or ``"cpu"``.

    The environment variable ``CVHELPERS_DEVICE`` overrides what the machine has, to try the other settings.
    Introduced in lesson 02.

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

    Introduced in lesson 02.

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
        given to ``fit`` is the global one, split evenly over ``strategy().num_replicas_in_sync``.

    Introduced in lesson 14.

    >>> strategy().num_replicas_in_sync >= 1
    True
    """
    devices = devices or [f"GPU:{i}" for i in range(len(tf.config.list_logical_devices("GPU")))]
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


class Progress(keras.callbacks.Callback):
    """One line that says how far a training is, rewritten in place; nothing with ``CVHELPERS_PROGRESS=0``.

    Introduced in lesson 02.

    >>> Progress("small network").label
    'small network'
    """

    def __init__(self, label=""):
        super().__init__()
        self.label = label
        self.shown = os.environ.get("CVHELPERS_PROGRESS") != "0"

    def on_epoch_end(self, epoch, logs=None):
        if self.shown:
            numbers = "  ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
            print(f"\r{self.label} epoch {epoch + 1}/{self.params['epochs']}  {numbers}   ", end="", flush=True)

    def on_train_end(self, logs=None):
        if self.shown:
            print()


def fit(model, *args, label=None, **settings):
    """``model.fit`` with one line of progress instead of a bar; what it prints is never stored in a notebook.

    Args:
        model: a compiled Keras model.
        args, settings: as for ``model.fit``.
        label: what the line starts with; the name of the model when None.

    Returns:
        dict from the name of a measure to its list of values, one for each epoch.

    Introduced in lesson 02.
    """
    callbacks = [*settings.pop("callbacks", []), Progress(model.name if label is None else label)]
    return model.fit(*args, verbose=0, callbacks=callbacks, **settings).history

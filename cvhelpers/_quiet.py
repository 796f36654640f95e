"""Keras and TensorFlow without their log lines: ``from ._quiet import keras, tf``.

TensorFlow writes to file descriptor 2 before any log level is read, so during its import that descriptor points to
the null device. Python's own errors still show. Set ``CVHELPERS_VERBOSE=1`` to see everything.
"""

import contextlib
import os
import sys

__all__ = ["keras", "tf"]


@contextlib.contextmanager
def _silence_file_descriptor_2():
    """Send what native code writes to standard error to the null device."""
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if "tensorflow" not in sys.modules and not os.environ.get("CVHELPERS_VERBOSE"):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silence_file_descriptor_2():
        import tensorflow as tf

        tf.config.list_physical_devices()  # the last noisy line comes with the first look at the devices
    tf.get_logger().setLevel("ERROR")  # no advice about retracing, which several small models cause
import keras
import tensorflow as tf

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras runs on {keras.backend.backend()} here: the course needs TensorFlow under it. Restart the kernel "
        "without KERAS_BACKEND (or with KERAS_BACKEND=tensorflow) and without a 'backend' entry of another name in "
        "~/.keras/keras.json."
    )

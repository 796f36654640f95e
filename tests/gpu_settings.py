"""Every lesson that trains runs to its end with the settings of a GPU: ``python -m pytest tests/gpu_settings.py``.

The device is faked and the data are tiny: larger images and deeper networks are those of a GPU, but each training takes
a few steps, sets of more than 200 images are cut, and scenes stand in for CIFAR-10, Pets and Penn-Fudan. What the
networks then say is meaningless, so outputs are not compared. Some ten minutes, so not among the tests of every change.
"""

import os
import subprocess
import sys

import pytest

from cvhelpers.course import refresh

# Runs in a Python of its own, with the lesson's folder as the working directory.
HARNESS = """
import sys
import matplotlib
import nbformat
import numpy as np
from cvhelpers import data, scenes, training

matplotlib.use("Agg")
asked, fitted, choose, fit = [], [], training.on_device, training.fit
MANY = 200

def scenes_as(kind, size):
    batch = scenes.make_scenes("train", 20, size)
    if kind == "pets":
        return {"images": batch["images"], "semantic": np.minimum(batch["semantic"], 2)}
    semantic, labels = np.where(batch["semantic"] < 3, 0, 3), np.minimum(batch["labels"], 3)
    panoptic = np.stack([semantic, batch["panoptic"][..., 1]], -1)
    return batch | {"semantic": semantic, "labels": labels, "panoptic": panoptic}

def cifar10():
    images, labels = np.random.default_rng(0).integers(0, 256, (128, 32, 32, 3), np.uint8), np.arange(128) % 10
    return (images, labels), (images, labels)

data.load_cifar10, data.load_pets = cifar10, lambda size: scenes_as("pets", size)
data.load_penn_fudan = lambda size: scenes_as("people", size)

def on_device(*, cpu, gpu):
    chosen = choose(cpu=cpu, gpu=gpu)
    asked.append(chosen is gpu)
    whole = isinstance(chosen, int) and not isinstance(chosen, bool)
    return min(chosen, MANY) if whole else chosen

def tiny_fit(model, *data, **settings):
    import tensorflow as tf
    few = settings.get("batch_size") or 16
    if isinstance(data[0], tf.data.Dataset):
        data = (data[0].take(2).repeat() if "steps_per_epoch" in settings else data[0].take(2), *data[1:])
        settings |= {"steps_per_epoch": 2} if "steps_per_epoch" in settings else {}
    else:
        data = tf.nest.map_structure(lambda array: array[:few], data)
    if "validation_data" in settings and not isinstance(settings["validation_data"], tf.data.Dataset):
        settings["validation_data"] = tf.nest.map_structure(lambda array: array[:few], settings["validation_data"])
    settings["epochs"] = min(settings.get("epochs", 1), 3)
    fitted.append(model.name)
    return fit(model, *data, **settings)

training.on_device, training.fit = on_device, tiny_fit
cells = [cell for cell in nbformat.read(sys.argv[1], 4).cells if cell.cell_type == "code"]
names = {"__name__": "__main__"}
for cell in cells:
    exec(compile(cell.source, cell.id, "exec"), names)
assert asked and all(asked), "the settings of a GPU were not taken"
print("trainings:", len(fitted), " networks:", *sorted(set(fitted)))
"""
TRAINING = [path for path in refresh.find([]) if "on_device(" in path.read_text("utf-8")]


def test_the_lessons_that_train_are_found():
    assert {path.stem[:2] for path in TRAINING} >= set("02 06 07 08 09 10 12 13 14 15 16 17 18".split())


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_a_lesson_runs_with_the_settings_of_a_gpu(path):
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment = os.environ | threads | {"CVHELPERS_DEVICE": "gpu", "CVHELPERS_PROGRESS": "0"}
    command = [sys.executable, "-c", HARNESS, str(path)]
    run = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    optional = {"14": "residual", "15": "pets", "16": "walkers", "17": "walkers", "18": "street"}.get(path.stem[:2], "")
    assert optional in run.stdout.splitlines()[-1]  # the optional data were trained on too

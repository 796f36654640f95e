"""*On a GPU: real photographs* on stand-ins: ``python -m pytest tests/gpu_settings.py``, weekly.

The device is faked, and pictures that the course has take the place of the downloaded sets, chosen so that what the
lesson expects of the photographs must hold for them too. Each section runs with the settings that it really has, and
its claims are compared. Numbers of 16 bits take a processor six times as long: where a section trains with them, it
runs once more before, one epoch on a few pictures; the claims come from 32 bits.
"""

import json
import os
import subprocess
import sys

import pytest

from cvhelpers.course import refresh

# What must hold when a section has run on stand-ins: in its own names, or in the numbers that it has printed.
CLAIMS = {
    "08": ["numbers[0] > 0.8", "numbers[1] >= numbers[0]"],
    "09": [
        "results['none']['accuracy'][-1] > 0.95",
        "results['none']['accuracy'][-1] > results['flip and shift']['accuracy'][-1]",
        "results['none']['val_accuracy'][-1] < results['flip and shift']['val_accuracy'][-1] - 0.1",
    ],
    "14": ["len(scores) == 4", "min(scores.values()) > 0.15"],  # the stand-ins are too few to tell the four apart
    "15": ["each[0] > 0.8", "each[1] > 0.8", "each[2] < each[:2].min()"],
    "16": ["metrics.average_precision(there, answers)['AP50'] > 0.5"],
    "17": ["metrics.average_precision(there, found_people)['AP50'] > 0.5", "result['AP50'] > 0.5"],
    "18": ["result['stuff']['PQ'] > 0.8", "result['things']['PQ'] > 0.3"],
}

# Runs in a Python of its own, with the lesson's folder as the working directory.
HARNESS = """
import contextlib, io, json, re, sys
import keras
import matplotlib
import nbformat
import numpy as np
from cvhelpers import data, scenes, training

matplotlib.use("Agg")
lesson, few = sys.argv[2], False
set_policy, fit = keras.mixed_precision.set_global_policy, training.fit
keras.mixed_precision.set_global_policy = lambda policy: set_policy(policy if few else "float32")
training.checkpoint = lambda name: keras.callbacks.Callback()  # nothing is kept, nothing goes on

def fit_stand_in(model, *inputs, **settings):
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # few pictures are few steps
    return fit(model, *inputs, **(settings | {"epochs": 1} if few else settings))

training.fit = fit_stand_in

def people(size=128, **settings):
    batch = scenes.make_scenes("train", 80, min(size, 128))
    scale = size / batch["images"].shape[1]
    rows = (np.arange(size) / scale).astype(int)
    for key in ("images", "semantic", "panoptic"):
        batch[key] = batch[key][:, rows][:, :, rows]
    batch["masks"] = batch["masks"][:, :, rows][:, :, :, rows]
    batch["boxes"] = scenes.tight_boxes(batch["masks"])
    semantic, labels = np.where(batch["semantic"] < 3, 0, 3), np.minimum(batch["labels"], 3)
    panoptic = np.stack([semantic, batch["panoptic"][..., 1]], -1)
    return batch | {"semantic": semantic, "labels": labels, "panoptic": panoptic}

def pets(size=128, count=None, **settings):
    if lesson == "08":  # breeds: twelve photographs, told apart by small squares of them
        images, labels = data.load_crops(per_class=4 if few else 50, size=size)
        return {"images": images, "labels": labels}
    batch = scenes.make_scenes("train", 40 if few else 240, size)  # stickers as pets, their edges as borders
    inside = np.pad(batch["semantic"] > 2, ((0, 0), (1, 1), (1, 1)))
    near = [inside[:, 1 + y : size + 1 + y, 1 + x : size + 1 + x] for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    border = inside[:, 1:-1, 1:-1] & ~np.logical_and.reduce(near)
    return {"images": batch["images"], "semantic": np.where(border, 2, np.where(inside[:, 1:-1, 1:-1], 0, 1))}

def cifar10():
    rng = np.random.default_rng(0)
    (images, labels), (test_images, test_labels) = [data.load_digits(split, size=32) for split in ("train", "test")]
    count = 64 if few else 512 if lesson == "09" else 256
    images, labels, test_labels = np.repeat(images[:count], 3, -1), labels[:count], test_labels[:count]
    test_images = np.repeat(test_images[:count], 3, -1)
    if lesson == "09":  # learnt upright and in the middle, judged mirrored and off it
        moves = rng.integers(-4, 5, (len(test_images), 2))
        test_images = np.stack([np.roll(one, move, (0, 1))[:, ::-1] for one, move in zip(test_images, moves)])
    else:  # a colour for each class: easy, where the gradient arrives
        paper = rng.integers(0, 256, (10, 1, 1, 3))
        images, test_images = [
            np.uint8(x // 2 + paper[y] // 2) for x, y in ((images, labels), (test_images, test_labels))
        ]
    return (images, labels), (test_images, test_labels)

data.load_cifar10, data.load_pets, data.load_penn_fudan = cifar10, pets, people
names, body, section, inside = {"__name__": "__main__"}, [], [], False
for cell in nbformat.read(sys.argv[1], 4).cells:
    if cell.cell_type == "code":
        (section if inside else body).append(cell)
    elif found := re.findall(r"(?m)^## (.+)", cell.source):
        inside = found[-1].startswith("On a GPU")
assert section, "no cell stands under On a GPU"

def run(cells):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for cell in cells:
            exec(compile(cell.source, cell.id, "exec"), names)
    return printed.getvalue()

run(body)
if any("mixed_float16" in cell.source for cell in section):
    few = True
    run(section)
    few = False
printed = run(section)
print(printed)
names["numbers"] = [float(number) for number in re.findall(r"\\d+\\.\\d+", printed)]
for claim in json.loads(sys.argv[3]):
    assert eval(claim, names), claim
"""
LESSONS = [path for path in refresh.lessons() if '"## On a GPU' in path.read_text("utf-8")]


def test_the_lessons_with_a_section_for_a_gpu_are_those_with_claims():
    assert {path.stem[:2] for path in LESSONS} == set(CLAIMS)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_section_for_a_gpu_runs_on_stand_ins_and_its_claims_hold(path):
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment = os.environ | threads | {"CVHELPERS_DEVICE": "gpu", "CVHELPERS_PROGRESS": "0"}
    command = [sys.executable, "-c", HARNESS, str(path), path.stem[:2], json.dumps(CLAIMS[path.stem[:2]])]
    run = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    print(run.stdout[-2000:])
    assert run.returncode == 0, run.stderr[-3000:]

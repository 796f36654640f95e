"""*On a GPU: real photographs* on stand-ins: ``python -m pytest tests/gpu_settings.py``, half an hour, weekly.

The device is faked and scenes take the place of the downloaded sets, with the settings that the lesson really has: the
cells must run, and where they train on pictures that can be learnt, what the lesson expects must come out.
"""

import json
import os
import subprocess
import sys

import pytest

from cvhelpers.course import refresh

PICTURES = 80  # of a stand-in
# What must hold when a lesson has run on stand-ins, in its own names.
CLAIMS = {
    "15": ["each[0] > 0.8", "each[1] > 0.8"],
    "16": ["metrics.average_precision(there, answers)['AP50'] > 0.5"],
    "17": ["metrics.average_precision(there, found_people)['AP50'] > 0.5", "result['AP50'] > 0.5"],
    "18": ["result['stuff']['PQ'] > 0.8", "result['things']['PQ'] > 0.3"],
}

# Runs in a Python of its own, with the lesson's folder as the working directory.
HARNESS = f"""
import json, re, sys
import matplotlib
import nbformat
import numpy as np
from cvhelpers import data, scenes, training

matplotlib.use("Agg")

def people(size=128, **settings):
    batch = scenes.make_scenes("train", {PICTURES}, min(size, 128))
    scale = size / batch["images"].shape[1]
    rows = (np.arange(size) / scale).astype(int)
    for key in ("images", "semantic", "panoptic"):
        batch[key] = batch[key][:, rows][:, :, rows]
    batch["masks"] = batch["masks"][:, :, rows][:, :, :, rows]
    batch["boxes"] = scenes.tight_boxes(batch["masks"])
    semantic, labels = np.where(batch["semantic"] < 3, 0, 3), np.minimum(batch["labels"], 3)
    panoptic = np.stack([semantic, batch["panoptic"][..., 1]], -1)
    return batch | {{"semantic": semantic, "labels": labels, "panoptic": panoptic}}

def pets(size=128, count=None, **settings):
    batch = scenes.make_scenes("train", 3 * {PICTURES}, size)
    breeds = np.arange(3 * {PICTURES}) % 37
    return {{"images": batch["images"], "semantic": np.where(batch["semantic"] < 3, 1, 0), "labels": breeds}}

def cifar10():
    images, labels = np.random.default_rng(0).integers(0, 256, (128, 32, 32, 3), np.uint8), np.arange(128) % 10
    return (images, labels), (images, labels)

data.load_cifar10, data.load_pets, data.load_penn_fudan = cifar10, pets, people
cells = nbformat.read(sys.argv[1], 4).cells
names, section, ran = {{"__name__": "__main__"}}, "", 0
for cell in cells:
    found = re.findall(r"(?m)^## (.+)", cell.source) if cell.cell_type == "markdown" else []
    section = found[-1] if found else section
    if cell.cell_type == "code":
        ran += section.startswith("On a GPU")
        exec(compile(cell.source, cell.id, "exec"), names)
assert ran, "no cell stands under On a GPU"
for claim in json.loads(sys.argv[2]):
    assert eval(claim, names), claim
"""
LESSONS = [path for path in refresh.lessons() if '"## On a GPU' in path.read_text("utf-8")]


def test_the_lessons_with_a_section_for_a_gpu_are_found():
    assert {path.stem[:2] for path in LESSONS} >= set(CLAIMS)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_section_for_a_gpu_runs_on_stand_ins_and_its_claims_hold(path):
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment = os.environ | threads | {"CVHELPERS_DEVICE": "gpu", "CVHELPERS_PROGRESS": "0"}
    claims = json.dumps(CLAIMS.get(path.stem[:2], []))
    command = [sys.executable, "-c", HARNESS, str(path), claims]
    run = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    assert run.returncode == 0, run.stdout[-1000:] + run.stderr[-3000:]

"""Processor time of one augmentation chain: ours, Keras's own layers, albumentations; one core, one run.

    python tests/benchmarks/bench_augmentation.py [--write | --eager]

``--write`` puts the table, with machine, versions and spread, into lesson 09; do that on a quiet machine. ``--eager``
times single layers that are called by themselves, outside of tf.data, against Keras's.

The chain is flip, scaled crop, colour jitter, cutout of half the side, uint8 in and uint8 out. All peers run in turn
in every round, so that a busy machine hurts all alike, and ratios are taken within a round. Two traps are avoided:
tf.data is kept from fusing map and batch into asynchronous work (timing `next` would then measure nothing), and
processor time is read, not the clock. Needs albumentations (``pip install albumentations``), or shows the other two
without it.
"""

import os

os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import argparse
import importlib.metadata
import pathlib
import platform
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from cvhelpers import augmentation  # noqa: E402
from cvhelpers._quiet import keras, tf  # noqa: E402

SIZES = {32: 256, 64: 128, 224: 16}  # side of the images: batch size
ROUNDS = 5
LESSON = pathlib.Path(__file__).resolve().parents[2] / "notebooks/09_data_augmentation.ipynb"
CELL = "speed-table"


def our_chain(size):
    return augmentation.Augment([
        augmentation.RandomFlip(),
        augmentation.RandomScaledCrop(size, size),
        augmentation.ColorJitter(0.2, 0.3, 0.3, 0.05),
        augmentation.Cutout(size // 2),
    ])  # fmt: skip


def keras_chain(size):
    layers = keras.layers
    chain = keras.Sequential([
        layers.RandomFlip("horizontal"),
        layers.RandomZoom((-0.3, 0.0)),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomColorJitter((0, 255), 0.2, 0.3, (0.35, 0.65), 0.05),
        layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0),
    ])  # fmt: skip
    return lambda images: tf.cast(chain(tf.cast(images, tf.float32), training=True), tf.uint8)


def albumentations_chain(size):
    import albumentations as A
    import cv2

    cv2.setNumThreads(0)
    chain = A.Compose([
        A.HorizontalFlip(p=0.5),
        A.RandomResizedCrop((size, size), scale=(0.5, 1.0), p=1),
        A.ColorJitter((0.8, 1.2), (0.7, 1.3), (0.7, 1.3), (-0.05, 0.05), p=1),
        A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(0.5, 0.5), hole_width_range=(0.5, 0.5), p=1),
    ])  # fmt: skip
    return lambda images: np.stack([chain(image=image)["image"] for image in images])


def in_pipeline(images, layer):
    """A function that draws one augmented batch out of tf.data, in this thread and without work ahead."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    dataset = tf.data.Dataset.from_tensors(images).repeat().map(layer).with_options(options)
    batches = iter(dataset)
    return lambda: next(batches).numpy()


def candidates(size, batch):
    images = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    chain = our_chain(size)
    found = {
        "ours": in_pipeline(images, lambda x: chain(x)),
        "ours, layer by layer": in_pipeline(images, lambda x: one_by_one(chain.layers, x)),
        "Keras": in_pipeline(images, keras_chain(size)),
    }
    try:
        other = albumentations_chain(size)
        found["albumentations"] = lambda: other(images)
    except ImportError:
        pass
    return found


def one_by_one(layers, images):
    for layer in layers:
        images = layer(images)
    return images


def measure(functions, batch):
    """Microseconds of processor time per image, one for each round in which all functions take turns."""
    times = {name: [] for name in functions}
    for number in range(ROUNDS + 1):
        for name, function in functions.items():
            repeats = 2 if "Keras" in name or "alb" in name else 8
            start = time.process_time()
            for _ in range(repeats):
                function()
            if number:  # the first round warms up
                times[name].append((time.process_time() - start) / repeats / batch * 1e6)
    return {name: np.array(spent) for name, spent in times.items()}


def spread(values, unit="", digits=0):
    """Median, and the smallest and largest in brackets."""
    low, middle, high = (f"{value:.{digits}f}" for value in (values.min(), np.median(values), values.max()))
    return f"{middle}{unit} ({low}–{high})"


def machine():
    """Processor, how busy the machine is, and versions, in one sentence."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    packages = [f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", "albumentations")]
    core = (models or [platform.machine()])[0]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"one core of {core}{load}, Python {platform.python_version()}, {', '.join(packages)}"


def table(results):
    """The lesson's table as Markdown, in a fold, from {side: {name: times}}."""
    lines = [
        "<details><summary>Ours, Keras and albumentations, for three sizes of images</summary>",
        "",
        f"Processor time per image in microseconds, median of {ROUNDS} rounds (fastest to slowest); {machine()}:",
        "",
        "| image | ours | Keras | albumentations | ours is faster than Keras | than albumentations |",
        "|---|---|---|---|---|---|",
    ]
    for side, times in results.items():
        ours, peers = times["ours"], [times["Keras"], times["albumentations"]]
        cells = [spread(values) for values in (ours, *peers)] + [spread(peer / ours, "×", 1) for peer in peers]
        lines.append(f"| {side}×{side} | {' | '.join(cells)} |")
    lines += ["", "Written by `python tests/benchmarks/bench_augmentation.py --write`.", "", "</details>"]
    return "\n".join(lines)


def eager(size=224, batch=16):
    """Milliseconds of processor time of direct calls, bytes in and bytes out: (layer, ours, Keras's)."""
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8))
    theirs = keras.layers
    pairs = [
        (augmentation.RandomFlip(), theirs.RandomFlip("horizontal")),
        (augmentation.RandomScaledCrop(size, size), theirs.RandomZoom((-0.3, 0.0))),
        (augmentation.RandomAffine(20), theirs.RandomRotation(20 / 360)),
        (augmentation.RandomBrightness(0.3), theirs.RandomBrightness(0.3)),
        (augmentation.RandomContrast(0.3), theirs.RandomContrast(0.3)),
        (
            augmentation.ColorJitter(0.2, 0.3, 0.3, 0.05),
            theirs.RandomColorJitter((0, 255), 0.2, 0.3, (0.35, 0.65), 0.05),
        ),
        (augmentation.Cutout(size // 2), theirs.RandomErasing((1.0, 1.0), scale=(0.25, 0.25))),
    ]
    for ours, other in pairs:
        calls = {
            "ours": lambda ours=ours: ours(images),
            "Keras": lambda other=other: tf.cast(other(tf.cast(images, tf.float32), training=True), tf.uint8),
        }
        spent = measure(calls, batch)
        yield type(ours).__name__, *(spent[name] * batch / 1e3 for name in calls)


def write(text):
    """Put the table into the lesson."""
    import nbformat

    notebook = nbformat.read(LESSON, 4)
    next(cell for cell in notebook.cells if cell.id == CELL).source = text
    LESSON.write_text(nbformat.writes(notebook) + "\n", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the table into lesson 09")
    parser.add_argument("--eager", action="store_true", help="single layers outside of tf.data")
    options, results = parser.parse_args(), {}
    if options.eager:
        for name, ours, other in eager():
            print(f"{name:17} {spread(ours, ' ms', 1):>22}   Keras {spread(other, ' ms', 1):>22}   "
                  f"{spread(other / ours, '×', 1)}", flush=True)
        return
    print(f"{'image':>7}  {'what':22} {'us/image':>20}  {'ours is faster by':>20}")
    for size, batch in SIZES.items():
        results[size] = measure(candidates(size, batch), batch)
        for name, spent in results[size].items():
            ratio = spread(spent / results[size]["ours"], "×", 1)
            print(f"{size:>3}×{size:<3}  {name:22} {spread(spent):>20}  {ratio:>20}", flush=True)
    if options.write:
        write(table(results))


if __name__ == "__main__":
    main()

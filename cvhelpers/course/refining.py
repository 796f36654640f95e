"""The numbers of lesson 08 that take minutes: ``python -m cvhelpers.course.refining [ways] [orders] [depth]``.

Four ways to learn from few crops, and three orders of training head and backbone, both by the lesson's own cells (five
minutes); and how much to refine against how much data (ten): a head learns 100 steps on frozen features; then the head
alone, or the head with a part of the backbone, learns 80 more at a low rate, batch normalization in inference mode.
Writes ``data/08_refining.json``, or the parts of it that were named.
"""

import json
import sys
import time

import numpy as np

from .. import backbone, samples
from .._paths import DATA, ROOT
from .._quiet import keras, tf

PER_CLASS, SEEDS, BATCH, STEPS, RATE = (1, 5, 20, 50, 200), 3, 16, 80, 1e-4
PARTS = {"last block": "block_15", "last three blocks": "block_13", "last eight blocks": "block_8", "everything": None}

CELLS = ("imports", "crops", "few", "scratch", "features", "probe", "transfer", "compare", "order")


def lesson(cells=CELLS):
    """What these cells of lesson 08 define, so that stored and live numbers come from the same lines."""
    path = next((ROOT / "notebooks").glob("08_*.ipynb"))
    sources = {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]}
    names = {}
    for cell in cells:
        exec(compile(sources[cell], f"{path.name}, {cell}", "exec"), names)
    return names


def four_ways(names, sizes=(1, 5, 20, 50), seeds=3):
    """Test accuracy from scratch, on frozen random weights, frozen and refined: lists (sizes, seeds)."""
    runs = [[[names["from_scratch"](n, i)[0], *names["on_backbones"](n, i)] for i in range(seeds)] for n in sizes]
    ways = ("scratch", "random weights frozen", "frozen", "refined")
    return {"per_class": sizes, "accuracy": dict(zip(ways, np.moveaxis(np.round(runs, 4), 2, 0).tolist()))}


def orders(names, backbone_rates=(1e-4, 1e-3), head_rates=(1e-3, 1e-2), seeds=3):
    """Test accuracy of the lesson's ways to order head and backbone: lists (pairs of rates, seeds, ways)."""
    rates = [(rate, of_head) for rate in backbone_rates for of_head in head_rates]
    runs = [[names["three_orders"](seed, *pair) for seed in range(seeds)] for pair in rates]
    return {"rates": rates, "accuracy": np.round(runs, 4).tolist()}


def in_batches(model, images):
    """What the model gives for these arrays, at inference."""
    run = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    parts = [images[i : i + 60].astype("float32") for i in range(0, len(images), 60)]
    return np.concatenate([run(tf.constant(part)) for part in parts])


def step_of(variables, call, optimizer):
    """A compiled step that trains these variables."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(inputs, labels):
        with tf.GradientTape() as tape:
            value = loss(labels, call(inputs))
        optimizer.apply(tape.gradient(value, variables), variables)

    return step


def train(step, optimizer, rate, inputs, labels, steps, seed):
    """Run the step, with a fresh optimizer, on batches in random order."""
    for variable in optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    optimizer.learning_rate = rate
    rng, need = np.random.default_rng(seed), steps * BATCH
    rows = np.concatenate([rng.permutation(len(labels)) for _ in range(-(-need // len(labels)))])[:need]
    for some in rows.reshape(steps, BATCH):
        step(tf.constant(inputs[some], tf.float32), tf.constant(labels[some]))


def measure(sizes=PER_CLASS, parts=PARTS, seeds=SEEDS):
    """Test accuracy of the head alone and of each refined part: lists (sizes, seeds); CPU seconds of a refinement."""
    images, labels = samples.load_crops("train", max(PER_CLASS))
    test_images, test_labels = samples.load_crops("test", 25)
    network = backbone.imagenet_network(64, top=False)
    start = network.get_weights()
    features, test_features = in_batches(network, images), in_batches(network, test_images)
    head = keras.layers.Dense(12)
    head.build((None, 1280))
    of_head = keras.optimizers.Adam()
    of_head.build(head.trainable_variables)
    head_step = step_of(head.trainable_variables, head, of_head)
    accuracy, seconds, trained, few = {"head alone": [[None] * seeds for _ in sizes]}, {}, {}, {}
    border = np.sqrt(6 / 1292)
    for row, count in enumerate(sizes):
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(len(labels))
            some = few[row, seed] = np.concatenate([order[labels[order] == k][:count] for k in range(12)])
            head.set_weights([np.random.default_rng(100 + seed).uniform(-border, border, (1280, 12)), np.zeros(12)])
            train(head_step, of_head, 1e-2, features[some], labels[some], 100, seed)
            trained[row, seed] = head.get_weights()
            train(head_step, of_head, RATE, features[some], labels[some], STEPS, seed + 7)
            alone = np.asarray(head(test_features)).argmax(1) == test_labels
            accuracy["head alone"][row][seed] = round(float(alone.mean()), 4)
    for name, layer in parts.items():
        network.set_weights(start)
        front, back = backbone.split(network, layer) if layer else (None, network)
        maps, test_maps = (in_batches(front, x) if layer else x for x in (images, test_images))
        weights = back.get_weights()
        optimizer = keras.optimizers.Adam()
        variables = back.trainable_variables + head.trainable_variables
        optimizer.build(variables)
        step = step_of(variables, lambda x, back=back: head(back(x, training=False)), optimizer)
        accuracy[name], seconds[name] = [[None] * seeds for _ in sizes], []
        for row in range(len(sizes)):
            for seed in range(seeds):
                some = few[row, seed]
                head.set_weights(trained[row, seed])
                back.set_weights(weights)
                begun = time.process_time()
                train(step, optimizer, RATE, maps[some], labels[some], STEPS, seed + 7)
                seconds[name].append(time.process_time() - begun)
                right = np.asarray(head(in_batches(back, test_maps))).argmax(1) == test_labels
                accuracy[name][row][seed] = round(float(right.mean()), 4)
        print(name, accuracy[name], flush=True)
    return {
        "per_class": list(sizes),
        "accuracy": accuracy,
        "cpu_seconds": {name: round(float(np.median(values)), 1) for name, values in seconds.items()},
    }


def main(parts=()):
    path, parts = DATA / "08_refining.json", set(parts or ("ways", "orders", "depth"))
    tf.config.threading.set_intra_op_parallelism_threads(1)  # as the lesson's stored outputs
    tf.config.threading.set_inter_op_parallelism_threads(1)
    results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    names = lesson() if parts & {"ways", "orders"} else {}
    if "ways" in parts:
        results["four ways"] = four_ways(names)
    if "orders" in parts:
        results["orders"] = orders(names)
    if "depth" in parts:
        results |= measure()
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

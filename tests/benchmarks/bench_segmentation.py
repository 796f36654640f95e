"""Our U-Net against the U-Net-Xception of keras.io, same scenes, same CPU seconds: run this file as a script.

The peer is the network of the page "Image segmentation with a U-Net-like architecture", once trained as published
(RMSprop, pixels 0 to 255, batch normalization with momentum 0.99) and once repaired for a short training (our rescaling
and one-cycle Adam, momentum 0.9). ``--seconds`` is what each training may cost, measured by ``process_time``.
"""

import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from cvhelpers import data, metrics, scenes, training  # noqa: E402
from cvhelpers._quiet import keras  # noqa: E402
from cvhelpers.networks import segmentation  # noqa: E402

L = keras.layers


def build_peer(size=64, classes=4, momentum=0.99, rescale=False):
    """The architecture of keras.io: separable convolutions down, transposed ones up, sums instead of skips."""

    def normalize(x):
        return L.BatchNormalization(momentum=momentum)(x)

    inputs = keras.Input((size, size, 3))
    x = L.Rescaling(1 / 127.5, -1)(inputs) if rescale else inputs
    x = previous = L.ReLU()(normalize(L.Conv2D(32, 3, strides=2, padding="same")(x)))
    for filters in (64, 128, 256):
        for _ in range(2):
            x = normalize(L.SeparableConv2D(filters, 3, padding="same")(L.ReLU()(x)))
        x = L.MaxPooling2D(3, strides=2, padding="same")(x)
        x = previous = L.add([x, L.Conv2D(filters, 1, strides=2, padding="same")(previous)])
    for filters in (256, 128, 64, 32):
        for _ in range(2):
            x = normalize(L.Conv2DTranspose(filters, 3, padding="same")(L.ReLU()(x)))
        x = L.UpSampling2D(2)(x)
        x = previous = L.add([x, L.Conv2D(filters, 1, padding="same")(L.UpSampling2D(2)(previous))])
    return keras.Model(inputs, L.Conv2D(classes, 3, padding="same")(x), name="unet_xception")


def train(build, one_cycle, seconds, images, labels, batch_size=16):
    """A network trained for so many CPU seconds; the number of steps follows from the cost of the first ones."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trial, few = build(), 20 * batch_size
    trial.compile("adam", loss)
    trial.fit(images[:few], labels[:few], batch_size=batch_size, verbose=0)
    start = time.process_time()
    trial.fit(images[:few], labels[:few], batch_size=batch_size, verbose=0)
    count = int(seconds / (time.process_time() - start) * few)
    epochs, rest = max(1, round(count / len(images))), len(images)
    some = min(rest, max(few, count // epochs))
    training.set_seed(0)
    model = build()
    steps = epochs * -(-some // batch_size)
    rate = training.one_cycle(6e-3, steps)
    model.compile(keras.optimizers.Adam(rate) if one_cycle else keras.optimizers.RMSprop(), loss)
    start = time.process_time()
    model.fit(images[:some], labels[:some], batch_size=batch_size, epochs=epochs, verbose=0)
    return model, time.process_time() - start, some * epochs


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--scenes", type=int, default=4000)
    options = parser.parse_args()
    batch, test = data.load_scenes("train", options.scenes), data.load_scenes("test", 300)
    images, labels = batch["images"], scenes.sticker_map(batch["semantic"])
    truth, quality = scenes.sticker_map(test["semantic"]), {}
    for name, build, one_cycle in (
        ("ours", segmentation.build_unet, True),
        ("peer, repaired", lambda: build_peer(momentum=0.9, rescale=True), True),
        ("peer, as published", build_peer, False),
    ):
        model, spent, visits = train(build, one_cycle, options.seconds, images, labels)
        quality[name] = metrics.mean_iou(truth, segmentation.segment(model, test["images"]), 4)
        print(f"{name:<20} {model.count_params():>9,} parameters   {spent:5.1f} s of CPU   {visits:6} images"
              f"   mean IoU {quality[name]:.3f}", flush=True)  # fmt: skip
    for name in list(quality)[1:]:
        print(f"ratio ours / {name}: {quality['ours'] / quality[name]:.2f}")


if __name__ == "__main__":
    main()

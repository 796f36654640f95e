"""How the networks of this room are asked: the images are checked, none is an answer too, a broken network says so."""

import numpy as np


def checked(model, images):
    """The images as an array, or a ValueError in words: uint8, one size, that of the network."""
    shape = model.input_shape[1:]
    wanted = " × ".join("any" if side is None else str(side) for side in shape[:2])
    if len({np.shape(image) for image in images}) > 1:
        raise ValueError(f"the images have different sizes: wanted all of {wanted} pixels; letterbox or resize them")
    images = np.asarray(images, np.uint8 if len(images) == 0 else None)
    if images.size == 0:
        return np.zeros((0, *(side or 0 for side in shape)), np.uint8)
    fits = images.ndim == 4 and all(side in (None, found) for side, found in zip(shape, images.shape[1:]))
    if not fits:
        raise ValueError(
            f"the images have shape {images.shape}: wanted (n, height, width, 3) of {wanted} pixels, as the network "
            "was built; letterbox or resize them, or build the network for another size"
        )
    if images.dtype != np.uint8:
        low, high = images.min(), images.max()
        mend = "(255 * images).round().astype('uint8')" if 0 <= low <= high <= 1 else "images.astype('uint8')"
        raise ValueError(f"the images are {images.dtype} from {low:.3g} to {high:.3g}: wanted uint8, 0 to 255; {mend}")
    return images


def ask(model, images, batch_size=100):
    """What a network with one output says about images: float32 array with one row for each, also for none."""
    return ask_crops(model, checked(model, images), batch_size)


def ask_crops(model, crops, batch_size=256):
    """The same for whatever was cut out: nothing is checked before, only that the answers are numbers."""
    if len(crops) == 0:
        return np.zeros(model.compute_output_shape(np.shape(crops)), np.float32)
    answers = model.predict(crops, batch_size=batch_size, verbose=0).astype(np.float32)
    if np.isnan(answers).any():
        raise ValueError(f"{model.name!r} answers NaN: its training diverged; train it again with a lower peak")
    return answers

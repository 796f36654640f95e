"""Random transformations of images together with their boxes and masks, as Keras layers.

Every layer takes an image (height, width, channels), a batch of images, or a dict with ``images`` and

- as in Keras: ``bounding_boxes`` = {``boxes`` (n, 4) xyxy in pixels, ``labels`` (n,), -1 for none} and
  ``segmentation_masks`` (height, width) or (height, width, n);
- as in a batch of scenes: ``boxes``, ``labels``, ``masks`` (n, height, width), ``semantic`` and ``panoptic``;

or a tuple that begins with one of these: further parts of the images' height and width move along as masks, so that
``(images, masks)`` stays a pair. All other entries pass through untouched, unless they have the shape of a target: that
is an error. dtypes are kept and the caller's dict is never changed. A box of which nothing, or less than a pixel, is
left becomes zeros with the label -1, and its mask in ``masks`` becomes empty. Boxes beside ``masks`` are tight
around what is left of these.

Called by itself a layer transforms. Inside a model it follows the model: it transforms while training and changes
nothing but a fixed output size in ``predict``, ``evaluate`` and an exported model.

The same seed gives the same images. Where ``tf.data`` runs several calls at once their order is not fixed, so each
element needs a seed of its own: `map_dataset` does that. Built on TensorFlow; introduced in lesson 09.
"""

from .layers import (
    Augment,
    ColorJitter,
    Cutout,
    RandomAffine,
    RandomBrightness,
    RandomContrast,
    RandomFlip,
    RandomScaledCrop,
    SaltAndPepper,
    map_dataset,
)

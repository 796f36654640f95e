"""Random transformations of images together with their boxes and masks, as Keras layers.

Every layer takes an image (height, width, channels), a batch of images, or Keras's dict with ``images`` and any of
``bounding_boxes`` = {``boxes`` (n, 4) xyxy in pixels, ``labels`` (n,), -1 for none} and ``segmentation_masks``
(height, width) or (height, width, channels); all other entries pass through untouched. dtypes are kept and the
caller's dict is never changed. ``training=False`` changes nothing but a fixed output size.

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

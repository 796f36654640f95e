"""What lessons 15 to 19 build and train; every module stands for itself: ``from cvhelpers.networks import detection``.

- ``encoder``: the brick of a convolution, and the encoder built from it;
- ``segmentation``: the U-Net of lesson 15;
- ``detection``: the one-stage detector of lesson 16;
- ``proposals``: its second stage;
- ``masks``: the mask head of lesson 17;
- ``panoptic``: the merge of lesson 18, and all five answers at once;
- ``photos``: the detector of lesson 19, on the ImageNet network, for your own photographs.
"""

from . import detection, encoder, masks, panoptic, photos, proposals, segmentation  # noqa: F401

"""Helpers of the computer vision course: small modules that the notebooks and the homework share.

The rooms, in the order in which the lessons meet them:

- ``samples``, ``scenes``: digits and photographs that the course ships; pictures with exact ground truth for all tasks
- ``annotations``: your own pictures with your own labels
- ``data``: the door to all images and to the trained weights; ``downloads``: bigger sets, optional
- ``plotting``: every picture of the course
- ``training``: seeds, devices, a quiet fit, one cycle of the learning rate
- ``ops``, ``shapes``, ``costs``: the operations of the lecture, the sizes that come out, what they cost
- ``layers``: Keras layers and blocks that networks are built from
- ``backbone``: the ImageNet network that ships with the course
- ``augmentation``: random transformations of images with their boxes and masks
- ``boxes``, ``metrics``: boxes, and how good an answer is
- ``networks``: what lessons 15 to 19 build and train
- ``homework``: exercises that check themselves, and the grader
- ``course``: upkeep, ``python -m cvhelpers.course``

Conventions, said once and followed everywhere:

- arrays are channels-last; images are uint8 ``(height, width, 3)`` or batches of them, float only inside networks;
- boxes are ``xyxy`` in pixels, float32, and coordinates name pixel edges: the box of one pixel at row 0, column 0 is
  ``[0, 0, 1, 1]``; the class ``-1`` marks padding;
- masks are bool, label maps int32;
- a batch of scenes is one dict: ``images``, ``boxes``, ``labels``, ``masks``, ``semantic``, ``panoptic``
  (see :mod:`cvhelpers.scenes`).

Importing ``cvhelpers`` costs nothing; TensorFlow loads, quietly, with the first module that needs it.
"""

__version__ = "0.2.0"

# The one place of the course's address; `python -m cvhelpers.course address URL` writes it into every notebook.
REPOSITORY = "https://github.com/OWNER/computer-vision-course"

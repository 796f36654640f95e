"""Helpers of the computer vision course: small modules that the notebooks and the homework share.

Conventions, said once and followed everywhere:

- arrays are channels-last; images are uint8 ``(height, width, 3)`` or batches of them, float only inside networks;
- boxes are ``xyxy`` in pixels, float32, and coordinates name pixel edges: the box of one pixel at row 0, column 0 is
  ``[0, 0, 1, 1]``; the class ``-1`` marks padding;
- masks are bool, label maps int32;
- a batch of scenes is one dict: ``images``, ``boxes``, ``labels``, ``masks``, ``semantic``, ``panoptic``
  (see :mod:`cvhelpers.scenes`).

Importing ``cvhelpers`` costs nothing; TensorFlow loads, quietly, with the first module that needs it.
"""

__version__ = "0.1.0"

# The one place of the course's address; `python -m cvhelpers.notebooks address URL` writes it into every notebook.
REPOSITORY = "https://github.com/OWNER/computer-vision-course"

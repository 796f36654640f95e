"""Your own pictures with your own labels: read whatever a labelling tool wrote, or say in words why not.

- ``load_annotated``: a folder as the course's batch; ``describe`` and ``some_photos`` for that batch;
- ``prepare_photos``: upright, small copies without GPS, made before labelling;
- ``label_photos``: a canvas for labelling inside the notebook;
- ``load_photo``, ``letterbox``: one photograph from any file, and fitted into a square.

What can be read is read, what is odd becomes a note, what cannot be decided is an ``AnnotationError`` that names the
file and the mend: nothing is dropped or shifted in silence.
"""

from .batches import describe, filled, load_annotated, some_photos
from .canvas import label_photos
from .photographs import letterbox, load_photo, open_photo, prepare_photos, size_in_square
from .things import AnnotationError, decode_runs

"""Every picture of the course: functions that take arrays, draw, and return the Matplotlib axes.

None of them trains or calls ``plt.show()``. Importing the folder gives Matplotlib the look of the course (``style``).
"""

from .charts import draw_pipeline, show_confusion, show_feature_maps, show_history, show_kernels
from .convolution import (
    animate_convolution,
    animation_html,
    convolution_strip,
    show_convolution_step,
    show_positions,
)
from .explorers import explore_convolution, explore_positions
from .networks import draw_network, draw_receptive_field
from .pictures import show_boxes, show_images, show_label_map, show_masks, show_panoptic
from .style import CLASS_COLORS, COLORS, class_color, grid, shade, text_color, use_style

use_style()

from aurora_mm.visualization.contact_sheet import contact_sheet
from aurora_mm.visualization.multi_task_visualizer import MultiTaskVisualizer, class_colour

__all__ = [
    'MultiTaskVisualizer',
    'class_colour',
    'contact_sheet',
]

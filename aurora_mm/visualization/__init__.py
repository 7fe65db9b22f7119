from aurora_mm.visualization.contact_sheet import contact_sheet
from aurora_mm.visualization.drawers import DRAWERS, TaskDrawer, class_colour, drawer_of
from aurora_mm.visualization.multi_task_visualizer import MultiTaskVisualizer

__all__ = [
    'DRAWERS',
    'MultiTaskVisualizer',
    'TaskDrawer',
    'class_colour',
    'contact_sheet',
    'drawer_of',
]

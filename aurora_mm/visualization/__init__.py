from aurora_mm.visualization.contact_sheet import contact_sheet
from aurora_mm.visualization.drawers import DRAWERS, SHOWN_SCORE, TaskDrawer, class_colour, drawer_of
from aurora_mm.visualization.mlflow_backend import MLflowBackend
from aurora_mm.visualization.multi_task_visualizer import MultiTaskVisualizer
from aurora_mm.visualization.wandb_backend import WandbBackend

__all__ = [
    'DRAWERS',
    'SHOWN_SCORE',
    'MLflowBackend',
    'MultiTaskVisualizer',
    'TaskDrawer',
    'WandbBackend',
    'class_colour',
    'contact_sheet',
    'drawer_of',
]

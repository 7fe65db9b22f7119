from aurora_mm.visualization.contact_sheet import contact_sheet
from aurora_mm.visualization.multi_task_visualizer import MultiTaskVisualizer

__all__ = ['MultiTaskVisualizer', 'contact_sheet']

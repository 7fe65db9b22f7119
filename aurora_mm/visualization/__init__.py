from aurora_mm.visualization.contact_sheet import contact_sheet
from aurora_mm.visualization.multi_task_visualizer import MultiTaskVisualizer, class_colour
from aurora_mm.visualization.run_comparison import comparison_table, draw_comparison
from aurora_mm.visualization.run_history import RunHistory, read_run

__all__ = [
    'MultiTaskVisualizer',
    'RunHistory',
    'class_colour',
    'comparison_table',
    'contact_sheet',
    'draw_comparison',
    'read_run',
]

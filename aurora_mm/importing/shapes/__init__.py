"""What annotation tools draw in images, and the tasks that it makes."""

from aurora_mm.importing.shapes.drawn_image import DrawnImage
from aurora_mm.importing.shapes.shape import Shape, ellipse, image_class, mask_region, point, polygon, rectangle
from aurora_mm.importing.shapes.shape_tasks import tasks_of_shapes

__all__ = [
    'DrawnImage',
    'Shape',
    'ellipse',
    'image_class',
    'mask_region',
    'point',
    'polygon',
    'rectangle',
    'tasks_of_shapes',
]

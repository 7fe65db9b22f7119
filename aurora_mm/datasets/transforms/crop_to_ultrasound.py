from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.geometry import translation
from aurora_mm.datasets.transforms.geometry_state import compose, require_unwarped, rows_of
from aurora_mm.errors import ConfigError
from aurora_mm.images.content_region import Region, content_region
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CropToUltrasound(BaseTransform):
    """Crop the image to the part that shows ultrasound, without the margins and the text around it.

    The part is ``region``, which DICOM files give in their ultrasound regions (0018,6011), or else the largest part
    whose pixels differ from the background, see :func:`aurora_mm.images.content_region.content_region`. If nothing is
    found, the image stays as it is.

    ``ori_shape`` and annotations stay those of the whole image, and ``homography_matrix`` maps from it, so that
    predictions are in coordinates of the whole image; masks are background outside of the crop. The transform comes
    directly after LoadUltrasoundImage, and the pipeline needs ApplyGeometry.

    In training, an image of which the crop would lose a landmark or half of a box is not cropped.

    Sets:
        img (np.ndarray): The crop, (h, w, 3) uint8.
        crop (tuple[int, int, int, int]): xyxy in pixels of the original image, the end excluded.
        img_shape (tuple[int, int]): (h, w) of the crop in original pixels.

    Raises:
        ConfigError: If the image was already cropped or warped.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_unwarped(results, self)
        if 'crop' in results or results['img_shape'] != results['ori_shape']:
            raise ConfigError('CropToUltrasound must come directly after LoadUltrasoundImage in the pipeline, once')
        height, width = results['ori_shape']
        x1, y1, x2, y2 = _region(results)
        if (x1, y1, x2, y2) == (0, 0, width, height):
            return results
        results['img_shape'] = (y2 - y1, x2 - x1)
        shift = translation(-x1, -y1)
        rows = [row for row in rows_of(results) if 'gt_coordinates' in row]
        if not all(ANNOTATIONS[row['task_type']].in_view(row, shift) for row in rows):
            results['img_shape'] = results['ori_shape']
            return results
        compose(results, shift)
        step = results['reduction']
        results['img'] = results['img'][y1 // step : -(-y2 // step), x1 // step : -(-x2 // step)]
        results['crop'] = (x1, y1, x2, y2)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def _region(results: dict[str, Any]) -> Region:
    """Return the region in original pixels, the whole image if nothing is found."""
    height, width = results['ori_shape']
    step = results['reduction']
    region = results.get('region')
    if region is None:
        found = content_region([results['img']])
        region = (0, 0, width, height) if found is None else tuple(side * step for side in found)
    # A reduced image can only be cut between its own pixels.
    x1, y1 = (int(side) // step * step for side in region[:2])
    x2, y2 = (-(-int(side) // step) * step for side in region[2:])
    return max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)

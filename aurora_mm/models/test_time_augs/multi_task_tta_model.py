from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseTTAModel

from aurora_mm.models.test_time_augs.merge_predictions import merge_predictions
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample


@MODELS.register_module()
class MultiTaskTTAModel(BaseTTAModel):
    """Test-time augmentation for all task types: merges the predictions of the views that ``TestTimeAug`` made.

    Views need no inverse transform, because predictions are in pixels of the original image for any flip or scale (see
    :mod:`aurora_mm.models.utils.original_coordinates`). A task whose images must not be mirrored gets its plain view in
    place of the mirrored one, which does not change the mean.

    Args:
        module: Config of the model.
        data_preprocessor: See ``BaseTTAModel``.
    """

    def merge_preds(self, data_samples_list: Sequence[Sequence[MultiTaskDataSample]]) -> list[MultiTaskDataSample]:
        """Merge the views of each image.

        Args:
            data_samples_list: The samples of all views, for each image.

        Returns:
            One sample for each image.
        """
        return [merge_predictions(views) for views in data_samples_list]

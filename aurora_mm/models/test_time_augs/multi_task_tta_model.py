from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseTTAModel

from aurora_mm.models.test_time_augs.merge_predictions import merge_predictions
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample


@MODELS.register_module()
class MultiTaskTTAModel(BaseTTAModel):
    """Test-time augmentation for all task types: the merged prediction of the views that ``TestTimeAug`` made.

    Views need no inverse transform here: predictions come in pixels of the original image, whatever flip or scale
    the network saw (see :mod:`aurora_mm.models.utils.original_coordinates`). A task that no mirrored image may stand
    for gets its plain view in the mirrored one's place, which leaves the mean as it is.

    Args:
        module: Config of the model. data_preprocessor: See ``BaseTTAModel``.
    """

    def merge_preds(self, data_samples_list: Sequence[Sequence[MultiTaskDataSample]]) -> list[MultiTaskDataSample]:
        """One sample for each image.

        Args:
            data_samples_list: For each image, its sample of each view.
        """
        return [merge_predictions(views) for views in data_samples_list]

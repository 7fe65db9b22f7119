from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.datasets.coco_objects import points_of
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.registry import DATASETS


@DATASETS.register_module()
class CocoKeypointDataset(BaseDataset):
    """Source of images with the keypoints of one object each, from a COCO file.

    :class:`TaskDataset` reads it as a landmark task. Keypoints are matched with the points of the task by name, so
    their order in the file does not matter. Keypoints of visibility 0 are not labelled, and objects without a labelled
    keypoint do not count. Images without an object are skipped.

    Args:
        ann_file: Path of the JSON file, absolute or relative to ``data_root``.
        data_root: Folder that the other paths are relative to.
        data_prefix: ``dict(img=...)`` with the folder of the images.
        kwargs: Further arguments of BaseDataset. :class:`TaskDataset` sets ``metainfo['points']``.

    Raises:
        DataError: If the file is not valid (see :class:`~aurora_mm.datasets.coco_file.CocoFile`), or an image has
            several objects. The message names the file and the entry.
        ConfigError: If no category of the file has exactly the points of the task.
    """

    def __init__(
        self, ann_file: str, data_root: str = '', data_prefix: dict[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(ann_file=ann_file, data_root=data_root, data_prefix=data_prefix or dict(img=''), **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        names = list(self._metainfo['points'])
        file = CocoFile(self.ann_file)
        categories = [name for name, kind in file.categories.items() if sorted(kind.keypoints) == sorted(names)]
        if not categories:
            listed = {name: list(kind.keypoints) for name, kind in file.categories.items()}
            raise ConfigError(f'{self.ann_file}: no category has the keypoints {", ".join(names)}; they have {listed}')
        items = []
        for image in file.images:
            objects = [item for item in file.objects_of(image) if item.category in categories and not item.ignored]
            answers = [points_of(file, item, names) for item in objects]
            labelled = [points for points in answers if points.count(None) < len(names)]
            if not labelled:
                continue
            if len(labelled) > 1:
                raise DataError(
                    f'image {image.file_name!r} has {len(labelled)} objects with keypoints, and a landmark task has '
                    'one set of points in an image',
                    file=self.ann_file,
                )
            items.append(
                dict(
                    img_path=str(Path(self.data_prefix['img']) / image.file_name),
                    img_id=image.id,
                    points=labelled[0],
                    listed_shape=(image.height, image.width),
                )
            )
        return items

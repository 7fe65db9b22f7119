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
    """A COCO file of keypoints with one object in each image, to be read by :class:`TaskDataset` as a landmark task.

    Keypoints are found by name, whatever their order in the file. An image without an object is left out.

    Args:
        ann_file: The JSON file, relative to ``data_root`` unless absolute.
        data_root: Folder that the other paths are relative to.
        data_prefix: ``dict(img=...)``, the folder of the images.
        kwargs: Further arguments of BaseDataset. ``metainfo`` names the points; :class:`TaskDataset` sets it.

    Raises:
        DataError: Naming file and entry, if there are several objects in an image, a point is not labelled or the file
            is wrong, see :class:`~aurora_mm.datasets.coco_file.CocoFile`.
        ConfigError: If no category of the file has the points of the task.
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
            if not objects:
                continue
            if len(objects) > 1:
                raise DataError(
                    f'image {image.file_name!r} has {len(objects)} objects with keypoints, and a landmark task has one '
                    'set of points in an image',
                    file=self.ann_file,
                )
            items.append(
                dict(
                    img_path=str(Path(self.data_prefix['img']) / image.file_name),
                    img_id=image.id,
                    points=points_of(file, objects[0], names),
                    listed_shape=(image.height, image.width),
                )
            )
        return items

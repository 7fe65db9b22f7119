from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.reading import is_image_file
from aurora_mm.registry import DATASETS


@DATASETS.register_module()
class ClassFolderDataset(BaseDataset):
    """Source of images with one class each, in the layouts of mmpretrain's ``CustomDataset``.

    :class:`TaskDataset` reads it as a classification task.

    Without ``ann_file``, the images of each class are in the folder of that name in ``data_root``, at any depth. With
    ``ann_file``, each line of that file is the path of an image relative to ``data_root``, a space, and the index of
    its class from 0.

    Args:
        data_root: Folder of the images.
        ann_file: Path of the list of images, absolute or relative to ``data_root``. Empty for one folder per class.
        kwargs: Further arguments of BaseDataset. :class:`TaskDataset` sets ``metainfo['classes']``.

    Raises:
        DataError: If the folder, an image or the list does not exist, a class has no image, or a line of the list is
            not valid.
        ConfigError: If the folders are not named like the classes.
    """

    def __init__(self, data_root: str, ann_file: str = '', **kwargs: Any) -> None:
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        classes = list(self._metainfo['classes'])
        root = Path(self.data_root)
        if not root.is_dir():
            raise DataError('the folder of the images is not there', file=root)
        return self._from_list(root, classes) if self.ann_file else self._from_folders(root, classes)

    @staticmethod
    def _from_folders(root: Path, classes: list[str]) -> list[dict[str, Any]]:
        folders = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
        if sorted(classes) != folders:
            raise ConfigError(
                f'{root} has folders {", ".join(folders) or "none"}, but the classes are {", ".join(classes)}: each '
                'needs a folder of its name, and there must be no other'
            )
        items: list[dict[str, Any]] = []
        for label, name in enumerate(classes):
            files = sorted(file for file in (root / name).rglob('*') if is_image_file(file))
            if not files:
                raise DataError(f'class {name!r} has no image', file=root / name)
            items += [dict(img_path=str(file), gt_label=label) for file in files]
        return items

    def _from_list(self, root: Path, classes: list[str]) -> list[dict[str, Any]]:
        file = Path(self.ann_file)
        try:
            lines = file.read_text(encoding='utf-8').splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f'the list cannot be read: {error}', file=file) from error
        items = []
        for row, line in enumerate(lines, 1):
            if not line.strip():
                continue
            path, _, label = line.strip().rpartition(' ')
            if not path or not label.isdecimal() or int(label) >= len(classes):
                raise DataError(
                    f'{line.strip()!r} is no path and, after a space, the index of a class, 0 to {len(classes) - 1}',
                    file=file,
                    row=row,
                )
            if not (root / path).is_file():
                raise DataError(f'image {path!r} is not there', file=file, row=row)
            items.append(dict(img_path=str(root / path), gt_label=int(label)))
        return items

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.registry import DATASETS

_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')


@DATASETS.register_module()
class ClassFolderDataset(BaseDataset):
    """Images with one class each, in the layouts of mmpretrain's ``CustomDataset``, to be read by :class:`TaskDataset`.

    Without ``ann_file``, every class has a folder of its name under ``data_root``, which may have folders in it. With
    one, each of its lines is the path of an image relative to ``data_root`` and, after the last space, the index of its
    class, counted from 0.

    Args:
        data_root: The folder of the images.
        ann_file: The list, relative to ``data_root`` unless absolute; '' for a folder a class.
        kwargs: Further arguments of BaseDataset. ``metainfo`` names the classes; :class:`TaskDataset` sets it.

    Raises:
        DataError: If a folder, an image or the list is not there, a class has no image, or a line of the list is wrong.
        ConfigError: If a folder is named after no class.
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
            files = sorted(file for file in (root / name).rglob('*') if file.suffix.lower() in _SUFFIXES)
            if not files:
                raise DataError(f'class {name!r} has no image ({", ".join(_SUFFIXES)})', file=root / name)
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

    def get_cat_ids(self, idx: int) -> list[int]:
        """The class of an image, as ``ClassBalancedDataset`` asks for it."""
        info: Mapping[str, Any] = self.get_data_info(idx)
        return [info['gt_label']]

"""Images without labels."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from aurora_mm.datasets.pipeline import build_pipeline
from aurora_mm.datasets.seeded_dataset import SeededDataset
from aurora_mm.datasets.transforms.option_checks import check_count
from aurora_mm.datasets.verify_files import leave_out_bad
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_finder import FoundFile, find_files
from aurora_mm.images.sources import frame_source
from aurora_mm.registry import DATASETS
from aurora_mm.utils import first_few

_NAMED = 5  # how many problems a message names


@DATASETS.register_module()
class ImageFolderDataset(SeededDataset):
    """The images of folders, without labels, for pretraining.

    All files that :class:`aurora_mm.datasets.transforms.LoadUltrasoundImage` reads are found: pictures, DICOM, volumes
    and videos, of which each frame is an image.

    Args:
        folders: Folders, whose folders are searched too; files; or patterns such as ``'data/*/img'``.
        pipeline: Transforms of this package, or their configs.
        every: Of files with several frames, take the first and every n-th after it.
        on_error: ``'raise'`` raises an error at the start if a file cannot be opened, and in training if an image
            cannot be decoded. ``'skip'`` reads all images at the start, leaves out those that cannot be read, and logs
            them.
        kwargs: Further arguments of BaseDataset: ``lazy_init``, ``serialize_data``, ``indices``.

    Raises:
        ConfigError: If there are no folders, or ``on_error`` is unknown, or ``every`` is no whole number from 1 on.
        DataError: If there is no image, or a file cannot be opened.
    """

    def __init__(
        self,
        folders: str | Sequence[str] = (),
        pipeline: Sequence[Mapping[str, Any] | Callable] = (),
        every: int = 1,
        on_error: str = 'raise',
        **kwargs: Any,
    ) -> None:
        self.folders = [folders] if isinstance(folders, str | Path) else list(folders)
        if not self.folders:
            raise ConfigError('ImageFolderDataset has no folders: name them with --images, or as dataset.folders')
        if on_error not in ('raise', 'skip'):
            raise ConfigError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
        self.every = check_count(self, 'every', every)
        self.on_error = on_error
        # A checkpoint names the tasks of its data: there are none.
        super().__init__(metainfo=dict(tasks=[]), pipeline=build_pipeline(pipeline), **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        inputs = [path for given in self.folders for path in _matches(str(given))]
        found, problems = find_files(inputs, recursive=True, every=self.every)
        texts = [str(problem) for problem in problems]
        items = [dict(img_path=source) for file in found for source in _sources(file)]
        if self.on_error == 'skip':
            items, bad = leave_out_bad(items, with_labels=False)
            texts += [text for _, text in bad]
        if texts:
            text = first_few(texts, _NAMED, '; ')
            if self.on_error == 'raise':
                way = ". on_error='skip' of the data set leaves such files out" if items else ''
                raise DataError(text + way)
            print_log(f'left out: {text}', logger='current', level=logging.WARNING)
        if not items:
            raise DataError(f'no image in {", ".join(map(str, self.folders))}')
        # Nothing is known of the images, so RandomGeometry may do everything.
        return [item | dict(may_flip=True, may_zoom=True, max_rotation=None) for item in items]


def _matches(given: str) -> list[str]:
    """Return the files and folders that a pattern matches, or what was given if it is no pattern or matches nothing."""
    is_pattern = glob.has_magic(given) and not os.path.lexists(given)
    return (sorted(glob.glob(given, recursive=True)) if is_pattern else []) or [given]  # noqa: PTH207


def _sources(file: FoundFile) -> list[str]:
    return [file.path] if file.frames is None else [frame_source(file.path, frame) for frame in file.frames]

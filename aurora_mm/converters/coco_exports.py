"""Finds the annotation files and images in COCO exports of annotation tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aurora_mm.converters.splits import SPLIT_NAMES, split_of
from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.json_files import read_json

# File names of Roboflow, Label Studio and FiftyOne.
_KNOWN_FILES = ('_annotations.coco.json', 'result.json', 'labels.json')
_MOST_FILES = 20  # a folder with more has one beside each image
ReadJson = Callable[[Path], dict[str, Any]]

_NO_SPLIT = ('default', 'all')  # names of data without a split; CVAT uses default


class CocoExport(NamedTuple):
    """An annotation file of an export.

    Args:
        file: Path of the file.
        split: ``'train'``, ``'val'`` or ``'test'``; '' for data without splits.
        written: Name of the split in paths, such as ``'valid'`` or ``'train2017'``.
    """

    file: Path
    split: str
    written: str


def find_exports(source: Path, annotations: str | None = None, read: ReadJson = read_json) -> list[CocoExport]:
    """Find the annotation files in a folder.

    By default they are those of :func:`annotation_files`. A file whose name says no split is that of data which was not
    split, if there is no other file.

    Args:
        source: The folder.
        annotations: Glob pattern of the files relative to the folder, such as ``annotations/instances_*.json``. None
            for the files above.
        read: Reads files of unknown names.

    Returns:
        The annotation files, sorted by split, train first.

    Raises:
        DataError: If there is no file, the split of a file is unknown, or only some of the files have a split.
        ConfigError: If ``annotations`` is not a valid pattern.
    """
    if annotations is not None:
        try:
            files = sorted(source.glob(annotations))
        except (ValueError, NotImplementedError) as error:
            raise ConfigError(f'{annotations!r} is no pattern of files below {source}: {error}') from error
    else:
        files = annotation_files(source, read)
    files = [file for file in files if file.is_file() and not file.name.startswith('.')]
    exports = [_export(file, source, is_alone=len(files) == 1) for file in files]
    if not exports:
        looked_for = annotations or f'annotations/*.json, {", ".join(_KNOWN_FILES)}'
        raise DataError(f'no COCO file in this folder: looked for {looked_for}', file=source)
    whole = [export for export in exports if not export.split]
    if whole and len(whole) < len(exports):
        other = next(export for export in exports if export.split)
        raise DataError(f'says no split ({SPLIT_NAMES}), but {other.file} does', file=whole[0].file)
    order = ('train', 'val', 'test', '')
    return sorted(exports, key=lambda export: (order.index(export.split), export.file))


def annotation_files(source: Path, read: ReadJson = read_json) -> list[Path]:
    """Return the annotation files in a folder.

    These are ``annotations/*.json`` (COCO, CVAT); and ``_annotations.coco.json`` (Roboflow), ``result.json`` (Label
    Studio) and ``labels.json`` (FiftyOne), in the folder itself or in one folder per split. Without any of these, they
    are the JSON files in the folder itself that hold lists of images, annotations and categories, whatever their names.

    Args:
        source: The folder.
        read: Reads these files; one that keeps what it read saves time where they are read again.
    """
    files = sorted(source.glob('annotations/*.json'))
    files += [file for name in _KNOWN_FILES for file in [source / name, *sorted(source.glob(f'*/{name}'))]]
    files = [file for file in files if file.is_file() and not file.name.startswith('.')]
    others = [] if files else [file for file in sorted(source.glob('*.json')) if not file.name.startswith('.')]
    return files or [file for file in others[:_MOST_FILES] if _is_coco(file, read)]


def _is_coco(file: Path, read: ReadJson) -> bool:
    try:
        content = read(file)
    except DataError:
        return False
    return all(isinstance(content.get(key), list) for key in ('images', 'annotations', 'categories'))


def image_folder(coco: CocoFile, export: CocoExport, source: Path, pattern: str | None) -> Path:
    """Find the folder that contains all images of an annotation file.

    Args:
        coco: Contents of the annotation file.
        export: The annotation file.
        source: The folder that is converted.
        pattern: Path of the folder of images relative to ``source``, in which ``{split}`` is replaced by the name of
            the split. None tries the usual folders: ``images``, ``data``, those of the split, and that of the file.

    Raises:
        DataError: If no folder contains all images. The message names a missing image.
        ConfigError: If ``pattern`` is not valid.
    """
    missing = {}
    for folder in _image_folders(export, source, pattern):
        lacking = [image for image in coco.images if not (folder / image.file_name).is_file()]
        if not lacking:
            return folder
        missing[folder] = lacking
    folder, lacking = min(missing.items(), key=lambda item: len(item[1]))
    raise DataError(
        f'there is no image {folder / lacking[0].file_name}; looked in {", ".join(map(str, missing))}',
        file=coco.file,
    )


def _export(file: Path, source: Path, is_alone: bool) -> CocoExport:
    for name in (file.stem, *(folder.name for folder in file.parents if source in folder.parents)):
        if (found := split_of(name)) is not None:
            return CocoExport(file, *found)
    if is_alone or file.name in _KNOWN_FILES or any(file.stem.lower().endswith(word) for word in _NO_SPLIT):
        return CocoExport(file, '', 'default')
    raise DataError(
        f'the name says no split: it must end with {SPLIT_NAMES}, or with default for data that was not split',
        file=file,
    )


def _image_folders(export: CocoExport, source: Path, pattern: str | None) -> Sequence[Path]:
    if pattern is not None:
        try:
            return [source / pattern.format(split=export.written)]
        except (KeyError, IndexError, ValueError) as error:
            raise ConfigError(f"images {pattern!r} may hold '{{split}}' and no other braces") from error
    return list(dict.fromkeys(_usual_folders(export, source)))


def _usual_folders(export: CocoExport, source: Path) -> Iterator[Path]:
    yield source / 'images' / export.written
    yield source / export.written
    yield source / 'images'
    yield export.file.parent
    yield export.file.parent / 'data'
    yield export.file.parent / 'images'
    yield source

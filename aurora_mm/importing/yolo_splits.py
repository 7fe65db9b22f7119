"""Which images belong to which split, by the lists and the description that YOLO data sets have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import DataError
from aurora_mm.importing.named_images import NamedImages, images_named
from aurora_mm.importing.tree import Tree
from aurora_mm.importing.yolo_texts import read_yaml, text_lines


def listed_splits(tree: Tree, labels: Collection[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Return the split of each image that a text file such as ``train.txt`` or ``Validation.txt`` lists.

    Files of one split alone say nothing, since tools write ``train.txt`` for data that was not split.

    Args:
        tree: The folder.
        labels: Its label files, which are no lists.

    Raises:
        DataError: If an image stands in lists of two splits.
    """
    named = images_named(tree)
    found: dict[PurePosixPath, tuple[str, PurePosixPath]] = {}
    for file in tree.ending('.txt'):
        split = None if file in labels else split_of(file.stem)
        if split is None:
            continue
        for row, line in enumerate(text_lines(tree.path(file)), 1):
            image = _named(line.strip(), named)
            if image is None:
                continue
            other = found.setdefault(image, (split[0], file))
            if other[0] != split[0]:
                raise DataError(f'lists {image}, which {other[1]} lists too', file=tree.path(file), row=row)
    splits = {image: split for image, (split, _) in found.items()}
    return splits if len(set(splits.values())) > 1 else {}


def described_splits(tree: Tree, file: PurePosixPath, images: Collection[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Return the split of each image in a folder that a YAML file names as ``train``, ``val`` or ``test``.

    Args:
        tree: The folder.
        file: The YAML file.
        images: The images.

    Returns:
        Nothing of images that are in folders of several splits.
    """
    folders = _folders(read_yaml(tree.path(file)))
    found = {}
    for image in images:
        splits = {
            split
            for folder, of_folder in folders.items()
            for split in of_folder
            if any(f'/{parent}'.endswith(f'/{folder}') for parent in image.parents)
        }
        if len(splits) == 1:
            found[image] = splits.pop()
    return found


def _folders(content: Mapping[str, object]) -> dict[str, set[str]]:
    """Return the splits of each folder that a description names."""
    found: dict[str, set[str]] = {}
    for split in ('train', 'val', 'test'):
        value = content.get(split)
        for text in value if isinstance(value, list) else [value]:
            parts = [part for part in str(text or '').replace('\\', '/').split('/') if part not in ('', '.', '..')]
            if parts and not parts[-1].lower().endswith('.txt'):
                found.setdefault('/'.join(parts), set()).add(split)
    return found


def _named(line: str, named: NamedImages) -> PurePosixPath | None:
    """Return the image of a path; its first folders may be those of another place, such as ``data`` of Darknet.

    None if there is no such image, or several may be meant.
    """
    parts = line.replace('\\', '/').split('/')
    for start in range(len(parts)):
        name = '/'.join(parts[start:])
        if name and named.is_file(name):
            images = named.find(name)
            return images[0] if len(images) == 1 else None
    return None

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import frame_sources
from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.mask_colours import MaskValue
from aurora_mm.importing.mask_slices import check_mask_slices
from aurora_mm.importing.masks import values_in
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.pairs import is_mask_name, pair
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path
from aurora_mm.importing.unpaired import tell_left_out
from aurora_mm.tasks import Task

_MASK_WORDS = (
    'mask',
    'masks',
    'label',
    'labels',
    'gt',
    'groundtruth',
    'ground_truth',
    'seg',
    'segmentation',
    'annotations',
)
_IMAGE_WORDS = ('image', 'images', 'img', 'imgs', 'p_image', 'p_img', 'scans')
_MASKS_OF = {
    'p_mask': 'p_image',
    'ann_dir': 'img_dir',
    'annotations': 'images',
    'segmentationclass': 'jpegimages',
}
_LABEL_MAP = 'labelmap.txt'
_MOST_LOOKED_AT = 50


class ImageMaskFolders(Layout):
    """A folder of images and one of masks: TN3K, DDTI, mmseg's ``img_dir`` and ``ann_dir``, and many others.

    The folders are called ``images`` and ``masks``, ``img`` and ``label``, ``trainval-image`` and ``trainval-mask`` or
    alike, or all lie in one folder and the names of masks end with ``_mask``, ``_seg``, ``_gt``. An image and its mask
    have one name. A split is what a folder says on the way. Values of masks are class indices, unless
    ``mask_values`` says which value stands for which class. The slices of a volume, whose mask has as many, become
    images of one group.
    """

    name = 'images and masks'
    options = ('name', 'classes', 'mask_values')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._sides(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        pairs = [found for images, masks in self._sides(tree) for found in pair(tree, images, masks)]
        for image, masks in pairs:
            if len(masks) > 1:
                raise DataError(
                    f'has {len(masks)} masks ({", ".join(mask.name for mask in masks[:3])}); one mask a class must be '
                    'joined first',
                    file=tree.path(image),
                )
        if options.mask_values is None and (maps := tree.ending(_LABEL_MAP)):
            options = _with_colours(options, tree.path(maps[0]))
        values = options.mask_values
        count = len(values) if values is not None else self._count(tree, [masks[0] for _, masks in pairs], options)
        task = Task(task_name(options.name or tree.root.name), 'segmentation', classes=options.class_names(count))
        found = FoundTask(task)
        for image, (mask,) in pairs:
            found.rows += _rows(tree, image, mask, values, task.num_outputs)
        known = {file for image, masks in pairs for file in (image, *masks)}
        tell_left_out(tree, [file for file in tree.images if file not in known], 'images in other folders are')
        return [found]

    def _count(self, tree: Tree, masks: list[PurePosixPath], options: ImportOptions) -> int:
        """The number of classes, by the values of some masks."""
        if options.classes is not None:
            return len(options.classes)
        step = max(1, len(masks) // _MOST_LOOKED_AT)
        values = sorted({value for mask in masks[::step] for value in values_in(tree.path(mask))})
        if (values and values[-1] >= len(values) and values[-1] > 32) or (len(values) == 2 and values[-1] > 1):
            raise DataError(
                f'masks have the values {" ".join(map(str, values[:10]))}, which are no class indices; say which value '
                f'each class has, the background first: --mask-values {" ".join(map(str, values[:10]))}',
                file=tree.path(masks[0].parent),
            )
        return max(values[-1] + 1, 2) if values else 2

    def _sides(self, tree: Tree) -> list[tuple[list[PurePosixPath], list[PurePosixPath]]]:
        """Images and masks of each pair of folders."""
        sides = []
        for folder, masks in tree.images_of.items():
            images_folder = self._images_folder(folder, tree)
            if images_folder is not None:
                sides.append((tree.images_of[images_folder], masks))
        if not sides:
            for files in tree.images_of.values():
                masks = [file for file in files if is_mask_name(file)]
                if masks:
                    sides.append(([file for file in files if not is_mask_name(file)], masks))
        return sides

    def _images_folder(self, folder: PurePosixPath, tree: Tree) -> PurePosixPath | None:
        """The folder of the images whose masks lie in a folder: the same path with one part called otherwise."""
        for position, part in enumerate(folder.parts):
            for name in _image_names(part):
                candidate = PurePosixPath(*folder.parts[:position], name, *folder.parts[position + 1 :])
                found = next((other for other in tree.images_of if str(other).lower() == str(candidate).lower()), None)
                if found is not None and found != folder:
                    return found
        return None


def _rows(
    tree: Tree, image: PurePosixPath, mask: PurePosixPath, values: Sequence[MaskValue] | None, count: int
) -> Iterator[FoundRow]:
    """Yield the picture of an image file, or the slices of a volume, which are of one group."""
    path, mask_path = tree.path(image), tree.path(mask)
    with naming(path):
        sources = frame_sources(path)
    check_mask_slices(path, mask_path, len(sources))
    group = image.as_posix() if len(sources) > 1 else ''
    for frame, source in enumerate(sources):
        place = image.as_posix() + source[len(str(path)) :]
        answer = partial(of_mask, mask_path, values, count, frame)
        yield FoundRow(source, place, answer, split_of_path(image), group)


def _with_colours(options: ImportOptions, file: Path) -> ImportOptions:
    """Return options with the classes and colours of a file whose lines are ``name:red,green,blue:parts:actions``.

    Raises:
        DataError: If a line is of another kind, or no class is the background.
        ConfigError: If classes were given, but not as many, or two classes have one colour.
    """
    names, colours = [], []
    for row, line in enumerate(file.read_text(encoding='utf-8', errors='replace').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        name, _, rest = line.partition(':')
        channels = rest.split(':')[0].split(',')
        if len(channels) != 3 or not all(c.strip().isdecimal() and int(c) < 256 for c in channels):
            raise DataError(f'{line[:60]!r} is no line of name:red,green,blue:parts:actions', file=file, row=row)
        names.append(name.strip())
        colours.append('#' + ''.join(f'{int(channel):02x}' for channel in channels))
    place = next((place for place, name in enumerate(names) if name.lower() == 'background'), None)
    if place is None:
        raise DataError('must name the background', file=file)
    for some in (names, colours):
        some.insert(0, some.pop(place))
    return replace(options, classes=options.classes or tuple(names), mask_values=tuple(colours))


def _image_names(part: str) -> list[str]:
    """What the folder of images may be called if that of the masks is called so."""
    lower = part.lower()
    names = [_MASKS_OF[lower]] if lower in _MASKS_OF else []
    if lower in _MASK_WORDS:
        names += _IMAGE_WORDS
    for word in _MASK_WORDS:
        for joint in '-_':
            if lower.endswith(joint + word):
                stem = lower[: -len(word)]
                names += [stem + image for image in _IMAGE_WORDS] + [stem[:-1]]
    return names

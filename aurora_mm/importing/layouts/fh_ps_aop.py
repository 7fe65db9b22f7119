from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from aurora_mm.images.image_faults import naming
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import open_image_file
from aurora_mm.images.scaling import scaled_to_8_bits
from aurora_mm.images.volume_file import VolumeFile
from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.pairs import pair
from aurora_mm.importing.tree import Tree, split_of_path
from aurora_mm.tasks import Task

_CLASSES = ('background', 'pubic_symphysis', 'fetal_head')


class FhPsAop(Layout):
    """Transperineal images of the FH-PS-AOP challenge (Lu et al., The JNU-IFM dataset for segmenting pubic
    symphysis-fetal head, 2022).

    ``image_mha`` holds ``00001.mha``, in which the three colours are stored as slices, and ``label_mha`` masks of the
    same names with the values 1 (pubic symphysis) and 2 (fetal head). Images are written as PNG.
    """

    name = 'FH-PS-AOP'
    options = ()

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        folders = {folder.name.lower() for folder in tree.images_of}
        return {'image_mha', 'label_mha'} <= folders

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        found = FoundTask(Task('head_symphysis_multi', 'segmentation', classes=_CLASSES))
        for folder, images in tree.images_of.items():
            if folder.name.lower() != 'image_mha':
                continue
            masks = tree.images_of.get(folder.with_name('label_mha'), [])
            for image, (mask,) in pair(tree, images, masks):
                split = split_of_path(image)
                found.rows.append(
                    FoundRow(
                        str(tree.path(image)),
                        f'images/{split + "_" if split else ""}{image.stem}.png',
                        partial(of_mask, tree.path(mask), None, len(_CLASSES)),
                        split,
                        pixels=partial(_colours, tree.path(image)),
                    )
                )
        return [found]


def _colours(file: Path) -> np.ndarray:
    """(H, W, 3) uint8 BGR of a file whose slices are red, green and blue, or that is grey."""
    with naming(file):
        volume = open_image_file(file)
        if not isinstance(volume, VolumeFile) or volume.frames not in (1, 3):
            raise BadImage(f'has {volume.frames} slices; 3 (red, green, blue) or 1 are expected')
        values = scaled_to_8_bits(volume.values, None, str(file))
    values = values[0] if volume.frames == 1 else np.moveaxis(values, 0, -1)[..., ::-1]
    return np.ascontiguousarray(values)

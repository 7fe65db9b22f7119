from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.pairs import pair
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

_CLASSES = ('background', 'nerve', 'vessel')


class UsgraSeg(Layout):
    """Nerves and vessels of regional anaesthesia, https://github.com/tmkand/usgra-seg.

    The folder ``dataset`` holds ``images/0000.png`` and ``masks/0000.png``, and ``test`` the same two folders with the
    images that are set apart for testing. Values of masks are class indices, unless ``mask_values`` says which value
    stands for which class.
    """

    name = 'usgra-seg'
    options = ('mask_values',)

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return _folder(tree) is not None

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        folder = _folder(tree)
        assert folder is not None
        found = FoundTask(Task('nerve_vessel_multi', 'segmentation', classes=_CLASSES))
        for side, split in ((folder, 'train'), (folder / 'test', 'test')):
            for image, (mask,) in pair(tree, tree.images_of[side / 'images'], tree.images_of[side / 'masks']):
                answer = partial(of_mask, tree.path(mask), options.mask_values, len(_CLASSES))
                found.rows.append(FoundRow(str(tree.path(image)), f'images/{image.name}', answer, split))
        return [found]


def _folder(tree: Tree) -> PurePosixPath | None:
    """Return the folder ``dataset``, which may be the tree itself; None if there is none with such folders."""
    for folder in sorted({images.parent for images in tree.images_of}):
        needed = [folder / side / kind for side in ('', 'test') for kind in ('images', 'masks')]
        if (folder.name or tree.root.name) == 'dataset' and all(place in tree.images_of for place in needed):
            return folder
    return None

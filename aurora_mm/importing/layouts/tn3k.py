from __future__ import annotations

from functools import partial

from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.pairs import pair
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

_SPLITS = {'trainval': 'train', 'test': 'test'}


class Tn3k(Layout):
    """Thyroid nodules of Gong et al., Multi-task learning for thyroid nodule segmentation with thyroid region prior
    (2021).

    ``trainval-image``, ``trainval-mask``, ``test-image`` and ``test-mask`` hold files of one name; masks are JPEG files
    of 0 and 255, whose values near these count as them.
    """

    name = 'TN3K'
    options = ()

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return {'trainval-image', 'trainval-mask'} <= {folder.name for folder in tree.images_of}

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        found = FoundTask(Task('thyroid_nodule', 'segmentation', classes=('background', 'nodule')))
        for folder, images in tree.images_of.items():
            name, _, side = folder.name.partition('-')
            if side != 'image' or name not in _SPLITS:
                continue
            for image, (mask,) in pair(tree, images, tree.images_of.get(folder.with_name(f'{name}-mask'), [])):
                answer = partial(of_mask, tree.path(mask), (0, 255), 2)
                path = f'images/{name}_{image.name}'
                found.rows.append(FoundRow(str(tree.path(image)), path, answer, _SPLITS[name]))
        return [found]

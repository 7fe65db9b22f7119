from __future__ import annotations

import re
from functools import partial
from pathlib import PurePosixPath

from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree, split_of_path, stem_of
from aurora_mm.tasks import Task

_NAME = re.compile(r'^(patient\d+)_([24]CH)_(ED|ES)$')
_CLASSES = ('background', 'left_ventricle', 'myocardium', 'left_atrium')


class Camus(Layout):
    """Hearts of Leclerc et al., Deep learning for segmentation using an open large-scale dataset in 2D echocardiography
    (2019).

    Folders ``patient0001`` hold ``patient0001_2CH_ED.nii.gz`` and ``patient0001_2CH_ED_gt.nii.gz`` with the values 1
    (left ventricle), 2 (myocardium) and 3 (left atrium). The NIfTI files keep their pixel spacing; the patient becomes
    the group. Sequences are left out.
    """

    name = 'CAMUS'
    options = ()

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return bool(self._pairs(tree))

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        found = FoundTask(Task('cardiac_multi', 'segmentation', classes=_CLASSES))
        for image, mask, patient in self._pairs(tree):
            answer = partial(of_mask, tree.path(mask), None, len(_CLASSES))
            found.rows.append(
                FoundRow(str(tree.path(image)), f'images/{image.name}', answer, split_of_path(image), patient)
            )
        return [found]

    def _pairs(self, tree: Tree) -> list[tuple[PurePosixPath, PurePosixPath, str]]:
        files = {stem_of(file): file for file in tree.ending('.nii', '.nii.gz', '.mhd', '.mha')}
        return [
            (file, files[f'{stem}_gt'], match[1])
            for stem, file in files.items()
            if (match := _NAME.match(stem)) and f'{stem}_gt' in files
        ]

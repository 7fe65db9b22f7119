from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import frame_sources
from aurora_mm.importing.answers import of_label
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.task_names import task_name
from aurora_mm.importing.tree import Tree, split_of_path
from aurora_mm.tasks import Task


class ClassFolders(Layout):
    """A folder a class, as ImageNet, torchvision's ImageFolder and mmpretrain have it, and POCUS.

    The class is the name of the folder that an image lies in; folders above it may name a split. Nothing but images
    lies in these folders. Frames of a clip are images of one group.
    """

    name = 'a folder for each class'
    options = ('name', 'classes')

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        classes = self._classes(tree)
        return len(set(classes.values())) >= 2 and len(tree.images) == len(tree.files)

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        class_of = self._classes(tree)
        names = options.classes or tuple(sorted(set(class_of.values())))
        found = FoundTask(Task(task_name(options.name or tree.root.name), 'classification', classes=names))
        for folder, images in tree.images_of.items():
            if class_of[folder] not in names:
                raise DataError(f'the folder is none of the classes {", ".join(names)}', file=tree.path(folder))
            label = names.index(class_of[folder])
            for image in images:
                with naming(tree.path(image)):
                    sources = frame_sources(tree.path(image))
                for source in sources:
                    path = image.as_posix() + source[len(str(tree.path(image))) :]
                    group = image.as_posix() if len(sources) > 1 else ''
                    found.rows.append(FoundRow(source, path, partial(of_label, label), split_of_path(folder), group))
        return [found]

    def _classes(self, tree: Tree) -> dict[PurePosixPath, str]:
        """The class of each folder that holds images; none if one of them names a split or is the root."""
        if any(not folder.name or split_of(folder.name) is not None for folder in tree.images_of):
            return {}
        return {folder: folder.name for folder in tree.images_of}

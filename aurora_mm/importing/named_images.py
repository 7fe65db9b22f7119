from __future__ import annotations

import posixpath
from functools import lru_cache
from pathlib import PurePosixPath

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.extras import require_extra
from aurora_mm.images.dicom_errors import first_line, reading_errors
from aurora_mm.images.dicom_file import is_dicom
from aurora_mm.importing.tree import Tree, composed, stem_of


class NamedImages:
    """The images of a folder by what a table may call them.

    A name is the path of an image, whole, or from the folder on, or the end of it, with or without the suffix; or that
    of a folder, which stands for all images below it. ``\\`` counts as ``/``, and the forms in which Unicode writes a
    letter with an accent are equal: macOS takes ``ü`` apart. Where no name is written so, upper and lower case are
    equal.

    Args:
        tree: The folder.
        attribute: Keyword of a DICOM attribute, such as ``AccessionNumber``, whose value names images in place of
            their paths. '' for paths.

    Raises:
        ConfigError: If DICOM knows no such attribute, or pydicom is not installed.
        DataError: If a DICOM file cannot be read.
    """

    def __init__(self, tree: Tree, attribute: str = '') -> None:
        if attribute:
            _check_attribute(attribute)
        self._root = tree.root.as_posix()
        self._of: dict[str, list[PurePosixPath]] = {}
        self._folded: dict[str, list[PurePosixPath]] = {}
        self._files: set[str] = set()
        for image in tree.images:
            files = set() if attribute else _file_names(image)
            self._files |= {composed(name).casefold() for name in files}
            names = files | (_attribute_of(tree, image, attribute) if attribute else _folder_names(image))
            for name in map(composed, names):
                self._of.setdefault(name, []).append(image)
        for name, named in self._of.items():
            self._folded.setdefault(name.casefold(), []).extend(named)

    def find(self, name: str) -> list[PurePosixPath]:
        """Return the images of a name in the order of the folder; none if nothing is called so."""
        name = self._plain(name)
        return self._of.get(name) or list(dict.fromkeys(self._folded.get(name.casefold(), ())))

    def is_file(self, name: str) -> bool:
        """Return whether a name is that of an image file, so that it is meant to name a single one."""
        return self._plain(name).casefold() in self._files

    def _plain(self, name: str) -> str:
        path = posixpath.normpath(name.replace('\\', '/'))
        return composed(path.removeprefix(f'{self._root}/').strip('/'))


@lru_cache(maxsize=8)
def images_named(tree: Tree, attribute: str = '') -> NamedImages:
    """Return :class:`NamedImages` of a folder, made once: attributes are read from the header of every DICOM file."""
    return NamedImages(tree, attribute)


def _check_attribute(attribute: str) -> None:
    require_extra('dicom', f'the DICOM attribute {attribute}', 'pydicom')
    from pydicom.datadict import tag_for_keyword

    if tag_for_keyword(attribute) is None:
        raise ConfigError(f'{attribute!r} is no keyword of a DICOM attribute, such as AccessionNumber')


def _file_names(image: PurePosixPath) -> set[str]:
    folders = [image.parts[start:-1] for start in range(len(image.parts))]
    return {'/'.join((*folder, name)) for folder in folders for name in (image.name, stem_of(image))}


def _folder_names(image: PurePosixPath) -> set[str]:
    parts = image.parts[:-1]
    return {'/'.join(parts[start:end]) for start in range(len(parts)) for end in range(start + 1, len(parts) + 1)}


def _attribute_of(tree: Tree, image: PurePosixPath, attribute: str) -> set[str]:
    file = tree.path(image)
    if not is_dicom(file):
        return set()
    from pydicom import dcmread

    try:
        header = dcmread(file, stop_before_pixels=True, specific_tags=[attribute], force=True)
        text = str(header.get(attribute) or '').strip()
    except reading_errors() as error:
        raise DataError(f'cannot be read as DICOM ({first_line(error)})', file=file) from error
    return {text} if text else set()

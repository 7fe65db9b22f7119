"""A strict reader of COCO annotation files. Each error names the file, the entry and the value."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.images.image_header import MOST_PIXELS
from aurora_mm.json_files import read_json

Identity = int | str


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image of a COCO file.

    Args:
        id: The ``id``.
        file_name: Path relative to the folder of images, with ``/`` between folders.
        height: Height in pixels according to the file.
        width: Width in pixels according to the file.
        entry: Position in the file for error messages, such as ``images[3]``.
        fields: All fields of the entry.
    """

    id: Identity
    file_name: str
    height: int
    width: int
    entry: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CocoCategory:
    """A category of a COCO file.

    Args:
        id: The ``id``.
        name: The name.
        keypoints: Names of the keypoints, empty if there are none.
        supercategory: Name of the supercategory, '' if there is none.
    """

    id: Identity
    name: str
    keypoints: tuple[str, ...]
    supercategory: str


@dataclass(frozen=True, slots=True)
class CocoObject:
    """An annotation of a COCO file, which is one object in an image.

    Args:
        image: The image.
        category: Name of the category.
        crowd: Value of ``iscrowd``: whether the annotation is a group of objects.
        ignored: Value of ``ignore``: whether evaluation ignores the object.
        entry: Position in the file for error messages, such as ``annotations[3]``.
        fields: All fields of the entry.
    """

    image: CocoImage
    category: str
    crowd: bool
    ignored: bool
    entry: str
    fields: dict[str, Any]


class CocoFile:
    """Contents of a COCO file: images, categories and annotations, linked by their ids.

    Ids are integers or text. They must be unique, and every annotation must refer to an existing image and category.
    Category names must be unique too. A category without annotations that is only the ``supercategory`` of others, as
    Roboflow writes it, is ignored.

    Args:
        file: Path of the JSON file.
        content: What the file holds, if it was read before.

    Attributes:
        file: Path of the JSON file.
        info: The field ``info``, empty if there is none.
        images: All images, in the order of the file.
        categories: All categories by name, in the order of their ids.
        objects: All annotations, in the order of the file.

    Raises:
        DataError: If the file cannot be read or is not valid. The message names the file, the entry and the value.
    """

    def __init__(self, file: str | Path, content: Mapping[str, Any] | None = None) -> None:
        self.file = Path(file)
        content = read_json(file) if content is None else content
        for key in ('images', 'annotations', 'categories'):
            if not isinstance(content.get(key), list):
                raise DataError(f'no COCO file: it has no list {key!r}', file=file)
        info = content.get('info')
        self.info: dict[str, Any] = info if isinstance(info, dict) else {}
        images = self._by_id('images', content['images'], self._image)
        self.images: list[CocoImage] = list(images.values())
        self._check_file_names()
        categories = self._by_id('categories', content['categories'], self._category)
        objects = self._by_id('annotations', content['annotations'], lambda *entry: entry)
        used = {self._identity(entry, fields, 'category_id') for _, entry, fields in objects.values()}
        self.categories = self._named_categories(categories, used)
        self.objects = [self._object(entry, fields, images, categories) for _, entry, fields in objects.values()]
        self._objects_of: dict[Identity, list[CocoObject]] = {}
        for item in self.objects:
            self._objects_of.setdefault(item.image.id, []).append(item)

    def objects_of(self, image: CocoImage) -> list[CocoObject]:
        """Return the annotations of an image, in the order of the file."""
        return self._objects_of.get(image.id, [])

    @cached_property
    def may_hold_corners(self) -> bool:
        """Whether boxes may have been written as xyxy: all of them, at least three, would be valid as xyxy."""
        boxes = [(item.fields.get('bbox'), item.image) for item in self.objects]
        return len(boxes) >= 3 and all(
            isinstance(box, list)
            and len(box) == 4
            and all(map(_is_number, box))
            and 0 <= box[0] < box[2] <= image.width
            and 0 <= box[1] < box[3] <= image.height
            for box, image in boxes
        )

    def error(self, entry: str, message: str) -> DataError:
        """Create an error about one entry."""
        return DataError(f'{entry}: {message}', file=self.file)

    def numbers(self, entry: str, key: str, values: Any) -> list[float]:
        """Check that a field is a list of finite numbers and return it.

        Args:
            entry: Position of the entry in the file, for the error message.
            key: Name of the field, for the error message.
            values: Value of the field.

        Raises:
            DataError: If it is not a list of finite numbers.
        """
        if not isinstance(values, list):
            raise self.error(entry, f'{key} is no list of numbers: {_shown(values)}')
        for value in values:
            if not _is_number(value):
                raise self.error(entry, f'{key} holds {_shown(value)}, which is no number')
        return [float(value) for value in values]

    def _by_id(self, key: str, entries: Sequence[Any], make: Any) -> dict[Identity, Any]:
        found: dict[Identity, Any] = {}
        place_of: dict[Identity, str] = {}
        for number, fields in enumerate(entries):
            entry = f'{key}[{number}]'
            if not isinstance(fields, dict):
                raise self.error(entry, f'{_shown(fields)} is no object')
            identity = self._identity(entry, fields, 'id')
            if identity in found:
                raise self.error(entry, f'id {identity!r} is also that of {place_of[identity]}')
            found[identity], place_of[identity] = make(identity, entry, fields), entry
        return found

    def _identity(self, entry: str, fields: dict[str, Any], key: str) -> Identity:
        value = fields.get(key)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int | str) or value == '':
            raise self.error(entry, f'{key} is {_shown(value)}, not a whole number or a text')
        return value

    def _image(self, identity: Identity, entry: str, fields: dict[str, Any]) -> CocoImage:
        path = relative_path(fields.get('file_name'))
        if path is None:
            raise self.error(entry, f'file_name {_shown(fields.get("file_name"))} is no path below the image folder')
        height, width = (self._length(entry, fields, key) for key in ('height', 'width'))
        if height * width > MOST_PIXELS:
            raise self.error(entry, f'height {height} x width {width} are more than {MOST_PIXELS:,} pixels')
        return CocoImage(identity, path, height, width, entry, fields)

    def _length(self, entry: str, fields: dict[str, Any], key: str) -> int:
        value: Any = fields.get(key)
        if not _is_number(value) or value != int(value) or value < 1:
            raise self.error(entry, f'{key} is {_shown(value)}, not a number of pixels')
        return int(value)

    def _check_file_names(self) -> None:
        place_of: dict[str, str] = {}
        for image in self.images:
            if (other := place_of.setdefault(image.file_name, image.entry)) != image.entry:
                raise self.error(image.entry, f'file {image.file_name!r} is listed by {other} too')

    def _category(self, identity: Identity, entry: str, fields: dict[str, Any]) -> CocoCategory:
        keypoints = fields.get('keypoints', [])
        for key, names in (('name', [fields.get('name')]), ('keypoints', keypoints)):
            for name in names if isinstance(names, list) else [names]:
                if not isinstance(name, str) or not name.strip():
                    raise self.error(entry, f'{key} {_shown(name)} is no name')
        if not isinstance(keypoints, list):
            raise self.error(entry, f'keypoints {_shown(keypoints)} is no list of names')
        names = tuple(name.strip() for name in keypoints)
        if len(set(names)) != len(names):
            raise self.error(entry, f'keypoints name one twice: {_shown(keypoints)}')
        group = fields.get('supercategory')
        return CocoCategory(identity, fields['name'].strip(), names, group if isinstance(group, str) else '')

    def _named_categories(
        self, categories: dict[Identity, CocoCategory], used: set[Identity]
    ) -> dict[str, CocoCategory]:
        found: dict[str, CocoCategory] = {}
        kinds = list(categories.values())
        for kind in sorted(kinds, key=lambda kind: (isinstance(kind.id, str), kind.id)):
            groups_others = any(other.supercategory == kind.name for other in kinds if other.id != kind.id)
            if kind.id not in used and groups_others:
                continue
            if kind.name in found:
                raise DataError(
                    f'categories {found[kind.name].id!r} and {kind.id!r} have one name, {kind.name!r}', file=self.file
                )
            found[kind.name] = kind
        return found

    def _object(
        self,
        entry: str,
        fields: dict[str, Any],
        images: dict[Identity, CocoImage],
        categories: dict[Identity, CocoCategory],
    ) -> CocoObject:
        image_id = self._identity(entry, fields, 'image_id')
        category_id = self._identity(entry, fields, 'category_id')
        if image_id not in images:
            raise self.error(entry, f'image_id {image_id!r} is the id of no image{_other_type(image_id, images)}')
        if category_id not in categories:
            raise self.error(
                entry, f'category_id {category_id!r} is the id of no category{_other_type(category_id, categories)}'
            )
        flags = {}
        for key in ('iscrowd', 'ignore'):
            value = fields.get(key, 0)
            if value not in (0, 1) or not isinstance(value, int):
                raise self.error(entry, f'{key} is {_shown(value)}, neither 0 nor 1')
            flags[key] = bool(value)
        category = categories[category_id].name
        return CocoObject(images[image_id], category, flags['iscrowd'], flags['ignore'], entry, fields)


def relative_path(text: Any) -> str | None:
    """Normalize a relative path that stays inside the folder it is relative to.

    Returns:
        The path in its shortest form, with ``/`` between folders; None if ``text`` is not such a path.
    """
    if not isinstance(text, str) or (not text.isascii() and not _encodable(text)) or any(ord(c) < 32 for c in text):
        return None
    path = posixpath.normpath(text.replace('\\', '/'))
    names = path.split('/')
    if path in ('', '.') or names[0] in ('', '..') or max(map(len, names)) > 255 or len(path) > 1024:
        return None
    return path


def _encodable(text: str) -> bool:
    try:
        text.encode('utf-8')
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _other_type(identity: Identity, known: dict[Identity, Any]) -> str:
    """Return a hint if the same id exists as text instead of a number, or the other way round."""
    for other in known:
        if str(other) == str(identity):
            return f'; there is {other!r}, which is another type'
    return ''


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f'{text[:100]}...'

from __future__ import annotations

from dataclasses import dataclass, fields

from aurora_mm.converters.box_counts import BOX_COUNTS, check_box_count
from aurora_mm.errors import ConfigError
from aurora_mm.importing.mask_colours import MaskValue, is_mask_value


@dataclass(frozen=True)
class ImportOptions:
    """What a user says where a folder leaves it open.

    Args:
        name: Of the task; None takes the folder's name.
        classes: Names of the classes, the background first for masks; None takes the data's own.
        mask_values: The value of class 0, of class 1 ... in mask files, numbers or colours as ``#rrggbb``; None means
            that values are class indices.
        objects: What to do with images that do not have exactly one box, see
            :data:`aurora_mm.converters.box_counts.BOX_COUNTS`; ``'all'`` takes all boxes, which makes a task of type
            ``multi_object_detection``.
        missing_points: Take images without some of the points; these points are not labelled.

    Raises:
        ConfigError: If a value makes no sense.
    """

    name: str | None = None
    classes: tuple[str, ...] | None = None
    mask_values: tuple[MaskValue, ...] | None = None
    objects: str = 'all'
    missing_points: bool = False

    def __post_init__(self) -> None:
        check_box_count(self.objects, ('all', *BOX_COUNTS))
        for what, values in (('classes', self.classes), ('mask values', self.mask_values)):
            if values is not None and not 0 < len(values) == len(set(values)):
                raise ConfigError(f'{what} {list(values)} must be different, and at least one')
        for value in self.mask_values or ():
            if not is_mask_value(value):
                raise ConfigError(f'the mask value {value!r} is no number from 0 on and no colour as #ff0000')
        if len({type(value) for value in self.mask_values or ()}) > 1:
            raise ConfigError(f'mask values {list(self.mask_values or ())} must all be numbers or all be colours')
        if self.mask_values is not None and self.classes is not None and len(self.mask_values) != len(self.classes):
            raise ConfigError(f'{len(self.mask_values)} mask values for {len(self.classes)} classes')

    @property
    def given(self) -> list[str]:
        """Names of the fields that say something else than by default."""
        return [item.name for item in fields(self) if getattr(self, item.name) != item.default]

    def class_names(self, count: int) -> tuple[str, ...]:
        """Names for so many classes of masks, the background first.

        Raises:
            ConfigError: If names were given, but not so many.
        """
        if self.classes is None:
            return ('background', *(f'class_{index}' for index in range(1, count)))
        if len(self.classes) < count:
            raise ConfigError(f'the masks have {count} classes, but {len(self.classes)} names were given')
        return self.classes

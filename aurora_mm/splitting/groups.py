"""Which images must stay on one side of a split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from aurora_mm.errors import ConfigError


class Groups:
    """Images that were joined, directly or through others.

    Args:
        images: All images; each is a group of its own at first.
    """

    def __init__(self, images: Iterable[str]) -> None:
        self._parent = {image: image for image in images}

    def join(self, images: Sequence[str]) -> None:
        """Puts images, and all that they were joined with, into one group."""
        roots = sorted({self._root(image) for image in images})
        for root in roots[1:]:
            self._parent[root] = roots[0]

    def join_by(self, key_of: Mapping[str, str]) -> None:
        """Joins the images that have one key; an empty key is none."""
        same: dict[str, list[str]] = {}
        for image, key in key_of.items():
            if key:
                same.setdefault(key, []).append(image)
        for images in same.values():
            self.join(images)

    def of(self, image: str) -> str:
        """The group of an image, named after the first of its images in alphabetical order."""
        return self._root(image)

    def _root(self, image: str) -> str:
        while self._parent[image] != image:
            self._parent[image] = self._parent[self._parent[image]]
            image = self._parent[image]
        return image


def keys_by_pattern(images: Iterable[str], pattern: str) -> dict[str, str]:
    """What a regular expression finds in the path of each image: its first group, or all of it without one.

    Raises:
        ConfigError: If it is no expression, or finds nothing in an image's path.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f'the group pattern {pattern!r} is no regular expression: {error}') from error
    found = {}
    for image in images:
        match = expression.search(image)
        if match is None:
            raise ConfigError(f'the group pattern {pattern!r} finds nothing in {image!r}')
        found[image] = match[1] if expression.groups else match[0]
    return found

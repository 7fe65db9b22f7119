"""Docstrings name classes as OpenMMLab's do, :class:`SegmentationHead`; the site shows the name as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r':(?:class|func|meth|mod|attr|data|obj):`~?([^`]+)`')


class SphinxRoles(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            text = _ROLE.sub(r'`\1`', obj.docstring.value).replace('``', '`')
            obj.docstring.value = re.sub(r'^Example:$', 'Examples:', text, flags=re.MULTILINE)

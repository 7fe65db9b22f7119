"""The description of the API for programs, OpenAPI 3.1, where it is more than FastAPI finds out by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from aurora_mm.serving.api_limits import ApiLimits

_PLACE = '#/components/schemas/'


def reference(name: str) -> dict[str, str]:
    """Return a reference to a schema that :func:`add_schemas` adds."""
    return {'$ref': f'{_PLACE}{name}'}


def add_schemas(app: FastAPI, schemas: Mapping[str, dict[str, Any]]) -> None:
    """Add JSON schemas to the description of an application.

    Args:
        app: The application.
        schemas: Schemas by name. References to their ``$defs`` are changed to what OpenAPI has instead.
    """
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        content = describe()
        components = content.setdefault('components', {}).setdefault('schemas', {})
        for name, schema in schemas.items():
            text = json.dumps(schema).replace('#/$defs/', f'{_PLACE}{name}.')
            moved = json.loads(text)
            definitions = moved.pop('$defs', {})
            components[name] = moved
            components.update({f'{name}.{key}': value for key, value in definitions.items()})
        return content

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation says


def request_schema(limits: ApiLimits) -> dict[str, Any]:
    """Describe the form that is posted.

    Args:
        limits: Limits of requests.
    """
    number = {'type': 'integer', 'minimum': 0}
    properties = dict(
        files={
            'type': 'array',
            'items': {'type': 'string', 'format': 'binary'},
            'minItems': 1,
            'maxItems': limits.max_files,
            'description': 'Image, DICOM, NIfTI or video files.',
        },
        tasks={
            'type': 'string',
            'default': 'all',
            'description': "Names of tasks, separated by commas; 'all'; or 'auto' for the choice of the router.",
        },
        spacing={
            'type': 'string',
            'description': 'Side of a pixel in mm, or HEIGHT,WIDTH, in place of what the files say.',
        },
        frame=number | {'description': 'Of files with several images, only this one, counted from 0.'},
        every=number | {'minimum': 1, 'default': 1, 'description': 'Of files with several images, every n-th.'},
        masks={
            'type': 'string',
            'enum': ['rle', 'png'],
            'default': 'rle',
            'description': "'png' also answers each mask of class indices as a data URI of a PNG image.",
        },
    )
    schema = {'type': 'object', 'required': ['files'], 'properties': properties, 'additionalProperties': False}
    description = f'At most {limits.max_request_mb:g} MB, {limits.max_files} files and {limits.max_images} images.'
    return dict(required=True, description=description, content={'multipart/form-data': dict(schema=schema)})

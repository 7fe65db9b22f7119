"""The errors that the API answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aurora_mm.errors import AuroraError
from aurora_mm.images.image_finder import Problem


class ApiError(AuroraError):
    """A request that is not answered with predictions.

    Args:
        status: Status of the answer.
        code: Name of the error, for programs.
        message: A sentence for people.
        problems: What is wrong with each file, if that is the reason.
        retry_after: Seconds after which it makes sense to try again; None if it does not.
    """

    def __init__(
        self, status: int, code: str, message: str, problems: Sequence[Problem] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.problems = list(problems)
        self.retry_after = retry_after

    @property
    def content(self) -> dict[str, Any]:
        """The answer as JSON has it."""
        return dict(
            error=dict(code=self.code, message=str(self), problems=[problem._asdict() for problem in self.problems])
        )

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {} if self.retry_after is None else {'Retry-After': str(self.retry_after)}


ERROR_SCHEMA: dict[str, Any] = {
    'title': 'Error',
    'type': 'object',
    'required': ['error'],
    'properties': {
        'error': {
            'type': 'object',
            'required': ['code', 'message', 'problems'],
            'properties': {
                'code': {'type': 'string'},
                'message': {'type': 'string'},
                'problems': {
                    'type': 'array',
                    'items': {
                        'type': 'object',
                        'required': ['source', 'message'],
                        'properties': {'source': {'type': 'string'}, 'message': {'type': 'string'}},
                        'additionalProperties': False,
                    },
                },
            },
            'additionalProperties': False,
        }
    },
    'additionalProperties': False,
}
"""JSON schema of :attr:`ApiError.content`."""

ERRORS = {
    400: 'The request is no form with files, or a field of it is wrong: bad_request, unknown_task.',
    404: 'There is nothing at this address: not_found.',
    405: 'The address is asked in another way: method_not_allowed.',
    408: 'The request did not arrive in time: request_timeout.',
    413: 'A request, a file or an image is too large: request_too_large, too_many_files, too_many_images, '
    'image_too_large.',
    422: 'No file can be read as an image: unreadable_image.',
    429: 'This client asked too often: rate_limit.',
    500: 'A defect of the server, which its log describes: internal_error.',
    503: 'Too many requests wait: busy.',
    504: 'The answer took too long: timeout.',
}
"""What each status means, with the codes of its errors."""

"""Names of the columns of tables, as people write them."""

from __future__ import annotations

GROUP_COLUMN = 'group'
"""The column of a data root that keeps images of one patient, or of another group, on one side of a split."""

GROUP_COLUMNS = (
    *('patient', 'patientid', 'patientnumber', 'subject', 'subjectid', 'participant', 'participantid', 'group'),
)
"""Names of columns that say which patient an image is of, as :func:`folded_header` returns them."""


def folded_header(column: str) -> str:
    """Return the small letters and digits of the name of a column."""
    return ''.join(filter(str.isalnum, column.lower()))

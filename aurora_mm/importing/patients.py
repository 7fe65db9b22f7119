"""DICOM files without what they say about patients: pictures, and a group in place of each patient."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import print_log

from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.extras import require_extra
from aurora_mm.images.dicom_errors import first_line, reading_errors
from aurora_mm.images.dicom_file import is_dicom, spacing_of
from aurora_mm.images.image_faults import naming
from aurora_mm.images.pixel_spacing import impossible_spacing
from aurora_mm.images.reading import read_image
from aurora_mm.images.shared_channels import without_equal_channels
from aurora_mm.images.sources import split_source
from aurora_mm.importing.found import FoundRow, FoundTask, spacing_columns

_LEAST_KEY = 16  # bytes
_SHORTEST = 3  # characters of an id that is looked for in names


class _Header(NamedTuple):
    """What is taken from a DICOM file.

    Args:
        patient: What tells patients apart: their ids, or the study's where a file has none. It is only hashed.
        spacing: (height, width) of a pixel in mm, or None.
        spacing_fault: Why the image cannot have the spacing that the file says; None if it can, or none is said.
    """

    patient: str
    spacing: tuple[float, float] | None
    spacing_fault: str | None


def new_group_key() -> bytes:
    """Return a random key for :func:`hide_patients`."""
    return os.urandom(32)


def read_group_key(file: Path) -> bytes:
    """Read a key for :func:`hide_patients`, all bytes of a file.

    Raises:
        ConfigError: If the file cannot be read, or is so short that the key can be guessed.
    """
    try:
        key = file.read_bytes()
    except OSError as error:
        raise ConfigError(f'the group key {file} cannot be read ({error.strerror})') from error
    if len(key) < _LEAST_KEY:
        raise ConfigError(f'the group key {file} has {len(key)} bytes, fewer than {_LEAST_KEY}; it could be guessed')
    return key


def write_group_key(file: Path, key: bytes) -> None:
    """Write a key to a new file that only its owner may read.

    Raises:
        OutputError: If the file exists or cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, 'wb') as stream:
            stream.write(key)
    except OSError as error:
        raise OutputError(f'the group key {file} cannot be written ({error.strerror})') from error


def has_patients(found: Sequence[FoundTask]) -> bool:
    """Return whether images of some tasks are DICOM files."""
    files = {split_source(row.image)[0] for item in found for row in item.rows}
    return any(map(is_dicom, files))


def hide_patients(found: Sequence[FoundTask], key: bytes) -> list[FoundTask]:
    """Replace the DICOM images of tasks by what may leave them.

    Images become PNG files with the 8-bit pixels that training reads, because a copy of a DICOM file would contain its
    header. They are named by keyed hashes of their paths, because names of files and folders often are those of
    patients. The group of an image is a keyed hash of Patient ID (0010,0020), or of Study Instance UID (0020,000D) if
    that is empty, so that images of one patient stay on one side of a split; or of the patient that a table of labels
    names, see :class:`aurora_mm.importing.found.FoundRow`. Without the key, ids cannot be tried until
    one gives the hash. The pixel spacing becomes the column ``pixel_spacing``, unless the image cannot have it, which
    the log tells.

    Text that is burnt into the pixels stays; :mod:`aurora_mm.importing.cropping` cuts what surrounds the ultrasound.

    Args:
        found: The tasks. Rows that this function already changed, and those of other images, stay as they are.
        key: Secret bytes. The same key gives the same groups.

    Raises:
        DataError: If a header cannot be read, or a task or a class is named after a patient.
        ConfigError: If pydicom is not installed.
    """
    headers: dict[Path, _Header | None] = {}
    hidden = []
    for item in found:
        rows = []
        for row in item.rows:
            file, frame = split_source(row.image)
            if file not in headers and not row.is_anonymous:
                headers[file] = _read_header(file) if is_dicom(file) else None
            header = None if row.is_anonymous else headers[file]
            rows.append(row if header is None else _hidden(row, frame, header, key))
        hidden.append(replace(item, rows=rows))
    _tell_spacings(headers)
    _check_names(hidden, {header.patient for header in headers.values() if header is not None})
    return hidden


def _hidden(row: FoundRow, frame: int | None, header: _Header, key: bytes) -> FoundRow:
    name = _hash(key, 'path', split_source(row.path)[0].as_posix())
    path = f'images/{name}.png' if frame is None else f'images/{name}_{frame:05d}.png'
    return replace(
        row,
        path=path,
        group=_hash(key, 'patient', row.group.casefold() if row.is_patient else header.patient),
        pixels=row.pixels or partial(_read_pixels, row.image),
        columns=row.columns | spacing_columns(header.spacing),
        is_anonymous=True,
    )


def _read_pixels(source: str) -> np.ndarray:
    with naming(source):
        return without_equal_channels(read_image(source).pixels)


def _read_header(file: Path) -> _Header:
    require_extra('dicom', f'the DICOM file {file}', 'pydicom')
    import pydicom

    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        patient = str(header.get('PatientID') or '').strip().casefold()
        study = str(header.get('StudyInstanceUID') or '').strip()
        spacing = spacing_of(header)
        why = None if spacing is None else impossible_spacing(spacing, (int(header.Rows), int(header.Columns)))
    except reading_errors() as error:
        raise DataError(f'cannot be read as DICOM ({first_line(error)})', file=file) from error
    if not patient and not study:
        raise DataError('names neither a patient nor a study, so that it belongs to no group', file=file)
    return _Header(patient or study, spacing if why is None else None, why)


def _tell_spacings(headers: Mapping[Path, _Header | None]) -> None:
    faults = {file: header.spacing_fault for file, header in headers.items() if header and header.spacing_fault}
    for file, why in list(faults.items())[:1]:
        text = f'{len(faults)} files say an impossible pixel spacing, which is left out: {file} {why}'
        print_log(text, logger='current', level=logging.WARNING)


def _hash(key: bytes, kind: str, text: str) -> str:
    return hmac.new(key, f'{kind}:{text}'.encode(), hashlib.sha256).hexdigest()[:16]


def _check_names(found: Sequence[FoundTask], patients: set[str]) -> None:
    """Names of tasks and classes come from folders, which may be called after patients."""
    for item in found:
        for name in (item.task.name, *item.task.output_names):
            parts = [patient for patient in patients if len(patient) >= _SHORTEST and patient in name.casefold()]
            if parts:
                raise DataError(
                    f'{name!r}, a name in task {item.task.name!r}, holds the id of a patient; --name gives the task '
                    'another name, and --map describes a folder whose folders are not classes'
                )

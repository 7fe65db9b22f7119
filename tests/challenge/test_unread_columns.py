import pytest

from aurora_mm.challenge.unread_columns import unread_columns
from aurora_mm.errors import DataError


@pytest.mark.parametrize(
    ('columns', 'group_column', 'said'),
    [
        ({}, None, []),
        (dict(group='a', pixel_spacing='', scanner='b'), None, []),
        (dict(Group='a'), None, ["column 'Group' is not read, so a split may divide its images: rename it to 'group'"]),
        ({'Patient ID': 'a'}, None, ["column 'Patient ID' is not read"]),
        (dict(subject='a', group='b'), None, []),
        (dict(subject='a', centre='b'), 'subject', []),
        (dict(subject='a', group='b'), 'centre', ["column 'subject'", "column 'group'"]),
        (dict(PixelSpacing='[1, 1]'), None, ["'PixelSpacing' is not read, but 'pixel_spacing' is, [height, width]"]),
        (dict(pixel_size_mm='1', pixel_spacing='[1, 1]'), None, []),
    ],
)
def test_columns_that_look_like_those_that_are_read(fmc_root, columns, group_column, said):
    fmc_root.csv('a', [fmc_root.cls_row(0, **columns)])
    found = unread_columns(fmc_root.path, group_column)
    assert len(found) == len(said)
    for text, part in zip(found, said, strict=True):
        assert text.startswith(f'{fmc_root.path}/csv_files/a.csv, row 1: ')
        assert part in text


def test_one_message_for_a_column_of_several_files(fmc_root):
    for name in 'abc':
        fmc_root.csv(name, [fmc_root.cls_row(0, patient='p')])
    (text,) = unread_columns(fmc_root.path)
    assert text.startswith(f'{fmc_root.path}/csv_files/a.csv and 2 more files, row 1: ')


def test_a_file_that_cannot_be_read(fmc_root):
    fmc_root.csv('a', [fmc_root.cls_row(0)]).write_bytes(b'\xff\xfe')
    with pytest.raises(DataError, match=r'a\.csv'):
        unread_columns(fmc_root.path)

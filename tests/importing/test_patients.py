"""DICOM trees become data roots that keep a patient's images together and say nothing about patients."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing import find_tasks, write_tasks
from aurora_mm.importing.cropping import crop_tasks
from aurora_mm.importing.patients import has_patients, hide_patients, read_group_key
from tests.fixtures.dicom_files import region, write
from tests.importing import trees
from tests.importing.test_cropping import SHAPE, screen

pytest.importorskip('pydicom')
PATIENTS = [f'HOSP-{7000 + i}' for i in range(10)]
NAME = 'Mustermann^Erika'
BIRTH = '19610704'
KEY = b'sixteen bytes at least'


@pytest.fixture
def src(tmp_path):
    """Two classes, and of each patient three images and a clip of two frames; names of files are ids of patients."""
    root = tmp_path / 'src'
    for i, patient in enumerate(PATIENTS):
        folder = root / ('benign', 'malignant')[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        facts = dict(PatientID=patient, PatientName=NAME, PatientBirthDate=BIRTH)
        for k in range(3):
            name = f'{patient}_{k}' if k else f'IM_{patient}.{k}'  # one without a suffix that says what it is
            write(folder / (f'{name}.dcm' if k else name), trees.picture(10 * i + k), **facts)
        write(folder / f'{patient}_clip.dcm', np.stack([trees.picture(9 - i), trees.picture(90 + i)]), **facts)
    (root / 'DICOMDIR').write_bytes(b'\0' * 128 + b'DICM')
    return root


def rows_of(root: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((root / 'csv_files' / 'src.csv').open()))


def everything_in(root: Path) -> bytes:
    """Names and contents of all files, of which links are not followed twice."""
    files = [path for path in root.rglob('*') if path.is_file()]
    return b'\n'.join(str(path.relative_to(root)).encode() + path.read_bytes() for path in files)


def test_no_patient_is_on_two_sides_and_none_is_named(src, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(['import-data', 'src', 'data'])
    assert 'who has it can find out which group' in capsys.readouterr().out
    rows = rows_of(Path('data'))
    assert len(rows) == 10 * 5
    groups = {row['group'] for row in rows}
    assert len(groups) == 10
    assert all(sum(row['group'] == group for row in rows) == 5 for group in groups)
    for command in (['--ratios', '.5', '.3', '.2'], ['--folds', '3']):
        out = f'split{command[0]}'
        main(['split-data', 'data', out, '--tasks', 'data/tasks.py', *command])
        sides: dict[str, set[str]] = {}
        for file in Path(out).rglob('csv_files/src.csv'):
            sides[str(file.parent.parent.relative_to(out))] = {row['group'] for row in csv.DictReader(file.open())}
        pairs = [('train', 'val'), ('train', 'test'), ('val', 'test')]
        pairs = pairs if 'train' in sides else [(f'fold_{k}/train', f'fold_{k}/val') for k in range(3)]
        for one, other in pairs:
            assert sides[one] and sides[other] and not sides[one] & sides[other]
    for out in ('data', 'split--ratios', 'split--folds'):
        content = everything_in(Path(out))
        assert content
        for secret in (*PATIENTS, 'HOSP', 'Mustermann', BIRTH, 'DICM'):
            assert secret.encode() not in content, (out, secret)


def test_images_are_the_pixels_of_the_files(src, tmp_path):
    found = find_tasks(src)[1]
    write_tasks(found, tmp_path / 'out', group_key=KEY)
    images = [
        cv2.imread(str(tmp_path / 'out' / 'csv_files' / row['image_path']), cv2.IMREAD_UNCHANGED)
        for row in rows_of(tmp_path / 'out')
    ]
    expected = [row.pixels() for item in hide_patients(found, KEY) for row in item.rows]
    assert len(images) == len(expected) == 50
    for image, pixels in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, pixels)
    assert any((image == trees.picture(11)).all() for image in images)


def test_the_key_makes_the_groups(src, tmp_path):
    found = find_tasks(src)[1]

    def groups(key):
        return [row.group for item in hide_patients(found, key) for row in item.rows]

    assert groups(KEY) == groups(KEY)
    assert not set(groups(KEY)) & set(groups(KEY + b'!'))
    write_tasks(found, tmp_path / 'a')
    write_tasks(found, tmp_path / 'b')
    assert not {row['group'] for row in rows_of(tmp_path / 'a')} & {row['group'] for row in rows_of(tmp_path / 'b')}


def test_the_key_is_kept_beside_the_data(src, tmp_path):
    main(['import-data', str(src), str(tmp_path / 'a'), '--dry-run'])
    assert not (tmp_path / 'a.group-key').exists()
    main(['import-data', str(src), str(tmp_path / 'a')])
    key = tmp_path / 'a.group-key'
    assert len(key.read_bytes()) == 32
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    main(['import-data', str(src), str(tmp_path / 'b'), '--group-key', str(key)])
    assert rows_of(tmp_path / 'a') == rows_of(tmp_path / 'b')
    assert not (tmp_path / 'b.group-key').exists()


def test_other_images_need_no_key(tmp_path):
    trees.pocus(tmp_path / 'src')
    found = find_tasks(tmp_path / 'src')[1]
    assert not has_patients(found)
    assert hide_patients(found, KEY) == found
    main(['import-data', str(tmp_path / 'src'), str(tmp_path / 'out')])
    assert not (tmp_path / 'out.group-key').exists()


def test_without_an_id_the_study_is_the_group(tmp_path):
    for kind in ('benign', 'malignant'):
        (tmp_path / 'src' / kind).mkdir(parents=True)
        for k, study in enumerate(('1.2.3', '1.2.3', '1.2.4')):
            write(tmp_path / 'src' / kind / f'{k}.dcm', trees.picture(k), StudyInstanceUID=study, PatientID='')
    rows = hide_patients(find_tasks(tmp_path / 'src')[1], KEY)[0].rows
    assert [row.group == rows[0].group for row in rows] == [True, True, False] * 2


def test_ids_are_one_however_they_are_written(tmp_path):
    for kind, patient in (('benign', 'ab-1 '), ('malignant', 'AB-1')):
        (tmp_path / 'src' / kind).mkdir(parents=True)
        write(tmp_path / 'src' / kind / '0.dcm', trees.picture(0), PatientID=patient)
    assert len({row.group for row in hide_patients(find_tasks(tmp_path / 'src')[1], KEY)[0].rows}) == 1


def test_the_spacing_is_kept(tmp_path):
    for kind in ('benign', 'malignant'):
        (tmp_path / 'src' / kind).mkdir(parents=True)
        write(tmp_path / 'src' / kind / '0.dcm', trees.picture(0), SequenceOfUltrasoundRegions=[region()])
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    assert [row['pixel_spacing'] for row in rows_of(tmp_path / 'out')] == ['[0.1, 0.2]'] * 2
    pipeline = [dict(type=name) for name in ('LoadUltrasoundImage', 'LoadTaskAnnotations', 'PackMultiTaskInputs')]
    for sample in FMCUIADataset(str(tmp_path / 'out'), 'all', pipeline=pipeline):
        assert [task.pixel_spacing for task in sample['data_samples']] == [(0.1, 0.2)]


def test_an_impossible_spacing_is_left_out(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr('aurora_mm.importing.patients.print_log', lambda text, **_: told.append(text))
    for kind in ('benign', 'malignant'):
        (tmp_path / 'src' / kind).mkdir(parents=True)
        write(tmp_path / 'src' / kind / '0.dcm', trees.picture(0), PixelSpacing=[0, 0])
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    assert all('pixel_spacing' not in row for row in rows_of(tmp_path / 'out'))
    assert any('2 files say an impossible pixel spacing' in text and '[0.0, 0.0]' in text for text in told)


class TestMistakes:
    def test_classes_named_after_patients(self, tmp_path):
        for patient in PATIENTS[:2]:
            (tmp_path / 'src' / patient).mkdir(parents=True)
            write(tmp_path / 'src' / patient / '0.dcm', trees.picture(0), PatientID=patient)
        with pytest.raises(DataError, match="'HOSP-7000', a name in task 'src', holds the id of a patient"):
            write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
        assert not (tmp_path / 'out').exists()

    def test_a_short_or_absent_key(self, tmp_path):
        with pytest.raises(ConfigError, match='cannot be read'):
            read_group_key(tmp_path / 'none')
        (tmp_path / 'short').write_bytes(b'password')
        with pytest.raises(ConfigError, match='has 8 bytes, fewer than 16'):
            read_group_key(tmp_path / 'short')


def test_cropped_images_are_hidden_too(tmp_path):
    """Whether they are cropped before or after."""
    for kind in ('benign', 'malignant'):
        (tmp_path / 'src' / kind).mkdir(parents=True)
        write(tmp_path / 'src' / kind / f'{PATIENTS[0]}.dcm', screen(), PatientID=PATIENTS[0])
    found = find_tasks(tmp_path / 'src')[1]
    write_tasks(crop_tasks(found)[0], tmp_path / 'a', group_key=KEY)
    write_tasks(crop_tasks(hide_patients(found, KEY))[0], tmp_path / 'b', group_key=KEY)
    for out in ('a', 'b'):
        assert PATIENTS[0].encode() not in everything_in(tmp_path / out)
        for row in rows_of(tmp_path / out):
            image = cv2.imread(str(tmp_path / out / 'csv_files' / row['image_path']), cv2.IMREAD_UNCHANGED)
            assert image.shape[0] < SHAPE[0]
    assert [row['group'] for row in rows_of(tmp_path / 'a')] == [row['group'] for row in rows_of(tmp_path / 'b')]

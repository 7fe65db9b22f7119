"""pydicom's own ultrasound files, through reader, import, training, test and prediction with DICOM results."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from aurora_mm.images.reading import read_image
from tests.fixtures.type_chain import TypeChain

pydicom = pytest.importorskip('pydicom')
pytest.importorskip('highdicom')
FILES = Path(pydicom.__file__).parent / 'data' / 'test_files'
# RGB, JPEG 2000 and a palette; the first two are of one patient, the third has ultrasound regions.
STILLS = ('examples_rgb_color.dcm', 'examples_jpeg2k.dcm', 'examples_palette.dcm')
CLIP = 'examples_ybr_color.dcm'  # 30 frames
TASKS = [dict(name='bright', type='segmentation', classes=['background', 'bright'])]


@pytest.fixture
def chain(tmp_path):
    for name in STILLS:
        (tmp_path / 'src' / 'images').mkdir(parents=True, exist_ok=True)
        shutil.copy(FILES / name, tmp_path / 'src' / 'images' / name)
        grey = cv2.cvtColor(np.ascontiguousarray(read_image(FILES / name).pixels), cv2.COLOR_BGR2GRAY)
        (tmp_path / 'src' / 'masks').mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / 'src' / 'masks' / name.replace('.dcm', '.png')), (grey > 60).astype(np.uint8))
    return TypeChain(tmp_path, TASKS, {})


@pytest.mark.slow
def test_from_dicom_files_to_dicom_results(chain, tmp_path, capsys):
    folder = str(tmp_path / 'data')
    main(
        [
            'import-data',
            str(tmp_path / 'src'),
            folder,
            '--crop',
            '--name',
            'bright',
            '--classes',
            'background',
            'bright',
        ]
    )
    assert 'by the regions of their headers' in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / 'data/csv_files/bright.csv').open()))
    assert len({row['group'] for row in rows}) == 2
    for file in (tmp_path / 'data').rglob('*'):
        assert '13US1' not in str(file) and (file.is_dir() or b'13US1' not in file.read_bytes())
    main(['check-data', folder, '--tasks', f'{folder}/tasks.py', '--workers', '0'])

    data = ['--data-root', folder]
    splits = [f'{loader}_dataloader.dataset.split=all' for loader in ('train', 'val', 'test')]
    main(['train', str(chain.config), *data, '--work-dir', str(tmp_path / 'run'), '--cfg-options', *splits])
    main(['test', str(chain.config), str(chain.checkpoint), *data, '--split', 'all'])
    assert (tmp_path / 'run/test/metrics.json').is_file()

    sources = [str(FILES / name) for name in (*STILLS, CLIP)]
    out = tmp_path / 'predicted'
    main(['predict', str(chain.checkpoint), *sources, '--out', str(out), '--every', '10', '--crop', '--dicom'])
    images = json.loads((out / 'predictions.json').read_text())['images']
    assert [(image['height'], image['width']) for image in images] == [(240, 320), (480, 640), (350, 800)] + 3 * [
        (240, 320)
    ]
    segmentations = [pydicom.dcmread(file) for file in out.rglob('*.dcm')]
    assert segmentations
    shapes = {(int(seg.Rows), int(seg.Columns)) for seg in segmentations if seg.Modality == 'SEG'}
    assert shapes <= {(240, 320), (480, 640), (350, 800)}
    header = pydicom.dcmread(FILES / STILLS[2], stop_before_pixels=True)
    assert all(seg.StudyInstanceUID for seg in segmentations)
    crop = json.loads(next(row['crop'] for row in rows if row.get('pixel_spacing')))
    assert 0 <= crop[0] < crop[2] <= header.Columns and 0 <= crop[1] < crop[3] <= header.Rows
    mask = cv2.imread(str(next((out / 'masks').rglob('*palette*.png'))), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (350, 800)
    outside = np.ones(mask.shape, bool)
    outside[read_image(FILES / STILLS[2]).region[1] : read_image(FILES / STILLS[2]).region[3]] = False
    assert not mask[outside].any()

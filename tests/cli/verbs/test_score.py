import json

import cv2
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.cli.verbs.score import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.transforms import LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.phantoms import make_dataset
from aurora_mm.submission import SubmissionWriter
from aurora_mm.tasks import TaskTable

TASKS = [
    dict(name='organs', type='segmentation', classes=['background', 'a', 'b']),
    dict(name='find', type='detection', classes=['lesion']),
]


@pytest.fixture
def folder(tmp_path):
    """Data of 3 images a task, and a submission that answers each with its truth."""
    make_dataset(tmp_path / 'data', TaskTable(TASKS), images_per_task=3)
    (tmp_path / 'tasks.py').write_text(f'tasks = {TASKS}')
    dataset = FMCUIADataset(str(tmp_path / 'data'), 'all', pipeline=[LoadUltrasoundImage(), TruthAsPrediction()])
    writer = SubmissionWriter(tmp_path / 'submission')
    for i in range(len(dataset)):
        writer.add(*dataset[i]['data_samples'])
    writer.finish()
    return tmp_path


class TruthAsPrediction(PackMultiTaskInputs):
    def transform(self, results):
        packed = super().transform(results)
        (sample,) = packed['data_samples']
        if 'bbox' in results:
            sample.pred_instances = InstanceData(bboxes=torch.tensor([results['bbox']]), scores=torch.ones(1))
        else:
            mask = cv2.imread(results['seg_map_path'], cv2.IMREAD_UNCHANGED)
            sample.pred_sem_seg = PixelData(data=torch.from_numpy(mask)[None].long())
        return packed


def score(folder, *args):
    options = ['--tasks', folder / 'tasks.py', '--workers', 1, *args]
    main([str(item) for item in (folder / 'data', folder / 'submission', *options)])


def test_writes_results_and_ends_well(folder, capsys):
    score(folder, '--out-dir', folder / 'out')
    assert '6 of 6 images scored' in capsys.readouterr().out
    metrics = json.loads((folder / 'out/metrics.json').read_text())
    assert metrics['score'] == 1
    assert metrics['tasks']['organs'] | {'HD': 0, 'DSC_a': 1} == metrics['tasks']['organs']
    assert {path.name for path in (folder / 'out').iterdir()} == {'metrics.json', 'per_image.csv', 'report.md'}


def test_scores_one_side_of_the_data_alone(folder, capsys):
    score(folder, '--split', 'train')
    out = capsys.readouterr().out
    # The entries of the other side are no fault of the submission's.
    assert '4 of 4 images scored' in out


def test_a_fault_ends_with_status_1_and_its_name(folder, capsys):
    missing = next((folder / 'submission').rglob('*.png'))
    missing.unlink()
    with pytest.raises(SystemExit) as end:
        score(folder)
    assert end.value.code == 1
    out = capsys.readouterr().out
    assert missing.name in out
    assert '5 of 6 images scored' in out


def test_nothing_to_score_ends_with_status_2(folder, capsys):
    for path in (folder / 'submission').rglob('*.*'):
        path.unlink()
    with pytest.raises(SystemExit) as end:
        score(folder)
    assert end.value.code == 2
    assert 'no image could be scored' in capsys.readouterr().err


@pytest.mark.parametrize(('text', 'message'), [(None, 'no_tasks.py'), ('a = 1', 'no_tasks.py has no list `tasks`')])
def test_a_tasks_file_that_is_none_is_named(folder, capsys, text, message):
    if text is not None:
        (folder / 'no_tasks.py').write_text(text)
    with pytest.raises(SystemExit) as end:
        main([str(folder / 'data'), str(folder / 'submission'), '--tasks', str(folder / 'no_tasks.py')])
    assert end.value.code == 2
    assert message in capsys.readouterr().err

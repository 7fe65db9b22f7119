"""SIGKILL at random moments: what is on the disk is whole, and the work goes on from there."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.run_files import read_scalars, scalar_files
from aurora_mm.apis import last_checkpoint
from aurora_mm.atomic_writes import remove_partial
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.datasets import FMCUIADataset
from tests.faults import jobs
from tests.faults.tally import Tally
from tests.fixtures.coco_files import SQUARE, box, content, image, write_coco
from tests.fixtures.run_folder import write_run_folder
from tests.fixtures.waiting import LONG, wait_until

GROUP = 'Killed processes'


@pytest.fixture
def killed(server):
    """Runs a job and kills it ``delay`` seconds after ``begun()`` is true; whether it had to be killed."""
    started = []

    def kill(job: Callable, folder: Path, delay: float, begun: Callable[[], bool]) -> bool:
        process = server.Process(target=job, args=(folder,))
        process.start()
        started.append(process)
        wait_until(begun, process.is_alive, pause=0.001)
        process.join(delay)
        process.kill()
        process.join(LONG)
        return process.exitcode == -signal.SIGKILL

    yield kill
    for process in started:
        process.kill()
        process.join(LONG)


def few_or_many(few: int, many: int):
    return pytest.mark.parametrize('kills', [few, pytest.param(many, marks=pytest.mark.slow)])


def whole(folder: Path) -> int:
    """Reads all that a training has written; the number of files."""
    files = list(folder.glob('*.pth'))
    for file in files:
        checkpoint = load_checkpoint_file(file)  # with its checksums
        assert {'state_dict', 'meta', 'message_hub'} <= checkpoint.keys()
    for file in scalar_files(folder):
        read_scalars(file)
    last_checkpoint(folder)
    return len(files)


@pytest.fixture
def rng(request) -> np.random.Generator:
    """The same delays every time; others with --hypothesis-seed."""
    return np.random.default_rng(int(request.config.getoption('--hypothesis-seed') or 0))


def next_second() -> None:
    """MMEngine names the log folder of a start by its second."""
    time.sleep(1.01 - time.time() % 1)


@few_or_many(1, 12)
@pytest.mark.long
def test_training(server, killed, tmp_path, rng, kills):
    """Killed again and again and resumed each time, it ends with the weights of an unbroken run."""
    unbroken = server.Process(target=jobs.train, args=(tmp_path / 'unbroken',))
    unbroken.start()
    unbroken.join(LONG)
    assert unbroken.exitcode == 0
    last = f'epoch_{jobs.EPOCHS}.pth'
    expected = load_checkpoint_file(tmp_path / 'unbroken' / last)
    tally = Tally(GROUP, 'training, resumed after each kill')
    for trial in range(kills):
        folder = tmp_path / f'{trial}'
        ended = False
        for delay in (*rng.uniform(0, 0.8, 2 if kills == 1 else 6), LONG):
            ended = not killed(jobs.train, folder, delay, (folder / '.in_use').exists)
            checkpoints = whole(folder)
            if ended:
                break
            next_second()
            tally.add('answered rightly', checkpoints)
        assert ended
        found = load_checkpoint_file(folder / last)
        for part in ('state_dict', 'ema_state_dict'):
            assert all(torch.equal(found[part][name], tensor) for name, tensor in expected[part].items())
        assert not list(folder.glob('.*.partial')), 'the next start removes what was half written'


@few_or_many(3, 60)
def test_checkpoints(killed, tmp_path, rng, kills):
    """A file holds one generation, never a part of two."""
    tally = Tally(GROUP, 'a checkpoint over an older one')
    file = tmp_path / 'a.pth'
    for _ in range(kills):
        assert killed(jobs.checkpoints, tmp_path, rng.uniform(0, 0.4), file.exists)
        found = load_checkpoint_file(file)
        assert all((tensor == found['meta']['epoch']).all() for tensor in found['state_dict'].values())
        tally.add('answered rightly')
        file.unlink()
    remove_partial(tmp_path)
    assert list(tmp_path.iterdir()) == []


@few_or_many(3, 60)
def test_results_of_a_test(killed, tmp_path, rng, kills):
    """Where metrics.json is, all three files are there and of one test; else nobody takes the folder for a result."""
    tally = Tally(GROUP, 'results of a test over older ones')
    scores = tmp_path / 'metrics.json'
    for _ in range(kills):
        assert killed(jobs.results, tmp_path, rng.uniform(0, 0.4), scores.exists)
        if not scores.exists():
            tally.add('refused clearly')
            continue
        found = Results.read(tmp_path)
        assert len({(row.task, row.img_id) for row in found.rows}) == sum(found.scores['images'].values())
        assert f'{found.scores["tasks"]["organs"]["DSC"]:.3f}' in (tmp_path / 'report.md').read_text()
        tally.add('answered rightly')


@few_or_many(2, 40)
def test_submissions(killed, tmp_path, rng, kills):
    """A folder with all lists is a finished submission; every file in any folder is whole."""
    tally = Tally(GROUP, 'submissions')
    for trial in range(kills):
        folder = tmp_path / f'{trial}'
        assert killed(jobs.submission, folder, rng.uniform(0, 0.6), (folder / '0000').exists)
        for made in folder.iterdir():
            lists = [json.loads(file.read_text()) for file in made.glob('*.json')]
            masks = list(made.rglob('*.png'))
            assert all(cv2.imread(str(file), cv2.IMREAD_UNCHANGED) is not None for file in masks)
            finished = len(lists) == 3
            if finished:
                assert sum(map(len, lists)) + len(masks) == len(jobs.golden_samples())
            tally.add('answered rightly' if finished else 'refused clearly')


@few_or_many(1, 20)
def test_reports(killed, tmp_path, rng, kills):
    tally = Tally(GROUP, 'a report over an older one')
    folder = write_run_folder(tmp_path)
    file = folder / 'test' / 'report.html'
    for _ in range(kills):
        assert killed(jobs.report, folder, rng.uniform(0, 2), file.exists)
        assert file.read_text().rstrip().endswith('</html>')
        tally.add('answered rightly')
    Results.read(folder / 'test')  # as it was


@few_or_many(2, 40)
def test_conversions(killed, tmp_path, rng, kills):
    """A data root is there whole or not at all, and the source is as it was."""
    tally = Tally(GROUP, 'conversions')
    images = [image(i, f'{i}.png') for i in range(12)]
    boxes = [box(id=i, image_id=i, segmentation=[SQUARE]) for i in range(12)]
    for trial in range(kills):
        folder = tmp_path / f'{trial}'
        source = folder / 'source'
        write_coco(source / 'annotations/instances_train.json', content(images, boxes), source / 'images/train')
        before = {file: file.read_bytes() for file in source.rglob('*') if file.is_file()}
        assert killed(jobs.convert, folder, rng.uniform(0, 0.5), (folder / '0000').exists)
        made = [path for path in folder.iterdir() if path.name.isdecimal()]
        for root in made:
            dataset = FMCUIADataset(str(root), 'train', pipeline=[], serialize_data=False)
            assert len(dataset) == 12
            assert all(cv2.imread(info['seg_map_path'], cv2.IMREAD_UNCHANGED) is not None for info in dataset.data_list)
            tally.add('answered rightly')
        assert {file: file.read_bytes() for file in source.rglob('*') if file.is_file()} == before

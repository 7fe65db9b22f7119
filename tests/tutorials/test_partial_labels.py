"""The tutorial of partial labels, run as it is written on generated data."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.apis import read_config, resolve_config
from aurora_mm.registry import DATASETS, MODELS

REPO = Path(__file__).parents[2]
TEXT = (REPO / 'docs/tutorials/partial_labels.md').read_text()
pytest.importorskip('mmdet')
pytest.importorskip('mmseg')


def blocks(language):
    return re.findall(rf'```{language}\n(.*?)```', TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the data of the tutorial and its config."""
    random = np.random.default_rng(0)
    for split, count in (('train', 6), ('val', 3)):
        images, annotations = [], []
        for i in range(count):
            disc = np.full((64, 64), 60, np.uint8) + random.integers(0, 20, (64, 64), dtype=np.uint8)
            x, y = (int(n) for n in random.integers(16, 48, 2))
            mask = np.zeros_like(disc)
            for image in (disc, mask):
                cv2.circle(image, (x, y), 10, 255 if image is disc else 1, -1)
            number = len(list((tmp_path / 'data/nodules/images').glob('*')))
            write(tmp_path / f'data/nodules/images/{number}.png', disc)
            images.append(dict(id=number, file_name=f'{number}.png', height=64, width=64))
            box = [x - 10, y - 10, 21, 21]
            annotations.append(dict(id=2 * i, image_id=number, category_id=1 + i % 2, bbox=box))
            annotations.append(dict(id=2 * i + 1, image_id=number, category_id=1, bbox=[2, 2, 8, 8]))
            write(tmp_path / f'data/lesions/images/{split}/{i}.png', disc)
            write(tmp_path / f'data/lesions/masks/{split}/{i}.png', mask)
            kind = ('head', 'abdomen')[i % 2]
            write(tmp_path / f'data/planes/{split}/{kind}/{i}.png', disc if i % 2 else 255 - disc)
        categories = [dict(id=1, name='nodule'), dict(id=2, name='cyst')]
        content = dict(images=images, annotations=annotations, categories=categories)
        (tmp_path / f'data/nodules/{split}.json').write_text(json.dumps(content))
    (config,) = (block for block in blocks('python') if block.startswith('# partial_labels.py'))
    (tmp_path / 'partial_labels.py').write_text(config)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def test_the_config_reads_the_data_and_builds_the_model(folder):
    cfg = resolve_config(read_config('partial_labels.py'))
    data = DATASETS.build(cfg.train_dataloader.dataset)
    assert {name: len(rows) for name, rows in data.indices_by_task().items()} == dict(nodules=6, lesions=6, planes=6)
    assert [data[int(i)]['data_samples'].task_names for i in (0, 6, 12)] == [['nodules'], ['lesions'], ['planes']]
    (weights,) = (block for block in blocks('python') if block.startswith('lesions'))
    namespace: dict = {}
    exec(weights, namespace)  # the second config, as it is written
    cfg.model.tasks = [namespace['lesions'] if task.name == 'lesions' else task for task in cfg.model.tasks]
    model = MODELS.build(cfg.model)
    assert list(model.tasks) == ['nodules', 'lesions', 'planes']
    assert model.heads['segmentation'].loss_cls.own['lesions'].class_weight == [0.2, 1.0]


@pytest.mark.slow
def test_the_commands_run(folder):
    (commands,) = blocks('bash')
    shell = f'aurora-mm() {{ {sys.executable} -m aurora_mm "$@"; }}\nset -e\n{commands}'
    env = os.environ | dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS='1')
    done = subprocess.run(['bash', '-c', shell], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    tasks = json.loads((folder / 'work_dirs/partial_test/metrics.json').read_text())['tasks']
    assert tasks.keys() == {'nodules', 'lesions', 'planes'}
    assert tasks['nodules']['primary'] == tasks['nodules']['coco/bbox_mAP_50']
    assert (folder / 'work_dirs/partial_test/report.html').is_file()

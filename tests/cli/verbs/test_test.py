"""`aurora-mm test`: breakdowns by columns of the CSV files and the test of robustness."""

from __future__ import annotations

import csv
import functools
import json
import shutil

import cv2
import pytest

from aurora_mm.apis import robustness
from aurora_mm.cli.verbs.test import main
from aurora_mm.datasets.transforms.corruptions import DepthAttenuation, Gain
from aurora_mm.datasets.transforms.corruptions.corruption import STRENGTHS
from aurora_mm.errors import ConfigError
from tests.fixtures.checkpoints import REPO, SIZES

CONFIG = f"""
_base_ = ['{REPO}/configs/aurora_fmc_demo.py']
model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset={SIZES!r}),
    heads=dict(segmentation=dict(channels=16)))
test_dataloader = dict(num_workers=0, persistent_workers=False)
"""


@pytest.fixture(scope='module')
def tested(checkpoints, generated, tmp_path_factory):
    """The folder of one test with all that can be asked; half of the images are of the centre 'north'."""
    folder = tmp_path_factory.mktemp('test')
    root = folder / 'data'
    shutil.copytree(generated, root)
    for file in (root / 'csv_files').glob('*.csv'):
        with file.open(newline='') as stream:
            rows = list(csv.DictReader(stream))
        with file.open('w', newline='') as stream:
            writer = csv.DictWriter(stream, [*rows[0], 'centre'])
            writer.writeheader()
            writer.writerows(row | dict(centre='north' if i % 2 else '') for i, row in enumerate(rows))
    (folder / 'tiny.py').write_text(CONFIG)
    out = folder / 'out'
    args = [folder / 'tiny.py', checkpoints[0], '--data-root', root, '--out-dir', out, '--overlays', 0]
    few = functools.partial(robustness.score_corrupted, kinds=(Gain, DepthAttenuation), strengths=(0.0, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(robustness, 'score_corrupted', few)
        main([str(arg) for arg in (*args, '--split', 'all', '--by', 'centre', '--robustness')])
    return out


@pytest.fixture(scope='module')
def content(tested):
    return json.loads((tested / 'metrics.json').read_text())


def test_groups_by_a_column(content, tested):
    assert list(content['groups']) == ['centre']
    assert list(content['groups']['centre']) == ['organs', 'kind', 'find', 'ends']
    for task, groups in content['groups']['centre'].items():
        assert sorted((group['value'], group['images']) for group in groups) == [('(none)', 5), ('north', 5)]
        assert groups[0]['primary'] <= groups[1]['primary']
        assert [group['is_worst'] for group in groups] == [True, False]
        mean = sum(group['primary'] for group in groups) / 2
        if task != 'kind':  # means over images
            assert mean == pytest.approx(content['tasks'][task]['primary'])
    assert '## By centre' in (tested / 'report.md').read_text()


def test_strength_0_is_the_plain_test(content):
    found = content['robustness']
    assert found['strengths'] == [0.0, 1.0]
    assert found['plain']['score'] == content['score']
    assert list(found['corruptions']) == ['gain', 'depth attenuation']
    for one in found['corruptions'].values():
        assert one['score'][0] == content['score']
        for task, scores in one['tasks'].items():
            assert scores[0] == content['tasks'][task]['primary']
    changed = {score for one in found['corruptions'].values() for scores in one['tasks'].values() for score in scores}
    assert len(changed) > len(content['tasks'])


def test_what_is_written_of_the_robustness(tested):
    assert '## Robustness' in (tested / 'report.md').read_text()
    strips = sorted(file.name for file in (tested / 'robustness').iterdir())
    assert strips == ['blur.jpg', 'depth_attenuation.jpg', 'gain.jpg', 'haze.jpg', 'shadow.jpg', 'speckle.jpg']
    assert cv2.imread(str(tested / 'robustness' / 'haze.jpg')).shape[1] == 200 * (1 + len(STRENGTHS))


def test_a_pipeline_with_another_loader_is_refused():
    with pytest.raises(ConfigError, match='--robustness corrupts images after LoadUltrasoundImage'):
        robustness.with_corruption([dict(type='LoadFromSomewhere')], Gain, 0.5)


def test_the_corruption_follows_the_loading():
    steps = robustness.with_corruption([dict(type='LoadUltrasoundImage'), dict(type='X')], Gain, 0.4)
    assert [step['type'] for step in steps] == ['LoadUltrasoundImage', 'aurora_mm.Gain', 'X']
    assert steps[1]['strength'] == 0.4

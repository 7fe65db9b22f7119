"""What docs/heads.md says of losses and codecs is what the heads do."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from aurora_mm.models import heads
from aurora_mm.registry import MODELS
from tests.models.conftest import CLS, DET, POINTS, SEG
from tests.models.losses.test_head_losses import FITTING

TEXT = (Path(__file__).parents[1] / 'docs' / 'heads.md').read_text()
ROWS = re.findall(r'^\| `(\w+Head)` \| (.*) \|(.*) \|$', TEXT, flags=re.MULTILINE)
TASKS = dict(segmentation=SEG, classification=CLS, detection=DET, landmark=POINTS)


def without_scope(cfg):
    return cfg | dict(type=cfg['type'].removeprefix('aurora_mm.'))


@pytest.mark.parametrize(('name', 'losses', 'codec'), ROWS)
def test_the_table_has_the_defaults(name, losses, codec):
    parameters = inspect.signature(getattr(heads, name)).parameters
    defaults = {key: value.default for key, value in parameters.items() if key.startswith('loss_') or key == 'codec'}
    stated = {key: eval(cfg) for key, cfg in re.findall(r'`(loss_\w+)=(dict\(.*?\))`', losses)}
    if codec.strip():
        stated['codec'] = eval(codec.strip(' `'))
    assert stated == {key: without_scope(cfg) for key, cfg in defaults.items()}


def test_every_head_with_losses_is_in_the_table():
    with_losses = {
        name
        for name, head in vars(heads).items()
        if inspect.isclass(head) and name != 'BaseDetectionHead' and 'loss_' in str(inspect.signature(head))
    }
    assert {name for name, _, _ in ROWS} == with_losses


def test_the_example_builds():
    (block,) = re.findall(r'```python\n(heads = .*?)```', TEXT, flags=re.DOTALL)
    namespace = {}
    exec(compile(ast.parse(block), 'docs/heads.md', 'exec'), namespace)
    for kind, cfg in namespace['heads'].items():
        cfg = cfg | dict(type=f'aurora_mm.{cfg["type"]}', tasks=[TASKS[kind]], in_channels=[16] * 4)
        assert MODELS.build(cfg).task_type == kind


def test_the_table_of_the_hosts_losses_is_what_fits():
    rows = re.findall(r'^\| `loss_.*\| (mmdet.*) \|$', TEXT, flags=re.MULTILINE)
    for row, fitting in zip(rows, FITTING.values(), strict=False):
        stated = set()
        for part in row.split('; '):
            packages, _, names = part.partition(': ')
            names = [name.split(' (')[0] for name in names.split(', ')]
            stated |= {f'{package}.{name}' for package in packages.split(', ') for name in names}
        assert stated == {name.removesuffix('Loss') for name in fitting}
    assert len(rows) == 6

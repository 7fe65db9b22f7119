"""Every policy, balancer, combiner and adapter that docs/training.md names can be built from its config line."""

import re
from pathlib import Path

import pytest

from aurora_mm.datasets.samplers import SamplingPolicy
from aurora_mm.engine import GradientCombiner
from aurora_mm.models import LossBalancer, TaskAdapter
from aurora_mm.registry import DATA_SAMPLERS, MODELS, OPTIM_WRAPPERS
from tests.models.conftest import CLS, DET, POINTS, SEG

TEXT = (Path(__file__).parents[1] / 'docs' / 'training.md').read_text()
LINES = re.findall(r"^\|.*\| `(dict\(type='.*\))` \|$", TEXT, flags=re.MULTILINE)


def subclasses(base):
    """The package's own classes of a kind; those that other tests define are not the docs' matter."""
    found = {base}.union(*map(subclasses, base.__subclasses__()))
    return {cls for cls in found if cls.__module__.startswith('aurora_mm.')}


@pytest.mark.parametrize('line', LINES)
def test_config_line_builds(line):
    cfg = eval(line)
    kind = cfg['type']
    cfg['type'] = f'aurora_mm.{kind}'
    if kind.endswith('Policy'):
        assert isinstance(DATA_SAMPLERS.build(cfg), SamplingPolicy)
    elif kind.endswith('Balancer'):
        assert isinstance(MODELS.build(cfg | dict(tasks=[SEG, CLS, DET, POINTS])), LossBalancer)
    elif kind.startswith('Task'):
        assert isinstance(MODELS.build(cfg | dict(in_channels=[16], in_index=[0])), TaskAdapter)
    else:
        assert isinstance(OPTIM_WRAPPERS.build(cfg), GradientCombiner)


@pytest.mark.parametrize('base', [SamplingPolicy, LossBalancer, GradientCombiner, TaskAdapter])
def test_none_is_left_out(base):
    named = set(re.findall(r"type='(\w+)'", ' '.join(LINES)))
    assert {cls.__name__ for cls in subclasses(base)} - named <= {'SamplingPolicy', 'GradientCombiner', 'TaskAdapter'}

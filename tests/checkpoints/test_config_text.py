import math
from pathlib import Path

import pytest
from mmengine.config import Config

from aurora_mm.checkpoints import read_config_text
from aurora_mm.checkpoints.config_text import unformatted
from aurora_mm.errors import ConfigError

pytestmark = pytest.mark.usefixtures('formatted_configs')
REPO = Path(__file__).resolve().parents[2]
CONFIGS = sorted(file for folder in ('.', 'ablation', 'interop') for file in (REPO / 'configs' / folder).glob('*.py'))


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_every_config_reads_back_as_mmengine_would_run_it(file):
    cfg = Config.fromfile(file, import_custom_modules=False)
    text = cfg.pretty_text
    ours = Config(read_config_text(text))
    assert ours.to_dict() == cfg.to_dict() == Config.fromstring(text, '.py').to_dict()
    plain = unformatted(cfg).pretty_text
    assert read_config_text(plain) == cfg.to_dict() == Config.fromstring(plain, '.py').to_dict()


def test_all_kinds_of_values():
    values = dict(
        a=1, b=-2.5e-7, c='it\'s "quoted"\n', d=None, e=True, f=(1, (2,), ()), g=[], h={'x.y': 1, 2: [dict(z=3)]},
        i=math.inf, j=-math.inf, k=10**30, l='ä\\', m={},
    )  # fmt: skip
    found = read_config_text(Config(values).pretty_text)
    assert found == values
    assert math.isnan(read_config_text('x = nan')['x'])


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "import os\nos.system('echo')",
        "x = __import__('os').system('echo')",
        "x = eval('1')",
        'x = [i for i in range(3)]',
        'x = open',
        'x = dict(**a)',
        'x = dict([("a", 1)])',
        'x = {**a}',
        'x = f"{1}"',
        'x = a.b',
        'x = a[0]',
        'x = 1 + 1',
        'x = lambda: 1',
        'x, y = 1, 2',
        'x.y = 1',
        'x += 1',
        'def f(): pass',
        'x = (yield)',
        'x = ...',
        'x = -"a"',
        'x = -True and 1',
        'x = 1 if True else 2',
        'x = {[]: 1}',
        'x = {(1, []): 1}',
        "_base_ = open('/etc/passwd')",
        'x = (',
        'x = "\0"',
        'x = 1\n  y = 2',
        '(' * 10_000,
        'x = ' + '[' * 500 + ']' * 500,
        'x = ' + '-' * 5000 + '1',
        '\ud800',
        'x = ' + '9' * 5000,
    ],
)
def test_anything_else_is_refused_and_nothing_is_run(text):
    with pytest.raises(ConfigError, match='config'):
        read_config_text(text)

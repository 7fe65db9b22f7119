import pytest
import torch

from aurora_mm.apis import read_checkpoint, trust_checkpoints, write_checkpoint
from aurora_mm.apis.checkpoint import trained_config
from aurora_mm.errors import WeightsError
from aurora_mm.trust import VARIABLE

TASK = dict(name='a', type='detection', classes=['x'])
CFG = "model = dict(backbone=dict(type='Qwen3VLBackbone', pretrained='somewhere'))\n"


@pytest.fixture(autouse=True)
def untrusted(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def save(tmp_path):
    def run(tasks=(TASK,), cfg=CFG, **parts):
        content = dict(meta=dict(dataset_meta=dict(tasks=list(tasks)), cfg=cfg), state_dict={'w': torch.zeros(1)})
        write_checkpoint(tmp_path / 'a.pth', content | parts)
        return tmp_path / 'a.pth'

    return run


def test_half_a_checkpoint_is_refused(checkpoints, tmp_path):
    half = tmp_path / 'half.pth'
    half.write_bytes(checkpoints[0].read_bytes()[: checkpoints[0].stat().st_size // 2])
    with pytest.raises(WeightsError, match=r'half.pth cannot be read: it is only part of a zip file'):
        read_checkpoint(half)


@pytest.mark.parametrize(
    'content',
    [
        torch.zeros(2),
        [],
        dict(state_dict={}),
        dict(meta=dict(dataset_meta=None)),
        dict(meta=None),
        dict(meta=dict(dataset_meta=[])),
    ],
)
def test_weights_of_another_program_are_refused(tmp_path, content):
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match=r'other.pth (names no tasks|cannot be read: it holds a (Tensor|list))'):
        read_checkpoint(tmp_path / 'other.pth')


@pytest.mark.parametrize('tasks', [3, [3], [dict(name='a')], [dict(TASK, more=1)], [dict(TASK, type='x')], [TASK] * 2])
def test_tasks_that_are_none_are_refused(tmp_path, tasks):
    write_checkpoint(tmp_path / 'a.pth', dict(meta=dict(dataset_meta=dict(tasks=tasks)), state_dict={}))
    with pytest.raises(WeightsError, match=r'a\.pth describes no tasks that aurora_mm knows'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('state', [None, [], {'w': 1}, {3: torch.zeros(1)}])
def test_weights_that_are_none_are_refused(save, state):
    with pytest.raises(WeightsError, match=r'a\.pth holds .*weights'):
        read_checkpoint(save(state_dict=state))


@pytest.mark.parametrize(
    'cfg',
    [
        None,
        'import os',
        "model = __import__('os')",
        'model = dict()',
        'model = dict(backbone=3)',
        "filename = 'x'\n" + CFG,
        "custom_imports = 'os'\n" + CFG,
        "custom_imports = dict(imports=['no_such_module_anywhere'])\n" + CFG,
        "custom_imports = dict(imports=['aurora_mm.no_such_module'])\n" + CFG,
        "model = dict(backbone=dict(type='os.system', command='echo'))",
        "model = dict(backbone=dict(type='mmengine.load', file='x.pkl'))",
        "model = dict(backbone=dict(type='mmengine.config.config.os.system', command='echo'))",
        "model = dict(backbone=dict(type='this'))",
        "model = dict(backbone=dict(type='torch.hub.load'))",
        "model = dict(backbone=dict(_scope_='somewhere', type='Qwen3VLBackbone'))",
        CFG + "test_dataloader = dict(dataset=dict(pipeline=[dict(type='subprocess.run', args='echo')]))",
    ],
)
def test_a_config_that_names_other_code_is_refused_before_it_is_used(save, cfg):
    file = save(cfg=cfg)
    with pytest.raises(WeightsError, match=r'the config in .*a\.pth cannot be used: '):
        trained_config(read_checkpoint(file), file)


def test_a_config_loads_no_other_weights(save):
    file = save()
    assert trained_config(read_checkpoint(file), file).model.backbone == dict(type='Qwen3VLBackbone', pretrained=None)


def test_modules_of_other_packages_are_imported_where_they_are_trusted_or_known(save, tmp_path, monkeypatch):
    (tmp_path / 'my_parts_for_trust.py').write_text('import pathlib\npathlib.Path(__file__).with_name("ran").touch()\n')
    monkeypatch.syspath_prepend(tmp_path)
    file = save(cfg="custom_imports = dict(imports=['my_parts_for_trust'])\n" + CFG)
    with pytest.raises(WeightsError, match=r"imports the module 'my_parts_for_trust', which runs that code; .*--trust"):
        trained_config(read_checkpoint(file), file)
    assert not (tmp_path / 'ran').exists()
    with trust_checkpoints():
        trained_config(read_checkpoint(file), file)
    assert (tmp_path / 'ran').exists()
    trained_config(read_checkpoint(file), file)  # the program imported it already: nothing new runs

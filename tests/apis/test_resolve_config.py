from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.apis import (
    adopt_checkpoint,
    data_tasks,
    load_weights,
    other_input_size,
    read_checkpoint,
    read_config,
    resolve_config,
    start_from,
    starts_from_weights,
    transfer_from,
    write_checkpoint,
)
from aurora_mm.apis.checkpoint import trained_config
from aurora_mm.config_variables import image_size_of, set_image_size
from aurora_mm.errors import ConfigError, DataError, WeightsError
from aurora_mm.phantoms import make_dataset
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import Task, TaskTable
from tests.fixtures.fmc_root import FmcRoot

REPO = Path(__file__).parents[2]
NEW = Task('spleen', 'detection', classes=('spleen',))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'root'
    make_dataset(out, TaskTable([NEW, Task('lung', 'segmentation', classes=('background', 'lung'))]), 5)
    return str(out)


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """What is logged of tasks; MMEngine's own loggers do not reach pytest's handler."""
    messages: list[str] = []
    monkeypatch.setattr(data_tasks, 'print_log', lambda message, logger, level: messages.append(message))
    return messages


@pytest.fixture
def cfg():
    return Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')


def test_the_data_root_reaches_every_data_set(cfg, data):
    resolve_config(cfg, data_root=data)
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert [loader.dataset.data_root for loader in loaders] == [data] * 3


@pytest.mark.parametrize('gpu', [True, False])
def test_batches_are_pinned_where_there_is_a_gpu(cfg, data, gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    cfg.test_dataloader = cfg.test_dataloader.to_dict() | dict(pin_memory=False)
    resolve_config(cfg, data_root=data)
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert [loader.get('pin_memory') for loader in loaders] == [*[True if gpu else None] * 2, False]


def test_the_tasks_are_those_with_training_rows_everywhere(cfg, data, logged):
    """Of the config's 27 tasks the data has one; another adds itself."""
    resolve_config(cfg, data_root=data)
    for tasks in (cfg.tasks, cfg.model.tasks, cfg.train_dataloader.dataset.tasks, cfg.val_dataloader.dataset.tasks):
        table = TaskTable(tasks)
        assert list(table) == ['lung', 'spleen']
        assert table['spleen'].classes == ('class_0',)
        assert table['lung'].classes == ('background', 'lung')
    (message,) = logged
    assert 'tasks without training rows are left out: breast_lesion, cardiac_multi' in message


def test_tasks_are_chosen_by_name(cfg, data, logged):
    resolve_config(cfg, data_root=data, include=['spleen'])
    assert list(TaskTable(cfg.model.tasks)) == ['spleen']
    assert 'tasks that were not asked for are left out: breast_lesion' in logged[0]
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            dataset = DATASETS.build(loader.dataset)
        assert list(dataset.indices_by_task()) == list(dataset.tasks) == ['spleen']


@pytest.mark.parametrize('name', ['spleens', 'breast_lesion'])
def test_a_task_that_is_asked_for_must_have_training_rows(cfg, data, name):
    with pytest.raises(ConfigError, match=rf"task '{name}' has no training rows; those that have are (spleen|lung), "):
        resolve_config(cfg, data_root=data, include=[name])


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('kinds', "task 'kinds' is none of the tasks with training rows: kind, nodule. "),
        ('Kind', r"task 'Kind' differs only in capitals, .* in .*train/csv_files/k\.csv, row 2"),
    ],
)
def test_a_task_that_validation_data_spells_otherwise(cfg, tmp_path, name, said):
    """It would get a head of its own, never trained, whose score counts."""
    for split, task_id in (('train', 'kind'), ('val', name)):
        root = FmcRoot(tmp_path / split)
        root.csv('k', [root.cls_row(index, task_id=task_id) for index in range(2)])
        root.csv('n', [root.det_row(index) for index in range(2)])
    with pytest.raises(DataError, match=rf'val/csv_files/k\.csv, row 2: {said}'):
        resolve_config(cfg, data_root=str(tmp_path))


def test_a_task_without_validation_rows_is_told(cfg, tmp_path, logged):
    for split, tasks in (('train', 'kn'), ('val', 'n')):
        root = FmcRoot(tmp_path / split)
        for task in tasks:
            root.csv(task, [root.cls_row(index, task_id=task) for index in range(2)])
    resolve_config(cfg, data_root=str(tmp_path))
    assert list(TaskTable(cfg.tasks)) == ['k', 'n']
    assert logged[-1] == 'tasks without validation rows are trained, but not in the scores: k'


def test_white_space_makes_no_other_task(cfg, tmp_path):
    for split, task_id in (('train', 'kind'), ('val', 'kind\u00a0')):
        root = FmcRoot(tmp_path / split)
        root.csv('k', [root.cls_row(index, task_id=task_id) for index in range(2)])
    resolve_config(cfg, data_root=str(tmp_path))
    assert list(TaskTable(cfg.tasks)) == ['kind']


def test_pretrained(cfg, data, tmp_path):
    cfg.model.backbone.pretrained = 'somewhere'
    resolve_config(cfg, data_root=data, pretrained='none')
    assert cfg.model.backbone.pretrained is None
    with pytest.raises(WeightsError, match='no model config at'):
        resolve_config(cfg, data_root=data, pretrained=str(tmp_path))
    (tmp_path / 'encoder').mkdir()  # the work dir of a pretraining in the place of its encoder
    with pytest.raises(WeightsError, match=f"did you mean '{tmp_path}/encoder'"):
        resolve_config(cfg, data_root=data, pretrained=str(tmp_path))


def test_a_count_that_contradicts_the_table_is_refused(cfg, tmp_path):
    make_dataset(tmp_path / 'd', TaskTable([Task('lung', 'segmentation', classes=tuple('abc'))]), 5)
    with pytest.raises(DataError, match=r"'lung' is segmentation with 3 .* with 2 in the task table"):
        resolve_config(cfg, data_root=str(tmp_path / 'd'))


def test_missing_data_says_what_to_do(cfg, tmp_path):
    with pytest.raises(DataError, match='aurora-mm make-demo-data'):
        resolve_config(cfg, data_root=str(tmp_path / 'nowhere'))


def test_what_is_no_checkpoint_is_refused(cfg, data, tmp_path):
    import torch

    with pytest.raises(WeightsError, match=r'no checkpoint at'):
        adopt_checkpoint(cfg, tmp_path / 'absent.pth', data)
    torch.save({'state_dict': {}}, tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match='names no tasks'):
        adopt_checkpoint(cfg, tmp_path / 'other.pth', data)


def test_a_checkpoint_brings_its_tasks(cfg, data, tmp_path):
    resolve_config(cfg, data_root=data)
    cfg.model.backbone.preset = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3)
    meta = dict(dataset_meta=dict(tasks=cfg.tasks), cfg=cfg.pretty_text)
    write_checkpoint(tmp_path / 'c.pth', dict(meta=meta))
    fresh = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    adopt_checkpoint(fresh, tmp_path / 'c.pth', data)
    assert TaskTable(fresh.model.tasks) == TaskTable(cfg.tasks)
    assert fresh.model.backbone.preset.depth == 4
    meta['dataset_meta'] = dict(tasks=[t for t in cfg.tasks if t['name'] != 'spleen'])
    write_checkpoint(tmp_path / 'd.pth', dict(meta=meta))
    with pytest.raises(DataError, match=r"spleen\.csv, row 2: task 'spleen' is none of .* trained for: lung"):
        adopt_checkpoint(fresh, tmp_path / 'd.pth', data)


def test_the_size_of_any_pretrained_encoder_is_kept_with_the_run(data, tmp_path):
    from transformers import Dinov2Config, Dinov2Model

    small = dict(hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=56)
    Dinov2Model(Dinov2Config(**small)).save_pretrained(tmp_path)
    cfg = Config.fromfile(REPO / 'configs' / 'aurora_us_real_dinov2.py')
    resolve_config(cfg, data_root=data, pretrained=str(tmp_path))
    kept = Config.fromstring(cfg.pretty_text, file_format='.py').model.backbone
    assert kept.config.model_type == 'dinov2'
    assert kept.config.hidden_size == 32


def test_a_checkpoint_brings_its_encoder(cfg, data, tmp_path):
    resolve_config(cfg, data_root=data)
    cfg.model.backbone = dict(
        type='HFBackbone', config=dict(model_type='dinov2'), pretrained='somewhere', lora=dict(r=2)
    )
    meta = dict(dataset_meta=dict(tasks=cfg.tasks), cfg=cfg.pretty_text)
    write_checkpoint(tmp_path / 'c.pth', dict(meta=meta))
    fresh = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    adopt_checkpoint(fresh, tmp_path / 'c.pth', data)
    assert fresh.model.backbone == cfg.model.backbone | dict(pretrained=None)


@pytest.mark.parametrize('adopt', [adopt_checkpoint, start_from, transfer_from])
@pytest.mark.parametrize('compiled_here', [False, True])
def test_whether_blocks_are_compiled_is_not_the_checkpoints_to_say(cfg, data, tmp_path, compiled_here, adopt):

    resolve_config(cfg, data_root=data)
    cfg.model.backbone.compile_blocks = not compiled_here
    meta = dict(dataset_meta=dict(tasks=cfg.tasks), cfg=cfg.pretty_text)
    write_checkpoint(tmp_path / 'c.pth', {'meta': meta})
    fresh = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    if compiled_here:
        fresh.model.backbone.compile_blocks = True
    adopt(fresh, tmp_path / 'c.pth', data)
    assert fresh.model.backbone.get('compile_blocks', False) == compiled_here
    assert 'compile_blocks' not in trained_config({'meta': meta}, 'x.pth').model.backbone


def test_a_training_on_from_a_checkpoint_has_its_encoder_and_tasks(cfg, checkpoints, generated):
    assert not starts_from_weights(cfg)
    for _ in range(2):  # the hook is added once
        start_from(cfg, checkpoints[0], str(generated))
        hooks = [*cfg.default_hooks.values(), *cfg.custom_hooks]
        assert [hook.type for hook in hooks].count('StartFromHook') == 1
    assert starts_from_weights(cfg)
    assert cfg.load_from == str(checkpoints[0])
    assert cfg.model.backbone.preset.hidden_size == 48
    assert cfg.model.backbone.pretrained is None
    assert list(TaskTable(cfg.model.tasks)) == ['organs', 'kind', 'find', 'ends']
    assert cfg.train_dataloader.dataset.data_root == str(generated)


@pytest.fixture
def built(checkpoints, generated):
    """The model of a first checkpoint with another balancer than the checkpoint's, and that checkpoint."""
    import torch
    from mmengine.registry import DefaultScope

    from aurora_mm.registry import MODELS

    cfg = adopt_checkpoint(Config.fromfile(REPO / 'configs/aurora_fmc_demo.py'), checkpoints[0], str(generated))
    cfg.model.heads.segmentation.channels = 16
    cfg.model.balancer = dict(type='UncertaintyLossBalancer')
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.random.fork_rng():
        return MODELS.build(cfg.model), checkpoints[0], torch


def test_the_state_of_another_balancer_is_not_asked_for(built, tmp_path):
    model, file, torch = built
    trained = read_checkpoint(file)
    trained['state_dict'] |= {'balancer.raw.detection': torch.ones(1), 'tracker.ema': torch.full((4,), 7.0)}
    write_checkpoint(tmp_path / 'selective.pth', trained)
    load_weights(model, [tmp_path / 'selective.pth'])
    state = model.state_dict()
    heads = [name for name in state if name.startswith(('heads.', 'backbone.', 'necks.', 'detail.'))]
    assert all(torch.equal(state[name], trained['state_dict'][name]) for name in heads)
    assert state['tracker.ema'].isnan().all()
    assert state['balancer.log_variance.detection'] == 0


@pytest.mark.parametrize('change', ['missing', 'left over'])
def test_every_tensor_that_predictions_need_is_asked_for(built, tmp_path, change):
    model, file, _ = built
    trained = read_checkpoint(file)
    name = next(name for name in trained['state_dict'] if name.startswith('heads.'))
    tensor = trained['state_dict'].pop(name)
    if change == 'left over':
        trained['state_dict'] |= {name: tensor, 'heads.more': tensor}
    write_checkpoint(tmp_path / 'broken.pth', trained)
    with pytest.raises(WeightsError, match='heads.more' if change == 'left over' else name.replace('.', r'\.')):
        load_weights(model, [tmp_path / 'broken.pth'])


def test_another_size_than_that_of_the_training_is_told(checkpoints):
    cfg = read_config('aurora_fmc_demo.py')
    trained = image_size_of(trained_config(read_checkpoint(checkpoints[0]), checkpoints[0]))
    set_image_size(cfg, list(trained))
    assert other_input_size(cfg, checkpoints[0]) is None
    set_image_size(cfg, 192)
    told = other_input_size(cfg, checkpoints[0])
    assert 'inputs of 192 x 192 pixels' in told
    assert f'was trained with {trained[0]} x {trained[1]}' in told
    option = told.rpartition('--cfg-options ')[2].split()[0]
    assert other_input_size(read_config('aurora_fmc_demo.py', [option]), checkpoints[0]) is None

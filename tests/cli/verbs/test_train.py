"""What the verb makes of its arguments; whole runs are in tests/test_chain.py."""

from pathlib import Path

import pytest

from aurora_mm import apis
from aurora_mm.cli.verbs.train import main
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Runs the verb up to the training itself, and gives the config that it would run with."""
    make_dataset(tmp_path / 'data', TaskTable([dict(name='find', type='detection', classes=['a'])]), images_per_task=2)
    met = []

    class NoTraining:
        model = None

        def train(self):
            """Ends at once."""

    monkeypatch.setattr(apis, 'build_runner', lambda cfg: met.append(cfg) or NoTraining())
    monkeypatch.chdir(tmp_path)  # for the default work dir

    def run(*args, with_root=True):
        root = ['--data-root', str(tmp_path / 'data')] if with_root else []
        main([f'{REPO}/configs/aurora_fmc_demo.py', *root, *args])
        return met[-1]

    return run


@pytest.mark.parametrize('kind', ['OptimWrapper', 'AccumulatingOptimWrapper', 'AutocastOptimWrapper'])
def test_amp_autocasts_whatever_was_in_full_precision(configured, kind):
    cfg = configured('--amp', '--cfg-options', f'optim_wrapper.type={kind}')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.on_cpu) == ('AutocastOptimWrapper', True)


def test_amp_keeps_a_wrapper_that_can_autocast(configured):
    cfg = configured('--amp', '--cfg-options', 'optim_wrapper.type=GradientSurgeryOptimWrapper')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.on_cpu) == ('GradientSurgeryOptimWrapper', True)


def test_track_adds_backends(configured, tmp_path):
    cfg = configured('--track', 'tensorboard', '--work-dir', str(tmp_path / 'run'))
    assert [one.type for one in cfg.visualizer.vis_backends] == ['LocalVisBackend', 'TensorboardVisBackend']


def test_amp_refuses_a_wrapper_that_is_not_its_own(configured, capsys):
    with pytest.raises(SystemExit):
        configured('--amp', '--cfg-options', 'optim_wrapper.type=AmpOptimWrapper')
    assert '--amp cannot give AmpOptimWrapper' in capsys.readouterr().err


def test_tasks_of_another_file_take_the_place_of_the_configs(configured, tmp_path):
    """The data's one task is 'find', which the config does not know: `flip` and the class's name are the file's."""
    file = tmp_path / 'tasks.py'
    file.write_text("tasks = [dict(name='find', type='detection', classes=['lump'], flip=False)]")
    cfg = configured('--tasks', str(file))
    for tasks in (cfg.model.tasks, cfg.train_dataloader.dataset.tasks, cfg.val_dataloader.dataset.tasks):
        (task,) = tasks
        assert (task['name'], tuple(task['classes']), task['flip']) == ('find', ('lump',), False)


@pytest.mark.parametrize('load_from', [('--load-from', 'model.pth'), ('--resume', 'model.pth')])
@pytest.mark.parametrize(
    ('tasks', 'asked'),
    [
        ((), None),
        (('tasks.py',), (['find'], None)),
        (('find',), (None, ['find'])),
        (('tasks.py', 'find'), (['find'], ['find'])),
    ],
)
def test_a_trained_model_is_started_from_with_its_tasks_or_others(
    configured, tmp_path, monkeypatch, load_from, tasks, asked
):
    """A resumed run that started from a trained model takes the encoder's config of its own checkpoint."""
    (tmp_path / 'tasks.py').write_text("tasks = [dict(name='find', type='detection', classes=['lump'])]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apis, 'require_whole', lambda file: None)
    monkeypatch.setattr(apis, 'require_resumable', lambda model, file: None)
    called = []

    def other(cfg, checkpoint, data_root, tasks, include):
        called.append((str(checkpoint), (tasks and list(tasks), include)))

    monkeypatch.setattr(apis, 'start_from', lambda cfg, checkpoint, data_root: called.append((str(checkpoint), None)))
    monkeypatch.setattr(apis, 'transfer_from', other)
    options = ('--cfg-options', 'default_hooks.start_from.type=StartFromHook')
    configured(*(('--tasks', *tasks) if tasks else ()), *load_from, *options)
    assert called == [('model.pth', asked)]


@pytest.mark.parametrize(
    ('checkpoint', 'message'),
    [
        (None, 'interrupted; no checkpoint was written yet'),
        ('epoch_3.pth', 'interrupted; add --resume to go on from {}'),
    ],
)
def test_ctrl_c_says_how_to_go_on(configured, tmp_path, monkeypatch, capsys, checkpoint, message):
    class Interrupted:
        def train(self):
            if checkpoint is not None:
                (tmp_path / checkpoint).touch()
                (tmp_path / 'last_checkpoint').write_text(str(tmp_path / checkpoint))
            raise KeyboardInterrupt

    monkeypatch.setattr(apis, 'build_runner', lambda cfg: Interrupted())
    with pytest.raises(SystemExit) as end:
        configured('--work-dir', str(tmp_path))
    assert end.value.code == 130
    assert capsys.readouterr().err == message.format(tmp_path / str(checkpoint)) + '\n'


def test_resume_in_a_new_folder_is_a_new_run(configured, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(apis, 'require_whole', lambda file: None)
    monkeypatch.setattr(apis, 'require_resumable', lambda model, file: None)
    assert not configured('--work-dir', str(tmp_path / 'new'), '--resume').resume
    assert 'last_checkpoint' not in capsys.readouterr().out
    (tmp_path / 'epoch_3.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('epoch_3.pth')
    cfg = configured('--work-dir', str(tmp_path), '--resume')
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'epoch_3.pth'))


def test_a_new_run_in_the_folder_of_another_is_refused(configured, tmp_path, capsys):
    """As when `--load-from work_dirs/NAME/epoch_12.pth` starts a run whose default work dir is that folder."""
    (tmp_path / 'last_checkpoint').write_text('epoch_3.pth')
    with pytest.raises(SystemExit) as end:
        configured('--work-dir', str(tmp_path))
    assert end.value.code == 1
    assert 'holds the checkpoints of a training' in capsys.readouterr().err


def test_variables_given_as_options_reach_what_depends_on_them(configured, tmp_path):
    (tmp_path / 'data').rename(tmp_path / 'elsewhere')
    (tmp_path / 'data').mkdir()
    cfg = configured('--cfg-options', 'img_size=64', f'data_root={tmp_path / "elsewhere"}', with_root=False)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert [step.size for step in loader.dataset.pipeline if step.type == 'FitToSize'] == [64]
        assert loader.dataset.data_root == str(tmp_path / 'elsewhere')


def test_a_hook_that_is_none_is_left_out(configured):
    """MMEngine fails on it with a bare assertion; without the hook the sampler says what is missing."""
    cfg = configured('--cfg-options', 'default_hooks.multi_task=None', 'default_hooks.checkpoint=None')
    assert 'multi_task' not in cfg.default_hooks
    assert cfg.default_hooks.checkpoint is None  # MMEngine's own way to go without

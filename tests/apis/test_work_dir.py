import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import time
from contextlib import suppress

import pytest
import torch
from mmengine.config import Config

from aurora_mm.apis import (
    hold_work_dir,
    last_checkpoint,
    require_resumable,
    require_unused,
    require_whole,
    write_checkpoint,
)
from aurora_mm.errors import OutputError, WeightsError
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import TASKS, tiny_config
from tests.fixtures.waiting import LONG


def hold(folder, has_child, pipe):
    os.setsid()
    with hold_work_dir(folder):
        if has_child:  # a process of the data loader, which outlives the run
            multiprocessing.get_context('fork').Process(target=time.sleep, args=(LONG,)).start()
        pipe.send(os.getpid())
        time.sleep(LONG)


@pytest.fixture
def holder(server, tmp_path):
    """Another process that holds the folder."""
    started = []

    def start(has_child=False):
        ours, theirs = server.Pipe()
        process = server.Process(target=hold, args=(tmp_path / 'run', has_child, theirs))
        process.start()
        started.append(process)
        assert ours.recv() == process.pid
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()


def test_a_folder_that_another_run_holds_is_refused_with_its_name(holder, tmp_path):
    process = holder()
    with (
        pytest.raises(OutputError, match=rf'run is in use by process {process.pid} on \S+ since 20'),
        hold_work_dir(tmp_path / 'run'),
    ):
        pass


@pytest.mark.parametrize('has_child', [False, True])
def test_a_killed_run_leaves_no_lock(holder, tmp_path, has_child):
    process = holder(has_child)
    process.kill()
    process.join()
    with hold_work_dir(tmp_path / 'run'):
        pass


def test_a_run_lets_go_when_it_ends_in_whatever_way(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), hold_work_dir(tmp_path / 'run'):
            raise KeyboardInterrupt


def test_other_processes_of_the_same_run_do_not_ask(holder, tmp_path, monkeypatch):
    holder()
    monkeypatch.setenv('RANK', '1')
    with hold_work_dir(tmp_path / 'run'):
        pass


def test_a_work_dir_that_cannot_be_one_is_told(tmp_path):
    (tmp_path / 'file').touch()
    for name in ('file', 'file/deeper'):
        with pytest.raises(OutputError, match=rf'cannot use the work dir .*{name}: '), hold_work_dir(tmp_path / name):
            pass


def test_a_file_system_without_locks_is_told_and_used(tmp_path, monkeypatch):
    told = []

    def lockf(*args):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'lockf', lockf)
    monkeypatch.setattr('aurora_mm.apis.work_dir.print_log', lambda text, **kwargs: told.append(text))
    with hold_work_dir(tmp_path / 'run'):
        pass
    assert 'a second run in this folder would not be noticed' in told[0]


def test_a_new_training_does_not_overwrite_another(tmp_path):
    require_unused(tmp_path / 'absent')
    (tmp_path / 'log.txt').touch()
    require_unused(tmp_path)
    (tmp_path / 'last_checkpoint').write_text('epoch_2.pth')
    with pytest.raises(OutputError, match=r'holds the checkpoints of a training, .*add --resume .*--work-dir'):
        require_unused(tmp_path)


def test_the_last_checkpoint_is_the_one_in_the_given_folder(tmp_path):
    old = tmp_path / 'old'
    old.mkdir()
    assert last_checkpoint(old) is None
    assert last_checkpoint(tmp_path / 'absent') is None
    (old / 'epoch_2.pth').touch()
    (old / 'last_checkpoint').write_text(f'{old}/epoch_2.pth\n')
    copy = shutil.copytree(old, tmp_path / 'copy')
    assert last_checkpoint(copy) == copy / 'epoch_2.pth'
    moved = old.rename(tmp_path / 'moved')
    assert last_checkpoint(moved) == moved / 'epoch_2.pth'


def test_a_last_checkpoint_that_is_gone_is_told(tmp_path):
    """Though another folder, where the run once was, may still have it."""
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'epoch_2.pth').touch()
    run = tmp_path / 'run'
    run.mkdir()
    for text, told in ((f'{other}/epoch_2.pth', 'no epoch_2.pth beside it'), ('', 'names nothing')):
        (run / 'last_checkpoint').write_text(text)
        with pytest.raises(WeightsError, match=rf'{told}.*--resume CKPT'):
            last_checkpoint(run)
    (run / 'last_checkpoint').write_bytes(b'\xff\xfe')
    with pytest.raises(WeightsError, match='cannot be read'):
        last_checkpoint(run)


@pytest.fixture
def model():
    return MultiTaskModel(**tiny_config())


@pytest.fixture
def save(tmp_path, model):
    def run(state=None, **changes):
        meta = dict(dataset_meta=dict(tasks=[task.to_config() for task in TASKS]), epoch=1, iter=3)
        hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
        content = dict(meta=meta, state_dict=state or model.state_dict(), optimizer={}, message_hub=hub) | changes
        write_checkpoint(tmp_path / 'a.pth', {key: value for key, value in content.items() if value is not None})
        return tmp_path / 'a.pth'

    return run


def test_what_a_run_can_go_on_from(model, save, tmp_path):
    require_resumable(model, save())
    (tmp_path / 'shards').mkdir()
    require_resumable(model, tmp_path / 'shards')


def test_weights_alone_are_nothing_to_go_on_from(model, save):
    """As in best_*.pth, in averaged and in merged checkpoints."""
    with pytest.raises(WeightsError, match=r'a\.pth holds no optimizer: .*--load-from'):
        require_resumable(model, save(optimizer=None))
    with pytest.raises(WeightsError, match=r'holds no optimizer and no message_hub and no epoch and no iter'):
        meta = dict(dataset_meta=dict(tasks=[TASKS[0].to_config()]))
        require_resumable(model, save(meta=meta, optimizer=None, message_hub=None))


def test_a_checkpoint_that_is_cut_off_is_told_with_the_one_before(save, tmp_path):
    whole = save().rename(tmp_path / 'epoch_1.pth')
    require_whole(whole)
    (tmp_path / 'shards').mkdir()
    require_whole(tmp_path / 'shards')
    cut = tmp_path / 'iter_10.pth'
    cut.write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=rf'{cut} cannot be read: it is only part of a zip file.*--resume {whole}$'):
        require_whole(cut)
    whole.unlink()
    with pytest.raises(WeightsError, match=rf'{cut} cannot be read: it is only part of a zip file') as alone:
        require_whole(cut)
    assert '--resume' not in str(alone.value)


def test_a_run_goes_on_with_the_classes_that_it_had(model, save):
    """Weights fit classes in another order, and would answer with the name of another class."""
    tasks = [task.to_config() for task in TASKS]
    classes = tasks[1]['classes']
    tasks[1] = tasks[1] | dict(classes=classes[::-1])
    before, now = ', '.join(classes[::-1]), ', '.join(classes)
    said = f"the classes of task '{tasks[1]['name']}' were {before}, and now they are {now}: "
    with pytest.raises(WeightsError, match=said):
        require_resumable(model, save(meta=dict(dataset_meta=dict(tasks=tasks), epoch=1, iter=3)))
    tasks = [task.to_config() | dict(flip=False) for task in TASKS[::-1]]
    require_resumable(model, save(meta=dict(dataset_meta=dict(tasks=tasks), epoch=1, iter=3)))


def test_a_run_goes_on_with_the_order_of_its_tasks(model, save):
    """The tracker keeps the running loss of each task by its index."""

    def saved(tasks):
        configs = [task.to_config() for task in tasks]
        cfg = Config(dict(model=dict(type='MultiTaskModel', tasks=configs))).pretty_text
        return save(meta=dict(cfg=cfg, dataset_meta=dict(tasks=configs), epoch=1, iter=3))

    require_resumable(model, saved(TASKS))
    before, now = (', '.join(task.name for task in tasks) for tasks in (TASKS[::-1], TASKS))
    with pytest.raises(WeightsError, match=f'a run with the tasks {before}, and now their order is {now}: '):
        require_resumable(model, saved(TASKS[::-1]))


def test_weights_of_another_model_are_refused(model, save):
    state = model.state_dict()
    name = next(iter(state))
    with pytest.raises(WeightsError, match=rf'not of this config.*: {name} is missing'):
        require_resumable(model, save({key: value for key, value in state.items() if key != name}))
    with pytest.raises(WeightsError, match='more is left over'):
        require_resumable(model, save(state | dict(more=torch.zeros(1))))
    with pytest.raises(WeightsError, match=rf'{name} has shape \(7,\)'):
        require_resumable(model, save(state | {name: torch.zeros(7)}))

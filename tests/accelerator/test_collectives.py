"""What ranks exchange goes through NCCL too, which takes no tensors of the CPU."""

import ast
import json
import os
from pathlib import Path
from types import SimpleNamespace

import mmengine.device.utils
import mmengine.dist
import mmengine.runner.amp
import pytest
import torch
import torch.distributed as dist
from mmengine.runner import Runner

import aurora_mm
from aurora_mm.calibration.observations import Observations
from aurora_mm.engine import LRFinderHook, MaskedImageHook, ReproducibleEpochHook
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.submission import SubmissionWriter
from aurora_mm.tasks import Task, TaskTable
from tests.accelerator.small_run import narrow_config
from tests.fixtures.pretend_accelerator import DEVICE, PretendAccelerator
from tests.fixtures.pretend_nccl import COLLECTIVES, PretendNccl

pytestmark = pytest.mark.skipif(os.environ.get('AURORA_DEVICE') == 'cuda', reason='its devices are pretended')

SURGERY = dict(type='GradientSurgeryOptimWrapper', combiner=dict(type='PCGradCombiner'))
# DistributedDataParallel averages none of these: its collectives are called in C++, where nothing is pretended.
WAYS = dict(
    accumulated=dict(optim_wrapper=dict(type='AutocastOptimWrapper', accumulative_counts=2)),
    surgery=dict(optim_wrapper=SURGERY, model=dict(balancer=dict(type='GradientNormBalancer', interval=1))),
)
CALLS = {f'{module}.{name}' for module in ('dist', 'torch_dist', 'torch.distributed') for name in COLLECTIVES}
TASK = Task('kind', 'classification', classes=['x', 'y'])


def on_two_devices(rank, folder, work, *args):
    """Runs ``work(rank, folder, *args)`` on this rank, whose device is the pretended one; the last is a queue."""
    *args, queue = args
    torch.set_num_threads(1)
    mmengine.device.utils.DEVICE = str(DEVICE)
    mmengine.runner.amp.get_device = lambda: DEVICE.type
    os.environ['LOCAL_RANK'] = str(rank)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    with PretendAccelerator(), PretendNccl() as nccl:
        found = work(rank, folder, *args)
        mmengine.dist.barrier()
    queue.put((rank, found, nccl.called))
    dist.destroy_process_group()


def train(rank, folder, root):
    """Trains in each way, with all hooks; the scores of the last validations."""
    scores = {}
    for way, changes in WAYS.items():
        cfg = narrow_config(root, folder / way)
        cfg.merge_from_dict(changes)
        cfg.launcher = 'pytorch'
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
        runner = Runner.from_cfg(cfg)
        runner.train()
        scores[way] = runner.message_hub.get_scalar('val/score').current()
    return scores


@pytest.mark.long
def test_trainings(two_ranks, us_real, tmp_path):
    first, second = two_ranks(on_two_devices, tmp_path, train, us_real)
    assert set(first[1]) == set(WAYS)
    assert first[1] == second[1]
    assert {'all_reduce', 'all_gather_object', 'broadcast_object_list'} <= first[2]


def exchange(rank, folder):
    """What default trainings do not exchange."""
    masked, finder, position = MaskedImageHook(), LRFinderHook(), ReproducibleEpochHook()
    runner = SimpleNamespace(epoch=0)
    masked.before_train_epoch(runner)
    cells = SimpleNamespace(mask=torch.ones(rank))
    masked.after_train_iter(runner, 0, dict(data_samples=[cells]), dict(loss=torch.ones((), device=DEVICE)))
    masked.after_train_epoch(runner)  # on the first rank no cell is masked

    finder._rate = 0.1
    finder.after_train_iter(runner, 0, outputs=dict(loss=torch.tensor(1.0 + rank, device=DEVICE)))
    position.before_stop_within_epoch(runner, 1)

    sample = TaskDataSample(metainfo=dict(task='kind', task_type='classification', img_id=rank, img_path=f'{rank}.png'))
    sample.set_metainfo(dict(gt_coordinates='original', image_path=f'{rank}.png', ori_shape=(4, 4)))
    sample.pred_scores, sample.pred_label = torch.tensor([0.25, 0.75]), torch.tensor([1])
    sample.gt_label = torch.tensor([1])
    image = MultiTaskDataSample([sample], metainfo=dict(img_path=f'{rank}.png')).to(DEVICE)
    seen = Observations(TaskTable([TASK]))
    seen.add([torch.ones(1, 3, 2, 2, device=DEVICE)], [image])
    writer = SubmissionWriter(folder / 'submission')
    writer.add(image['kind'])
    writer.finish()
    return finder.rows[0][1], len(seen.gather()['kind'].observations), seen.features().shape, len(position._position)


def test_what_is_exchanged_beside_a_training(two_ranks, tmp_path):
    for _, found, _ in two_ranks(on_two_devices, tmp_path, exchange):
        assert found == (1.5, 2, (2, 3), 2)
    assert len(json.loads((tmp_path / 'submission' / 'classification_predictions.json').read_text())) == 2


def refused(rank, folder):
    told = []
    for call in (
        lambda: dist.all_reduce(torch.ones(1)),
        lambda: dist.broadcast(torch.ones(1), 0),
        lambda: mmengine.dist.all_gather_object(dict(found=[torch.ones(1, device=DEVICE)])),
    ):
        with pytest.raises(RuntimeError) as error:
            call()
        told.append(str(error.value))
    group = dist.new_group(backend='gloo')
    flag = torch.tensor([rank])
    dist.all_reduce(flag, group=group)
    return told, int(flag)


def test_the_mistakes_that_this_is_for_are_seen(two_ranks, tmp_path):
    for _, (told, total), _ in two_ranks(on_two_devices, tmp_path, refused):
        assert [text.partition(',')[0].partition(' at ')[0] for text in told] == [
            'No backend type associated with device type cpu: all_reduce',
            'No backend type associated with device type cpu: broadcast',
            'all_gather_object sends a tensor of the accelerator in an object',
        ]
        assert total == 1


def test_collectives_of_torch_are_called_for_a_group_of_gloo_alone():
    """All others go through MMEngine, which moves tensors to the device of the group."""
    found = set()
    package = Path(aurora_mm.__file__).parent
    for file in package.rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text())):
            is_collective = isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS
            if is_collective and not any(keyword.arg == 'group' for keyword in node.keywords):
                found.add(f'{file.relative_to(package)}:{node.lineno}')
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith('torch.distributed'):
                found |= {f'{file.name}: {name.name}' for name in node.names if name.name in COLLECTIVES}
    assert found == set()

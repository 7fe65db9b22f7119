"""A run of MMEngine's Runner that takes a second: a tiny model, three images, and scores as they are wished for."""

import copy

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from torch import rand
from torch.utils.data import Dataset

from tests.models.conftest import CLS, POINTS, SEG, make_image
from tests.models.test_multi_task_model import config

TASKS = [SEG, CLS, POINTS]


class Images(Dataset):
    metainfo = dict(tasks=[task.to_config() for task in TASKS])

    def __len__(self):
        return len(TASKS)

    def __getitem__(self, i):
        return dict(inputs=rand(3, 64, 64), data_samples=make_image(TASKS[i]))


class Wished(Evaluator):
    """Gives one row of scores after the other, and keeps the weights that it was given each for."""

    def __init__(self, model, scores):
        super().__init__([])
        self.model, self.scores, self.weights = model, iter(scores), []

    def process(self, data_samples, data_batch=None):
        pass

    def evaluate(self, size):
        self.weights.append(copy.deepcopy(self.model.state_dict()))
        return {f'{task.name}/primary': score for task, score in zip(TASKS, next(self.scores), strict=True)}


def tiny_run(name, work_dir, model, scores=(), epochs=3, hooks=(), wrapper='OptimWrapper', **kwargs):
    """The runner, not yet started."""
    loader = dict(
        batch_size=3,
        num_workers=0,
        dataset=Images(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )
    return Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        optim_wrapper=dict(type=wrapper, optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=Wished(model, scores),
        custom_hooks=list(hooks),
        randomness=dict(seed=0),
        default_scope='aurora_mm',
        experiment_name=f'{work_dir}/{name}',
        cfg=Config(dict(experiment_name=name)),
        **kwargs,
    )


def tiny_config(tasks=TASKS, **changes):
    heads = config()['heads']
    heads.pop('detection')
    fixed = dict(balancer=None, data_preprocessor=dict(type='BaseDataPreprocessor'))
    return config(tasks=[task.to_config() for task in tasks], heads=heads, **fixed, **changes)

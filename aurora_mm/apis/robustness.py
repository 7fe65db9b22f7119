"""The test of a model on corrupted images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from numpy.typing import NDArray

from aurora_mm.config_variables import datasets_of_loader
from aurora_mm.datasets.transforms.corruptions import CORRUPTIONS, Corruption
from aurora_mm.datasets.transforms.corruptions.corruption import STRENGTHS
from aurora_mm.errors import ConfigError
from aurora_mm.evaluation import EvaluationResult
from aurora_mm.images.reading import read_image

_LOADERS = ('LoadUltrasoundImage', 'LoadImageFromFile')
SEED = 0


def score_corrupted(
    runner: Runner,
    cfg: Config,
    plain: EvaluationResult,
    say: Callable[[str], None] = print,
    kinds: Sequence[type[Corruption]] = CORRUPTIONS,
    strengths: Sequence[float] = STRENGTHS,
) -> dict[str, Any]:
    """Score the model of a runner on the images of its test, corrupted in each way and strength.

    Args:
        runner: After its test. Its hooks are not called.
        cfg: The config that it was built from.
        plain: Result of the test.
        say: Told of each corruption that is done.
        kinds: Of corruptions.
        strengths: Of each, 0 to 1.

    Returns:
        What ``metrics.json`` holds as ``robustness``: ``strengths``; ``plain``, the ``score`` and the primary score of
        each task on the images as they are; and ``corruptions`` by title, each with its ``unit``, the ``score`` at each
        strength and the primary scores of each task in ``tasks``.

    Raises:
        ConfigError: If a pipeline of the test loads images by another transform than this package's or mmcv's.
    """
    corruptions: dict[str, Any] = {}
    for kind in kinds:
        results = [_test(runner, cfg, kind, strength) for strength in strengths]
        corruptions[kind.title] = dict(
            unit=kind.unit,
            score=[result.scores['score'] for result in results],
            tasks={name: [result.scores[f'{name}/primary'] for result in results] for name in plain.tasks},
        )
        scores = ', '.join(f'{result.scores["score"]:.3f}' for result in results)
        say(f'{kind.title}: score {scores} at strengths {", ".join(map(str, strengths))}')
    return dict(
        strengths=list(strengths),
        plain=dict(score=plain.scores['score'], tasks={name: plain.scores[f'{name}/primary'] for name in plain.tasks}),
        corruptions=corruptions,
    )


def corrupted_examples(source: str, strengths: Sequence[float] = STRENGTHS) -> dict[str, list[NDArray[np.uint8]]]:
    """Return an image as it is and at each strength of each corruption.

    Args:
        source: Of the image.
        strengths: Of each corruption.

    Returns:
        Lists of (H, W, 3) uint8 BGR by the title of the corruption; the first is the image itself.
    """
    image = read_image(source).pixels
    return {
        kind.title: [image, *(kind(strength, seed=SEED)(dict(img=image))['img'] for strength in strengths)]
        for kind in CORRUPTIONS
    }


def with_corruption(
    pipeline: Sequence[dict[str, Any]], kind: type[Corruption], strength: float
) -> list[dict[str, Any]]:
    """Return a pipeline with a corruption right after the loading of the image.

    Raises:
        ConfigError: If the pipeline loads no image by a known transform.
    """
    places = [number for number, step in enumerate(pipeline) if step['type'].rsplit('.', 1)[-1] in _LOADERS]
    if len(places) != 1:
        raise ConfigError(
            f'--robustness corrupts images after {" or ".join(_LOADERS)}, of which the test pipeline must have one'
        )
    step = dict(type=f'aurora_mm.{kind.__name__}', strength=strength, seed=SEED)
    return [*pipeline[: places[0] + 1], step, *pipeline[places[0] + 1 :]]


def _test(runner: Runner, cfg: Config, kind: type[Corruption], strength: float) -> EvaluationResult:
    changed = Config(dict(test_dataloader=copy.deepcopy(cfg.test_dataloader)))
    for dataset in datasets_of_loader(changed, 'test_dataloader'):
        if dataset.get('pipeline'):
            dataset.pipeline = with_corruption(dataset.pipeline, kind, strength)
    loader = Runner.build_dataloader(changed.test_dataloader, seed=runner.seed)
    evaluator, model = runner.test_loop.evaluator, runner.model
    model.eval()
    with torch.no_grad(), autocast(enabled=runner.test_loop.fp16):
        for batch in loader:
            evaluator.process(data_samples=model.test_step(batch), data_batch=batch)
    evaluator.evaluate(len(loader.dataset))
    result: EvaluationResult = evaluator.result
    return result

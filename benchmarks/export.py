"""What export costs: largest differences from the inferencer, loss of score, size and time of each format.

    python benchmarks/export.py configs/aurora_us_real.py epoch_12.pth --data-root DATA

Exports the checkpoint as ONNX in fp32, fp16 and int8 (ranges from 64 training images), predicts the test data of the
config by the predictor that needs numpy and onnxruntime alone, and scores it with the config's own evaluator. Times are
medians of CPU time for one image at a time on one thread, with the reading of the file left out. Needs the extra
`export`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

from aurora_mm.apis import MultiTaskInferencer, adopt_checkpoint, read_config
from aurora_mm.evaluation.suppress_output import suppress_output
from aurora_mm.exporting.export_model import PRECISIONS, export_model
from aurora_mm.exporting.onnx_predictor import Predictor
from aurora_mm.images.reading import read_image
from aurora_mm.registry import DATASETS, EVALUATOR
from aurora_mm.structures import TaskDataSample
from aurora_mm.tables import markdown_table

_PIPELINE = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=32),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
_TIMED = 30  # images
Tensors = dict[str, np.ndarray]


def dataset_of(loader: Any, pipeline: list[dict]) -> Any:
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        return DATASETS.build(dict(loader.dataset) | dict(pipeline=pipeline, test_mode=True, serialize_data=False))


def set_prediction(sample: TaskDataSample, tensors: Tensors) -> None:
    """Set the outputs of the exported model for one image as the predictions of its data sample."""
    found = {name: torch.from_numpy(np.asarray(value)) for name, value in tensors.items()}
    if 'probs' in found:
        sample.pred_scores, sample.pred_label = found['probs'], found['probs'].argmax(0, keepdim=True)
    if 'mask' in found:
        sample.pred_sem_seg = PixelData(data=found['mask'][None].long())
    if 'boxes' in found:
        n = int(found['count'])
        boxes, scores, labels = (found[name][:n] for name in ('boxes', 'scores', 'labels'))
        sample.pred_instances = InstanceData(bboxes=boxes, scores=scores, labels=labels)
    if 'points' in found:
        sample.pred_landmarks = found['points']


def score(cfg: Config, samples: list[TaskDataSample], metainfo: dict) -> dict[str, float]:
    with DefaultScope.overwrite_default_scope('aurora_mm'), suppress_output():
        evaluator = EVALUATOR.build(cfg.test_evaluator)
        evaluator.dataset_meta = metainfo
        evaluator.process(samples)
        return evaluator.evaluate(len(samples))


def difference(sample: TaskDataSample, tensors: Tensors) -> dict[str, float]:
    """Differences from the prediction of the inferencer: probabilities and scores; share of pixels; of the diagonal."""
    diagonal = float(np.hypot(*sample.ori_shape))
    if 'pred_sem_seg' in sample:
        return {'mask, share of pixels': float((sample.pred_sem_seg.data[0].numpy() != tensors['mask']).mean())}
    if 'pred_scores' in sample:
        return {'probability': float(np.abs(sample.pred_scores.numpy() - tensors['probs']).max())}
    if 'pred_landmarks' in sample:
        return {
            'point, share of the diagonal': float(
                np.abs(sample.pred_landmarks.numpy() - tensors['points']).max() / diagonal
            )
        }
    best = sample.pred_instances[:1]
    return {
        'best box, share of the diagonal': float(np.abs(best.bboxes.numpy() - tensors['boxes'][:1]).max() / diagonal),
        'score of the best box': float(np.abs(best.scores.numpy() - tensors['scores'][:1]).max()),
    }


def milliseconds(predict: Callable[[np.ndarray], Any], images: list[np.ndarray]) -> float:
    times = []
    for image in images[:3] + images:
        start = time.process_time()
        predict(image)
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times[3:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--data-root', required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cfg = adopt_checkpoint(read_config(args.config), args.checkpoint, args.data_root)
    inferencer = MultiTaskInferencer(args.checkpoint, 'cpu', show_progress=False)
    dataset = dataset_of(cfg.test_dataloader, _PIPELINE)
    paths = sorted({info['img_path'] for info in dataset.data_list})
    pixels = {path: read_image(path).pixels for path in paths}
    timed = [pixels[path] for path in paths[:: max(1, len(paths) // _TIMED)]]
    training = sorted({info['img_path'] for info in dataset_of(cfg.train_dataloader, []).data_list})
    ranges = [read_image(path).pixels for path in training[:: max(1, len(training) // 64)]][:64]

    def samples_with(answer: Callable[[TaskDataSample], None]) -> list[TaskDataSample]:
        samples = [sample for index in range(len(dataset)) for sample in dataset[index]['data_samples']]
        for sample in samples:
            answer(sample)
        return samples

    answers = {path: inferencer([path], task='all', return_datasamples=True)['predictions'][0] for path in paths}

    def by_torch(sample: TaskDataSample) -> None:
        own = answers[sample.img_path][sample.task]
        for field in ('pred_sem_seg', 'pred_scores', 'pred_label', 'pred_landmarks', 'pred_instances'):
            if field in own:
                setattr(sample, field, own.get(field))

    base = score(cfg, samples_with(by_torch), dataset.metainfo)
    size = sum(p.numel() * 4 for p in inferencer.model.parameters()) / 1e6
    torch_time = milliseconds(lambda image: inferencer([image], task='all', return_datasamples=True), timed)
    rows = [('torch, fp32', f'{base["score"]:.4f}', '-', f'{size:.1f}', f'{torch_time:.0f}')]
    largest: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS:
            out = Path(folder) / precision
            export_model(args.checkpoint, out, 'onnx', None, precision, ranges if precision == 'int8' else ())
            predictor = Predictor(out / 'model.onnx', ['CPUExecutionProvider'], threads=1)
            tensors = {path: predictor.run(pixels[path][None]) for path in paths}

            def by_onnx(sample: TaskDataSample, tensors: dict = tensors) -> None:
                of_task = tensors[sample.img_path][sample.task]
                set_prediction(sample, {name: value[0] for name, value in of_task.items()})

            found = score(cfg, samples_with(by_onnx), dataset.metainfo)
            worst = largest.setdefault(precision, {})
            for path in paths:
                for sample in answers[path]:
                    values = {name: value[0] for name, value in tensors[path][sample.task].items()}
                    for name, value in difference(sample, values).items():
                        worst[name] = max(worst.get(name, 0.0), value)
            megabytes = sum(file.stat().st_size for file in out.glob('model.onnx*')) / 1e6
            taken = milliseconds(lambda image, p=predictor: p([image]), timed)
            change = f'{found["score"] - base["score"]:+.4f}'
            rows.append((f'onnx, {precision}', f'{found["score"]:.4f}', change, f'{megabytes:.1f}', f'{taken:.0f}'))
            by_type = {k: f'{found[k] - base[k]:+.4f}' for k in base if k.startswith('type/')}
            print(precision, by_type, flush=True)
    print(markdown_table(('format', 'score', 'change', 'MB', 'ms an image'), rows))
    kinds = list(largest['fp32'])
    print(
        markdown_table(
            ('largest difference', *PRECISIONS), [(k, *(f'{largest[p][k]:.1e}' for p in PRECISIONS)) for k in kinds]
        )
    )


if __name__ == '__main__':
    main()

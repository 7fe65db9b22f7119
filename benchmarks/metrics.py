"""How fast masks are scored.

    python benchmarks/metrics.py hausdorff         # our Hausdorff distance beside the filter of SimpleITK
    python benchmarks/metrics.py submission        # 1,000 images of 800 x 540 pixels on 2 cores, from files to scores

Needs SimpleITK, which comes with the extra `test`. Each on one thread (the second with one for each worker); times of
functions are medians of CPU time, taken in turn.
"""

from __future__ import annotations

import argparse
import csv
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import SimpleITK
from mmengine.logging import MMLogger

from aurora_mm.evaluation.functional import dice, hausdorff_distance, hd95_and_nsd
from aurora_mm.submission import score_submission
from aurora_mm.submission.read_lists import list_files
from aurora_mm.tasks import TaskTable

# Radii in image heights of truth and roughness of outlines: what a fair prediction of each looks like.
SHAPES = {
    'fetal head': dict(radii=(0.38, 0.29), rough=0.05),
    'lung, half the image': dict(radii=(0.48, 0.40), rough=0.15),
    'breast lesion': dict(radii=(0.13, 0.09), rough=0.15),
    'thyroid nodule': dict(radii=(0.05, 0.04), rough=0.15),
    'vessel wall (ring)': dict(radii=(0.25, 0.22), rough=0.04, hole=0.8),
    'lesion and a far speck': dict(radii=(0.13, 0.09), rough=0.15, speck=True),
    'wrong place': dict(radii=(0.2, 0.15), rough=0.1, moved=0.3),
    'ragged (untrained model)': dict(radii=(0.3, 0.25), rough=0.1, ragged=True),
}


def outline(rng: np.random.Generator, shape: tuple[int, int], centre, radii, rough: float) -> np.ndarray:
    """A filled closed curve: an ellipse with a few random waves on its radius."""
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    wave = sum(rng.normal(0, rough / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(2, 9))
    radius = np.array(radii)[:, None] * shape[0] * (1 + wave)
    points = np.array(centre)[:, None] + radius * [np.cos(angles), np.sin(angles)]
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [points.T.round().astype(np.int32)], 1)
    return mask


def mask_pair(rng: np.random.Generator, shape: tuple[int, int], kind: dict) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) truth and prediction of one kind."""
    centre = np.array([shape[1] / 2, shape[0] / 2]) + rng.uniform(-0.05, 0.05, 2) * shape[0]
    pair = []
    for moved in (0.0, kind.get('moved', 0.0)):
        place = centre + moved * shape[0] / 2 + rng.normal(0, 0.01, 2) * shape[0]
        mask = outline(rng, shape, place, kind['radii'], kind['rough'])
        if 'hole' in kind:
            mask[outline(rng, shape, place, np.array(kind['radii']) * kind['hole'], kind['rough']) > 0] = 0
        pair.append(mask)
    truth, pred = pair
    if kind.get('speck'):
        cv2.circle(pred, (int(0.95 * shape[1]), int(0.95 * shape[0])), 4, 1, -1)
    if kind.get('ragged'):
        noise = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 4)
        pred = ((pred > 0) ^ (noise > 0.08)).astype(np.uint8)
    return truth > 0, pred > 0


def simple_itk_hausdorff(pred: np.ndarray, truth: np.ndarray) -> float:
    distance = SimpleITK.HausdorffDistanceImageFilter()
    distance.SetNumberOfThreads(1)
    distance.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (pred, truth)))
    return distance.GetHausdorffDistance()


def seconds(function: Callable[[], object]) -> float:
    """CPU time, which other work on the machine hardly changes; both libraries run on one thread here."""
    start = time.process_time()
    function()
    return time.process_time() - start


def cpu_seconds() -> float:
    """Of this process and of those it waited for, which other work on the machine does not change."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def compare_hausdorff(size: int, pairs: int, repeats: int) -> None:
    cv2.setNumThreads(1)
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    print(f'Hausdorff distance at {size} x {size}, one core,')
    print(f'medians of CPU time over {pairs} mask pairs of each kind, each {repeats} times\n')
    print('| masks | SimpleITK | ours | ratio | largest difference |\n|---|---|---|---|---|')
    everything: list[tuple[float, float]] = []
    for name, kind in SHAPES.items():
        rng = np.random.default_rng(0)
        times, difference = [], 0.0
        for _ in range(pairs):
            truth, pred = mask_pair(rng, (size, size), kind)
            difference = max(difference, abs(simple_itk_hausdorff(pred, truth) - hausdorff_distance(pred, truth)))
            for _ in range(repeats):
                theirs = seconds(lambda p=pred, t=truth: simple_itk_hausdorff(p, t))
                times.append((theirs, seconds(lambda p=pred, t=truth: hausdorff_distance(p, t))))
        theirs, ours = (statistics.median(column) for column in zip(*times, strict=True))
        everything += times
        print(f'| {name} | {1e3 * theirs:.0f} ms | {1e3 * ours:.2f} ms | {theirs / ours:.0f}x | {difference:.0e} px |')
    theirs, ours = (statistics.median(column) for column in zip(*everything, strict=True))
    print(f'| **all** | {1e3 * theirs:.0f} ms | {1e3 * ours:.2f} ms | {theirs / ours:.0f}x | |')


def write_submission(root: Path, images: int, shape: tuple[int, int], classes: int) -> None:
    """Data of one task under ``root/data`` and a submission for it under ``root/submission``."""
    rng = np.random.default_rng(0)
    kinds = list(SHAPES.values())
    (root / 'data/csv_files').mkdir(parents=True)
    for folder in ('data/image', 'data/mask', 'submission/mask'):
        (root / folder).mkdir(parents=True)
    rows = []
    for index in range(images):
        masks = np.zeros((2, *shape), np.uint8)
        for label in range(1, classes):
            for mask, drawn in zip(masks, mask_pair(rng, shape, kinds[(index + label) % 7]), strict=True):
                mask[drawn] = label
        speckle = cv2.GaussianBlur(rng.integers(0, 256, shape, dtype=np.uint8), (0, 0), 1.5)
        for folder, pixels in zip(('data/image', 'data/mask', 'submission/mask'), (speckle, *masks), strict=True):
            cv2.imwrite(str(root / folder / f'{index:04d}.png'), pixels)
        place = [f'../{name}/{index:04d}.png' for name in ('image', 'mask')]
        rows.append(['organ', 'segmentation', classes, *place])
    with (root / 'data/csv_files/organ.csv').open('w', newline='') as file:
        csv.writer(file).writerows([['task_id', 'task_name', 'num_classes', 'image_path', 'mask_path'], *rows])
    for file in list_files().values():
        (root / 'submission' / file).write_text('[]')


def time_submission(images: int, workers: int, classes: int) -> None:
    MMLogger.get_instance('benchmark', log_level='ERROR')
    shape = (540, 800)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_submission(root, images, shape, classes)
        start, busy = time.perf_counter(), cpu_seconds()
        result = score_submission(root / 'data', root / 'submission', TaskTable(), workers=workers, progress=True)
        elapsed, busy = time.perf_counter() - start, cpu_seconds() - busy
    scores = result.result.of_task('organ')
    print(f'{images} images of {shape[1]} x {shape[0]}, {classes - 1} foreground classes, {workers} processes:')
    print(f'{elapsed:.1f} s, {busy:.1f} s of CPU time with starting, from files to')
    print(f'DSC {scores["DSC"]:.3f}, HD {scores["HD"]:.1f} px, HD95 {scores["HD95"]:.1f} px, NSD {scores["NSD"]:.3f}')
    rng = np.random.default_rng(0)
    pairs = [mask_pair(rng, shape, kind) for kind in list(SHAPES.values())[:7] for _ in range(5)]
    for name, function in (
        ('DSC', dice),
        ('HD', hausdorff_distance),
        ('HD95 and NSD', lambda a, b: hd95_and_nsd(a, b, 2.0)),
    ):
        times = [seconds(lambda p=pair, f=function: f(*p)) for pair in pairs for _ in range(5)]
        print(f'  {name}: median {1e3 * statistics.median(times):.2f} ms for a class of an image')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['hausdorff', 'submission'])
    parser.add_argument('--size', type=int, default=1024, help='side of the masks in pixels')
    parser.add_argument('--pairs', type=int, default=5, help='mask pairs of each kind')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--images', type=int, default=1000)
    parser.add_argument('--classes', type=int, default=2, help='with the background')
    parser.add_argument('--workers', type=int, default=2)
    args = parser.parse_args()
    if args.what == 'hausdorff':
        compare_hausdorff(args.size, args.pairs, args.repeats)
    else:
        time_submission(args.images, args.workers, args.classes)


if __name__ == '__main__':
    main()

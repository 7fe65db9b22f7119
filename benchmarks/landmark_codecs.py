"""How exactly landmarks become maps and are read back, and how exactly they are learned, by distance from the border.

    python benchmarks/landmark_codecs.py            # a second: the largest error of encoding and decoding, in cells
    OMP_NUM_THREADS=1 python benchmarks/landmark_codecs.py --learn  # minutes: the mean error of a small network

The network learns to find the centres of discs in noise, up to one cell outside the image, from 16,000 random images of
16 x 16 cells, with :class:`HeatmapLandmarkHead` and its losses; the error is measured on 4,000 other images.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import torch
from torch import Tensor, nn

from aurora_mm.models import BaseLandmarkCodec, HeatmapCodec, HeatmapLandmarkHead
from aurora_mm.models.utils.cells import cell_centres
from aurora_mm.models.utils.layers import conv_gn_act
from aurora_mm.registry import TASK_UTILS
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task

SIGMA = 1.5
BINS = (-1.5, -0.5, 0.0, 0.5, 1.0, 2.0, 8.0)  # cells; negative: outside of the image
TASK = Task('disc', 'landmark', points=('centre',))
SIZE, GRID = 64, 16


@TASK_UTILS.register_module()
class CutGaussianCodec(BaseLandmarkCodec):
    """The Gaussian around the landmark as the border cuts it, and the mean (as DSNT, https://arxiv.org/abs/1801.07372)."""

    def __init__(self, margin: int = 0) -> None:
        self.margin = margin

    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        h, w = grid
        return self.along(points[..., 1:], h)[..., :, None] * self.along(points[..., :1], w)[..., None, :]

    def along(self, positions: Tensor, cells: int) -> Tensor:
        z = (cell_centres(cells, positions, self.margin) - positions) * (cells / SIGMA)
        return (-(z**2) / 2).softmax(-1)

    def decode(self, maps: Tensor) -> Tensor:
        return HeatmapCodec(SIGMA, self.margin).decode(maps)


@TASK_UTILS.register_module()
class InverseMeanCodec(CutGaussianCodec):
    """The same maps; decoding looks up which Gaussian has the mean of the map when the border cuts it."""

    def decode(self, maps: Tensor) -> Tensor:
        means = super().decode(maps)
        sides = [maps.shape[-1] - 2 * self.margin, maps.shape[-2] - 2 * self.margin]
        return torch.stack([self.invert(means[..., axis], cells) for axis, cells in enumerate(sides)], dim=-1)

    def invert(self, means: Tensor, cells: int) -> Tensor:
        positions = torch.linspace(-3 / cells, 1 + 3 / cells, 4001)
        table = (self.along(positions[:, None], cells) * cell_centres(cells, positions, self.margin)).sum(-1)
        i = torch.searchsorted(table, means.detach().contiguous()).clamp(1, len(table) - 1)
        share = (means - table[i - 1]) / (table[i] - table[i - 1]).clamp(min=1e-9)
        return positions[i - 1] + share * (positions[i] - positions[i - 1])


class SimCC:
    """Two bins a cell along each axis, with 2 cells of margin, and the best bin (https://arxiv.org/abs/2107.03332)."""

    margin = 2

    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        bins = cell_centres(2 * grid[1], points, 2 * self.margin)
        return (-(((bins - points[..., :1]) * grid[1] / SIGMA) ** 2) / 2).softmax(-1)

    def decode(self, bins: Tensor) -> Tensor:
        cells = bins.shape[-1] // 2 - 2 * self.margin
        return cell_centres(2 * cells, bins, 2 * self.margin)[bins.argmax(-1)][:, None].expand(-1, 2)


CODECS = {
    'Gaussian cut at the border, mean (DSNT)': dict(type='CutGaussianCodec'),
    'the same, margin of 2 cells': dict(type='CutGaussianCodec', margin=2),
    'the same, margin of 4 cells': dict(type='CutGaussianCodec', margin=4),
    'the same, mean inverted': dict(type='InverseMeanCodec'),
    'HeatmapCodec, no margin': dict(type='HeatmapCodec', margin=0),
    'HeatmapCodec, margin of 1 cell': dict(type='HeatmapCodec', margin=1),
    'HeatmapCodec, margin of 2 cells (default)': dict(type='HeatmapCodec', margin=2),
}


def by_distance(errors: Tensor, distances: Tensor, reduce: str) -> str:
    """Cells of a table row: errors (N,) by distances (N,) from the border."""
    cells = []
    for low, high in itertools.pairwise(BINS):
        chosen = errors[(distances >= low) & (distances < high)]
        cells.append(f'{getattr(chosen, reduce)().item():.3f}')
    return ' | '.join(cells)


def header(first: str) -> str:
    names = ['1.5 to 0.5 outside', '0.5 outside to border', 'border to 0.5', '0.5 to 1', '1 to 2', '2 and more']
    return f'| {first} | ' + ' | '.join(names) + ' |\n|' + '---|' * (len(names) + 1)


def round_trips(cells: int = 28) -> None:
    print(header('largest error of encode and decode, cells'))
    positions = torch.linspace(-1.5, cells / 2, 20001)  # the other half is the mirror image
    points = torch.stack([positions, torch.full_like(positions, cells / 2)], dim=1) / cells
    codecs = {name: TASK_UTILS.build(cfg) for name, cfg in CODECS.items()} | {'SimCC, best bin': SimCC()}
    for name, codec in codecs.items():
        found = torch.cat([codec.decode(codec.encode(part, (cells, cells)))[:, 0] for part in points.split(1000)])
        errors = (found * cells - positions).abs()
        print(f'| {name} | {by_distance(errors, positions, "max")} |')


class Network(nn.Module):
    """Levels of strides 4 and 8, and the head."""

    def __init__(self, codec: dict) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_gn_act(1, 16, stride=2), conv_gn_act(16, 32, stride=2), conv_gn_act(32, 32))
        self.down = nn.Sequential(conv_gn_act(32, 32, stride=2), conv_gn_act(32, 32), conv_gn_act(32, 32))
        self.head = HeatmapLandmarkHead([TASK], [32, 32], channels=32, codec=codec)

    def feats(self, images: Tensor) -> list[Tensor]:
        fine = self.stem(images)
        return [fine, self.down(fine)]


def discs(number: int, rng: torch.Generator) -> tuple[Tensor, TaskBatch, Tensor]:
    """Images, their batch and (N, 2) positions in cells, up to one cell outside the image."""
    positions = torch.rand(number, 2, generator=rng) * (GRID + 2) - 1
    radius = torch.rand(number, 1, 1, generator=rng) * 1.5 + 1.5
    axis = (torch.arange(SIZE) + 0.5) * GRID / SIZE
    distance = torch.hypot(axis - positions[:, 0, None, None], axis[:, None] - positions[:, 1, None, None])
    images = torch.sigmoid((radius - distance) * 6) + 0.3 * torch.randn(number, SIZE, SIZE, generator=rng)
    samples = []
    for position in positions:
        meta = dict(
            task=TASK.name,
            task_type=TASK.type,
            img_shape=(SIZE, SIZE),
            ori_shape=(GRID, GRID),
            gt_coordinates='network',
        )
        sample = TaskDataSample(metainfo=meta | dict(homography_matrix=np.diag([SIZE / GRID] * 2 + [1.0])))
        sample.gt_landmarks = position[None] * SIZE / GRID
        samples.append(sample)
    return images[:, None], TaskBatch(TASK, None, samples), positions


def learn(codec: dict, seed: int, steps: int) -> tuple[Tensor, Tensor]:
    """Errors (N,) in cells, and distances from the border, of a network that was trained with a codec."""
    torch.manual_seed(seed)
    net = Network(codec)
    optimizer = torch.optim.AdamW(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    rng = torch.Generator().manual_seed(seed + 1)
    for _ in range(steps):
        images, batch, _ = discs(32, rng)
        (losses,) = net.head.loss(net.feats(images), [batch])
        loss = sum(of_images.mean() for of_images in losses.values())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    errors, distances = [], []
    rng = torch.Generator().manual_seed(999)
    with torch.no_grad():
        for _ in range(8):
            images, batch, positions = discs(500, rng)
            net.head.predict(net.feats(images), [batch])
            errors.append(torch.cat([sample.pred_landmarks for sample in batch.samples]) - positions)
            distances.append(torch.minimum(positions, GRID - positions))
    return torch.cat(errors).abs().flatten(), torch.cat(distances).flatten()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--learn', action='store_true', help='train a small network with each codec')
    parser.add_argument('--seeds', type=int, default=1)
    parser.add_argument('--steps', type=int, default=500)
    args = parser.parse_args()
    if not args.learn:
        return round_trips()
    print(header(f'mean error along an axis after {args.steps} steps, cells'))
    for name, cfg in CODECS.items():
        runs = [learn(cfg, seed, args.steps) for seed in range(args.seeds)]
        errors, distances = (torch.cat(parts) for parts in zip(*runs, strict=True))
        print(f'| {name} | {by_distance(errors, distances, "mean")} |', flush=True)
    return None


if __name__ == '__main__':
    main()

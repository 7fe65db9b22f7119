"""Draw docs/model_*.svg from the models that the configs build.

    python docs/_site/draw_model.py

Boxes are the modules of the model and the registered parts around it, by their classes; arrows are what each reads.
Only the sizes of the encoder are not those of the config, which would take minutes to build.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from torch import nn

from aurora_mm.apis import read_config
from aurora_mm.datasets.samplers import LossAwarePolicy
from aurora_mm.models import MultiTaskModel
from aurora_mm.registry import MODELS

REPO = Path(__file__).resolve().parents[2]
DRAWINGS = {'docs/model_fmc.svg': 'aurora_fmc.py', 'docs/model_fmc_plus.svg': 'aurora_fmc_plus.py'}
WIDTH, GAP, LINE, PAD = 210, 46, 17, 10
_STYLE = (
    'text{font:13px sans-serif;fill:#17202a}.t{font-weight:bold}.s{fill:#566573;font-size:12px}'
    '.b{fill:#e8f6f3;stroke:#138d75}.h{fill:#fef5e7;stroke:#b9770e}.a{stroke:#566573;fill:none;marker-end:url(#m)}'
)


class Box(NamedTuple):
    """A rectangle with a title and lines below it; ``reads`` are titles of boxes to its left."""

    key: str
    title: str
    lines: list[str]
    reads: tuple[str, ...] = ()
    trained: bool = True


def build_model(config: str) -> tuple[Config, MultiTaskModel]:
    """Build the model of a config, with random weights and a small encoder."""
    cfg = read_config(str(REPO / 'configs' / config))
    cfg.model.backbone.update(preset='tiny', pretrained=None)
    return cfg, MODELS.build(cfg.model)


def kind(part: object) -> str:
    return type(part).__name__


def losses_of(head: nn.Module) -> list[str]:
    """The classes of a head's losses, each once."""
    found = [loss for name, part in head.named_children() if name.startswith('loss_') for loss in part.modules()]
    names = [kind(loss) for loss in found if kind(loss).endswith('Loss') and not any(True for _ in loss.children())]
    return list(dict.fromkeys(names))


def columns_of(cfg: Config, model: MultiTaskModel) -> list[list[Box]]:
    """Arrange the parts in columns, in the order in which an image goes through them."""
    loader = cfg.train_dataloader
    sampler = loader.batch_sampler
    policy = sampler.policy.type if 'policy' in sampler else LossAwarePolicy.__name__  # the sampler's default
    transforms = [step.type for step in loader.dataset.pipeline]
    data = [
        Box('sampler', sampler.type, [policy]),
        Box('data', loader.dataset.type, transforms, ('sampler',)),
    ]
    images = [Box('images', kind(model.data_preprocessor), ['(B, 3, h, w), RGB in [-1, 1]'], ('data',))]
    strides = ', '.join(map(str, dict.fromkeys(model.backbone.strides)))
    taps = f'{len(model.backbone.out_channels)} maps of stride {strides}'
    encoder = [Box('backbone', kind(model.backbone), [taps], ('images',))]
    if model.detail is not None:
        strides = ', '.join(map(str, model.detail.strides))
        encoder.append(Box('detail', kind(model.detail), [f'maps of strides {strides}'], ('images',)))
    sources = tuple(box.key for box in encoder)
    necks = [
        Box(name, kind(neck), [f'neck {name!r}', f'levels of strides {", ".join(map(str, neck.strides))}'], sources)
        for name, neck in model.necks.items()
    ]
    heads = []
    for name, head in model.heads.items():
        codec = getattr(head, 'codec', None)
        lines = [f'{len(head.tasks)} tasks: {name}', *([kind(codec)] if codec else []), *losses_of(head)]
        heads.append(Box(f'head {name}', kind(head), lines, (model.source_of[name],)))
    keys = tuple(box.key for box in heads)
    ends = [
        Box('guard', kind(model.guard), ['losses that are not finite'], keys),
        Box('tracker', kind(model.tracker), ['running mean of each loss'], ('guard',)),
        Box('balancer', kind(model.balancer), ['one loss to minimise'], ('tracker',)),
    ]
    for name in model.heads:
        metrics = [metric.type for metric in cfg.val_evaluator.metrics[name]]
        ends.append(Box(f'metric {name}', metrics[0], [*metrics[1:], f'of {name}'], (f'head {name}',), False))
    return [data, images, encoder, necks, heads, ends]


def draw(cfg: Config, model: MultiTaskModel, config: str) -> str:
    """Return the drawing of a config's model as SVG."""
    columns = [column for column in columns_of(cfg, model) if column]
    heights = [sum(_height(box) + PAD for box in column) for column in columns]
    height = max(heights) + 2 * PAD
    width = len(columns) * (WIDTH + GAP) - GAP + 2 * PAD
    places, shapes = {}, []
    for i, (column, used) in enumerate(zip(columns, heights, strict=True)):
        y = (height - used) / 2
        for box in column:
            places[box.key] = (PAD + i * (WIDTH + GAP), y, _height(box))
            shapes.append(_rectangle(box, *places[box.key][:2]))
            y += _height(box) + PAD
    arrows = [_arrow(places[source], places[box.key]) for column in columns for box in column for source in box.reads]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img">\n'
        f'<title>The model of configs/{config}</title>\n<style>{_STYLE}</style>\n'
        '<defs><marker id="m" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#566573"/></marker></defs>\n'
        f'<rect width="{width}" height="{height:.0f}" fill="#fff" rx="6"/>\n'
        + '\n'.join([*arrows, *shapes])
        + '\n</svg>\n'
    )


def _height(box: Box) -> int:
    return 2 * PAD + LINE * (1 + len(box.lines))


def _rectangle(box: Box, x: float, y: float) -> str:
    lines = [f'<text class="t" x="{x + PAD}" y="{y + PAD + 12:.0f}">{escape(box.title)}</text>']
    for i, line in enumerate(box.lines, start=1):
        lines.append(f'<text class="s" x="{x + PAD}" y="{y + PAD + 12 + i * LINE:.0f}">{escape(line)}</text>')
    look = 'b' if box.trained else 'h'
    frame = f'<rect class="{look}" x="{x}" y="{y:.0f}" width="{WIDTH}" height="{_height(box)}" rx="5"/>'
    return '\n'.join([frame, *lines])


def _arrow(source: tuple[float, float, int], target: tuple[float, float, int]) -> str:
    (x1, y1, h1), (x2, y2, h2) = source, target
    if x1 == x2:  # within a column
        x = x1 + WIDTH / 2
        return f'<path class="a" d="M{x:.0f} {y1 + h1:.0f}L{x:.0f} {y2:.0f}"/>'
    y1, y2 = y1 + h1 / 2, y2 + h2 / 2
    x1 += WIDTH
    middle = x2 - GAP / 2
    return f'<path class="a" d="M{x1:.0f} {y1:.0f}L{middle:.0f} {y1:.0f}L{middle:.0f} {y2:.0f}L{x2:.0f} {y2:.0f}"/>'


if __name__ == '__main__':
    for file, config in DRAWINGS.items():
        (REPO / file).write_text(draw(*build_model(config), config), encoding='utf-8')
        print(f'wrote {file}')

"""Measures how long the gradients of each task type are in the parts of a model that the types share.

    python benchmarks/gradient_norms.py configs/aurora_laptop.py epoch_3.pth --data-root DATA

Prints, for the encoder, the detail branch and the necks, the mean length of the gradient of a training batch, for the
sum of the losses of each type without the weights of the balancer. Types whose gradients are much shorter than those of
others are hardly heard there; factors of `FixedLossBalancer` in inverse proportion make them equal.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import islice
from statistics import mean

import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from aurora_mm.apis import load_weights, read_config, resolve_config
from aurora_mm.models import MultiTaskModel
from aurora_mm.registry import MODELS
from aurora_mm.tables import markdown_table


def losses_by_type(model: MultiTaskModel, data: dict) -> dict[str, torch.Tensor]:
    """The sum of the losses of each type in a batch, divided by the number of images."""
    data = model.data_preprocessor(data, True)
    inputs, samples = data['inputs'], data['data_samples']
    totals: dict[str, torch.Tensor] = {}
    for name, (loss, _) in model.label_losses(model.extract_feat(inputs), samples).items():
        kind = model.tasks[name].type
        totals[kind] = totals.get(kind, 0) + loss.sum() / len(inputs)
    return totals


def gradient_norms(model: MultiTaskModel, batches: list[dict]) -> dict[str, dict[str, float]]:
    """The mean length of the gradients by part and type; batches without a label of a type do not count for it."""
    parts = {'backbone': model.backbone, 'detail': model.detail, 'necks': model.necks}
    weights = {
        name: found
        for name, part in parts.items()
        if part is not None and (found := [p for p in part.parameters() if p.requires_grad])
    }
    norms: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in weights}
    for data in batches:
        for kind, loss in losses_by_type(model, data).items():
            for name, parameters in weights.items():
                grads = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
                length = torch.stack([g.norm() for g in grads if g is not None] or [torch.zeros(())]).norm()
                norms[name][kind].append(length.item())
    return {name: {kind: mean(found) for kind, found in by_kind.items()} for name, by_kind in norms.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--data-root', required=True)
    parser.add_argument('--batches', type=int, default=10)
    args = parser.parse_args()

    cfg = resolve_config(read_config(args.config), args.data_root, 'none')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        model = MODELS.build(cfg.model).train()
        loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    load_weights(model, [args.checkpoint])
    loader.batch_sampler.set_progress({}, {})
    norms = gradient_norms(model, list(islice(loader, args.batches)))
    kinds = sorted({kind for by_kind in norms.values() for kind in by_kind})
    rows = [(name, *(f'{by_kind.get(kind, 0):.3f}' for kind in kinds)) for name, by_kind in norms.items()]
    print(markdown_table(('gradient of', *kinds), rows))


if __name__ == '__main__':
    main()

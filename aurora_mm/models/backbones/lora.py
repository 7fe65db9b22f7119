"""Low-rank adaptation of an encoder, through peft.

LoRA (https://arxiv.org/abs/2106.09685) freezes the encoder and learns an update ``alpha / r * B A`` for the weights W
of some of its linear layers, where A is ``(r, in)`` and B is ``(out, r)``. B starts as zero, so that training starts
from the pretrained encoder. After training, W + alpha / r * B A can replace W.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from aurora_mm.errors import ConfigError


def add_lora(
    encoder: nn.Module,
    block_of: Mapping[str, int],
    num_blocks: int,
    r: int = 8,
    alpha: int | None = None,
    dropout: float = 0.0,
    blocks: Sequence[int] | None = None,
    modules: Sequence[str] | None = None,
) -> None:
    """Freeze an encoder and add LoRA to linear layers of its blocks, in place.

    Args:
        encoder: The encoder; changed in place.
        block_of: The index of its block, counted from 0, for each linear layer of the blocks, by the name of the layer.
        num_blocks: Number of blocks that are computed.
        r: Rank of the update.
        alpha: Scale of the update, see above; 2 r by default.
        dropout: Probability of dropping an input of A in training.
        blocks: Indices of the blocks to adapt, counted from 0; all by default.
        modules: Last parts of the names of the linear layers to adapt, such as 'qkv', 'proj', 'linear_fc1' and
            'linear_fc2' of Qwen3-VL; all linear layers of the blocks by default.

    Raises:
        ConfigError: If peft is not installed, a block or module does not exist, or there are no linear layers.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise ConfigError(f'`lora` needs peft, which cannot be imported ({error}): pip install peft') from error
    blocks = range(num_blocks) if blocks is None else blocks
    if unknown := sorted(set(blocks) - set(range(num_blocks))):
        raise ConfigError(f'lora.blocks {unknown} are none of 0..{num_blocks - 1}, the blocks that are computed')
    linear = {name: name.rsplit('.', 1)[-1] for name, block in block_of.items() if block in blocks}
    if not linear:
        raise ConfigError(f'lora: {type(encoder).__name__} has no linear layers in its blocks')
    if no_layers := sorted(set(modules or ()) - set(linear.values())):
        there = ', '.join(sorted(set(linear.values())))
        raise ConfigError(f'lora.modules {no_layers} are none of the linear layers of the blocks: {there}')
    targets = [name for name, last in linear.items() if modules is None or last in modules]
    config = LoraConfig(
        r=r, lora_alpha=2 * r if alpha is None else alpha, lora_dropout=dropout, target_modules=targets, bias='none'
    )
    inject_adapter_in_model(config, encoder)


def merge_lora(model: nn.Module) -> int:
    """Add every LoRA update to its weights and remove the LoRA layers, in place.

    Afterwards the parameters have the names that they have without LoRA.

    Args:
        model: The model; changed in place.

    Returns:
        Number of layers whose update was added; 0 for a model without LoRA.
    """
    adapted: list[tuple[nn.Module, str, Any]] = [  # with layers of peft, which may be absent
        (parent, key, layer)
        for parent in list(model.modules())
        for key, layer in parent.named_children()
        if hasattr(layer, 'lora_A') and hasattr(layer, 'get_base_layer')
    ]
    for parent, key, layer in adapted:
        layer.merge(safe_merge=True)
        setattr(parent, key, layer.get_base_layer())
    if adapted and hasattr(model, 'peft_config'):
        del model.peft_config
    return len(adapted)


def plain_name(name: str) -> str:
    """Return the name that a parameter has without LoRA; peft adds a part to the names of adapted layers."""
    return name.replace('.base_layer.', '.')

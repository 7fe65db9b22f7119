"""Small files out of large ones: the encoder of a vision-language model, a checkpoint with its LoRA merged."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.registry import DefaultScope
from safetensors.torch import save_file
from torch import Tensor, nn

from aurora_mm.apis.checkpoint import read_checkpoint, trained_config
from aurora_mm.checkpoints import write_checkpoint
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.files import whole_folder
from aurora_mm.models.backbones import merge_lora
from aurora_mm.models.backbones.visual_weights import VisualCheckpoint, read_config
from aurora_mm.registry import MODELS

# Model types of whole models and of their vision parts, which transformers 4 and 5 name differently.
_CLASSES = {
    'qwen3_vl': 'Qwen3VLVisionModel',
    'qwen3_vl_vision': 'Qwen3VLVisionModel',
    'qwen3_vl_moe': 'Qwen3VLMoeVisionModel',
    'qwen3_vl_moe_vision': 'Qwen3VLMoeVisionModel',
    'qwen2_5_vl': 'Qwen2_5_VisionTransformerPretrainedModel',
    'qwen2_5_vl_vision': 'Qwen2_5_VisionTransformerPretrainedModel',
}


def extract_encoder(source: str | Path, folder: str | Path) -> int:
    """Writes the visual part of a Qwen-VL model as a model of its own: ``config.json`` and ``model.safetensors``.

    The folder loads as ``pretrained`` of the backbones here, and with ``from_pretrained`` of transformers' class for
    the vision part; tensors keep their type. It appears whole or not at all.

    Args:
        source: A folder or hub id. folder: To be made; must be new or empty.

    Returns:
        Bytes of the tensors written.

    Raises:
        WeightsError: If ``source`` has no such encoder. ConfigError: If ``folder`` holds something.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f'{folder} is there already; give a new or empty folder')
    values = read_config(source)
    values = values.get('vision_config', values)
    kind = values.get('model_type')
    if kind not in _CLASSES:
        raise WeightsError(f'{source} holds a {kind!r} encoder; extracted are those of Qwen2.5-VL and Qwen3-VL')
    tensors = dict(VisualCheckpoint(source).tensors())
    with whole_folder(folder) as new:
        save_file(tensors, new / 'model.safetensors', metadata={'format': 'pt'})
        (new / 'config.json').write_text(json.dumps(values | dict(architectures=[_CLASSES[kind]]), indent=2) + '\n')
    return sum(tensor.nbytes for tensor in tensors.values())


def merge_checkpoint(checkpoint: str | Path, out: str | Path) -> int:
    """Writes a training checkpoint with the LoRA of its encoder merged into the weights.

    The result has no optimiser; it tests and exports as a checkpoint that was trained without LoRA, without peft.

    Args:
        checkpoint: File of a training run. out: File to write, whole or not at all.

    Returns:
        The number of layers that were merged.

    Raises:
        WeightsError: If the file is no checkpoint of aurora_mm, or its encoder has no LoRA.
    """
    content = read_checkpoint(checkpoint)
    cfg = trained_config(content, checkpoint)
    if not cfg.model.backbone.get('lora'):
        raise WeightsError(f'{checkpoint} was trained without LoRA: there is nothing to merge')
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        backbone = MODELS.build(cfg.model.backbone)
    state: dict[str, Tensor] = content['state_dict']
    _load_part(backbone, state, 'backbone.')
    merged = merge_lora(backbone)
    cfg.model.backbone.lora = None
    rest = {name: tensor for name, tensor in state.items() if not name.startswith('backbone.')}
    state = {f'backbone.{name}': tensor for name, tensor in backbone.state_dict().items()} | rest
    write_checkpoint(out, dict(meta=content['meta'] | dict(cfg=cfg.pretty_text), state_dict=state))
    return merged


def _load_part(module: nn.Module, state: dict[str, Tensor], prefix: str) -> None:
    try:
        module.load_state_dict({n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)})
    except RuntimeError as error:
        raise WeightsError(f'the checkpoint does not fit its own config: {error}') from error

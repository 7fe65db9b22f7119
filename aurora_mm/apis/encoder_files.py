"""Writes the encoder of a vision-language model, and checkpoints with merged LoRA weights."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.registry import DefaultScope
from safetensors.torch import save_file
from torch import Tensor, nn

from aurora_mm.apis.checkpoint import read_checkpoint, trained_config
from aurora_mm.checkpoints import check_derived_file, write_checkpoint
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.folders import whole_folder
from aurora_mm.models.backbones import merge_lora
from aurora_mm.models.backbones.visual_weights import VisualCheckpoint, read_config
from aurora_mm.registry import MODELS

# Model types of whole models and of their vision encoders, which transformers 4 and 5 name differently.
_CLASSES = {
    'qwen3_vl': 'Qwen3VLVisionModel',
    'qwen3_vl_vision': 'Qwen3VLVisionModel',
    'qwen3_vl_moe': 'Qwen3VLMoeVisionModel',
    'qwen3_vl_moe_vision': 'Qwen3VLMoeVisionModel',
    'qwen2_5_vl': 'Qwen2_5_VisionTransformerPretrainedModel',
    'qwen2_5_vl_vision': 'Qwen2_5_VisionTransformerPretrainedModel',
}


def extract_encoder(source: str | Path, folder: str | Path) -> int:
    """Write the vision encoder of a Qwen-VL model to a folder with ``config.json`` and ``model.safetensors``.

    The folder can be used as ``pretrained`` of the backbones, and with ``from_pretrained`` of transformers' class of
    the vision encoder. Tensors keep their type. The folder is written atomically.

    Args:
        source: Folder or hub id of the Qwen-VL model.
        folder: Folder to create. It must not exist or be empty.

    Returns:
        Size of the written tensors in bytes.

    Raises:
        WeightsError: If ``source`` has no encoder of Qwen2.5-VL or Qwen3-VL.
        ConfigError: If ``folder`` is not empty.
        OutputError: If ``folder`` cannot be written.
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
    """Merge the LoRA weights of a checkpoint's encoder into its other weights, and write the result.

    The result can be used like a checkpoint that was trained without LoRA, and does not need peft. It has no optimizer
    state. The file is written atomically.

    Args:
        checkpoint: Path of a checkpoint of a training run.
        out: Path of the file to write.

    Returns:
        Number of merged layers.

    Raises:
        WeightsError: If the file is not a checkpoint of aurora_mm, or its encoder has no LoRA.
        OutputError: If ``out`` cannot be written, or is a checkpoint of a training run.
    """
    check_derived_file(out, [checkpoint])
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

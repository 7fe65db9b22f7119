"""transformers' own Qwen3-VL encoder, and what it needs to be compared with ours."""

import json

import torch
from safetensors.torch import save_file
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

SIZES = dict(depth=6, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)


def make_reference():
    torch.manual_seed(0)
    config = Qwen3VLVisionConfig(**SIZES, out_hidden_size=32, deepstack_visual_indexes=[1, 3])
    model = Qwen3VLVisionModel(config).eval()
    for parameter in model.parameters():  # large weights, so that attention is far from uniform
        torch.nn.init.normal_(parameter, std=0.2 if parameter.ndim > 1 else 0.1)
    return model


def save_sharded(reference, path, prefix='model.visual.'):
    """A whole vision-language model in three shards, as the hub has it; the one of the language part is unreadable."""
    tensors = {f'{prefix}{name}': tensor.contiguous() for name, tensor in reference.state_dict().items()}
    names = sorted(tensors)
    shards = {'model-1.safetensors': names[::2], 'model-2.safetensors': names[1::2]}
    for file, inside in shards.items():
        save_file({name: tensors[name] for name in inside}, path / file)
    (path / 'model-3.safetensors').write_bytes(b'no safetensors: opening this shard fails')
    weight_map = {name: file for file, inside in shards.items() for name in inside}
    weight_map['model.language_model.embed_tokens.weight'] = 'model-3.safetensors'
    (path / 'model.safetensors.index.json').write_text(json.dumps({'weight_map': weight_map}))
    config = {'model_type': 'qwen3_vl', 'vision_config': reference.config.to_dict()}
    (path / 'config.json').write_text(json.dumps(config))
    return path


def flat_patches(x):
    """Patches as transformers takes them: merge blocks of 2 x 2 in raster order, the image in both temporal slots."""
    b, _, h, w = x.shape
    x = x.view(b, 3, h // 32, 2, 16, w // 32, 2, 16).permute(0, 2, 5, 3, 6, 1, 4, 7)
    return x.unsqueeze(6).expand(*[-1] * 6, 2, -1, -1).reshape(b * h * w // 256, -1)


def transformers_maps(model, patches, grid_thw, taps, grad=False):
    """Maps of transformers' own encoder for images of one size, its merge-block order undone."""
    (_, h, w), b = grid_thw[0].tolist(), len(grid_thw)
    outputs = []
    hooks = [block.register_forward_hook(lambda _m, _i, out: outputs.append(out)) for block in model.blocks]
    with torch.set_grad_enabled(grad):
        model(patches, grid_thw=grid_thw)
    for hook in hooks:
        hook.remove()
    return [outputs[i].view(b, h // 2, w // 2, 2, 2, -1).permute(0, 5, 1, 3, 2, 4).reshape(b, -1, h, w) for i in taps]

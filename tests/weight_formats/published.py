"""Tiny random files in the layouts of published weights, and their forward pass in plain torch.

Each forward pass takes the tensors as they are in the file and computes as the authors' code does, so that it is a
second witness of what the converted weights compute. It returns patch tokens after each block and the last norm.
"""

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, DEPTH, MLP, PATCH, GRID = 24, 4, 40, 8, 4
SIZE = PATCH * GRID


def randoms(shapes):
    """Random tensors, large enough that each matters."""
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}


def layer(name, *shape):
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def norm(name, width=WIDTH):
    return layer(name, width)


def linear(t, name, x):
    return F.linear(x, t[f'{name}.weight'], t.get(f'{name}.bias'))


def layer_norm(t, name, x, eps):
    return F.layer_norm(x, (x.shape[-1],), t[f'{name}.weight'], t[f'{name}.bias'], eps)


def resampled(positions, grid):
    """Positions ``(1, 1 + n, C)`` of a class token and a square grid, resampled to another grid."""
    patches = positions[:, 1:].unflatten(1, (GRID, GRID)).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, grid, mode='bicubic', align_corners=False)
    return torch.cat([positions[:, :1], patches.flatten(2).transpose(1, 2)], 1)


def attend(q, k, v, heads, bias=0.0):
    """Multi-head attention written out, ``(B, N, C)``."""
    q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    weights = (q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1) + bias).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def block_shapes(i, qkv_bias=True):
    name = f'blocks.{i}'
    qkv = layer(f'{name}.attn.qkv', 3 * WIDTH, WIDTH)
    if not qkv_bias:
        del qkv[f'{name}.attn.qkv.bias']
    return (
        qkv
        | norm(f'{name}.norm1')
        | norm(f'{name}.norm2')
        | layer(f'{name}.attn.proj', WIDTH, WIDTH)
        | layer(f'{name}.mlp.fc1', MLP, WIDTH)
        | layer(f'{name}.mlp.fc2', WIDTH, MLP)
    )


def timm_vit():
    shapes = {'cls_token': (1, 1, WIDTH), 'pos_embed': (1, 1 + GRID**2, WIDTH)} | norm('norm')
    shapes |= layer('patch_embed.proj', WIDTH, 3, PATCH, PATCH)
    for i in range(DEPTH):
        shapes |= block_shapes(i)
    return randoms(shapes)


def timm_vit_tokens(t, x, heads):
    """timm's ``VisionTransformer``."""
    x = F.conv2d(x, t['patch_embed.proj.weight'], t['patch_embed.proj.bias'], stride=PATCH)
    grid = x.shape[2:]
    x = torch.cat([t['cls_token'].expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1)
    x = x + resampled(t['pos_embed'], grid)
    tokens = []
    for i in range(DEPTH):
        name = f'blocks.{i}'
        q, k, v = linear(t, f'{name}.attn.qkv', layer_norm(t, f'{name}.norm1', x, 1e-6)).chunk(3, -1)
        x = x + linear(t, f'{name}.attn.proj', attend(q, k, v, heads))
        hidden = F.gelu(linear(t, f'{name}.mlp.fc1', layer_norm(t, f'{name}.norm2', x, 1e-6)))
        x = x + linear(t, f'{name}.mlp.fc2', hidden)
        tokens.append(layer_norm(t, 'norm', x, 1e-6)[:, 1:])
    return tokens


def mae():
    """A whole masked autoencoder, decoder included."""
    decoder = {'mask_token': (1, 1, 8), 'decoder_pos_embed': (1, 1 + GRID**2, 8)}
    decoder |= layer('decoder_embed', 8, WIDTH) | norm('decoder_norm', 8) | layer('decoder_pred', PATCH**2 * 3, 8)
    decoder |= layer('decoder_blocks.0.attn.qkv', 24, 8)
    return {'model': timm_vit() | randoms(decoder)}


def tinyusfm():
    return {f'model.{name}': tensor for name, tensor in timm_vit().items()} | {'proj.weight': torch.randn(3, 3)}


def usfm(heads=3, last_norm='fc_norm'):
    shapes = {
        'cls_token': (1, 1, WIDTH),
        'mask_token': (1, 1, WIDTH),
        'rel_pos_bias.relative_position_bias_table': ((2 * GRID - 1) ** 2 + 3, heads),
    }
    shapes |= layer('patch_embed.proj', WIDTH, 3, PATCH, PATCH) | norm(last_norm)
    for i in range(DEPTH):
        shapes |= block_shapes(i, qkv_bias=False)
        shapes |= {f'blocks.{i}.{name}': (WIDTH,) for name in ('attn.q_bias', 'attn.v_bias', 'gamma_1', 'gamma_2')}
    index = torch.zeros(1 + GRID**2, 1 + GRID**2, dtype=torch.long)
    return randoms(shapes) | {'rel_pos_bias.relative_position_index': index}


def usfm_bias(table, grid):
    """The bias of each pair of tokens, ``(heads, N, N)``: one entry for each distance, three for the class token."""
    h, w = grid
    side = 2 * GRID - 1
    distances = table[:-3].view(1, side, side, -1).permute(0, 3, 1, 2)
    distances = F.interpolate(distances, (2 * h - 1, 2 * w - 1), mode='bilinear')[0]
    bias = table.new_zeros(table.shape[1], 1 + h * w, 1 + h * w)
    for a in range(h * w):
        for b in range(h * w):
            bias[:, 1 + a, 1 + b] = distances[:, a // w - b // w + h - 1, a % w - b % w + w - 1]
    bias[:, 0, :], bias[:, :, 0] = table[-3][:, None], table[-2][:, None]
    bias[:, 0, 0] = table[-1]
    return bias


def usfm_tokens(t, x, heads, last_norm='fc_norm'):
    """BEiT with one table of relative positions for all blocks."""
    x = F.conv2d(x, t['patch_embed.proj.weight'], t['patch_embed.proj.bias'], stride=PATCH)
    bias = usfm_bias(t['rel_pos_bias.relative_position_bias_table'], x.shape[2:])
    x = torch.cat([t['cls_token'].expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1)
    tokens = []
    for i in range(DEPTH):
        name = f'blocks.{i}'
        qkv_bias = torch.cat([t[f'{name}.attn.q_bias'], torch.zeros(WIDTH), t[f'{name}.attn.v_bias']])
        normed = layer_norm(t, f'{name}.norm1', x, 1e-6)
        q, k, v = F.linear(normed, t[f'{name}.attn.qkv.weight'], qkv_bias).chunk(3, -1)
        x = x + t[f'{name}.gamma_1'] * linear(t, f'{name}.attn.proj', attend(q, k, v, heads, bias))
        hidden = F.gelu(linear(t, f'{name}.mlp.fc1', layer_norm(t, f'{name}.norm2', x, 1e-6)))
        x = x + t[f'{name}.gamma_2'] * linear(t, f'{name}.mlp.fc2', hidden)
        tokens.append(layer_norm(t, last_norm, x, 1e-6)[:, 1:])
    return tokens


def fetalclip():
    """A whole model of open_clip, with the text tower."""
    shapes = {
        'visual.class_embedding': (WIDTH,),
        'visual.positional_embedding': (1 + GRID**2, WIDTH),
        'visual.proj': (WIDTH, 10),
        'visual.conv1.weight': (WIDTH, 3, PATCH, PATCH),
        'positional_embedding': (7, 6),
        'text_projection': (6, 10),
        'logit_scale': (),
        'token_embedding.weight': (11, 6),
        'transformer.resblocks.0.attn.in_proj_weight': (18, 6),
        'transformer.resblocks.9.attn.in_proj_bias': (18,),
    }
    shapes |= norm('visual.ln_pre') | norm('visual.ln_post') | norm('ln_final', 6)
    for i in range(DEPTH):
        name = f'visual.transformer.resblocks.{i}'
        shapes |= norm(f'{name}.ln_1') | norm(f'{name}.ln_2') | layer(f'{name}.attn.out_proj', WIDTH, WIDTH)
        shapes |= {f'{name}.attn.in_proj_weight': (3 * WIDTH, WIDTH), f'{name}.attn.in_proj_bias': (3 * WIDTH,)}
        shapes |= layer(f'{name}.mlp.c_fc', MLP, WIDTH) | layer(f'{name}.mlp.c_proj', WIDTH, MLP)
    return randoms(shapes)


def fetalclip_tokens(t, x, heads, act=F.gelu):
    """open_clip's ``VisionTransformer``, with torch's own attention."""
    t = {name.removeprefix('visual.'): tensor for name, tensor in t.items() if name.startswith('visual.')}
    x = F.conv2d(x, t['conv1.weight'], stride=PATCH)
    grid = x.shape[2:]
    x = torch.cat([t['class_embedding'].expand(len(x), 1, -1), x.flatten(2).transpose(1, 2)], 1)
    x = layer_norm(t, 'ln_pre', x + resampled(t['positional_embedding'][None], grid), 1e-5)
    tokens = []
    for i in range(DEPTH):
        name = f'transformer.resblocks.{i}'
        attention = nn.MultiheadAttention(WIDTH, heads, batch_first=True)
        start = f'{name}.attn.'
        attention.load_state_dict({k.removeprefix(start): v for k, v in t.items() if k.startswith(start)})
        normed = layer_norm(t, f'{name}.ln_1', x, 1e-5)
        x = x + attention(normed, normed, normed, need_weights=False)[0]
        hidden = act(linear(t, f'{name}.mlp.c_fc', layer_norm(t, f'{name}.ln_2', x, 1e-5)))
        x = x + linear(t, f'{name}.mlp.c_proj', hidden)
        tokens.append(layer_norm(t, 'ln_post', x, 1e-5)[:, 1:])
    return tokens

"""A tiny random encoder of each family that HFBackbone knows, as users write it in a config."""

_SIZES = dict(hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64)
_RADIO = dict(hidden_size=32, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2.0)
_SWIN = dict(embed_dim=16, depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 4], window_size=4)
_CONVNEXT = dict(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 2, 1])

TINY = dict(
    dinov2=dict(model_type='dinov2', image_size=56, **_SIZES),
    dinov2_with_registers=dict(model_type='dinov2_with_registers', image_size=56, num_register_tokens=2, **_SIZES),
    dinov3=dict(model_type='dinov3_vit', num_register_tokens=2, **_SIZES),
    vit=dict(model_type='vit', image_size=64, **_SIZES),
    vit_mae=dict(model_type='vit_mae', image_size=64, **_SIZES),
    beit=dict(model_type='beit', image_size=64, use_shared_relative_position_bias=True, **_SIZES),
    beit_absolute=dict(
        model_type='beit',
        image_size=64,
        use_absolute_position_embeddings=True,
        use_relative_position_bias=True,
        use_mean_pooling=False,
        layer_scale_init_value=0.0,
        **_SIZES,
    ),
    clip=dict(model_type='clip_vision_model', image_size=64, patch_size=16, **_SIZES),
    sam=dict(model_type='sam_vision_model', image_size=64, window_size=3, global_attn_indexes=[1, 3], **_SIZES),
    radio=dict(model_type='radio', max_img_size=128, num_cls_tokens=2, num_registers=2, **_RADIO),
    siglip=dict(model_type='siglip_vision_model', image_size=64, **_SIZES),
    siglip2=dict(model_type='siglip2_vision_model', num_patches=16, **_SIZES),
    swin=dict(model_type='swin', **_SWIN),
    swinv2=dict(model_type='swinv2', **_SWIN),
    convnext=dict(model_type='convnext', **_CONVNEXT),
    convnextv2=dict(model_type='convnextv2', **_CONVNEXT),
    dinov3_convnext=dict(model_type='dinov3_convnext', layer_scale_init_value=1.0, **_CONVNEXT),
    qwen2_5_vl=dict(
        model_type='qwen2_5_vl_vision',
        hidden_size=32,
        depth=4,
        num_heads=2,
        intermediate_size=64,
        fullatt_block_indexes=[3],
        out_hidden_size=16,
    ),
)

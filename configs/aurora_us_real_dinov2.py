# aurora_us_real.py with another encoder. `config` gives the size when there are no weights (--pretrained none).
_base_ = './aurora_us_real.py'

_small = dict(model_type='dinov2', hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518)
model = dict(backbone=dict(_delete_=True, type='HFBackbone', config=_small, pretrained='facebook/dinov2-small'))

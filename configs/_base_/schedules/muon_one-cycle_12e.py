# Muon for weights of linear layers and convolutions, on the one cycle of adamw_one-cycle_12e.py; AdamW for embeddings,
# the last layers of heads and all else.
_base_ = ['./adamw_one-cycle_12e.py']
optim_wrapper = dict(
    optimizer=dict(type='MuonWithAdamW'),
    paramwise_cfg=dict(custom_keys={'embed': dict(use_muon=False), 'outputs.layers': dict(use_muon=False)}),
)

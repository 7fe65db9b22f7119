"""The Python interface for users. Names are imported when they are first used (PEP 562).

This keeps ``aurora-mm --help`` and the reading of task lists fast, because they do not import torch.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    'averaging': ('average_checkpoints', 'batch_norm_statistics'),
    'checkpoint': ('read_checkpoint', 'trust_checkpoints', 'write_checkpoint'),
    'config': (
        'adopt_checkpoint',
        'adopt_ensemble',
        'load_weights',
        'other_input_size',
        'predict_without_labels',
        'resolve_config',
    ),
    'config_files': ('read_config', 'read_tasks'),
    'encoder_files': ('extract_encoder', 'merge_checkpoint'),
    'inferencer': ('MultiTaskInferencer',),
    'pretrained': ('from_pretrained',),
    'pretraining': ('resolve_pretraining',),
    'pipelines': ('tta_pipeline',),
    'rows_to_test': ('choose_test_rows',),
    'run': ('build_runner',),
    'starting': ('start_from', 'starts_from_weights', 'transfer_from'),
    'tta': ('use_tta',),
    'work_dir': ('hold_work_dir', 'last_checkpoint', 'require_resumable', 'require_unused', 'require_whole'),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_MODULE_OF[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

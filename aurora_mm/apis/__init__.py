from aurora_mm.apis.baseline import score_constant_predictor
from aurora_mm.apis.command_line import command, read_config, run_parser
from aurora_mm.apis.config import adopt_checkpoint, load_weights, predict_without_labels, resolve_config

__all__ = [
    'adopt_checkpoint',
    'command',
    'load_weights',
    'predict_without_labels',
    'read_config',
    'resolve_config',
    'run_parser',
    'score_constant_predictor',
]

from aurora_mm.apis.baseline import score_constant_predictor
from aurora_mm.apis.command_line import command, read_config, run_parser
from aurora_mm.apis.config import adopt_checkpoint, load_weights, resolve_config
from aurora_mm.apis.encoder_files import extract_encoder, merge_checkpoint

__all__ = [
    'adopt_checkpoint',
    'command',
    'extract_encoder',
    'load_weights',
    'merge_checkpoint',
    'read_config',
    'resolve_config',
    'run_parser',
    'score_constant_predictor',
]

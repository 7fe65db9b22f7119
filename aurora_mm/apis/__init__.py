from aurora_mm.apis.baseline import score_constant_predictor
from aurora_mm.apis.command_line import command, read_config, run_parser
from aurora_mm.apis.config import adopt_checkpoint, load_weights, resolve_config
from aurora_mm.apis.weight_search import Trial, WeightSearch

__all__ = [
    'Trial',
    'WeightSearch',
    'adopt_checkpoint',
    'command',
    'load_weights',
    'read_config',
    'resolve_config',
    'run_parser',
    'score_constant_predictor',
]

from aurora_mm.apis.averaging import average_checkpoints, batch_norm_statistics
from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.command_line import command, read_config, read_tasks, run_parser
from aurora_mm.apis.config import (
    adopt_checkpoint,
    adopt_ensemble,
    load_weights,
    predict_without_labels,
    resolve_config,
    start_from,
    starts_from_weights,
)
from aurora_mm.apis.encoder_files import extract_encoder, merge_checkpoint
from aurora_mm.apis.inferencer import MultiTaskInferencer
from aurora_mm.apis.pipelines import tta_pipeline
from aurora_mm.apis.tta import use_tta
from aurora_mm.checkpoints import trust_checkpoints, write_checkpoint

__all__ = [
    'MultiTaskInferencer',
    'adopt_checkpoint',
    'adopt_ensemble',
    'average_checkpoints',
    'batch_norm_statistics',
    'command',
    'extract_encoder',
    'load_weights',
    'merge_checkpoint',
    'predict_without_labels',
    'read_checkpoint',
    'read_config',
    'read_tasks',
    'resolve_config',
    'run_parser',
    'start_from',
    'starts_from_weights',
    'trust_checkpoints',
    'tta_pipeline',
    'use_tta',
    'write_checkpoint',
]

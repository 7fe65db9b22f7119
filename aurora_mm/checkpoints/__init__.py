"""Checkpoint files and model folders: tensors and plain values with checksums, read without running code."""

from aurora_mm.checkpoints.config_text import read_config_text, text_of_config
from aurora_mm.checkpoints.derived_file import check_derived_file
from aurora_mm.checkpoints.hub import find_models, is_hub_id, local_model, path_for_results
from aurora_mm.checkpoints.model_folder import fill_model_folder, is_model_folder
from aurora_mm.checkpoints.plain_values import plain_checkpoint
from aurora_mm.checkpoints.reading import load_checkpoint_file
from aurora_mm.checkpoints.sealing import CHECKSUMS, seal
from aurora_mm.checkpoints.shards import (
    SHARDS,
    insert_shards,
    read_shards,
    require_shards,
    take_shards,
    write_shards,
)
from aurora_mm.checkpoints.tensors import load_tensors
from aurora_mm.checkpoints.unused_shards import remove_lost_shards, remove_shards
from aurora_mm.checkpoints.writing import write_checkpoint

__all__ = [
    'CHECKSUMS',
    'SHARDS',
    'check_derived_file',
    'fill_model_folder',
    'find_models',
    'insert_shards',
    'is_hub_id',
    'is_model_folder',
    'load_checkpoint_file',
    'load_tensors',
    'local_model',
    'path_for_results',
    'plain_checkpoint',
    'read_config_text',
    'read_shards',
    'remove_lost_shards',
    'remove_shards',
    'require_shards',
    'seal',
    'take_shards',
    'text_of_config',
    'write_checkpoint',
    'write_shards',
]

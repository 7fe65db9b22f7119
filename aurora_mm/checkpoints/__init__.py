"""Checkpoint files of tensors and plain values with checksums, which can be read without running code."""

from aurora_mm.checkpoints.config_text import read_config_text
from aurora_mm.checkpoints.plain_values import plain_checkpoint
from aurora_mm.checkpoints.reading import load_checkpoint_file
from aurora_mm.checkpoints.sealing import CHECKSUMS, seal
from aurora_mm.checkpoints.writing import PACKED_SUFFIX, write_checkpoint, write_packed

__all__ = [
    'CHECKSUMS',
    'PACKED_SUFFIX',
    'load_checkpoint_file',
    'plain_checkpoint',
    'read_config_text',
    'seal',
    'write_checkpoint',
    'write_packed',
]

"""The arguments ``--compile`` and ``--amp`` of verbs that predict."""

from __future__ import annotations

import argparse


def add_speed_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--compile`` and ``--amp``, see :func:`aurora_mm.apis.fast_prediction.speed_up`."""
    parser.add_argument(
        '--compile', action='store_true', help='compile encoder and necks by torch.compile, for many images'
    )
    parser.add_argument('--amp', action='store_true', help='run the encoder in bfloat16 mixed precision')

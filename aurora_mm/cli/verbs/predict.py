"""Predict an unlabelled data root and write the challenge's submission; the container's entry point.

    aurora-mm predict --weights docker/weights --input DATA --output OUT
    AURORA_WEIGHTS=docker/weights aurora-mm predict --input DATA --output OUT --tta

What cannot be read is listed on stderr and in --problems; every such row that has a place in the submission still gets
a valid answer (see docs/inference.md).
"""

from __future__ import annotations

import argparse
import json
import sys

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--input', default='/input', help='data root with csv_files/ (default: /input)')
    parser.add_argument('--output', default='/output', help='folder of the submission (default: /output)')
    parser.add_argument(
        '--weights',
        nargs='+',
        help='packed checkpoints or their folder; several are an ensemble (default: see docs/inference.md)',
    )
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--tta', nargs='*', type=float, metavar='SCALE', help='test-time views, as `test` has them')
    parser.add_argument('--device', help="'cpu', 'cuda', ... (default: a GPU if there is one)")
    parser.add_argument('--problems', metavar='FILE', help='JSON list of what could not be answered')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.challenge.challenge_model import Model
    from aurora_mm.files import write_text

    weights = args.weights[0] if args.weights and len(args.weights) == 1 else args.weights
    problems = Model(weights, args.tta, args.device).predict(args.input, args.output, args.batch_size)
    for problem in problems:
        answered = 'answered without looking' if problem.has_fallback else 'no answer'
        print(f'{problem.message} ({answered})', file=sys.stderr)
    if args.problems:
        write_text(args.problems, json.dumps([problem._asdict() for problem in problems], indent=2) + '\n')
    print(f'wrote {args.output}; problems: {len(problems)}')

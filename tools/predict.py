"""Answer an unlabelled data root and write the challenge's submission; the container's entry point.

    python tools/predict.py --weights docker/weights --input DATA --output OUT
    AURORA_WEIGHTS=docker/weights python tools/predict.py --input DATA --output OUT --tta

What could not be read is told on stderr and in --problems; every such row that has a place in the submission still gets
a valid answer (see docs/inference.md).
"""

from __future__ import annotations

import argparse
import json
import sys

from aurora_mm.apis import command
from aurora_mm.challenge.challenge_model import Model
from aurora_mm.files import write_text


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--input', default='/input', help='data root with csv_files/ (default: /input)')
    parser.add_argument('--output', default='/output', help='folder of the submission (default: /output)')
    parser.add_argument(
        '--weights',
        nargs='+',
        help='packed checkpoints or their folder; several are an ensemble (default: see docs/inference.md)',
    )
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--tta', nargs='*', type=float, metavar='SCALE', help='test-time views, see tools/test.py')
    parser.add_argument('--device', help="'cpu', 'cuda', ... (default: a GPU if there is one)")
    parser.add_argument('--problems', metavar='FILE', help='JSON list of what could not be answered')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    weights = args.weights[0] if args.weights and len(args.weights) == 1 else args.weights
    problems = Model(weights, args.tta, args.device).predict(args.input, args.output, args.batch_size)
    for problem in problems:
        answered = 'answered without looking' if problem.has_fallback else 'no answer'
        print(f'{problem.message} ({answered})', file=sys.stderr)
    if args.problems:
        write_text(args.problems, json.dumps([problem._asdict() for problem in problems], indent=2) + '\n')
    print(f'wrote {args.output}; problems: {len(problems)}')


if __name__ == '__main__':
    main()

"""Serve a JSON API: other programs post images and get their predictions and measurements.

    aurora-mm serve-api work_dirs/run/epoch_12.pth
    curl -F files=@scan.dcm -F tasks=all http://127.0.0.1:8000/predict

The answer is predictions.json of `aurora-mm predict`. /docs describes all addresses; /healthz, /readyz and /metrics are
for whoever runs the server. It ends by Ctrl-C or SIGTERM, after it has answered what it has accepted. Without --host
only this machine reaches it. Needs pip install 'aurora_mm[api]'.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.serving.api_limits import ApiLimits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    limits = ApiLimits()
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='checkpoint, model folder, hub id OWNER/NAME, or a folder of model folders that answer as an ensemble',
    )
    parser.add_argument('--members', nargs='+', default=[], metavar='MODEL', help='further members of an ensemble')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on (default: 127.0.0.1)')
    parser.add_argument('--port', type=int, default=8000, help='0 takes a free one (default: 8000)')
    parser.add_argument(
        '--measurements',
        metavar='FILE',
        help="config file with a list `tasks` whose measurements are taken (default: the model's own)",
    )
    parser.add_argument('--device', help="'cpu', 'cuda', ... (default: a GPU if there is one)")
    parser.add_argument('--max-request', type=float, metavar='MB', help='largest request', dest='max_request_mb')
    parser.add_argument('--max-files', type=int, metavar='N', help='most files of a request')
    parser.add_argument('--max-images', type=int, metavar='N', help='most images of a request, with frames of clips')
    parser.add_argument('--max-megapixels', type=float, metavar='N', help='largest image, in millions of pixels')
    parser.add_argument('--max-requests', type=int, metavar='N', help='most requests that are read or wait')
    parser.add_argument('--timeout', type=float, metavar='S', help='seconds from a request to its answer')
    parser.add_argument('--batch-size', type=int, metavar='N', help='most images of a batch', dest='max_batch')
    parser.add_argument('--batch-wait', type=float, metavar='S', help='seconds that an image waits for others')
    parser.add_argument('--rate', metavar='N/UNIT', help="most requests of a client, such as '60/minute'")
    for action in parser._actions:
        value = getattr(limits, action.dest, None)
        if value is not None:
            action.default, action.help = value, f'{action.help} (default: {value:g})'
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.checkpoints import find_models
    from aurora_mm.serving.server import serve_api

    names = ApiLimits.__dataclass_fields__
    limits = ApiLimits(**{name: getattr(args, name) for name in names})
    models = [file for one in (args.model, *args.members) for file in find_models(one)]
    serve_api(models, limits, args.host, args.port, args.device, args.measurements, on_start=_say)


def _say(address: str) -> None:
    print(f'The API is at {address} until Ctrl-C; {address}/docs describes it.', flush=True)

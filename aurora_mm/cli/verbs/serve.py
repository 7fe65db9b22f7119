"""Serve a web page on this machine: drop an image, see its predictions and measurements.

    aurora-mm serve work_dirs/run/epoch_12.pth
    aurora-mm serve            # with a small model that is trained on generated pictures first, in some minutes

The page is at http://127.0.0.1:PORT until Ctrl-C. Nobody else in the network can reach it, it sends nothing anywhere,
and what was uploaded is deleted after an hour and at the end. Needs gradio: pip install 'aurora_mm[demo]'.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from types import FrameType

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'model',
        metavar='MODEL',
        nargs='?',
        help='checkpoint, model folder, hub id OWNER/NAME, or a folder of model folders that answer as an ensemble '
        '(default: a small one, see above)',
    )
    parser.add_argument('--members', nargs='+', default=[], metavar='MODEL', help='further members of an ensemble')
    parser.add_argument('--port', type=int, help='default: the first free one from 7860 on')
    parser.add_argument('--max-upload', type=int, default=100, metavar='MB', help='largest file (default: 100 MB)')
    parser.add_argument(
        '--measurements',
        metavar='FILE',
        help="config file with a list `tasks` whose measurements are taken (default: the model's own)",
    )
    parser.add_argument('--device', help="'cpu', 'cuda', ... (default: a GPU if there is one)")
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.checkpoints import find_models
    from aurora_mm.web.phantom_model import NOTICE, phantom_model
    from aurora_mm.web.server import page_server

    if args.max_upload < 1:
        raise ConfigError(f'--max-upload must be 1 MB or more, not {args.max_upload}')
    if args.members and args.model is None:
        raise ConfigError('--members go with a model')
    given = [phantom_model()] if args.model is None else [args.model, *args.members]
    models = [file for one in given for file in find_models(one)]
    notice = NOTICE if args.model is None else ''
    # Uploads are deleted also if the process is ended by `kill` or a service manager.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with page_server(models, args.device, args.port, args.max_upload, notice, args.measurements) as page:
            print(f'The page is at {page.local_url} until Ctrl-C.', flush=True)
            threading.Event().wait()
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)

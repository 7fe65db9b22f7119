"""Listen for DICOM images and answer each with DICOM SEG and SR.

    aurora-mm listen work_dirs/run/epoch_12.pth --port 11112 --out results
    aurora-mm listen work_dirs/run/epoch_12.pth --host 0.0.0.0 --send-to PACS@10.0.0.5:104

Takes ultrasound images and clips by C-STORE and answers C-ECHO, until Ctrl-C or SIGTERM. What waits lies in a folder
and is answered after a restart. Needs the extra dicom: pip install 'aurora_mm[dicom]'. See docs/dicom.md.
"""

from __future__ import annotations

import argparse
import signal
import threading
import warnings
from pathlib import Path
from types import FrameType

from aurora_mm.cli.command import command
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.cli.whole_numbers import count
from aurora_mm.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'model', metavar='MODEL', help='checkpoint, model folder, or a folder of these that answer together'
    )
    parser.add_argument('--port', type=int, default=11112, help='default: 11112')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on (default: this machine alone)')
    parser.add_argument('--aet', default='AURORA_MM', metavar='TITLE', help='own AE title (default: AURORA_MM)')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='where results are kept')
    parser.add_argument('--send-to', metavar='AET@HOST:PORT', help='node that results are sent to')
    parser.add_argument(
        '--queue', type=Path, metavar='FOLDER', help='what waits (default: OUT/queue, or aurora_mm_queue here)'
    )
    parser.add_argument('--most', type=count, default=1000, metavar='N', help='most images that wait (default: 1000)')
    parser.add_argument('--tasks', default='all', metavar='A,B', help='names of tasks (default: all)')
    parser.add_argument(
        '--measurements',
        metavar='FILE',
        help="config file with a list `tasks` whose measurements and codes are used (default: the model's own)",
    )
    parser.add_argument('--every', type=count, default=1, metavar='N', help='of clips, every N-th frame (default: 1)')
    parser.add_argument('--device', help="'cpu', 'cuda', ... (default: a GPU if there is one)")
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import MultiTaskInferencer
    from aurora_mm.checkpoints import find_models
    from aurora_mm.dicom.packages import require_packages
    from aurora_mm.dicom_node.dicom_node import DicomNode
    from aurora_mm.dicom_node.dicom_predictor import DicomPredictor
    from aurora_mm.dicom_node.peer import Peer
    from aurora_mm.prediction_files.asked_tasks import asked_tasks

    require_packages('pydicom', 'highdicom', 'pynetdicom')
    if args.out is None and args.send_to is None:
        raise ConfigError('say where results go: --out FOLDER, --send-to AET@host:port, or both')
    if args.tasks == 'auto':
        raise ConfigError('--tasks auto goes with predict; name the tasks of this node')
    peer = None if args.send_to is None else Peer.parse(args.send_to)
    queue = args.queue or (Path('aurora_mm_queue') if args.out is None else args.out / 'queue')
    models = [str(file) for file in find_models(args.model)]
    inferencer = MultiTaskInferencer(models, args.device, show_progress=False)
    predictor = DicomPredictor(inferencer, asked_tasks(inferencer, args.tasks, args.measurements), models, args.every)
    node = DicomNode(predictor, queue, args.out, peer, args.aet, args.most, _say)
    stop = threading.Event()

    def end(number: int, _: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        # Warnings of pydicom hold values of headers.
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            node.start(args.host, args.port)
            try:
                _say(f'{args.aet} listens on {args.host}:{node.port} until Ctrl-C')
                stop.wait()
            finally:
                node.stop()
        _say(f'stopped; {len(node.incoming)} images and {len(node.outgoing)} results wait in {queue}')
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    print(line, flush=True)

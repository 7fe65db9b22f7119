"""The API under load, beside a plain loop over the same images in this process.

    OMP_NUM_THREADS=1 python benchmarks/serve.py CHECKPOINT IMAGE_FOLDER [--seconds 120] [--clients 8]

Rounds of both take turns, so that what else the machine does falls on both alike. Every fourth request is faulty. Each
request must be answered once: a good one with what the loop found for its image, a faulty one with its error. The
memory of the server is read from its metrics after each round. Needs the extra [api], and httpx.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from pycocotools import mask as coco_masks

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.images.reading import SUFFIXES, read_image
from aurora_mm.serving.api_predictor import ApiPredictor
from aurora_mm.tables import markdown_table

_SEED = 0
_FAULTY = 4  # every fourth request
_LEAST_AREA = 20  # smaller regions may appear or vanish by rounding


class Request(NamedTuple):
    """A request, and the status and error that it must be answered with; a good one has no error."""

    image: str
    arguments: dict[str, Any]
    status: int = 200
    code: str = ''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('images', help='a folder, with folders in it')
    parser.add_argument('--seconds', type=float, default=120, help='of load in all (default: 120)')
    parser.add_argument('--rounds', type=int, default=6, help='turns of load and loop (default: 6)')
    parser.add_argument('--clients', type=int, default=8, help='requests at the same time (default: 8)')
    parser.add_argument('--most', type=int, default=24, help='images (default: 24)')
    parser.add_argument('--batch-size', type=int, default=8, help='of the server (default: 8)')
    args = parser.parse_args()

    files = [str(file) for file in sorted(Path(args.images).rglob('*')) if file.name.lower().endswith(SUFFIXES)]
    files = random.Random(_SEED).sample(files, min(args.most, len(files)))
    inferencer = MultiTaskInferencer(args.checkpoint, show_progress=False)
    loop = PlainLoop(ApiPredictor(inferencer, inferencer.tasks, [args.checkpoint]), files)
    loop.run(len(files))
    with served(args.checkpoint, args.batch_size) as address:
        load = Load(address, files, loop.found, args.clients)
        load.run(2)  # what is only done once
        load.forget()
        rounds = []
        for _ in range(args.rounds):
            alone = loop.run(max(len(files) // 2, 1))
            before = len(load.seconds)
            elapsed = load.run(args.seconds / args.rounds)
            rounds.append((alone, (len(load.seconds) - before) / elapsed, memory(address)))
    report(rounds, load)
    if load.wrong:
        sys.exit(f'{len(load.wrong)} wrong answers, such as {load.wrong[0]}')


class PlainLoop:
    """Predicts one image after the other, as a program without a server would."""

    def __init__(self, predictor: ApiPredictor, files: list[str]) -> None:
        self.predictor = predictor
        self.found: dict[str, dict[str, Any]] = {}
        self._next = itertools.cycle(files)

    def run(self, count: int) -> float:
        """Predict a number of images; how many a second."""
        start = time.perf_counter()
        for file in itertools.islice(self._next, count):
            image = read_image(file)
            row: dict[str, Any] = dict(img=image.pixels, img_path=Path(file).name, tasks=list(self.predictor.tasks))
            if image.pixel_spacing is not None:
                row['pixel_spacing'] = image.pixel_spacing
            (sample,) = self.predictor.predict([row])
            self.found[file] = self.predictor.content(sample)
        return count / (time.perf_counter() - start)


class Load:
    """Clients that ask without a pause, and check every answer."""

    def __init__(self, address: str, files: list[str], expected: dict[str, dict[str, Any]], clients: int) -> None:
        self.address = address
        self.expected = expected
        self.clients = clients
        self.data = {file: Path(file).read_bytes() for file in files}
        self._lock = threading.Lock()
        self._random = random.Random(_SEED)
        self._count = 0
        self.forget()

    def forget(self) -> None:
        """Forget what was counted."""
        self.seconds: list[float] = []  # of good requests
        self.answered: Counter[str] = Counter()
        self.sent = 0
        self.wrong: list[str] = []

    def run(self, seconds: float) -> float:
        """Ask for some time; how long it took until all was answered."""
        start = time.perf_counter()
        threads = [threading.Thread(target=self._ask, args=(start + seconds,)) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    def _ask(self, end: float) -> None:
        with httpx.Client(base_url=self.address, timeout=600) as client:
            while time.perf_counter() < end:
                with self._lock:
                    request = self._next()
                    self.sent += 1
                start = time.perf_counter()
                answer = client.post('/predict', **request.arguments)
                elapsed = time.perf_counter() - start
                problem = self._problem(request, answer)
                with self._lock:
                    self.answered[f'{answer.status_code} {request.code}'.strip()] += 1
                    if not request.code:
                        self.seconds.append(elapsed)
                    if problem:
                        self.wrong.append(problem)

    def _next(self) -> Request:
        self._count += 1
        file = self._random.choice(list(self.data))
        good = dict(files=[('files', (Path(file).name, self.data[file]))])
        if self._count % _FAULTY:
            return Request(file, good)
        return self._random.choice(
            [
                Request(file, dict(files=[('files', ('a.png', self.data[file][:200]))]), 422, 'unreadable_image'),
                Request(file, dict(files=[('files', ('a.dcm', b'no DICOM' * 99))]), 422, 'unreadable_image'),
                Request(file, dict(files=[('files', ('a.txt', b''))]), 422, 'unreadable_image'),
                Request(file, good | dict(data=dict(tasks='absent')), 400, 'unknown_task'),
                Request(file, good | dict(data=dict(spacing='wide')), 400, 'bad_request'),
                Request(file, dict(content=b'no form'), 400, 'bad_request'),
                Request(file, dict(files=[('files', ('a.png', bytes(60_000_000)))]), 413, 'request_too_large'),
            ]
        )

    def _problem(self, request: Request, answer: httpx.Response) -> str:
        """What is wrong with an answer, or ''."""
        content = answer.json()
        if answer.status_code != request.status:
            return f'{answer.status_code} instead of {request.status} {request.code}: {answer.text[:200]}'
        if request.code:
            code = content['error']['code']
            return '' if code == request.code else f'{code} instead of {request.code}'
        (image,) = content['images']
        return difference(self.expected[request.image], image)


def difference(one: Any, other: Any, path: str = '') -> str:
    """Where two JSON values differ by more than the rounding of sums in batches, or ''."""
    if isinstance(one, dict) and 'segments' in one:
        return segment_difference(one['segments'], other['segments'], path)
    if isinstance(one, dict) and one.keys() == other.keys():
        return next(filter(None, (difference(one[key], other[key], f'{path}/{key}') for key in one)), '')
    if isinstance(one, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next(filter(None, (difference(*pair, f'{path}/{number}') for number, pair in pairs)), '')
    is_number = isinstance(one, float) and isinstance(other, float)
    if one == other or (is_number and abs(one - other) <= 0.05 + 1e-3 * abs(one)):
        return ''
    return f'{path}: {str(other)[:80]} instead of {str(one)[:80]}'


def segment_difference(one: list[dict], other: list[dict], path: str) -> str:
    """As :func:`difference`, of masks: few pixels on the border of two classes may change."""
    masks = [{s['label']: s['rle'] for s in segments if s['area'] >= _LEAST_AREA} for segments in (one, other)]
    if masks[0].keys() != masks[1].keys():
        return f'{path}: classes {list(masks[1])} instead of {list(masks[0])}'
    for label in masks[0]:
        overlap = coco_masks.iou([masks[0][label]], [masks[1][label]], [False])[0, 0]
        if overlap < 0.99:
            return f'{path}/{label}: IoU {overlap:.4f}'
    return ''


@contextmanager
def served(checkpoint: str, batch_size: int) -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, '-m', 'aurora_mm', 'serve-api', checkpoint, '--port', '0', '--timeout', '600']
    with tempfile.TemporaryFile('w+') as log:
        command += ['--batch-size', str(batch_size)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = server.stdout.readline()
            yield re.search(r'http://\S+:\d+', line).group()
            server.terminate()
            if server.wait(600):
                raise RuntimeError(f'the server ended with {server.returncode}')
            log.seek(0)
            if 'Traceback' in (text := log.read()):
                raise RuntimeError(text)
        finally:
            server.kill()
            server.wait()


def memory(address: str) -> float:
    """Resident memory of the server in MB."""
    text = httpx.get(f'{address}/metrics', timeout=600).text
    return float(re.search(r'^process_resident_memory_bytes (\S+)', text, re.MULTILINE).group(1)) / 1e6


def report(rounds: list[tuple[float, float, float]], load: Load) -> None:
    """Print what was measured."""
    rows = [
        [str(number), f'{alone:.2f}', f'{asked:.2f}', f'{asked / alone:.2f}', f'{used:.0f}']
        for number, (alone, asked, used) in enumerate(rounds, 1)
    ]
    print(markdown_table(['round', 'loop (images/s)', 'API (images/s)', 'ratio', 'memory of the server (MB)'], rows))
    p50, p99 = np.percentile(load.seconds, [50, 99])
    print(f'\n{load.clients} clients: p50 {p50:.2f} s, p99 {p99:.2f} s of {len(load.seconds)} good requests')
    print(f'median of the ratios {np.median([asked / alone for alone, asked, _ in rounds]):.2f}')
    print(f'{load.sent} requests sent, {load.answered.total()} answered, {len(load.wrong)} wrongly')
    print(', '.join(f'{status}: {count}' for status, count in sorted(load.answered.items())))


if __name__ == '__main__':
    main()

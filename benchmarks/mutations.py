"""Whether the tests notice when an option has no effect: mutation testing by a list.

    python benchmarks/mutations.py                       # all of mutation_list.py
    python benchmarks/mutations.py losses balancers      # those of files whose path holds one of the words

Each mutation of `mutation_list.py` is applied by itself, in a temporary copy of the tracked files, and its tests run
until the first one fails. A mutation that no test fails on has survived; the survivors are listed at the end. Exit
status: 0 if there is none, 1 if there are some, 2 if tests fail without any mutation.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mutation_list import MUTATIONS

REPO = Path(__file__).resolve().parents[1]
LIMIT = 300  # seconds for the tests of a mutation; one that hangs them is found


class Mutation(NamedTuple):
    """One change of one file.

    Args:
        file: Path below the repository.
        old: Text that occurs in the file exactly once.
        new: Text in its place.
        tests: Folders and files of tests, of which one must fail.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, text: str) -> str:
        """Return the changed text of the file.

        Raises:
            ValueError: If the old text does not occur exactly once, or the new one is no Python.
        """
        if text.count(self.old) != 1:
            raise ValueError(f'{self.file}: {self.old!r} occurs {text.count(self.old)} times, not once')
        changed = text.replace(self.old, self.new)
        compile(changed, self.file, 'exec')
        return changed


def all_mutations() -> list[Mutation]:
    """List what `mutation_list.py` describes."""
    return [
        Mutation(f'aurora_mm/{file}', old, new, tuple(tests.split()))
        for file, tests, pairs in MUTATIONS
        for old, new in pairs
    ]


@contextlib.contextmanager
def changed_file(path: Path, text: str) -> Iterator[None]:
    """Give a file another text for a while."""
    before = path.read_text()
    _write(path, text)
    try:
        yield
    finally:
        _write(path, before)


def _write(path: Path, text: str) -> None:
    """Write a file; Python must not take its compiled text of before, which may be as old and as long, for it."""
    for compiled in (path.parent / '__pycache__').glob(f'{path.stem}.*.pyc'):
        compiled.unlink()
    path.write_text(text)


def preload() -> None:
    """Import the large libraries once; the processes that run tests are forked off with them."""
    for name in (
        'torch',
        'mmengine',
        'mmengine.runner',
        'mmcv',
        'cv2',
        'sklearn.metrics',
        'scipy.ndimage',
        'pytest',
        'mmdet.models',
        'mmseg.models',
    ):
        __import__(name)


def tests_pass(tree: Path, tests: tuple[str, ...]) -> bool:
    """Run tests of a tree in a process of their own, until the first one fails."""
    pid = os.fork()
    if pid == 0:
        os.setsid()  # so that what the tests start can be ended with them
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.chdir(tree)
        sys.path.insert(0, str(tree))
        os.environ['PYTHONPATH'] = str(tree)
        import pytest

        os._exit(int(pytest.main(['-x', '-q', '-p', 'no:cacheprovider', *tests])))
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.1)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def copy_tree(target: Path) -> None:
    """Copy the tracked files, as they are in the working tree."""
    names = subprocess.run(['git', 'ls-files', '-z'], cwd=REPO, capture_output=True, check=True).stdout
    subprocess.run(['tar', '-cf', target / 'tree.tar', '--null', '-T', '-'], cwd=REPO, input=names, check=True)
    subprocess.run(['tar', '-xf', target / 'tree.tar'], cwd=target, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('words', nargs='*', help='run the mutations of files whose path holds one of these')
    words = parser.parse_args().words
    mutations = [m for m in all_mutations() if not words or any(word in m.file for word in words)]
    preload()
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        for tests in dict.fromkeys(m.tests for m in mutations):
            if not tests_pass(tree, tests):
                print(f'without any mutation, tests fail in {" ".join(tests)}')
                sys.exit(2)
        for number, mutation in enumerate(mutations, start=1):
            path = tree / mutation.file
            with changed_file(path, mutation.apply(path.read_text())):
                survived = tests_pass(tree, mutation.tests)
            print(f'{number}/{len(mutations)} {"SURVIVED" if survived else "found"} {mutation.file}: {mutation.old!r}')
            sys.stdout.flush()
            if survived:
                survivors.append(mutation)
    print(f'{len(survivors)} of {len(mutations)} mutations survived')
    for mutation in survivors:
        print(f'  {mutation.file}: {mutation.old!r} -> {mutation.new!r}')
    sys.exit(1 if survivors else 0)


if __name__ == '__main__':
    main()

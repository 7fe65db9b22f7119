"""The commands of a bash block with the arguments that bash gives them, without running them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_END = '\x1e'
# With a PATH of nothing bash hands every program to this function. `python -c` is run, because its output may be used.
_RECORD = f"""
record() {{
    if [ "$1" = python ] && [ "$2" = -c ]; then "{sys.executable}" "${{@:2}}"; return; fi
    printf '%s\\0' "$@" {_END} >> "$RECORD"
}}
command_not_found_handle() {{ record "$@"; }}
for program in aurora-mm python torchrun; do
    eval "function .venv/bin/$program {{ record $program \\"\\$@\\"; }}"
done
set -eu
"""


class ShellError(Exception):
    """bash does not accept a block."""


def commands_of(text: str, folder: Path, variables: dict[str, str]) -> list[list[str]]:
    """Let bash expand variables, loops and continued lines of a block.

    Args:
        text: The block.
        folder: Empty folder to run in. Patterns such as ``epoch_*.pth`` find nothing there, and stay as they are.
        variables: Environment variables.

    Returns:
        For each program that the block calls, its name and arguments, in the order in which they are called.

    Raises:
        ShellError: If the block is no valid bash, or uses a variable that is not set.
    """
    record = folder / '.record'
    record.write_text('')
    env = dict(PATH='/nowhere', RECORD=str(record), HOME=os.environ.get('HOME', '/')) | variables
    done = subprocess.run(['/bin/bash', '-c', _RECORD + text], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise ShellError(done.stderr.strip())
    commands: list[list[str]] = []
    command: list[str] = []
    for word in record.read_text().split('\0')[:-1]:
        if word == _END:
            commands.append(command)
            command = []
        else:
            command.append(word)
    return commands

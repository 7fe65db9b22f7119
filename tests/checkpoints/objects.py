"""Pickles that run code when they are read in full: they write a file that says so."""

from __future__ import annotations

import builtins
import os
import subprocess
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch


class Reduced:
    """Pickled as the call of a function; the call is made when the pickle is read."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


class Setter:
    """Pickled as an OrderedDict whose state is set by a call."""

    def __init__(self, payload: Any) -> None:
        self.payload = payload

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, (), {'x': self.payload}


def payloads(proof: Path) -> dict[str, Any]:
    """Objects that write ``proof`` if they are read as Python pickles, by name."""
    command = f'echo ran > {proof}'
    code = f'open({str(proof)!r}, "w").write("ran")'
    return {
        'os.system': Reduced(os.system, command),
        'subprocess': Reduced(subprocess.call, command, None, None, None, None, None, None, None, True),
        'eval': Reduced(builtins.eval, code),
        'exec': Reduced(builtins.exec, code),
        'import': Reduced(builtins.__import__, 'antigravity'),
        'open': Reduced(builtins.open, str(proof), 'w'),
        'nested': [dict(a=(1, Reduced(os.system, command)))],
        'state of an allowed class': Setter(Reduced(os.system, command)),
        'a key': {Reduced(os.system, command): 1},
        'torch.load itself': Reduced(torch.load, str(proof)),
    }

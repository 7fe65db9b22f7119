"""The output of a run on the console. Everything else is in its log file."""

from aurora_mm.engine.console.console_runner import ConsoleRunner
from aurora_mm.engine.console.progress import LineProgress, TerminalProgress
from aurora_mm.engine.console.run_header import run_header

__all__ = ['ConsoleRunner', 'LineProgress', 'TerminalProgress', 'run_header']

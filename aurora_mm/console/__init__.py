"""The console: what is shown to the person who runs a command, in one form."""

from aurora_mm.console.console import console, show
from aurora_mm.console.console_handler import ConsoleHandler, use_console

__all__ = ['ConsoleHandler', 'console', 'show', 'use_console']

"""The fenced blocks of README.md, CONTRIBUTING.md and docs/, with what an HTML comment before a block says of it.

A block is tested as it is written. One of these comments on the line before it changes that:

    <!-- not run: it takes hours -->            only its arguments are checked, and the reason is counted
    <!-- on configs/aurora_fmc_demo.py -->      Python: lines of a config that inherits this file
    <!-- tested in tests/extending/x.py -->     that test runs it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PAGES = [REPO / 'README.md', REPO / 'CONTRIBUTING.md', *sorted((REPO / 'docs').rglob('*.md'))]
# What is done with the blocks of a language; `text` is output or a drawing, of which nothing can be run.
LANGUAGES = ('bash', 'python', 'json', 'csv', 'text')
_FENCE = re.compile(r'^( *)```([^\n`]*)\n(.*?)^\1```[ ]*$', re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r'<!-- (not run:|on|tested in) (\S[^>]*?) -->\s*\Z')
HELP = (
    'Mend the block. If it cannot run in a test, write why on the line before it: `<!-- not run: why -->`. '
    'tests/docs/document_blocks.py has the other comments.'
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: Path in the repository.
        line: Line of its fence in the page, from 1.
        language: Text behind the fence.
        text: What stands between the fences.
        not_run: Why it cannot run in a test; '' if it can.
        on: Config file that it is written for, or ''.
        tested_in: Test that runs it, or ''.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str = ''
    on: str = ''
    tested_in: str = ''

    @property
    def place(self) -> str:
        return f'{self.page}:{self.line}'

    def failure(self, message: str) -> str:
        """The message of a test that fails for this block."""
        return f'{self.place}: {message}\n\n{self.text}\n{HELP}'


def blocks_of(page: Path) -> list[Block]:
    """Read the fenced blocks of a page in their order."""
    text = page.read_text(encoding='utf-8')
    name = page.relative_to(REPO).as_posix() if page.is_relative_to(REPO) else page.name
    blocks = []
    for match in _FENCE.finditer(text):
        indent, language, body = match.groups()
        comment = _COMMENT.search(text[: match.start()])
        key, value = comment.groups() if comment else ('', '')
        blocks.append(
            Block(
                page=name,
                line=text.count('\n', 0, match.start()) + 1,
                language=language.strip(),
                text=''.join(line.removeprefix(indent) for line in body.splitlines(keepends=True)),
                not_run=value if key == 'not run:' else '',
                on=value if key == 'on' else '',
                tested_in=value if key == 'tested in' else '',
            )
        )
    return blocks


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def blocks_in(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]

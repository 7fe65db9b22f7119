"""Prints how many of the documents' blocks are run."""

from collections import Counter


def pytest_terminal_summary(terminalreporter):
    from tests.docs.document_blocks import BLOCKS

    code = [block for block in BLOCKS if block.language in ('bash', 'python')]
    left_out = Counter(block.not_run for block in code if block.not_run)
    run = len(code) - left_out.total()
    terminalreporter.write_line(
        f'documents: {run} of {len(code)} blocks of commands and code are run as written (those that train by '
        f'`make test-slow`); of all {sum(block.language == "bash" for block in code)} blocks of commands the '
        'arguments are checked'
    )
    for reason, number in left_out.most_common():
        terminalreporter.write_line(f'  {number} not run: {reason}')

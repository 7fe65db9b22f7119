"""The errors of docs/faq.md are those that the code raises, word for word."""

import ast
import re

import pytest

from tests.docs.document_blocks import REPO

TEXT = (REPO / 'docs/faq.md').read_text(encoding='utf-8')
ERRORS = re.findall(r'^### `(.+)`$', TEXT, re.MULTILINE)
_HOLE = '\0'


def messages():
    """Every text of the package, what is filled in replaced by a character that no error has."""
    for file in sorted((REPO / 'aurora_mm').rglob('*.py')):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield ''.join(part.value if isinstance(part, ast.Constant) else _HOLE for part in node.values)


MESSAGES = '\n'.join(text.replace('\n', ' ').replace('`', "'") for text in messages())


def is_raised(error):
    """Whether some text of the package has the parts of an error in their order, with something between them."""
    parts = [re.escape(part.strip()) for part in error.split('...') if part.strip()]
    return re.search(f'[^\n]{{0,40}}?{_HOLE}[^\n]{{0,40}}?'.join(parts), MESSAGES) is not None


@pytest.mark.parametrize('error', ERRORS)
def test_the_code_has_it(error):
    assert is_raised(error), f'no text of aurora_mm is like {error!r}; mend docs/faq.md'


def test_a_wrong_error_is_noticed():
    assert len(ERRORS) > 12
    assert not is_raised('no config in ...')
    assert not is_raised('with ... thawed, nothing is left to learn')

"""The glossary names what there is: classes, attributes and files; links of all pages lead somewhere."""

import importlib
import re
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
GLOSSARY = REPO / 'docs' / 'glossary.md'
PAGES = [REPO / 'README.md', *sorted((REPO / 'docs').glob('*.md'))]
LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')


def anchors(page):
    """The anchors of headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.+)$', re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {
        re.sub(r'[^\w\- ]', '', re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', h).lower()).replace(' ', '-') for h in headings
    }


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL)
    for link in LINK.findall(text):
        if '://' in link or link.startswith('mailto:'):
            continue
        file, _, anchor = link.partition('#')
        target = page.parent / file if file else page
        assert target.exists(), f'{page.name}: {link}'
        if anchor and target.suffix == '.md':
            assert anchor in anchors(target), f'{page.name}: {link}'


def test_each_class_of_the_glossary_is_in_the_file_that_it_links_to():
    pairs = re.findall(r'\[`(\w+)`\]\(\.\./(aurora_mm/[\w/]+)\.py\)', GLOSSARY.read_text())
    assert len(pairs) >= 12
    for name, file in pairs:
        assert hasattr(importlib.import_module(file.replace('/', '.')), name), (name, file)


def test_no_word_is_explained_twice():
    words = re.findall(r'^\| ([^|]+?) \| (?!meaning)', GLOSSARY.read_text(), re.MULTILINE)
    words = [word for word in words if word != '---']
    assert len(words) >= 30
    assert len(set(words)) == len(words)


def test_pages_lead_to_the_glossary():
    leading = [page.name for page in PAGES if page != GLOSSARY and 'glossary.md' in page.read_text()]
    assert 'README.md' in leading
    assert len(leading) >= 10, leading

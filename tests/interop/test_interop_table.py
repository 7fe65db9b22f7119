"""The table of the hosts' parts in docs/interop.md is what comes of trying them."""

import re
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
mmdet = pytest.importorskip('mmdet')
mmseg = pytest.importorskip('mmseg')
sys.path.insert(0, str(REPO / 'benchmarks/interop'))
from interop_table import BEGIN, END, KINDS, Outcome, document, parts_of_kind, table_of, try_part  # noqa: E402

pytestmark = [
    pytest.mark.skipif(
        (mmdet.__version__, mmseg.__version__) != ('3.5.1', '1.4.2'),
        reason='the table is of other versions of the hosts',
    ),
    pytest.mark.needs_operators,
]
TABLE = (REPO / 'docs/interop.md').read_text().partition(BEGIN)[2].partition(END)[0]
# Refusals that need the part built, or its files written.
_SLOW = {'mmdet.FPN_CARAFE'}
_SAMPLE = ('FCOSHead', 'FasterRCNN', 'PSPHead', 'FPN', 'ResNet', 'CocoDataset', 'VOCDataset', 'ADE20KSegDataset')


def documented(kind) -> dict[str, Outcome]:
    """What the document says of each part of a kind."""
    section = TABLE.partition(f'### {kind.title.capitalize()}: ')[2].partition('\n### ')[0]
    found = {}
    for text, parts in re.findall(r'^\| (works.*?|refused: .*?) \| (`.*) \|$', section, re.MULTILINE):
        works = text.startswith('works')
        note = text.removeprefix('works').strip() if works else text.removeprefix('refused: ')
        for part in re.findall(r'`([^`]+)`', parts):
            found[part] = Outcome(part, works, note)
    return found


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.title)
def test_every_part_is_listed_once(kind):
    assert sorted(documented(kind)) == sorted(f'{host}.{name}' for host, name in parts_of_kind(kind))


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.title)
def test_what_is_refused_says_why(kind):
    """Each refusal is the one of the document, and speaks of the part rather than of a line within it."""
    for part, outcome in documented(kind).items():
        if outcome.works or part in _SLOW:
            continue
        found = try_part(kind, *part.split('.'))
        assert found._replace(text=found.text.replace('|', '/')) == outcome
        assert not re.search(r'\w+Error\b|Traceback|__init__', outcome.text), part


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.title)
def test_a_sample_works(kind):
    for part, outcome in documented(kind).items():
        if part.partition('.')[2] in _SAMPLE:
            assert try_part(kind, *part.split('.')) == outcome


def test_the_counts_are_those_of_the_tables():
    outcomes = {kind.title: list(documented(kind).values()) for kind in KINDS}
    assert TABLE.strip().startswith(document(outcomes).partition('\n\n')[0])
    assert sum(outcome.works for found in outcomes.values() for outcome in found) > 200


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.title)
def test_all_parts(kind):
    outcomes = [try_part(kind, host, name) for host, name in parts_of_kind(kind)]
    assert table_of(kind, outcomes) in TABLE

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from aurora_mm.analysis.report import write_html_report
from aurora_mm.calibration.reliability import Reliability
from aurora_mm.calibration.report import write_calibration
from aurora_mm.errors import DataError

VOID = {'meta', 'img', 'link', 'br', 'wbr'}


class Page(HTMLParser):
    """Tags in balance, the text, and where everything is loaded from."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.sources, self.ids, self.anchors, self.alts = [], [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.sources += [attrs[name] for name in ('src', 'srcset', 'data', 'poster') if name in attrs]
        self.ids += [attrs['id']] if 'id' in attrs else []
        if tag == 'a':
            self.anchors.append(attrs['href'])
        if tag == 'img':
            self.alts.append(attrs['alt'])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if 'style' not in self.open:
            self.text.append(data)


@pytest.fixture
def page(run_folder):
    return Page(write_html_report(run_folder).read_text())


def test_the_file_is_whole_and_needs_nothing_else(run_folder):
    file = write_html_report(run_folder)
    assert file == run_folder / 'test' / 'report.html'
    html = file.read_text()
    page = Page(html)
    assert page.open == []
    assert page.sources
    assert all(source.startswith(('data:image/svg+xml;base64,', 'data:image/jpeg;base64,')) for source in page.sources)
    assert 'http' not in re.sub(r'data:[^"]*', '', html)
    assert '<script' not in html
    assert 'name="viewport" content="width=device-width' in html
    assert {anchor.removeprefix('#') for anchor in page.anchors} <= set(page.ids)


def test_scores_intervals_and_published_figures_stand_in_it(page):
    text = ' '.join(' '.join(page.text).split())
    assert '0.611 to 0.689' in text
    assert '0.400 to 0.550' in text
    assert 'Not strictly comparable' in text
    assert 'USTri' in text
    assert 'own 80/20 split' in text


def test_every_task_has_its_worst_median_and_best_case(page):
    for name in ('organs', 'kind', 'spot', 'ends'):
        ranks = [alt.split(', ')[1].split()[0] for alt in page.alts if alt.startswith(f'{name}, ')]
        assert ranks == ['worst', 'median', 'best']
    text = ' '.join(page.text)
    assert 'DSC 0.05' in text  # the mean of .1 and 0
    assert 'error 12.0 px' in text


def test_curves_and_confusion_of_the_run(page):
    assert {'Validation score by epoch', 'Probability that a task is sampled'} <= set(page.alts)
    assert "Weight of each task's loss" not in page.alts  # the run logged none
    assert '<b>odd</b>' in ''.join(page.text), 'a class name is text, whatever it holds'


def test_results_alone_without_training_masks_and_intervals(run_folder):
    test = run_folder / 'test'
    (test / 'submission').rename(run_folder / 'elsewhere')
    scores = json.loads((test / 'metrics.json').read_text())
    scores.pop('intervals')
    (test / 'metrics.json').write_text(json.dumps(scores))
    page = Page(write_html_report(test, out_file=run_folder / 'out.html').read_text())
    assert 'training' not in page.ids
    assert 'run aurora-mm test with --submission' in ' '.join(page.text)
    assert '95 % interval' not in ' '.join(page.text)


def test_a_folder_without_results_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match=r'no metrics.json in .*run aurora-mm test'):
        write_html_report(tmp_path)


def test_data_that_has_moved(run_folder):
    data = run_folder.parent / 'data'
    data.rename(run_folder.parent / 'moved')
    with pytest.raises(DataError, match=r'cannot be read .*; if the data has moved, say where to by --data-root'):
        write_html_report(run_folder)
    html = write_html_report(run_folder, data_root=run_folder.parent / 'moved').read_text()
    assert html.count('data:image/jpeg') == 12


def test_an_unreadable_image_is_named(run_folder):
    image = run_folder.parent / 'data' / 'detection' / '0.png'
    image.write_bytes(b'no image')
    with pytest.raises(DataError, match=r'detection/0.png: the image cannot be read'):
        write_html_report(run_folder)


def test_a_calibrated_model_has_a_section(run_folder, page):
    assert 'calibration' not in page.ids
    reliability = Reliability.of(np.array([0.9, 0.4]), np.array([True, False])).plain()
    coverage = dict(left=dict(reached=0.875, size=12.34, unlimited=0), right=dict(reached=1, size=None, unlimited=1))
    ends = dict(type='landmark', images=5, unit='px', statement='', coverage=coverage)
    kind = dict(type='classification', images=5, unit='classes', statement='', coverage={})
    content = dict(
        coverage=0.9,
        method='',
        flagged=0.05,
        tasks=dict(
            ends=ends | dict(reliability=dict(before=None, after=None)),
            kind=kind | dict(reliability=dict(before=reliability, after=reliability)),
        ),
    )
    write_calibration(run_folder / 'test', content)
    page = Page(write_html_report(run_folder).read_text())
    text = ' '.join(' '.join(page.text).split())
    assert 'calibration' in page.ids and page.open == []
    for words in ('truth of 90.0 % of new images', '5.0 % of the images are flagged', '87.5 % 12.3 px', '100.0 % none'):
        assert words in text
    (run_folder / 'test' / 'calibration.json').write_text('{"coverage": 0.9}')
    with pytest.raises(DataError, match='no description of a calibration'):
        write_html_report(run_folder)


class TestGroups:
    """The section about groups of images, which only tests with ``--by`` have."""

    def with_groups(self, run_folder, groups):
        file = run_folder / 'test' / 'metrics.json'
        content = json.loads(file.read_text())
        file.write_text(json.dumps(content | dict(groups=groups)))
        return run_folder

    def test_the_worst_group_is_marked(self, run_folder):
        north = dict(value='<north>', images=40, primary=0.5, interval=[0.4, 0.6], is_small=False, is_worst=True)
        south = dict(value='south', images=3, primary=None, interval=None, is_small=True, is_worst=False)
        page = Page(
            write_html_report(self.with_groups(run_folder, dict(centre=dict(organs=[north, south])))).read_text()
        )
        text = ' '.join(' '.join(page.text).split())
        assert 'By centre' in text
        assert '<north> 40' in text
        assert '0.500 0.400 to 0.600 worst' in text
        assert text.count('few images') == 1 + text.count('a group of few images')
        assert 'groups' in page.ids

    def test_a_test_without_columns_has_no_section(self, page):
        assert 'groups' not in page.ids

    def test_broken_groups_are_an_error(self, run_folder):
        with pytest.raises(DataError, match='no groups as aurora-mm test writes them'):
            write_html_report(self.with_groups(run_folder, dict(centre=dict(organs=[dict(value='x')]))))


class TestRobustness:
    """The section about corrupted images, which only tests with ``--robustness`` have."""

    CONTENT = dict(
        strengths=[0.5, 1.0],
        plain=dict(score=0.8, tasks=dict(organs=0.8)),
        corruptions={'gain': dict(unit='+15 dB', score=[0.7, 0.6], tasks=dict(organs=[0.7, 0.3]))},
    )

    def write(self, run_folder, content):
        file = run_folder / 'test' / 'metrics.json'
        file.write_text(json.dumps(json.loads(file.read_text()) | dict(robustness=content)))
        return run_folder

    def test_losses_curves_and_examples(self, run_folder):
        (run_folder / 'test' / 'robustness').mkdir()
        (run_folder / 'test' / 'robustness' / 'gain.jpg').write_bytes(b'\xff\xd8\xff picture')
        page = Page(write_html_report(self.write(run_folder, self.CONTENT)).read_text())
        text = ' '.join(' '.join(page.text).split())
        assert 'organs 0.800 -0.300 gain at 1: -0.500' in text
        assert 'robustness' in page.ids
        assert {'organs', 'score: mean over the types', 'gain at each strength'} <= set(page.alts)

    def test_without_pictures_the_numbers_are_there(self, run_folder):
        page = Page(write_html_report(self.write(run_folder, self.CONTENT)).read_text())
        assert 'gain at each strength' not in page.alts

    def test_broken_content_is_an_error(self, run_folder):
        with pytest.raises(DataError, match='no robustness as aurora-mm test writes it'):
            write_html_report(self.write(run_folder, dict(strengths=[1.0])))

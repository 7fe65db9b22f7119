"""`aurora-mm serve`: its arguments."""

import contextlib
import signal
import threading
from pathlib import Path

import pytest

from aurora_mm.cli.verbs.serve import main
from aurora_mm.web.phantom_model import NOTICE


class Asked(list):
    closed = 0


@pytest.fixture
def served(monkeypatch):
    """What the server is asked for; it ends at once as by Ctrl-C."""
    asked = Asked()

    @contextlib.contextmanager
    def page_server(*args):
        asked.append(args)
        try:
            yield type('Page', (), dict(local_url='http://127.0.0.1:7860/'))
        finally:
            asked.closed += 1

    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr('aurora_mm.web.server.page_server', page_server)
    monkeypatch.setattr('aurora_mm.web.phantom_model.phantom_model', lambda: 'phantom.pth')
    monkeypatch.setattr(threading.Event, 'wait', stop)
    return asked


def run(*argv):
    with pytest.raises(SystemExit) as stopped:
        main(list(argv))
    return stopped.value.code


def test_a_model_and_its_members(served, capsys):
    assert run('a.pth', '--members', 'b.pth', '--port', '9', '--max-upload', '5', '--device', 'cpu') == 130
    assert served == [([Path('a.pth'), Path('b.pth')], 'cpu', 9, 5, '', None)]
    assert 'The page is at http://127.0.0.1:7860/' in capsys.readouterr().out


def test_without_a_model_the_page_says_what_it_is(served):
    assert run() == 130
    assert served == [([Path('phantom.pth')], None, None, 100, NOTICE, None)]


def test_uploads_are_deleted_if_the_process_is_ended(served, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(threading.Event, 'wait', lambda _: signal.raise_signal(signal.SIGTERM))
    assert run('a.pth') == 128 + signal.SIGTERM
    assert served.closed == 1
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ('argv', 'said'), [(['--max-upload', '0'], '1 MB or more'), (['--members', 'b.pth'], 'go with a model')]
)
def test_arguments_that_are_wrong(served, capsys, argv, said):
    assert run(*argv) == 2
    assert said in capsys.readouterr().err
    assert served == []

"""The page, served on this machine."""

import pytest

from aurora_mm.web.server import page_server


@pytest.fixture(scope='module')
def page(checkpoints):
    """The served page of a random model with a task of each type; files may have 1 MB."""
    pytest.importorskip('gradio', reason='the page needs gradio, the extra [demo]')
    with page_server([checkpoints[0]], device='cpu', max_upload_mb=1, notice='Random <weights>.') as page:
        yield page

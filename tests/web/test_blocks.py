"""The parts of the page, without a server."""

from types import SimpleNamespace

import pytest

from tests.fixtures.checkpoints import TASKS

pytest.importorskip('gradio', reason='the page needs gradio, the extra [demo]')


def tasks_of(page):
    (found,) = [one for one in page.blocks.values() if getattr(one, 'elem_id', None) == 'tasks']
    return [value for _, value in found.choices], found.value


@pytest.mark.parametrize(
    ('router', 'names', 'choices', 'chosen'),
    [
        (None, list(TASKS), list(TASKS), []),
        (None, ['kind'], ['kind'], ['kind']),
        (object(), list(TASKS), ['auto', *TASKS], ['auto']),
    ],
)
def test_the_tasks_to_choose_from(router, names, choices, chosen):
    """A model with a router chooses by itself, unless a person does; a single task needs no choice."""
    from aurora_mm.web.blocks import build_page

    tasks = {name: TASKS[name] for name in names}
    page = build_page(SimpleNamespace(tasks=tasks, inferencer=SimpleNamespace(router=router)), 'a model')
    assert tasks_of(page) == (choices, chosen)


def test_gradio_sends_no_statistics():
    from aurora_mm.web.blocks import build_page

    page = build_page(SimpleNamespace(tasks=dict(TASKS), inferencer=SimpleNamespace(router=None)), 'a model')
    assert page.analytics_enabled is False

"""Losses that are not finite are counted, whether or not a hook asks for them."""

import pytest
import torch
from mmengine.logging import MMLogger

from aurora_mm.errors import AuroraError
from aurora_mm.models.utils import nonfinite_guard
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


def note(guard, *finite):
    guard.note(
        [TaskDataSample(metainfo=dict(task='a', img_path=f'{i}.png')) for i in range(len(finite))], torch.tensor(finite)
    )


def guard(limit=1):
    return NonFiniteGuard([Task('a', 'classification', classes=['x', 'y'])], limit)


def test_flags_do_not_pile_up_in_a_training_that_never_asks(monkeypatch):
    monkeypatch.setattr(nonfinite_guard, '_MOST_PENDING', 4)
    one = guard(limit=2)
    for step in range(11):
        note(one, True, step != 5, step != 7)
        assert len(one._pending) < 4
    MMLogger.get_current_instance()
    one.report()
    assert one.skipped.tolist() == [2]
    note(one, False)
    with pytest.raises(AuroraError, match=r"task 'a' is not finite on 0\.png\. That makes 3"):
        one.report()


def test_the_last_step_alone_is_asked_for():
    one = guard()
    assert one.latest_is_finite()
    note(one, True, False)
    assert not one.latest_is_finite()
    note(one, True)
    assert one.latest_is_finite()


def test_updates_that_the_losses_explain_are_not_told_again(caplog):
    """The update of a label may come after the report of it, where gradients are accumulated."""
    one = guard(limit=1)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    note(one, False)
    one.report()
    one.note_update(torch.tensor(0.0))
    one.note_update(torch.tensor(1.0))
    one.report()
    assert 'the gradients of' not in caplog.text
    one.note_update(torch.tensor(0.0))
    one.report()
    one.report()
    logger.removeHandler(caplog.handler)
    assert caplog.text.count('the gradients of 1 updates were not') == 1

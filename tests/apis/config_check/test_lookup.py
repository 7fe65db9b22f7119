"""Looking up a part by its type."""

from __future__ import annotations

import sys
from collections import OrderedDict

from mmengine.logging import MMLogger, print_log
from mmengine.registry import Registry

from aurora_mm.apis.config_check.lookup import look_up


class TalkingRegistry(Registry):
    """Prints and logs where it is asked, as mmdet and mmseg do when they are imported."""

    def get(self, key):
        print('imported')
        print_log('imported', logger='current')


def test_the_log_is_still_shown_after_a_look_up(monkeypatch, capsys):
    """Where the first message of a process comes from within, the log must not keep the stream that is thrown away."""
    monkeypatch.setattr(MMLogger, '_instance_dict', OrderedDict())
    assert look_up('Part', [TalkingRegistry('part')], ['other']) is None
    streams = [getattr(handler, 'stream', None) for handler in MMLogger.get_current_instance().handlers]
    assert sys.stdout in streams
    assert not capsys.readouterr().out.startswith('imported')

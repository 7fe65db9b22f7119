"""The one rule for names of tasks, and what makes two of them too much alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from aurora_mm.errors import ConfigError
from aurora_mm.task_types import TASK_TYPES

_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]{0,99}')
# Heads and configs are found by the name of a task or of a type, scores by `type/<type>`; torch keeps modules in
# dicts that are modules themselves, so that their own attributes cannot name a module. A list, so that reading a list
# of tasks takes no torch; a test holds it against torch's.
_RESERVED = frozenset(
    (
        *(
            'T_destination',
            'add_module',
            'append',
            'apply',
            'bfloat16',
            'buffers',
            'call_super_init',
            'children',
            'clear',
        ),
        *(
            'compile',
            'copy',
            'cpu',
            'cuda',
            'double',
            'dump_patches',
            'eval',
            'extend',
            'extra_repr',
            'float',
            'forward',
        ),
        *('fromkeys', 'get', 'get_buffer', 'get_extra_state', 'get_parameter', 'get_submodule', 'half', 'init_cfg'),
        *('init_weights', 'insert', 'ipu', 'is_init', 'items', 'keys', 'load_state_dict', 'modules', 'mtia'),
        *('named_buffers', 'named_children', 'named_modules', 'named_parameters', 'parameters', 'pop', 'popitem'),
        *('register_backward_hook', 'register_buffer', 'register_forward_hook', 'register_forward_pre_hook'),
        *('register_full_backward_hook', 'register_full_backward_pre_hook', 'register_load_state_dict_post_hook'),
        *('register_load_state_dict_pre_hook', 'register_module', 'register_parameter'),
        *('register_state_dict_post_hook', 'register_state_dict_pre_hook', 'requires_grad_', 'set_extra_state'),
        *('set_submodule', 'setdefault', 'share_memory', 'state_dict', 'to', 'to_empty', 'train', 'training', 'type'),
        *('update', 'values', 'xpu', 'zero_grad'),
    )
)


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or name in TASK_TYPES


def check_task_name(name: object) -> None:
    """Check that a text can name a task, and with it modules, metrics, keys of configs, files and folders.

    Raises:
        ConfigError: If it cannot, with the rule and a name that would do.
    """
    allowed = isinstance(name, str) and _NAME.fullmatch(name) is not None
    if isinstance(name, str) and allowed and not _is_reserved(name):
        return
    if allowed:
        rule = 'is the name of a task type or of an attribute that torch gives its modules'
        similar = f'{name}_task'
    else:
        rule = 'is not made of 1 to 100 of the letters a-z and A-Z, digits, _ and -, the first a letter or a digit'
        similar = re.sub('[^A-Za-z0-9]+', '_', name).strip('_')[:100] if isinstance(name, str) else ''
    hint = f'; {similar!r} would do' if _NAME.fullmatch(similar) and not _is_reserved(similar) else ''
    # ascii() makes unusual spaces and letters visible.
    raise ConfigError(f'task name {ascii(name)[:150]} {rule}{hint}')


def folded(name: str) -> str:
    """The same text for names that differ only in capitals, ``_`` and ``-``."""
    return re.sub('[_-]+', '_', name.casefold())


def plain(name: str) -> str:
    """The same text for names that people take for one.

    Beyond those of :func:`folded` they may differ in spaces, zeros before a number, or the form of their letters.
    """
    words = ' '.join(re.split(r'[\s_-]+', unicodedata.normalize('NFKC', name).casefold()))
    return re.sub(r'(?<![\d.])0+(?=\d)', '', words)


def written_alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two different names of which :func:`plain` makes one, in their order; None if there are none."""
    spelt: dict[str, str] = {}
    for name in names:
        if (other := spelt.setdefault(plain(name), name)) != name:
            return other, name
    return None


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """The ``known`` names, those spelt most like ``name`` first."""
    return sorted(known, key=lambda other: -SequenceMatcher(None, folded(other), folded(name)).ratio())

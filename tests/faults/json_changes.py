"""Random changes of a JSON file, as values and as text."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from tests.faults.bad_values import JSON_VALUES

value = st.sampled_from(JSON_VALUES) | st.integers(-5, 100) | st.floats(allow_nan=False) | st.text(max_size=5)
# (what, where, value): a place is chosen by numbers that are taken modulo what is there.
places = st.lists(st.integers(0, 20), max_size=6)
tree_change = st.tuples(st.sampled_from(['set', 'delete', 'repeat', 'move']), places, value)
text_change = st.tuples(st.sampled_from(['cut', 'insert']), st.tuples(st.integers(0, 2000)), value)
changes = st.lists(tree_change | text_change, min_size=1, max_size=3)


def changed(data: Any, steps: list[tuple[str, list[int], Any]]) -> str:
    """The file's text with the changes carried out."""
    data = copy.deepcopy(data)
    for what, where, new in steps:
        if what in ('set', 'delete', 'repeat', 'move'):
            _change_tree(data, what, where, new)
    text = json.dumps(data)
    for what, where, new in steps:
        if what == 'cut':
            text = text[: where[0] % (len(text) + 1)]
        elif what == 'insert':
            place = where[0] % (len(text) + 1)
            text = text[:place] + json.dumps(new) + text[place:]
    return text


def _change_tree(node: Any, what: str, where: list[int], new: Any) -> None:
    for depth, step in enumerate(where):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = keys[step % len(keys)]
        if isinstance(node[key], dict | list) and depth + 1 < len(where):
            node = node[key]
            continue
        if what == 'set':
            node[key] = copy.deepcopy(new)
        elif what == 'delete':
            del node[key]
        elif isinstance(node, list):
            node.append(copy.deepcopy(node[key])) if what == 'repeat' else node.reverse()
        else:
            node[f'{key}2' if what == 'repeat' else str(new)[:20]] = node[key]
        return

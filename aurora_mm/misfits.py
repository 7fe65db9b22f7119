"""What it means for a user when a part of another package raises."""

from __future__ import annotations

import traceback

from huggingface_hub.errors import StrictDataclassError

# What foreign parts raise when they are given arguments or tensors that are not theirs.
MISFITS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    StrictDataclassError,  # of a value in a config of transformers
    TypeError,
    ValueError,
)
# A part of an exception's text, and the sentence that says what to do.
_MEANINGS = {
    'Expected more than 1 value per channel': (
        'it has a BatchNorm over a map of one value, which cannot be trained with one image of the task in a batch; '
        "set norm_cfg=dict(type='GN', num_groups=...) in it"
    ),
    'implementation for device cpu not found': (
        'it needs an operator that mmcv has for GPUs alone, and parts are tried on the CPU'
    ),
    'selected index k out of range': 'it is to keep more boxes than it makes; lower max_per_img in test_cfg',
    "'NoneType' object is not subscriptable": 'an argument that it needs was left out, probably train_cfg or test_cfg',
}
NEEDS_GPU = 'implementation for device cpu not found'  # how mmcv begins to say that an operator has no CPU version


def reason_of(error: Exception) -> str:
    """What an exception of a foreign part means, as half a sentence."""
    text = ' '.join(str(error).split())
    for part, meaning in _MEANINGS.items():
        if part in text:
            return meaning
    if 'not installed' in text:
        return text[:300]
    frames = traceback.extract_tb(error.__traceback__)
    if not text and frames:  # a bare assertion says in its line what it wants
        text = ' '.join((frames[-1].line or '').split())
    return f'it ends with {type(error).__name__}: {text[:300]}'

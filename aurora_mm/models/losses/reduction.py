from __future__ import annotations

from torch import Tensor


def reduce_loss(loss: Tensor, reduction: str | None) -> Tensor:
    """Reduce the values of single elements.

    Args:
        loss: Values of any shape.
        reduction: 'none', 'sum' or 'mean'; None is 'mean'.

    Returns:
        The values unchanged, or a scalar.

    Raises:
        ValueError: If ``reduction`` is another.
    """
    if reduction == 'none':
        return loss
    if reduction == 'sum':
        return loss.sum()
    if reduction in (None, 'mean'):
        return loss.mean()
    raise ValueError(f"reduction {reduction!r} is none of 'none', 'mean', 'sum'")

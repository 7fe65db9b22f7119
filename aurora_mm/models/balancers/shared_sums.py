"""Sums over the batches since the last update, which a checkpoint keeps for any number of ranks."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


class SharedSums:
    """A mixin for modules with a buffer ``sums`` of this rank, whose total over the ranks is used at an update."""

    sums: Tensor

    @torch.no_grad()
    def share(self) -> None:
        """Average ``sums`` over the ranks, so that the state of any rank includes the batches of all."""
        all_reduce(self.sums, op='mean')

    @torch.no_grad()
    def take_share(self, ranks: int) -> None:
        """Keep the total over the ranks after ``sums`` were loaded on another number of ranks.

        Args:
            ranks: Number of ranks over which :meth:`share` averaged them.
        """
        self.sums *= ranks / get_world_size()

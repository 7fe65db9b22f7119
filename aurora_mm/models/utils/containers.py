"""torch's containers of modules, with the class of the modules in them."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, ValuesView
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from torch import nn

M = TypeVar('M', bound=nn.Module)


class ModuleDict(nn.ModuleDict, Generic[M]):
    """A ``nn.ModuleDict`` whose modules are all of one class: ``ModuleDict[BaseTaskHead]``.

    It does what torch's does. A reader and a type checker see which methods its modules have.
    """

    if TYPE_CHECKING:

        def __getitem__(self, key: str) -> M: ...

        def values(self) -> ValuesView[M]: ...

        def items(self) -> ItemsView[str, M]: ...


class ModuleList(nn.ModuleList, Generic[M]):
    """A ``nn.ModuleList`` whose modules are all of one class; see :class:`ModuleDict`."""

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, idx: slice) -> ModuleList[M]: ...

        @overload
        def __getitem__(self, idx: int) -> M: ...

        def __getitem__(self, idx: int | slice) -> M | ModuleList[M]: ...

        def __iter__(self) -> Iterator[M]: ...

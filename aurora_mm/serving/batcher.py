"""Batches of what several requests ask at the same time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar('Item')
Answer = TypeVar('Answer')


class Batcher(Generic[Item, Answer]):
    """Gathers items of concurrent callers into batches, which a function answers in a thread of its own.

    A batch is closed when it is full, or when its first item has waited long enough. While the function is at work,
    the next items gather, so batches grow with the load. If the function raises for a batch, its items are answered
    one by one, so an item never fails because of another.

    Args:
        function: Answers a batch: one answer for each item, in their order.
        most: Most items of a batch.
        wait: Seconds that the first item of a batch waits for others.
        on_batch: Called with the number of items of each batch, before it is answered.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Item]], Sequence[Answer]],
        most: int,
        wait: float,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self.function = function
        self.most = most
        self.wait = wait
        self.on_batch = on_batch or (lambda _: None)
        self._queue: asyncio.Queue[tuple[Item, asyncio.Future[Answer]]] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        """Number of items that are not in a batch yet."""
        return self._queue.qsize()

    async def answer(self, item: Item) -> Answer:
        """Return the answer for an item.

        An item whose caller is cancelled before its batch is closed is left out.

        Raises:
            Exception: What the function raises for this item alone.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((item, future))
        return await future

    async def run(self) -> None:
        """Answer batches until the task is cancelled."""
        with ThreadPoolExecutor(1, thread_name_prefix='model') as thread:
            while True:
                batch = await self._next_batch()
                if batch:
                    self.on_batch(len(batch))
                    await self._answer(batch, thread)

    async def _next_batch(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        batch = [await self._queue.get()]
        loop = asyncio.get_running_loop()
        end = loop.time() + self.wait
        while len(batch) < self.most:
            # Take what is there already at once; a timeout of 0 would not.
            if self._queue.empty():
                try:
                    batch.append(await asyncio.wait_for(self._queue.get(), max(end - loop.time(), 0)))
                except asyncio.TimeoutError:
                    break
            else:
                batch.append(self._queue.get_nowait())
        return [(item, future) for item, future in batch if not future.done()]

    async def _answer(self, batch: Sequence[tuple[Item, asyncio.Future[Answer]]], thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        items = [item for item, _ in batch]
        try:
            answers = await loop.run_in_executor(thread, functools.partial(self.function, items))
            if len(answers) != len(items):
                raise RuntimeError(f'{len(answers)} answers for {len(items)} items')
        except Exception as error:  # whatever it is, it belongs to the callers and must not end the server
            if len(batch) == 1:
                ((_, future),) = batch
                if not future.done():
                    future.set_exception(error)
                return
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
            return
        # Not while the error is handled: it keeps the tensors of the batch, and a GPU may have run out of memory.
        for one in batch:
            await self._answer([one], thread)

"""Batches of concurrent callers."""

import asyncio
import threading
import weakref

import pytest

from aurora_mm.serving.batcher import Batcher


def run(batcher, use):
    """Run a coroutine while the batcher answers."""

    async def both():
        task = asyncio.create_task(batcher.run())
        try:
            return await use()
        finally:
            task.cancel()

    return asyncio.run(both())


def test_concurrent_items_share_batches_and_each_gets_its_answer():
    sizes = []
    batcher = Batcher(lambda items: [10 * item for item in items], most=4, wait=5, on_batch=sizes.append)

    async def use():
        return await asyncio.gather(*(batcher.answer(number) for number in range(8)))

    assert run(batcher, use) == [10 * number for number in range(8)]
    assert sizes == [4, 4]


def test_an_item_does_not_wait_forever_for_others():
    batcher = Batcher(list, most=4, wait=0.01)
    assert run(batcher, lambda: batcher.answer('alone')) == 'alone'


def test_the_next_batch_grows_while_the_function_is_at_work():
    sizes, go = [], threading.Event()

    def slow(items):
        go.wait()
        return list(items)

    batcher = Batcher(slow, most=8, wait=0, on_batch=sizes.append)

    async def use():
        first = asyncio.create_task(batcher.answer(0))
        while not sizes:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(batcher.answer(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        assert batcher.waiting == 5
        go.set()
        return await asyncio.gather(first, *others)

    assert run(batcher, use) == list(range(6))
    assert sizes == [1, 5]


def test_an_item_that_fails_fails_alone():
    def function(items):
        if 'bad' in items:
            raise ValueError('bad item')
        return [item.upper() for item in items]

    batcher = Batcher(function, most=3, wait=5)

    async def use():
        return await asyncio.gather(*map(batcher.answer, ['a', 'bad', 'c']), return_exceptions=True)

    first, failed, last = run(batcher, use)
    assert (first, last) == ('A', 'C')
    assert isinstance(failed, ValueError)


def test_what_a_failed_batch_held_is_free_when_its_items_are_answered_alone():
    """As the memory of a GPU must be, which ran out of it."""

    class Memory:
        pass

    held, alive = [], []

    def function(items):
        if len(items) > 1:
            memory = Memory()
            held.append(weakref.ref(memory))
            raise RuntimeError('out of memory')
        alive.append(held[0]() is not None)
        return list(items)

    batcher = Batcher(function, most=2, wait=5)

    async def use():
        return await asyncio.gather(*map(batcher.answer, 'ab'))

    assert run(batcher, use) == ['a', 'b']
    assert alive == [False, False]


def test_a_missing_answer_is_a_defect():
    batcher = Batcher(lambda items: [], most=1, wait=0)
    with pytest.raises(RuntimeError, match='0 answers for 1 items'):
        run(batcher, lambda: batcher.answer(1))


def test_an_item_whose_caller_left_is_not_computed():
    seen, go = [], threading.Event()

    def function(items):
        seen.extend(items)
        go.wait()
        return list(items)

    batcher = Batcher(function, most=1, wait=0)

    async def use():
        first = asyncio.create_task(batcher.answer('first'))
        while not seen:
            await asyncio.sleep(0.001)
        left = asyncio.create_task(batcher.answer('left'))
        last = asyncio.create_task(batcher.answer('last'))
        await asyncio.sleep(0)
        left.cancel()
        go.set()
        return await first, await last

    assert run(batcher, use) == ('first', 'last')
    assert seen == ['first', 'last']

"""Go over many shards in their order, a few at once where each answer comes over a network.

From Python 3.14 on, `Executor.map` has a `buffersize` and does the same; 3.11 is our least.

Cost: at most `AT_ONCE` shards open, and their results in memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tinyvideo.storage.objects.store_address import is_remote
from tinyvideo.storage.objects.stores import Store

AT_ONCE = 8
"""Shards that are read at once from S3. Ours: each takes a hundred short requests."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    store: Store, work: Callable[[Item], Result], items: Iterable[Item], *, on_disk: int = 1
) -> Iterator[Result]:
    """Yield what `work` makes of each item, in order; the first error ends it.

    A disk has nothing to wait for, but work that hashes may have several cores: `on_disk` at once.
    """
    at_once = AT_ONCE if is_remote(store.address) else on_disk
    if at_once == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) == at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

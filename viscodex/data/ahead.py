"""Work on a few items of a stream at once, and take the results in order.

in:  items, however many; a function that may be called from several threads
out: (item, result) in the order of the items
not covered: processes: whatever runs code has its own (execute/)
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    n_threads: int | None = None,
    *,
    each: int = 4,
) -> Iterator[tuple[Item, Result]]:
    """Results in order.

    Args:
        n_threads: None takes the number of cores, at most 8.
        each: items in memory for each thread, at most; 1: no item is taken that cannot be begun.
    """
    count = n_threads or min(8, len(os.sched_getaffinity(0)))
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) >= each * count:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:  # nobody wants the rest: do not begin it
            for _, future in waiting:
                future.cancel()

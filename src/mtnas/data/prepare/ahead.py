"""Reading while something else works: Arrow and DuckDB leave Python to others meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the same items in the same order; a thread fetches the next one meanwhile.

    An error of `items` is raised where its item would have been. None of them is None.
    """
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = reader.submit(next, items, None)
            yield item

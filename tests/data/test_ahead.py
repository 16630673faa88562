from threading import Event

import pytest

from mtnas.data.prepare.ahead import read_ahead


def test_items_come_in_their_order():
    assert list(read_ahead(iter(range(100)))) == list(range(100))
    assert list(read_ahead(iter([]))) == []


def test_an_error_comes_where_its_item_would_have_been():
    def items():
        yield 1
        yield 2
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        for item in read_ahead(items()):
            found.append(item)

    assert found == [1, 2]


def test_the_next_item_is_fetched_before_it_is_asked_for():
    fetched = Event()

    def items():
        yield 1
        fetched.set()
        yield 2

    ahead = read_ahead(items())

    assert next(ahead) == 1
    assert fetched.wait(10)
    ahead.close()

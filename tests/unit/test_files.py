import pytest

from mtnas.files import atomic_path


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "metrics.csv"

    with atomic_path(target) as first, atomic_path(target) as second:
        first.write_text("whole\n")
        second.write_text("who")
        assert not target.exists()
        second.write_text("whole\n")

    assert target.read_text() == "whole\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_writer_leaves_what_was_there(tmp_path):
    target = tmp_path / "metrics.csv"
    target.write_text("before\n")

    with pytest.raises(ZeroDivisionError), atomic_path(target) as path:
        path.write_text("half")
        raise ZeroDivisionError

    assert target.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [target]

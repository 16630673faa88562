import json

import pytest

from mtnas.runtime import code


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place of its own for what is kept, and what a new process knows: nothing."""
    monkeypatch.setattr(code, "KEPT", tmp_path / "kept/code.json")
    monkeypatch.setattr(code.atexit, "register", lambda *_: None)

    def begin():
        code.facts_of.cache_clear()
        code._kept.cache_clear()

    begin()
    yield begin
    begin()


def end():
    code._keep(code._kept(), {})


def test_what_was_found_is_kept_until_the_file_changes(tmp_path, kept, monkeypatch):
    file = tmp_path / "one.py"
    file.write_text("import os\nfrom a.b import c\nx = 1\n")
    first = code.facts_of(file)
    end()
    kept()

    with monkeypatch.context() as patch:
        patch.setattr(code, "_read_as_code", pytest.fail)
        assert code.facts_of(file) == first
    file.write_text(file.read_text().replace("1", "2"))
    kept()

    assert first.imports == ("os", "a.b", "a.b.c")
    assert code.facts_of(file).fingerprint != first.fingerprint


def test_what_is_kept_is_not_believed_after_the_rules_changed(tmp_path, kept, monkeypatch):
    file = tmp_path / "one.py"
    file.write_text('TITLE = "One"\n')
    code.facts_of(file)
    end()
    kept()
    monkeypatch.setattr(code, "_rules", lambda: "others")
    monkeypatch.setattr(code, "_read_as_code", lambda *_: code.Facts("anew", ()))

    assert code.facts_of(file).fingerprint == "anew"


@pytest.mark.parametrize("content", ["", "[]", '{"one.py": 1}', '{"one.py": ["a", ["b", 1]]}'])
def test_a_damaged_file_costs_only_time(tmp_path, kept, content):
    file = tmp_path / "one.py"
    file.write_text("x = 1\n")
    code.KEPT.parent.mkdir()
    code.KEPT.write_text(content)

    assert code.facts_of(file).imports == ()
    end()
    assert str(file) in json.loads(code.KEPT.read_text())


def test_imports_for_types_do_not_count(tmp_path, kept):
    file = tmp_path / "one.py"
    file.write_text("if TYPE_CHECKING:\n    import torch\ndef f():\n    import numpy\n")

    assert code.facts_of(file).imports == ("numpy",)

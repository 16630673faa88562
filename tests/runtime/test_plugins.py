"""Options of a method without torch, and of one that cannot be read apart."""

import sys

import pytest

import mtnas
from mtnas import methods
from mtnas.runtime import plugins

WANTED = ("Options", "predict")


@pytest.mark.parametrize("name", methods.available())
def test_the_options_of_a_method_alone_are_those_of_its_module(name):
    part, whole = plugins.part("methods", name, WANTED), methods.load(name)

    assert part.Options.model_json_schema() == whole.options.model_json_schema()
    assert hasattr(part, "predict") == (whole.predict is not None)
    assert not hasattr(part, "Sharing")
    assert "torch" not in vars(part)


def test_a_file_of_which_a_part_alone_does_not_run_is_imported_whole(tmp_path, monkeypatch):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods/mixed.py").write_text(
        "from mtnas.config.options import MethodOptions\n"
        "try:\n    DEFAULT = 3\nexcept ValueError:\n    pass\n"
        "class Options(MethodOptions):\n    depth: int = DEFAULT\n"
    )
    monkeypatch.setattr(methods, "__path__", [str(tmp_path / "methods")])
    monkeypatch.setattr(mtnas, "__path__", [str(tmp_path)])

    part = plugins.part("methods", "mixed", WANTED)

    assert part is sys.modules.pop("mtnas.methods.mixed")
    assert part.Options().depth == 3


def test_a_title_is_read_without_the_rest_of_a_file(tmp_path, monkeypatch):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods/titled.py").write_text('TITLE = "Titled"\nraise RuntimeError\n')
    (tmp_path / "methods/untitled.py").write_text("raise RuntimeError\n")
    monkeypatch.setattr(mtnas, "__path__", [str(tmp_path)])

    found = [plugins.title("methods", name) for name in ("titled", "untitled", "gone", "../x")]

    assert found == ["Titled", "untitled", "gone", "../x"]

"""A folder with prepared datasets, in which tests train, export and score."""

import pytest

from mtnas.runtime import plugins
from tests.helpers.exports import CITIES, LOANS, PLAIN, prepare_table, write_tables


@pytest.fixture(scope="package")
def study(tmp_path_factory):
    """Declare and prepare the datasets, and stay in their folder."""
    folder = tmp_path_factory.mktemp("study")
    (declared := folder / "declared").mkdir()
    write_tables(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "DECLARED", declared)
        patch.chdir(folder)
        for name, keys in {"loans": LOANS, "cities": CITIES, "plain": PLAIN}.items():
            (declared / f"{name}.yaml").write_text(keys, encoding="utf-8")
            prepare_table(name)
        yield folder


@pytest.fixture
def here(study, monkeypatch):
    """The folder of the study, which is the current one; what is not of it stays undeclared."""
    monkeypatch.chdir(study)
    monkeypatch.setattr(plugins, "DECLARED", study / "declared")
    return study

"""A folder with prepared datasets, in which tests train, export and score."""

from contextlib import contextmanager

import pytest

from mtnas.runtime import plugins
from tests.helpers.exports import CITIES, DERIVED, LOANS, PLAIN, prepare_table, write_tables


@contextmanager
def inside(folder):
    """Stay in a folder whose `declared` has all the datasets that there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "DECLARED", folder / "declared")
        patch.chdir(folder)
        yield


@pytest.fixture(scope="package")
def study(tmp_path_factory):
    """Declare and prepare the datasets; `here` is in their folder."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "declared").mkdir()
    write_tables(folder)
    with inside(folder):
        declared = {"loans": LOANS, "cities": CITIES, "plain": PLAIN, "derived": DERIVED}
        for name, keys in declared.items():
            (folder / "declared" / f"{name}.yaml").write_text(keys, encoding="utf-8")
            prepare_table(name)
    return folder


@pytest.fixture
def here(study):
    """The folder of the study, which is the current one; what is not of it stays undeclared."""
    with inside(study):
        yield study

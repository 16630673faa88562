"""The workflow where it is not at home: another folder, a folder of raw files with any name.

That it can be planned in another folder at all, the quick tests of `test_dag.py` see.
"""

import os

import pytest

from tests.conftest import Checkout

pytestmark = pytest.mark.slow
STUDY = "config/test.yaml"


@pytest.fixture(scope="module")
def at_home(bare):
    """What the test study would do in the checkout."""
    return bare.plan("--configfile", STUDY)


@pytest.mark.parametrize("way", ["--directory", "-s, relative", "-s, through a link"])
def test_results_may_be_written_to_another_folder(way, bare, at_home, tmp_path):
    here = tmp_path / "else where"
    here.mkdir()
    study = ("--configfile", bare.folder / STUDY)
    if way == "--directory":
        # A home that may not be written to needs another cache, as config/README.md says; without
        # it Snakemake itself ends with a traceback.
        home = {"HOME": "/proc", "XDG_CACHE_HOME": str(tmp_path)}
        assert bare.plan(way, here, "--configfile", STUDY, environment=home) == at_home
        return
    snakefile = os.path.relpath(bare.folder / "Snakefile", here)
    if way == "-s, through a link":
        (tmp_path / "link").symlink_to(bare.folder)
        snakefile = tmp_path / "link" / "Snakefile"
    assert bare.plan("-s", snakefile, *study, here=here) == at_home


def test_a_mistake_is_told_in_another_folder_too(bare, tmp_path):
    snakefile = bare.folder / "Snakefile"

    wrong = ("--config", "bookcrossing_raw=2024_01")
    printed = bare.snakemake("-n", "-s", snakefile, *wrong, ok=False, here=tmp_path)

    assert "--config: bookcrossing_raw: 202401: YAML reads no text here" in printed
    assert "such as ./2024_01" in printed
    assert "Traceback" not in printed


def test_a_checkout_whose_path_snakemake_would_misread_is_refused(tmp_path):
    checkout = Checkout.new(tmp_path / "{x}" / "checkout")

    printed = checkout.snakemake("-n", ok=False)

    assert "Snakemake takes { and } in a path for a wildcard; move the checkout" in printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "seeds: 3\ndatasets: [insteval]\nseeds: 5\n",
            "the key 'seeds' occurs twice, first in line 1",
        ),
        ('{"seeds": 3,\n\t"seeds": 5}', "line 2: the key 'seeds' occurs twice, first in line 1"),
        ("dataset_options: {movielens: {raw: " + "x" * 5000 + "}}\n", "File name too long; use"),
    ],
)
def test_an_overlay_that_snakemake_would_take_is_refused(text, message, bare, tmp_path):
    (tmp_path / "my.yaml").write_text(text)

    printed = bare.snakemake("-n", "--configfile", tmp_path / "my.yaml", ok=False)

    assert message in printed
    assert len(printed) < 5000


@pytest.mark.parametrize("named", ["~/raw [1]", "./2024_01"])
def test_a_folder_of_raw_files_may_have_any_name(named, fresh, tmp_path):
    keys = "fields: {user: {type: id}}\ntasks: {likes: stars >= 4}\n"
    fresh.write("config/datasets/mine.yaml", f"path: data/*.csv\n{keys}")
    overlay = fresh.write("config/mine.yaml", "datasets: [mine]\n")
    folder = fresh.folder / named.replace("~", str(tmp_path))
    folder.mkdir()
    (folder / "a.csv").write_text("user,stars\n1,4\n2,1\n")

    study = ("--configfile", overlay, "--config", f"mine_raw={named}")
    plan = fresh.plan(*study, environment={"HOME": str(tmp_path)})

    assert plan.jobs["prepare"] == 1

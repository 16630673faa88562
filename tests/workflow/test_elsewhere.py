"""The workflow where it is not at home: another folder, a folder of raw files with any name."""

import os
import subprocess

import pytest

from tests.conftest import Plan

STUDY = "config/test.yaml"


def plan_in(folder, checkout, *arguments, environment=()):
    """Return what Snakemake, started in a folder, would do."""
    done = subprocess.run(
        checkout.command("-n", *arguments),
        cwd=folder,
        env={**checkout.environment(), **dict(environment)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return Plan.read(done.stdout)


@pytest.fixture(scope="module")
def at_home(bare):
    """What the test study would do in the checkout."""
    return bare.plan("--configfile", STUDY)


LINK = pytest.param("-s, through a link", marks=pytest.mark.slow)


@pytest.mark.parametrize("way", ["--directory", "-s, relative", LINK])
def test_results_may_be_written_to_another_folder(way, bare, at_home, tmp_path):
    here = tmp_path / "else where"
    here.mkdir()
    study = ("--configfile", bare.folder / STUDY)
    if way == "--directory":
        # A home that may not be written to needs another cache, as config/README.md says; without
        # it Snakemake itself ends with a traceback.
        home = {"HOME": "/proc", "XDG_CACHE_HOME": str(tmp_path)}.items()
        found = plan_in(bare.folder, bare, way, here, "--configfile", STUDY, environment=home)
        assert found == at_home
        return
    snakefile = os.path.relpath(bare.folder / "Snakefile", here)
    if way == "-s, through a link":
        (tmp_path / "link").symlink_to(bare.folder)
        snakefile = tmp_path / "link" / "Snakefile"
    assert plan_in(here, bare, "-s", snakefile, *study) == at_home


def test_a_mistake_is_told_in_another_folder_too(bare, tmp_path):
    snakefile = bare.folder / "Snakefile"

    with pytest.raises(AssertionError) as failed:
        plan_in(tmp_path, bare, "-s", snakefile, "--config", "bookcrossing_raw=2024_01")

    printed = str(failed.value)
    assert "--config: bookcrossing_raw: 202401: YAML reads no text here" in printed
    assert "such as ./2024_01" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("named", ["~/raw [1]", pytest.param("./2024_01", marks=pytest.mark.slow)])
def test_a_folder_of_raw_files_may_have_any_name(named, fresh, tmp_path):
    keys = "fields: {user: {type: id}}\ntasks: {likes: stars >= 4}\n"
    fresh.write("config/datasets/mine.yaml", f"path: data/*.csv\n{keys}")
    overlay = fresh.write("config/mine.yaml", "datasets: [mine]\n")
    folder = fresh.folder / named.replace("~", str(tmp_path))
    folder.mkdir()
    (folder / "a.csv").write_text("user,stars\n1,4\n2,1\n")

    study = ("--configfile", overlay, "--config", f"mine_raw={named}")
    plan = plan_in(fresh.folder, fresh, *study, environment={"HOME": str(tmp_path)}.items())

    assert plan.jobs["prepare"] == 1

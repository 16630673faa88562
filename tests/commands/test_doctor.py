"""`mtnas doctor`: each check, good and bad, with its remedy."""

import os
import sys

import pytest

from mtnas.__main__ import main
from mtnas.commands import _checks, _raw_data
from mtnas.runtime.provenance import REPOSITORY


def levels(checks):
    return [check.level for check in checks]


def test_here_nothing_fails_of_the_environment(capsys):
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert any("movielens: " in line for line in lines)
    assert (
        lines[0] == f"ok    Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})"
    )


def test_another_python_fails():
    check = _checks.of_python((3, 9))
    assert check.level == "fail" and ">=3.11,<3.14" in check.what and "make setup" in check.remedy
    assert _checks.of_python((3, 12)).level == "ok"


def test_packages_are_compared_with_the_lock(tmp_path, monkeypatch):
    lock = tmp_path / "lock.txt"
    text = (REPOSITORY / "requirements/lock.txt").read_text()
    assert levels(_checks.of_packages()) == ["ok"]
    lock.write_text(text.replace("pydantic==", "pydantic==99."))
    (check,) = _checks.of_packages(lock)
    assert check.level == "warn" and "pydantic " in check.what and "(lock: 99." in check.what
    there = _checks._version
    monkeypatch.setattr(_checks, "_version", lambda n: None if n == "duckdb" else there(n))
    assert list(_checks.of_packages())[0] == ("fail", "duckdb is not installed", "make setup")


def test_pins_for_other_machines_do_not_count(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1 ; python_full_version < '3.0'\na==2 ; python_full_version >= '3.0'\n")
    assert dict(_checks._pins(lock)) == {"a": "2"}


def test_too_little_disk_and_memory_are_warned_of(tmp_path, monkeypatch):
    usage = _checks.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(_checks.shutil, "disk_usage", lambda _: usage._replace(free=2e9))
    monkeypatch.setattr(_checks, "_memory", lambda: 1e9)
    cores, memory, disk = _checks.of_machine(tmp_path)
    assert levels([cores, memory, disk]) == ["ok", "warn", "warn"]
    assert "1.0 GB of memory" in memory.what and "--cores 1" in memory.remedy
    assert "2.0 GB of disk" in disk.what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_fails(tmp_path):
    tmp_path.chmod(0o500)
    assert list(_checks.of_machine(tmp_path))[-1].level == "fail"


def test_caches_that_cannot_be_written_to_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "not" / "yet"))
    assert _checks.of_numba().level == "ok"
    monkeypatch.setattr(_checks.os, "access", lambda *_: False)
    assert _checks.of_numba().level == "warn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _checks.of_cache() == ("fail", *_checks.of_cache()[1:])
    assert str(tmp_path) in _checks.of_cache().what


def test_a_part_of_slurm_is_not_enough(monkeypatch):
    def there(*names):
        monkeypatch.setattr(_checks.shutil, "which", lambda name: name if name in names else None)
        return _checks.of_slurm()

    assert there().what == "no SLURM here: jobs run on this machine"
    assert there("sbatch", "scancel").what == "SLURM lacks scontrol, squeue"
    assert there(*_checks.SLURM).level == "ok"


def test_a_gpu_that_torch_does_not_see_is_warned_of(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(_checks.shutil, "which", lambda name: name)
    assert list(_checks.of_torch())[-1].remedy == "make setup TORCH=cuda"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "sees no GPU" in list(_checks.of_torch())[-1].what


def test_raw_files_that_lack_are_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overlay = tmp_path / "a.yaml"
    overlay.write_text("datasets: [movielens, bookcrossing, tiktok]\n")
    study, movielens, bookcrossing, tiktok = _raw_data.of_study([overlay])
    assert levels([study, movielens, bookcrossing, tiktok]) == ["ok", "ok", "ok", "fail"]
    assert "3 datasets" in study.what and "in an installed package" in movielens.what
    assert "to be downloaded" in bookcrossing.what and "BX-Users.csv" in bookcrossing.what
    assert "place it by hand" in tiktok.what

    overlay.write_text("datasets: [bookcrossing]\nbookcrossing_raw: here\n")
    (tmp_path / "here").mkdir()
    study, lacking = _raw_data.of_study([overlay])
    assert lacking.level == "fail" and "here/BX-" in lacking.what
    assert ": 1 dataset, " in study.what


@pytest.mark.parametrize("text", ["datasets: [movilens]\n", "datasets: [\n", "seeds: no\n", "- a"])
def test_a_broken_configuration_fails_and_is_the_last_line(tmp_path, capsys, text):
    overlay = tmp_path / "a.yaml"
    overlay.write_text(text)
    assert main(["doctor", str(overlay)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].startswith("fail  ") and "a.yaml" in printed.out
    assert printed.err.startswith("ConfigError: 1 of ")

